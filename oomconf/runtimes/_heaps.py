"""The heaps that runtimes take by themselves, and the room that they need outside of the heap."""

from __future__ import annotations

from typing import Final

from oomconf.quantity import INFINITY, Percent, Size
from oomconf.runtimes._hint import Hint, Kind

__all__ = ["GIB", "MIB", "SMALL_JVM", "default_heap", "heap_under", "jvm_rounded", "overhead", "share", "young_generation"]

MIB: Final = 1 << 20
GIB: Final = 1 << 30

_FLAT: Final = 96 * MIB * 13 // 10 // 8 * 8
"""gc/shared/gc_globals.hpp: MaxHeapSize = ScaleForWordSize(96*M), 124.8 MiB, which no share of a not-small memory goes below."""
_MAX_RAM: Final = 128 * GIB
_COMPRESSED: Final = 30_688 * MIB
"""The largest heap that the JVM takes unasked, so that references stay compressed and zero-based (measured on JDK 17 with G1)."""

SMALL_JVM: Final = Size(256 * MIB)
"""Below it -XX:MaxRAMPercentage is not to be used: under about 250 MiB the JVM takes MinRAMPercentage (50) in its place."""

_NODE_SMALLEST: Final = 256 * MIB
_NODE_LARGE: Final = 15 * GIB
_DOTNET_SMALLEST: Final = 20 * MIB
_CGROUP_V2_JDK: Final = 15
_BACKPORTED_JDKS: Final = (8, 11)
_CGROUP_V2_NODE: Final = 20


def jvm_rounded(heap: int) -> Size:
    """Round a maximum heap up as the JVM does: to 2 MiB, or with G1 to its region size where that is larger.

    A region is a 2048th of the heap rounded up to a power of two, at most 32 MiB (g1/heapRegion.cpp: setup_heap_region_size(), JDK 17),
    so 4 MiB above 4 GiB of heap and 32 MiB above 32 GiB. Serial and Parallel stay at 2 MiB: for them this is an upper bound.
    """
    region = min(1 << max(heap // 2048 - 1, 0).bit_length(), 32 * MIB)
    step = max(2 * MIB, region)
    return Size(-(-heap // step) * step)


def _jvm_heap(memory_max: int, percent: Percent | None, min_percent: Percent | None) -> Size:
    # runtime/arguments.cpp: Arguments::set_heap_size()
    said = percent is not None or min_percent is not None
    memory = memory_max if said else min(memory_max, _MAX_RAM)
    small = memory * (Percent(5000) if min_percent is None else min_percent).permyriad // 10_000
    if small < _FLAT:
        return jvm_rounded(small)
    heap = max(memory * (Percent(2500) if percent is None else percent).permyriad // 10_000, _FLAT)
    return jvm_rounded(heap if said else min(heap, _COMPRESSED))


def default_heap(kind: Kind, memory_max: Size, *, version: int | None = None) -> Size | None:
    """Give the heap that a runtime takes inside `memory.max` if nothing is said; None where it has no bound or does not look at the limit.

    jvm: half of the limit below about 250 MiB, then 126 MiB until that is a quarter (504 MiB), then a quarter, at most 30688 MiB
    (JDK 17 to 26; 8 and 11 are taken to be at least 8u372 and 11.0.16, the first that know cgroup v2; 9, 10, 12 to 14 do not).
    node: old space of half the limit, at least 256 MiB *even if the limit is smaller*, at most 2 GiB, 4 GiB from 15 GiB on; before
    Node.js 20 the host's RAM decides. dotnet: 75 %, at least 20 MiB (docs/core/runtime-config/garbage-collector.md). go, python: none.
    """
    if memory_max >= INFINITY:
        return None
    if kind == "jvm":
        aware = version is None or version >= _CGROUP_V2_JDK or version in _BACKPORTED_JDKS
        return _jvm_heap(memory_max, None, None) if aware else None
    if kind == "node" and (version is None or version >= _CGROUP_V2_NODE):
        largest = 4 * GIB if memory_max >= _NODE_LARGE else 2 * GIB
        return Size(max(_NODE_SMALLEST, min(memory_max // 2, largest)))
    if kind == "dotnet":
        return Size(max(_DOTNET_SMALLEST, memory_max * 75 // 100))
    return None


_SHARES: Final[dict[Kind, int]] = {"jvm": 70_00, "go": 90_00, "node": 75_00, "dotnet": 75_00}
_TIGHT: Final = 512 * MIB


def share(kind: Kind, memory_max: Size) -> Percent | None:
    """Give the share of `memory.max` that `environment` makes the heap if none is said; None for kinds without a heap to set.

    jvm 70 % (50 % below 512 MiB, where metaspace, code cache and stacks weigh more), go 90 %, node and dotnet 75 %.
    """
    if kind == "jvm" and memory_max < _TIGHT:
        return Percent(50_00)
    return Percent(_SHARES[kind]) if kind in _SHARES else None


_OVERHEADS: Final[dict[Kind, int]] = {"jvm": 25, "go": 10, "node": 25, "dotnet": 20}


def overhead(kind: Kind, memory_max: Size) -> Size:
    """Give the bytes of `memory.max` that should stay outside of the heap: rules of thumb of this project, not of any runtime.

    jvm 25 %, below 512 MiB 50 %: metaspace, up to 240 MiB of code cache, a stack of 1 MiB a thread, direct buffers, the collector's own
    tables. node 25 %: young generation (48 MiB, 192 MiB from Node.js 24), buffers and native code are not in old space. go 10 %:
    GOMEMLIMIT counts all that the Go runtime maps, but not cgo, and is a soft limit that a burst exceeds. dotnet 20 %: jitted code,
    stacks, native libraries; its own default leaves 25 %. python, other: 0, for they have no heap that could be set. INFINITY for no limit.
    """
    if memory_max >= INFINITY:
        return INFINITY
    percent = 50 if kind == "jvm" and memory_max < _TIGHT else _OVERHEADS.get(kind, 0)
    return Size(memory_max * percent // 100)


def young_generation(version: int | None) -> Size:
    """Give the most that V8 adds to --max-old-space-size for its young generation: 48 MiB (Node.js 18 to 22), 192 MiB (24, and if unknown).

    Three semi-spaces; where memory is small they are small too, such as 4 MiB each in 1 GiB.
    """
    return Size((192 if version is None or version >= 24 else 48) * MIB)  # noqa: PLR2004


def heap_under(hint: Hint, memory_max: Size) -> Size | None:
    """Give the heap that a hint makes the runtime take inside `memory.max`; None where the hint does not tell.

    A size is taken whatever the limit, by the JVM rounded up. For the JVM a percentage counts only as `default_heap` describes: 75 % of
    200 MiB is still 100 MiB.
    """
    if hint.heap is not None:
        return jvm_rounded(hint.heap) if hint.kind == "jvm" and hint.heap < INFINITY else hint.heap
    if memory_max >= INFINITY:
        return None
    if hint.kind == "jvm" and (hint.percent is not None or hint.min_percent is not None):
        return _jvm_heap(memory_max, hint.percent, hint.min_percent)
    return None if hint.percent is None else hint.percent.of(memory_max, 1)
