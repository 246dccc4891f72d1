"""Shares of swap that are shares of RAM."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule

_KEYS = ("MemorySwapMax", "MemoryZSwapMax", "StartupMemorySwapMax", "StartupMemoryZSwapMax")


@rule(on=Entry, severity=Severity.WARNING)
def swap_percent_of_ram(entry: Entry, around: Context) -> Iterator[Problem]:
    """MemorySwapMax= in percent is a share of RAM, whatever the manual says.

    systemd scales it by physical memory (src/core/load-fragment.c: config_parse_memory_limit()), while the manual of 257 and newer
    speaks of swap. On 64G of RAM and 4G of swap, 50% is 32G: no limit at all. A spec cannot make this mistake: `check` refuses
    percentages for swap.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    MemorySwapMax=50%   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    MemorySwapMax=512M
    ```
    """
    if entry.key in _KEYS and not entry.fault and entry.value.endswith("%") and entry.value not in ("0%", "100%"):
        yield Problem(entry.at, f"{entry.key}={entry.value[:20]} is that share of RAM, not of swap", "write a size", object=entry.object)
