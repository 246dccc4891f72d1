"""What a runtime takes of a limit by itself, and what must stay outside its heap."""

from __future__ import annotations

from typing import Final

from oomconf.quantity import Size

MIB: Final = 1 << 20
GIB: Final = 1 << 30

JVM_PERCENT_FLOOR: Final = 256 * MIB
"""Below some 250 MiB the JVM takes MinRAMPercentage or a flat 126 MiB, whatever MaxRAMPercentage says (JDK 17 to 26, measured)."""

_JVM_FLAT: Final = 126 * MIB
_NODE_LEAST: Final = 256 * MIB


def default_heap(kind: str, memory_max: Size, *, version: int | None = None) -> Size | None:
    """Give the heap in bytes that a runtime takes when nobody tells it; None where it takes no account of the limit.

    JVM 17 to 26: half of a small limit, a flat 126 MiB in between, a quarter above. Node.js 20 and later: half, at least 256 MiB
    even if the limit is smaller, at most 2 GiB, or 4 GiB from 15 GiB on; older ones look at the host. .NET: 75 %, at least 20 MB
    (runtime-config/garbage-collector.md). Go and Python take none.
    """
    if kind == "jvm":
        half = memory_max // 2
        return Size(half if half < _JVM_FLAT else max(memory_max // 4, _JVM_FLAT))
    if kind == "node" and (version is None or version >= 20):  # noqa: PLR2004
        most = 4 * GIB if memory_max >= 15 * GIB else 2 * GIB
        return Size(max(_NODE_LEAST, min(memory_max // 2, most)))
    if kind == "dotnet":
        return Size(max(20_000_000, memory_max * 3 // 4))
    return None


def overhead(kind: str, memory_max: Size) -> Size:
    """Give the bytes of a limit that should stay outside the heap, by rule of thumb.

    JVM: metaspace, code cache, a mebibyte a thread, direct buffers: 20 %, and 40 % of a limit below 512 MiB. Node.js: the young
    generation, buffers and code: 15 %. Go: 5 %, since GOMEMLIMIT covers what its runtime manages. .NET: 15 %. Others: 10 %.
    """
    if kind == "jvm":
        return Size(memory_max * 2 // 5 if memory_max < 512 * MIB else memory_max // 5)
    share = {"node": 15, "dotnet": 15, "go": 5}.get(kind, 10)
    return Size(memory_max * share // 100)
