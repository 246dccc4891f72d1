"""Lines of the Mem-Info block and of a cgroup's statistics (lib/show_mem.c, mm/memcontrol.c)."""

from __future__ import annotations

import re
from typing import Final

from oomconf.oomlog._lines import Amounts, number
from oomconf.oomlog.events import Zone

__all__ = ["amounts", "is_wide", "stat"]

_STATS: Final = re.compile(r"^Memory cgroup stats(?: for (.*?))?:(?: ((?:[a-z_]+:\d+KB ?)*))?$")
_STAT: Final = re.compile(r"^([a-z_0-9]+) (\d+)$")
_STAT_KB: Final = re.compile(r"([a-z_]+):(\d+)KB")
_TOTALS: Final = re.compile(
    r"^\s*(?:[Aa]ctive_anon|active_file|inactive_file|unevictable|dirty|slab_reclaimable|slab|mapped|free|pagetables|sec_pagetables|"
    r"kernel_misc_reclaimable):\d+(?: |$)"
)
_TOTAL: Final = re.compile(r"([A-Za-z_()]+):(\d+)(?=\s|$)")
_NODE: Final = re.compile(r"^Node (\d+) active_anon:")
_ZONE: Final = re.compile(r"^(?:Node (\d+) )?([A-Z][A-Za-z0-9]*) free:(\d+)kB ")
_FIELD_KB: Final = re.compile(r"([A-Za-z_()]+): ?(\d+)[kK]B")
_BUDDY: Final = re.compile(r"^(?:Node \d+ )?[A-Z][A-Za-z0-9]*: \d+\*(\d+)kB ")
_HUGE: Final = re.compile(r"^(?:Node (\d+) )?hugepages_total=(\d+) hugepages_free=(\d+) hugepages_surp=\d+ hugepages_size=(\d+)kB$")
_SWAP: Final = re.compile(r"^(Free|Total) swap\s+= (-?\d+)kB$")
_PAGES: Final = re.compile(r"^(\d+) pages (RAM|HighMem|HighMem/MovableOnly|reserved|cma reserved|hwpoisoned|in swap cache)$")
_CACHE: Final = re.compile(r"^(\d+) total pagecache pages$")


def amounts(text: str) -> Amounts | None:
    """Read a line of Mem-Info, or of a cgroup's statistics."""
    if ":" not in text and "pages" not in text and " swap" not in text:
        return None
    if match := _SWAP.match(text):
        return Amounts(kb={"swap_free" if match[1] == "Free" else "swap_total": number(match[2])})
    if match := _PAGES.match(text):
        return Amounts(pages={match[2]: number(match[1])})
    if match := _CACHE.match(text):
        return Amounts(pages={"pagecache": number(match[1])})
    if _TOTALS.match(text):
        return Amounts(pages={key.lower(): number(value) for key, value in _TOTAL.findall(text)})
    if match := _NODE.match(text):
        return Amounts(kb={"node_kernel_stack": sum(number(v) for k, v in _FIELD_KB.findall(text) if k == "kernel_stack")})
    if match := _ZONE.match(text):
        fields = {key: number(value) for key, value in _FIELD_KB.findall(text)}
        zone = Zone(
            node=number(match[1] or "0"),
            name=match[2],
            free_kb=number(match[3]),
            min_kb=fields.get("min"),
            present_kb=fields.get("present"),
        )
        return Amounts(kb={"zone_kernel_stack": fields["kernel_stack"]} if "kernel_stack" in fields else {}, zone=zone)
    if match := _BUDDY.match(text):
        return Amounts(kb={"page": number(match[1])})
    if match := _HUGE.match(text):
        return Amounts(kb={"hugetlb": number(match[2]) * number(match[4])})
    if match := _STATS.match(text):
        return Amounts(pages={key: number(value) * 1024 for key, value in _STAT_KB.findall(match[2] or "")}, stats_of=match[1] or "")
    return None


def is_wide(text: str) -> bool:
    """Whether a line is one of Mem-Info's long ones, which no mail keeps whole and which say nothing of where they end."""
    return _NODE.match(text) is not None or _ZONE.match(text) is not None


def stat(text: str) -> tuple[str, int] | None:
    """Read `key value` of a cgroup's statistics, which only their block makes known."""
    match = _STAT.match(text)
    return None if match is None else (match[1], number(match[2]))
