"""Workloads that nothing can end."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._scores import by_default, could_reset, immortal, limits, program


@rule(on=Workload, severity=Severity.ERROR)
def unkillable_without_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """A service at -1000 without a limit takes the machine with it when it leaks.

    The kernel does not even look at a task whose oom_score_adj is -1000 (mm/oom_kill.c: oom_badness), and without a
    `memory.max` on it or on a slice above nothing else stops it: everything else dies first, then the machine panics with
    "System is deadlocked on memory". -999 is still the very last to be chosen, and can be. Silent where a declared process is
    killable, on a score that the vendor ships, such as systemd-udevd's, and on PostgreSQL whose backends reset their score: where
    PG_OOM_ADJUST_FILE is set, or may be, as by a package's unit or an EnvironmentFile= (PostgreSQL's manual: Linux Memory
    Overcommit). A program that hands -1000 on is the subject of unkillable-spawner.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      ledger:
        oom_score_adj: {value: -1000, reason: "the books must never close"}   ⟵
        systemd: {unit: ledger.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      ledger:
        oom_score_adj: -999
        systemd: {unit: ledger.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      ledger:
        oom_score_adj: {value: -1000, reason: "the parent holds 20M and starts its workers again"}
        processes: [{name: parent}, {name: worker, count: 8, oom_score_adj: 0}]
        systemd: {unit: ledger.service}
    ```

    ```ini bad etc/systemd/system/ledger.service
    [Service]
    ExecStart=/usr/bin/ledger
    OOMScoreAdjust=-1000   ⟵
    ```

    ```ini good usr/lib/systemd/system/systemd-udevd.service
    [Service]
    ExecStart=/usr/lib/systemd/systemd-udevd
    OOMScoreAdjust=-1000
    ```

    ```ini good usr/lib/systemd/system/postgresql-16.service
    [Service]
    ExecStart=/usr/pgsql-16/bin/postgres -D /var/lib/pgsql/16/data
    OOMScoreAdjust=-1000
    Environment=PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj
    ```

    ```ini bad etc/systemd/system/postgresql.service
    [Service]
    ExecStart=/usr/bin/postgres -D /srv/pg
    OOMScoreAdjust=-1000   ⟵
    ```

    ```ini bad etc/systemd/system/postgresql.service
    [Service]
    ExecStart=/usr/bin/ledger
    OOMScoreAdjust=-1000   ⟵
    ```

    ```ini good etc/systemd/system/postgresql.service.d/oom.conf
    [Service]
    OOMScoreAdjust=-1000
    ```

    ```ini good etc/systemd/system/postgresql@.service
    [Service]
    ExecStart=-/usr/bin/pg_ctlcluster --skip-systemctl-redirect %i start
    OOMScoreAdjust=-1000
    ```

    ```ini good etc/systemd/system/app.service
    [Service]
    EnvironmentFile=-/etc/default/postgresql
    ExecStart=/usr/lib/postgresql/16/bin/postgres -D /srv/pg
    OOMScoreAdjust=-1000
    ```

    ```yaml bad compose.yaml
    services:
      ledger:
        image: registry.example/ledger:1
        oom_score_adj: -1000   ⟵
    ```
    """
    adj, known = immortal(workload, around.facts), program(workload)
    if adj is None or by_default(adj, around.policy) or limits(workload, around) or (known is not None and known.leaks):
        return
    help_ = "say -999: the last to be killed; -1000 only for a small parent whose children are killable"
    help_ += around.said(", declared under 'processes:'")
    if could_reset(workload):
        help_ = "set PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj in its environment, by which backends reset their score, or say -900"
    yield Problem(adj.at, f"{workload.name} can never be killed, and no limit holds it", help_)
