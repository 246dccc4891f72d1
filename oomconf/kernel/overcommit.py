"""What the kernel promises and keeps back: commit accounting and its reserves (mm/util.c, mm/page_alloc.c)."""

from __future__ import annotations

from math import isqrt
from typing import Final

from oomconf.quantity import PAGE_SIZE, Size

__all__ = ["commit_limit", "default_admin_reserve_kbytes", "default_min_free_kbytes", "default_user_reserve_kbytes", "grants"]

_MIN_FREE: Final = (128, 262144)
_PAGEBLOCK_KBYTES: Final = 2048
# two blocks, and one for each pair of the three migrate types that have per-CPU lists (mm/khugepaged.c)
_BLOCKS_PER_ZONE: Final = 2 + 3 * 3


def commit_limit(
    *, memory_total: int, swap_total: int, ratio: int = 50, kbytes: int = 0, hugetlb: int = 0, page_size: int = PAGE_SIZE
) -> Size:
    """Compute CommitLimit of /proc/meminfo, in bytes (vm_commit_limit()).

    `kbytes` is vm.overcommit_kbytes and wins unless 0; else `ratio` percent of RAM without huge pages (`hugetlb`, bytes). Swap comes on
    top in both cases. It binds under vm.overcommit_memory=2 alone. Raise ValueError for a negative ratio.
    """
    if ratio < 0:
        raise ValueError(f"vm.overcommit_ratio {ratio} is negative")
    pages = kbytes * 1024 // page_size if kbytes != 0 else (memory_total // page_size - hugetlb // page_size) * ratio // 100
    return Size((pages + swap_total // page_size) * page_size)


def grants(
    *,
    request: int,
    committed: int,
    limit: int,
    total_vm: int = 0,
    admin_reserve_kbytes: int = 8192,
    user_reserve_kbytes: int = 131072,
    privileged: bool = False,
    page_size: int = PAGE_SIZE,
) -> bool:
    """Say whether vm.overcommit_memory=2 grants a request; sizes in bytes (__vm_enough_memory()).

    The request is counted into `committed` (Committed_AS) before it is compared. Who has not CAP_SYS_ADMIN (`privileged`) leaves the admin
    reserve; everybody leaves the user reserve, or a 32nd of the process's own `total_vm` if that is less.
    """
    allowed = limit // page_size - (0 if privileged else admin_reserve_kbytes * 1024 // page_size)
    allowed -= min(total_vm // page_size // 32, user_reserve_kbytes * 1024 // page_size)
    return committed // page_size + -(-request // page_size) < allowed


def default_admin_reserve_kbytes(free_kbytes: int) -> int:
    """Compute vm.admin_reserve_kbytes as the kernel sets it at boot from the memory free then (init_admin_reserve())."""
    return min(free_kbytes // 32, 8192)


def default_user_reserve_kbytes(free_kbytes: int) -> int:
    """Compute vm.user_reserve_kbytes as the kernel sets it at boot from the memory free then (init_user_reserve())."""
    return min(free_kbytes // 32, 131072)


def default_min_free_kbytes(lowmem_kbytes: int, *, thp_zones: int = 0) -> int:
    """Compute vm.min_free_kbytes as the kernel sets it at boot, in kB (calculate_min_free_kbytes()).

    With transparent huge pages on, khugepaged raises it by the number of populated zones (`thp_zones`; 4 KiB pages), at most to a 20th of
    low memory. Kernels around 4.19 stopped at 65536 instead of 262144.
    """
    low, high = _MIN_FREE
    computed = min(max(isqrt(lowmem_kbytes * 16), low), high)
    return max(computed, min(_PAGEBLOCK_KBYTES * thp_zones * _BLOCKS_PER_ZONE, lowmem_kbytes // 4 // 20 * 4))
