"""Cgroups whose parent hands no memory controller down."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def cgroup_controller_missing(entry: Entry, around: Context) -> Iterator[Problem]:
    """A cgroup below another one has no memory files until its parent hands the controller down.

    A child has `memory.max` only if `+memory` stands in its parent's `cgroup.subtree_control`
    (Documentation/admin-guide/cgroup-v2.rst); systemd writes that for the groups below the root, not for those that a script makes.
    Without it the write fails, and a script without `set -e` goes on unlimited. A spec cannot make this mistake: it writes no
    scripts.

    ```sh bad tree.sh
    mkdir -p /sys/fs/cgroup/jobs/batch
    echo 512M > /sys/fs/cgroup/jobs/batch/memory.max   ⟵
    ```

    ```sh good tree.sh
    set -eu
    mkdir -p /sys/fs/cgroup/jobs/batch
    echo +memory > /sys/fs/cgroup/cgroup.subtree_control
    echo +memory > /sys/fs/cgroup/jobs/cgroup.subtree_control
    echo 512M > /sys/fs/cgroup/jobs/batch/memory.max
    ```
    """
    if entry.dialect == "script" and entry.key == "cgroup.subtree_control" and entry.section == "missing":
        parent = entry.value.rpartition("/")[0]
        yield Problem(
            entry.at,
            f"nothing enables the memory controller for {entry.value[:80]}, so this file may not exist",
            f"echo +memory > {parent[:80]}/cgroup.subtree_control, and so for every level above",
            object=entry.object,
        )
