"""Limits that come after the process."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def limit_after_move(entry: Entry, around: Context) -> Iterator[Problem]:
    """A process that moves into a cgroup before its limit is set runs without one, and is killed by the write.

    Charges do not move with a process, and a write of `memory.max` below what the group already uses reclaims and then kills at
    once (Documentation/admin-guide/cgroup-v2.rst). Limits first, then `cgroup.procs`. A spec cannot make this mistake: it writes no
    scripts.

    ```sh bad run.sh
    set -eu
    mkdir -p /sys/fs/cgroup/batch
    echo $$ > /sys/fs/cgroup/batch/cgroup.procs
    echo 512M > /sys/fs/cgroup/batch/memory.max   ⟵
    ```

    ```sh good run.sh
    set -eu
    mkdir -p /sys/fs/cgroup/batch
    echo 512M > /sys/fs/cgroup/batch/memory.max
    echo $$ > /sys/fs/cgroup/batch/cgroup.procs
    ```
    """
    if entry.dialect == "script" and entry.key == "cgroup.procs" and entry.section == "late-limit":
        yield Problem(
            entry.at,
            f"the limit of {entry.value[:80]} is set when its processes run already",
            "write the limits before cgroup.procs",
            object=entry.object,
        )
