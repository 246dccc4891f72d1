"""Shells that move themselves instead of the script."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.ERROR)
def wrong_process_moved(entry: Entry, around: Context) -> Iterator[Problem]:
    """Inside sudo sh -c '…' $$ is the inner shell, so another process than the one that was meant is moved.

    In single quotes `$$` is expanded by the shell that sudo starts, which writes its own number, ends, and leaves the cgroup empty:
    the script and what it starts run without a limit. In double quotes the outer shell expands it. An `exec` in the same quotes is
    right: it becomes the program. A spec cannot make this mistake: it writes no scripts.

    ```sh bad run.sh
    sudo sh -c 'echo $$ > /sys/fs/cgroup/batch/cgroup.procs'   ⟵
    /usr/bin/batch
    ```

    ```sh good run.sh
    sudo sh -c 'echo $$ > /sys/fs/cgroup/batch/cgroup.procs; exec /usr/bin/batch'
    ```

    ```sh good run.sh
    sudo sh -c "echo $$ > /sys/fs/cgroup/batch/cgroup.procs"
    /usr/bin/batch
    ```
    """
    if entry.dialect == "script" and entry.key == "cgroup.procs" and entry.section == "other-shell":
        yield Problem(
            entry.at,
            f"the inner shell moves itself into {entry.value[:80]}, and ends",
            "start the program there with exec in the same quotes, or write $$ in double quotes",
            object=entry.object,
        )
