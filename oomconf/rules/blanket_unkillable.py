"""Machines on which too much can never be killed."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kernel.badness import ADJ_NEVER
from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._scores import immortal


@rule(on=Policy, severity=Severity.ERROR)
def blanket_unkillable(policy: Policy, around: Context) -> Iterator[Problem]:
    """Several services at -1000 leave the kernel nobody to kill.

    The OOM killer must find a victim. When what holds the memory is all at -1000 it first kills what does not matter and
    frees little, logins and agents, then says "Out of memory and no killable processes" and panics: "System is deadlocked on
    memory" (mm/oom_kill.c: out_of_memory). Among services that must all survive, -1000 also says nothing about which goes
    first; -999, -900 and -500 do. DefaultOOMScoreAdjust=-1000 of system.conf says it to every service that says nothing. Not
    counted: services with a killable part, PostgreSQL whose backends reset their score, vendors' own scores.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      ledger:
        oom_score_adj: {value: -1000, reason: "the books must never close"}
        systemd: {unit: ledger.service}
      queue:
        oom_score_adj: {value: -1000, reason: "orders must never be lost"}   ⟵
        systemd: {unit: queue.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      ledger:
        oom_score_adj: -950
        systemd: {unit: ledger.service}
      queue:
        oom_score_adj: -900
        systemd: {unit: queue.service}
    ```

    ```ini bad etc/systemd/system/ledger.service
    [Service]
    ExecStart=/usr/bin/ledger
    OOMScoreAdjust=-1000
    ```

    ```ini with etc/systemd/system/queue.service
    [Service]
    ExecStart=/usr/bin/queue
    OOMScoreAdjust=-1000   ⟵
    ```

    ```ini with usr/lib/systemd/system/systemd-udevd.service
    [Service]
    ExecStart=/usr/lib/systemd/systemd-udevd
    OOMScoreAdjust=-1000
    ```

    ```ini bad etc/systemd/system.conf
    [Manager]
    DefaultOOMScoreAdjust=-1000   ⟵
    ```

    ```ini with etc/systemd/system/ledger.service
    [Service]
    ExecStart=/usr/bin/ledger
    ```

    ```ini good etc/systemd/system.conf
    [Manager]
    DefaultOOMScoreAdjust=100
    ```

    ```yaml bad compose.yaml
    services:
      ledger:
        image: registry.example/ledger:1
        oom_score_adj: -1000
      queue:
        image: registry.example/queue:1
        oom_score_adj: -1000   ⟵
    ```
    """
    default = policy.default_oom_score_adj
    if default is not None and default.value == ADJ_NEVER:
        yield Problem(
            default.at,
            f"every service of {policy.name} without a score of its own can never be killed",
            "remove it: 0 is what services should have that say nothing",
        )
        return
    found = [(workload, adj) for workload in around.services if (adj := immortal(workload, around.facts)) is not None]
    if len(found) < 2:
        return
    _, last = found[-1]
    yield Problem(
        last.at,
        f"{len(found)} services of {policy.name} can never be killed: {', '.join(workload.name for workload, _ in found[:10])}",
        "give them scores from -999 up, in the order in which they may go",
        tuple(Related(adj.at, f"{workload.name} is at -1000 here") for workload, adj in found[:-1][:20]),
    )
