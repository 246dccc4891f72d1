"""Limits from variables that may be empty."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def unset_variable_limit(entry: Entry, around: Context) -> Iterator[Problem]:
    """An empty variable written to memory.max is a limit of 0, and kills everything in the group.

    The kernel takes an empty text for 0 (lib/cmdline.c: memparse), so a typo in a name or an environment that lacks it kills the
    service at once. `set -u`, or `${LIMIT:?}`, ends the script instead. Silent where the script itself sets the variable.
    A spec cannot make this mistake: it writes no scripts.

    ```sh bad limit.sh
    mkdir -p /sys/fs/cgroup/batch
    echo $BATCH_LIMIT > /sys/fs/cgroup/batch/memory.max   ⟵
    ```

    ```sh good limit.sh
    set -eu
    mkdir -p /sys/fs/cgroup/batch
    echo "$BATCH_LIMIT" > /sys/fs/cgroup/batch/memory.max
    ```

    ```sh good limit.sh
    mkdir -p /sys/fs/cgroup/batch
    echo "${BATCH_LIMIT:?}" > /sys/fs/cgroup/batch/memory.max
    ```
    """
    if entry.dialect == "script" and entry.section == "unset":
        yield Problem(
            entry.at,
            f"{entry.value[:60]} may be empty, which the kernel takes as {entry.key} 0",
            "begin the script with 'set -eu', or write ${NAME:?}",
            object=entry.object,
        )
