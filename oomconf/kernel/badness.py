"""Who dies: the OOM killer's arithmetic, in pages and C's integer division (mm/oom_kill.c, fs/proc/base.c)."""

from __future__ import annotations

from typing import Final

from oomconf.kernel.version import KernelVersion
from oomconf.quantity import INFINITY, PAGE_SIZE, Size

__all__ = [
    "ADJ_MAX",
    "ADJ_MIN",
    "ADJ_NEVER",
    "OLDEST",
    "adj_to_outrank",
    "adj_weight",
    "badness",
    "memcg_total_pages",
    "newest_wins",
    "oom_score",
    "total_pages",
]

ADJ_NEVER: Final = -1000
"""OOM_SCORE_ADJ_MIN: no candidate at all."""
ADJ_MIN: Final = -999
"""The lowest that leaves a process killable."""
ADJ_MAX: Final = 1000

OLDEST: Final = KernelVersion(2, 6, 36)
"""Before it run time, nice and children weighed too, which no report tells."""
_OWN_BONUS: Final = KernelVersion(3, 14)
"""Before it the bonus of CAP_SYS_ADMIN was a share of the whole machine."""
_NEWEST_WINS: Final = KernelVersion(5, 2)
_NO_ROOT_BONUS: Final = KernelVersion(4, 17)
_SIGNED: Final = KernelVersion(5, 9)


def badness(
    *,
    rss_pages: int,
    swap_pages: int,
    pgtables_bytes: int,
    oom_score_adj: int,
    total_pages: int,
    page_size: int = PAGE_SIZE,
    kernel: KernelVersion | None = None,
    privileged: bool = False,
) -> int | None:
    """Weigh a process as oom_badness() does, in pages; None is never killed.

    `total_pages` is of the scope that ran short: the machine, or the cgroup at its limit. One point of oom_score_adj is
    `total_pages / 1000` pages, rounded down first. From Linux 5.9 (and for an unknown kernel) the sum is exact and may be negative;
    before, it is 1 at least; from 3.14 to 4.16 a process with CAP_SYS_ADMIN (`privileged`) is 3 % lighter, from 2.6.36 to 3.13 lighter by
    30 thousandths of `total_pages`. Raise ValueError for an oom_score_adj outside -1000 … 1000 and for kernels before 2.6.36.
    """
    if not ADJ_NEVER <= oom_score_adj <= ADJ_MAX:
        raise ValueError(f"oom_score_adj {oom_score_adj} is not between {ADJ_NEVER} and {ADJ_MAX}")
    if kernel is not None and kernel < OLDEST:
        raise ValueError(f"the OOM killer of Linux {kernel}, before {OLDEST}, weighed by other rules")
    if oom_score_adj == ADJ_NEVER:
        return None
    points = rss_pages + swap_pages + pgtables_bytes // page_size
    if privileged and kernel is not None and kernel < _OWN_BONUS:
        oom_score_adj -= 30
    elif privileged and kernel is not None and kernel < _NO_ROOT_BONUS:
        points -= points * 3 // 100
    points += oom_score_adj * (total_pages // 1000)
    return max(1, points) if kernel is not None and kernel < _SIGNED else points


def newest_wins(kernel: KernelVersion | None) -> bool:
    """Tell whether of equal tasks the one that is scanned last is killed, as it is from Linux 5.2 on and for an unknown kernel.

    Before, it is the first. Tasks are scanned oldest first (mm/oom_kill.c: oom_evaluate_task, which compares with `<`).
    """
    return kernel is None or kernel >= _NEWEST_WINS


def oom_score(points: int | None, *, total_pages: int, kernel: KernelVersion | None = None) -> int:
    """Show a badness as /proc/PID/oom_score does.

    `total_pages` is always the machine's RAM and swap, even inside a cgroup. From 5.9 on (and for an unknown kernel) an ordinary
    process reads about 666, the most is about 2000, and 0 does not mean unkillable; before, it is a share in thousandths.
    """
    if points is None:
        return 0
    share = _divide(points * 1000, total_pages)
    return share if kernel is not None and kernel < _SIGNED else _divide((1000 + share) * 2, 3)


def total_pages(memory_total: int, swap_total: int, page_size: int = PAGE_SIZE) -> int:
    """Count the pages that a global OOM weighs by: RAM (MemTotal) and swap (SwapTotal), both in bytes."""
    return memory_total // page_size + swap_total // page_size


def memcg_total_pages(
    memory_max: int, swap_max: int = INFINITY, *, swap_total: int, swappiness: int = 60, page_size: int = PAGE_SIZE
) -> int:
    """Count the pages that an OOM in a cgroup weighs by, 1 at least; all sizes in bytes (mm/memcontrol.c: mem_cgroup_get_max()).

    memory.max, and of swap what memory.swap.max and the machine allow; nothing of swap when vm.swappiness is 0. Under cgroup v1 give
    the memsw limit less the memory limit as `swap_max`. Raise ValueError without a memory.max, which no cgroup can reach.
    """
    if memory_max >= INFINITY:
        raise ValueError("a cgroup without memory.max never runs out of memory by itself")
    swap = 0 if swappiness == 0 else min(swap_max // page_size, swap_total // page_size)
    return max(1, memory_max // page_size + swap)


def adj_weight(total_pages: int, page_size: int = PAGE_SIZE) -> Size:
    """Give the bytes that one point of oom_score_adj counts for, a thousandth of the scope that ran short."""
    return Size(total_pages // 1000 * page_size)


def adj_to_outrank(*, pages: int, rival_pages: int, rival_adj: int = 0, total_pages: int) -> int | None:
    """Find the lowest oom_score_adj with which a process of `pages` is killed before a rival; None if even 1000 does not do.

    Strictly ahead, since a tie goes by age. Pages are RSS, swap and page tables together, as `badness` adds them; Linux 5.9 and later.
    """
    if rival_adj == ADJ_NEVER:
        return ADJ_MIN
    unit = total_pages // 1000
    if unit == 0:
        return ADJ_MIN if pages > rival_pages else None
    wanted = max(ADJ_MIN, rival_adj + (rival_pages - pages) // unit + 1)
    return wanted if wanted <= ADJ_MAX else None


def _divide(number: int, by: int) -> int:
    """Divide as C does, toward zero."""
    return number // by if number >= 0 else -(-number // by)
