"""Scripts that make one process unkillable."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule

_LOWEST = {"oom_score_adj": "-1000", "oom_adj": "-17"}


@rule(on=Entry, severity=Severity.WARNING)
def unkillable_by_hand(entry: Entry, around: Context) -> Iterator[Problem]:
    """A process that a script sets to -1000 can never be killed, nothing limits it, and its next start loses it.

    The kernel does not look at a task at -1000 (mm/oom_kill.c: oom_badness): if that process leaks, everything else dies first. The
    score is also inherited by what it starts, and gone with its next restart, which a unit's OOMScoreAdjust= would survive.
    Commands of units and of privileged containers are read too. A spec cannot make this mistake: it writes no scripts.

    ```sh bad protect.sh
    echo -1000 > /proc/$(cat /run/ledger.pid)/oom_score_adj   ⟵
    ```

    ```sh bad start.sh
    choom -n -1000 -- /usr/bin/ledger   ⟵
    ```

    ```ini bad etc/systemd/system/ledger.service
    [Service]
    ExecStart=/usr/bin/ledger
    ExecStartPost=/bin/sh -c 'echo -1000 > /proc/$MAINPID/oom_score_adj'   ⟵
    ```

    ```ini bad etc/systemd/system/ledger.service
    [Service]
    ExecStart=/usr/bin/choom -n -1000 -- /usr/bin/ledger   ⟵
    ```

    ```ini good etc/systemd/system/ledger.service
    [Service]
    ExecStart=/usr/bin/choom -n -500 -- /usr/bin/ledger
    ExecStartPost=/bin/sh -c 'echo "started $MAINPID at -1000" > /run/ledger.note'
    ```

    ```yaml bad compose.yaml
    services:
      ledger:
        image: registry.example/ledger:1
        privileged: true
        command: sh -c "echo -1000 > /proc/self/oom_score_adj; exec ledger"   ⟵
    ```

    ```sh good protect.sh
    echo -900 > "/proc/$(cat /run/ledger.pid)/oom_score_adj"
    ```
    """
    if entry.dialect == "script" and entry.section != "loop" and not entry.fault and _LOWEST.get(entry.key) == entry.value:
        yield Problem(
            entry.at,
            "the process can never be killed, neither for the machine nor at a limit of its own",
            entry.hint or "say OOMScoreAdjust=-900 in its unit: among the last to be killed, and so after every restart",
            object=entry.object,
        )
