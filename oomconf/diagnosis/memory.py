"""What filled the memory: the Mem-Info block and cgroup statistics in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from oomconf.diagnosis.nouns import Consumer, Holding
from oomconf.oomlog.events import Machine, Memcg, OomEvent
from oomconf.oomlog.ranking import Ranking

__all__ = ["UNACCOUNTED", "consumers", "holdings", "scope_bytes"]

UNACCOUNTED: Final = "unaccounted"
_WHOLE: Final = frozenset({"active_anon", "active_file", "slab_unreclaimable", "pagetables", "free"})
"""Without one of these the block is cut, and what is missing is no mystery."""


def scope_bytes(event: OomEvent, page_kb: int) -> int | None:
    """Give the bytes of what ran short: the cgroup's limit, or the RAM that the kernel can hand out."""
    if event.kind == "memcg":
        return None if event.memcg is None or event.memcg.limit_kb is None else event.memcg.limit_kb * 1024
    pages = None if event.machine is None else event.machine.managed_pages
    return None if pages is None else pages * page_kb * 1024


def holdings(event: OomEvent, page_kb: int) -> tuple[Holding, ...]:
    """Say who held what, the largest first; nothing where the report does not tell."""
    if event.kind == "memcg":
        found = [] if event.memcg is None else _of_memcg(event.memcg)
    else:
        found = [] if event.machine is None else _of_machine(event.machine, page_kb)
    return tuple(sorted((one for one in found if one.size > 0), key=lambda one: -one.size))


def _of_machine(machine: Machine, page_kb: int) -> list[Holding]:
    pages, page = machine.pages, page_kb * 1024
    if not pages:
        return []

    def size(*names: str) -> int:
        return sum(pages.get(name, 0) for name in names) * page

    shmem = size("shmem")
    # pages of shared memory stand on the lists of anonymous memory
    anon = max(0, size("active_anon", "inactive_anon", "isolated_anon") - shmem)
    slab = size("slab_reclaimable") if "slab_reclaimable" in pages else size("slab")
    found = [
        Holding(name="processes' own memory", size=anon, note="anonymous: heaps and stacks"),
        Holding(
            name="page cache", size=size("active_file", "inactive_file", "isolated_file"), note="files; the kernel gives them back first"
        ),
        Holding(name="shared memory and tmpfs", size=shmem, note="stays until the files are removed"),
        Holding(name="locked", size=size("unevictable"), note="unevictable: mlock, ramfs"),
        Holding(name="slab", size=slab, note="dentries, inodes: can be given back"),
        Holding(name="slab that cannot be reclaimed", size=size("slab_unreclaimable"), note="the kernel's own"),
        Holding(name="page tables", size=size("pagetables", "sec_pagetables")),
        Holding(name="kernel stacks", size=(machine.kernel_stack_kb or 0) * 1024),
        Holding(name="huge pages", size=machine.hugetlb_kb * 1024, note="reserved by vm.nr_hugepages"),
        Holding(name="free", size=size("free", "free_pcp", "free_cma")),
    ]
    managed = machine.managed_pages
    if managed is not None and pages.keys() >= _WHOLE:
        rest = managed * page - sum(one.size for one in found)
        if rest > managed * page // 50:
            found.append(Holding(name=UNACCOUNTED, size=rest, note="in none of the kernel's lists: drivers, vmalloc, a balloon, a GPU"))
    return found


def _of_memcg(memcg: Memcg) -> list[Holding]:
    stats = memcg.stats
    charged = (memcg.kmem_kb or 0) * 1024
    if not stats:
        return []
    if "anon" in stats:
        kernel = stats.get("kernel") or sum(stats.get(key, 0) for key in ("kernel_stack", "pagetables", "sec_pagetables", "percpu", "slab"))
        kernel = max(kernel, charged)
        shmem = stats.get("shmem", 0)
        return [
            Holding(name="processes' own memory", size=stats["anon"], note="anonymous: heaps and stacks"),
            Holding(name="page cache", size=max(0, stats.get("file", 0) - shmem), note="files that it read or wrote"),
            Holding(name="shared memory and tmpfs", size=shmem, note="stays until the files are removed"),
            Holding(name="kernel memory", size=kernel, note="slab, page tables, stacks"),
            Holding(name="socket buffers", size=stats.get("sock", 0)),
            Holding(name="compressed swap", size=stats.get("zswap", 0)),
        ]
    return [*_of_v1(stats), Holding(name="kernel memory", size=charged, note="slab, page tables, stacks")]


def _of_v1(stats: Mapping[str, int]) -> list[Holding]:
    def of(key: str) -> int:
        return stats.get(f"total_{key}", stats.get(key, 0))

    shmem = of("shmem")
    return [
        Holding(name="processes' own memory", size=of("rss"), note="anonymous: heaps and stacks"),
        Holding(name="page cache", size=max(0, of("cache") - shmem), note="files that it read or wrote"),
        Holding(name="shared memory and tmpfs", size=shmem, note="stays until the files are removed"),
    ]


def consumers(ranking: Ranking) -> tuple[Consumer, ...]:
    """Add up the table's processes by name, the largest sum first: many small ones may hold more than the victim."""
    found: dict[str, list[int]] = {}
    for row in ranking.rows:
        found.setdefault(row.task.name, []).append(row.pages * ranking.page_kb * 1024)
    rows = [Consumer(name=name, count=len(sizes), size=sum(sizes), largest=max(sizes)) for name, sizes in found.items()]
    return tuple(sorted(rows, key=lambda row: (-row.size, row.name)))
