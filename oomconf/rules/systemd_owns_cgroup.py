"""Writes into the cgroups of systemd."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def systemd_owns_cgroup(entry: Entry, around: Context) -> Iterator[Problem]:
    """A limit written into a cgroup of systemd's is undone by a daemon-reload (257: when a unit of its slice next starts).

    systemd is the only writer of its tree (systemd: docs/CGROUP_DELEGATION.md): it writes its own values again, up to 252 at a
    `daemon-reload`, 257 when a unit of the same slice next starts, and removes the group with the unit. Only below a unit with
    Delegate=yes may others write. A spec cannot make this mistake: it writes no scripts.

    ```sh bad limit.sh
    echo 2G > /sys/fs/cgroup/system.slice/web.service/memory.max   ⟵
    ```

    ```sh good limit.sh
    systemctl set-property web.service MemoryMax=2G MemorySwapMax=0
    ```
    """
    if entry.dialect == "script" and entry.section == "systemd":
        yield Problem(
            entry.at,
            f"{entry.value[:80]} is systemd's, which writes its own value over this one at a daemon-reload, "
            "or when a unit of its slice starts",
            "say it in the unit, or with systemctl set-property",
            object=entry.object,
        )
