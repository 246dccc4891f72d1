"""What to change after a kill on the whole machine, or on the nodes that a task may use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.diagnosis.memory import UNACCOUNTED
from oomconf.diagnosis.nouns import Advice, Consumer, Holding
from oomconf.oomlog.events import Machine, OomEvent, Zone
from oomconf.oomlog.ranking import Ranking
from oomconf.quantity import roughly

__all__ = ["nodes", "shortage"]

_MIB: Final = 1 << 20
_SHARE: Final = 5
"""A holding of a fifth of what ran short is worth a word."""
_CAUSES: Final = (
    (
        "slab that cannot be reclaimed",
        "kernel-slab",
        "the kernel's own slab, which nothing can give back: killing processes does not help; slabtop and /proc/slabinfo name the cache",
    ),
    (
        UNACCOUNTED,
        "unaccounted",
        "in none of the kernel's lists: a driver, vmalloc, a GPU or a balloon holds it, and killing processes does not help",
    ),
    ("huge pages", "huge-pages", "set aside as huge pages, used or not: lower vm.nr_hugepages if they are not needed"),
    (
        "shared memory and tmpfs",
        "tmpfs",
        "shared memory and files in a tmpfs, which no kill frees: cap the tmpfs (size=), or remove its files",
    ),
    (
        "page tables",
        "page-tables",
        "page tables, from many processes that map the same large memory: huge pages for it shrink them",
    ),
    ("kernel stacks", "kernel-stacks", "stacks of the kernel's, one a thread: something starts very many threads or processes"),
    ("locked", "locked", "locked into memory (mlock) or in a ramfs: it could be neither dropped nor swapped"),
)


def shortage(
    event: OomEvent, ranking: Ranking, holdings: tuple[Holding, ...], consumers: tuple[Consumer, ...], scope: int | None
) -> Iterator[Advice]:
    """Say what would help a machine that ran short."""
    sizes = {one.name: one.size for one in holdings}
    yield from _free(event, sizes, scope)
    if scope:
        yield from _largest(ranking, consumers, scope)
    for name, id_, text in _CAUSES:
        if scope and sizes.get(name, 0) * _SHARE > scope:
            yield Advice(id=id_, text=f"{roughly(sizes[name])} is {text}")
    if event.victim is not None and event.victim.owner.qos == "besteffort":
        yield Advice(
            id="besteffort",
            text="the victim belongs to a pod without requests (BestEffort, oom_score_adj 1000), which goes first whatever its "
            "size: give it "
            "a memory request",
        )
    if event.machine is not None:
        yield from _swap(event.machine)


def nodes(event: OomEvent) -> Iterator[Advice]:
    """Say what would help a task that may use some nodes only."""
    allowed = f" (now {event.mems_allowed})" if event.mems_allowed else ""
    if event.kind == "cpuset":
        yield Advice(
            id="cpuset",
            text=f"other nodes may have memory to spare: let the task use more of them, by cpuset.mems of its cgroup{allowed}, "
            "AllowedMemoryNodes= of its unit, or --cpuset-mems of its container",
        )
    else:
        yield Advice(
            id="mempolicy",
            text="the task's own memory policy (numactl --membind, mbind, set_mempolicy) forbids the other nodes: --preferred "
            "takes them where "
            "its own are full",
        )


def _free(event: OomEvent, sizes: dict[str, int], scope: int | None) -> Iterator[Advice]:
    """Explain a kill while memory was free: a large request, a zone that ran out, a failed fault, or a kill just before."""
    gfp, order = event.trigger.gfp or "", event.trigger.order or 0
    free = sizes.get("free", 0)
    zones = () if event.machine is None else event.machine.zones
    if gfp.startswith("0x0(") or gfp == "0x0":
        yield Advice(
            id="page-fault",
            text="no request for memory stands behind this: a page fault failed, as at a cgroup's limit, and the kernel took "
            "that for a shortage "
            "of the machine's (gfp_mask=0x0)",
        )
        return
    low = next((zone for zone in zones if zone.name in ("Normal", "DMA") and _short(zone)), None)
    high = sum(zone.free_kb for zone in zones if zone.name == "HighMem")
    if low is not None and high > 2 * low.free_kb:
        yield Advice(
            id="low-memory",
            text=f"the part that the kernel itself can use ran out (zone {low.name}, {roughly(low.free_kb * 1024)} free), while "
            f"{roughly(high * 1024)} of HighMem "
            "was free: a 64-bit kernel has no such split",
        )
        return
    if not scope or free * 10 <= scope:
        return
    if order > 0:
        yield Advice(
            id="fragmented",
            text=f"{roughly(free)} was free, but not as {1 << min(order, 30)} pages in a row where the request may use them: "
            "memory was fragmented, not short",
        )
    elif any(_short(zone) for zone in zones):
        zone = next(zone for zone in zones if _short(zone))
        yield Advice(
            id="zone",
            text=f"{roughly(free)} was free, but node {zone.node}, zone {zone.name} was empty, and the request could not use the others",
        )
    elif zones:
        yield Advice(
            id="freed-meanwhile",
            text=f"{roughly(free)} was free when the kernel wrote this, and no zone was short any more: memory came back in "
            "between, as from a "
            "kill just before",
        )


def _short(zone: Zone) -> bool:
    return zone.min_kb is not None and zone.min_kb > 0 and zone.free_kb < zone.min_kb + zone.min_kb // 4


def _largest(ranking: Ranking, consumers: tuple[Consumer, ...], scope: int) -> Iterator[Advice]:
    if not consumers or consumers[0].size * 4 <= scope:
        return
    top = consumers[0]
    held = sum(row.task.rss for row in ranking.rows if row.task.name == top.name) * ranking.page_kb * 1024
    mebibytes = (held - scope // 20) // _MIB
    # more than there is: what they share is counted in each
    if mebibytes <= 0 or not scope < held * 4 <= scope * 4:
        return
    yield Advice(
        id="limit-the-largest",
        text=f"{_sum_of(top)} {roughly(held)} of {roughly(scope)} RAM{' together' if top.count > 1 else ''}: "
        f"a limit of {roughly(mebibytes * _MIB)} on what runs it, set "
        "before it starts again, leaves a twentieth free, and it fails at its own limit, not at the machine's",
    )


def _sum_of(top: Consumer) -> str:
    return f"{top.name} held" if top.count == 1 else f"{top.count} processes named {top.name} held"


def _swap(machine: Machine) -> Iterator[Advice]:
    if machine.swap_total_kb == 0:
        yield Advice(id="no-swap", text="there is no swap: pages that nobody uses could not be moved out of the way; some swap buys time")
    elif machine.swap_total_kb and machine.swap_free_kb is not None and machine.swap_free_kb * 20 < machine.swap_total_kb:
        yield Advice(id="swap-full", text=f"swap was full too ({roughly(machine.swap_total_kb * 1024)}): more of it only delays this")
