"""Units whose OOM kills systemd does not see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule

_NO: Final = ("0", "no", "n", "false", "f", "off")


@rule(on=Entry, severity=Severity.WARNING)
def accounting_off(entry: Entry, around: Context) -> Iterator[Problem]:
    """With MemoryAccounting=no systemd takes no notice when a process of the unit is killed for memory.

    It watches memory.events of a unit only where accounting is on (src/core/cgroup.c): without, OOMPolicy=stop and continue
    are not acted upon, a kill of the main process ends in the result `signal`, never `oom-kill`, and nothing in the journal or
    in `systemctl status` tells of it, though a limit still holds. systemd-oomd has no numbers of the unit either. On is the default
    since systemd 238. A spec cannot make this mistake: it has no word for it.

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    MemoryAccounting=no   ⟵
    MemoryMax=1G
    ```

    ```ini good etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    MemoryAccounting=yes
    MemoryMax=1G
    ```
    """
    if entry.key in ("MemoryAccounting", "DefaultMemoryAccounting") and not entry.fault and entry.value.lower() in _NO:
        yield Problem(
            entry.at,
            "without accounting systemd does not see that the OOM killer was here, and OOMPolicy= is not acted upon",
            "remove the line: accounting is on by default",
        )
