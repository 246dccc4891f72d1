"""Redirections that sudo does not reach."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def redirect_without_root(entry: Entry, around: Context) -> Iterator[Problem]:
    """The redirection of a command under sudo is opened by the caller, who may not write there.

    The shell opens the file before it starts sudo, as the user who typed the line: `sudo echo 1 > /proc/sys/…` ends with
    "Permission denied" and the setting stays what it was. Only in a script that root runs anyway does it work, and there sudo says
    nothing. A spec cannot make this mistake: it writes no scripts.

    ```sh bad setup.sh
    set -e
    sudo echo 1 > /proc/sys/vm/overcommit_memory   ⟵
    ```

    ```sh bad limit.sh
    sudo mkdir -p /sys/fs/cgroup/batch
    sudo echo 512M > /sys/fs/cgroup/batch/memory.max   ⟵
    ```

    ```sh good setup.sh
    set -e
    echo 1 | sudo tee /proc/sys/vm/overcommit_memory >/dev/null
    sudo sh -c 'echo 512M > /sys/fs/cgroup/batch/memory.max'
    ```
    """
    if entry.dialect == "script" and entry.key == "redirect" and entry.section == "sudo":
        yield Problem(
            entry.at,
            f"the caller's shell opens {entry.value[:80]}, not root",
            "write it through '| sudo tee FILE', or the whole line in sudo sh -c '…'",
            object=entry.object,
        )
