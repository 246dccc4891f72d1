"""The environment that tells a runtime its heap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from oomconf.quantity import INFINITY, Percent, Size, dotnet, golang, jvm
from oomconf.runtimes.limits import JVM_PERCENT_FLOOR, MIB

_SHARES: Final = {"jvm": 70, "go": 90, "node": 70, "dotnet": 75}
"""Percent of the limit where the spec names a runtime and no heap."""
_SMALL_JVM: Final = 512 * MIB
_SMALL_SHARE: Final = 50


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable; with a separator it is a list of options, which a base file may hold already."""

    name: str
    value: str
    separator: str | None
    heap: Size | None
    """The heap in bytes that the runtime understands by it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables for one runtime; faults say why a heap cannot be derived."""

    variables: tuple[Variable, ...] = ()
    faults: tuple[str, ...] = ()


def environment(
    kind: str,
    *,
    memory_max: Size | None,
    heap: Size | Percent | None,
    options: tuple[str, ...] = (),
    arenas: int | None = None,
) -> Environment:
    """Derive a runtime's variables from its limit in bytes and its heap, a size or a share of the limit; options come first.

    Shares are floored to what the knob can say. JVM: MaxRAMPercentage, or -Xmx below 256 MiB, where the JVM ignores shares.
    Go: GOMEMLIMIT in MiB. Node.js: --max-old-space-size in MiB. .NET: DOTNET_GCHeapHardLimit, hexadecimal. Python: MALLOC_ARENA_MAX.
    """
    if kind == "python":
        return Environment((Variable("MALLOC_ARENA_MAX", str(2 if arenas is None else arenas), None, None),))
    limit = None if memory_max is None or memory_max >= INFINITY else memory_max
    if kind not in _SHARES:
        return Environment(faults=(f"nothing is known of the runtime '{kind}'",))
    if heap is None:
        heap = Percent(100 * (_SMALL_SHARE if kind == "jvm" and limit is not None and limit < _SMALL_JVM else _SHARES[kind]))
    if isinstance(heap, Percent) and limit is None:
        return Environment(faults=(f"{heap} of what? the service has no memory.max",))
    size = (
        Size(limit * heap.permyriad // 10_000)
        if isinstance(heap, Percent) and limit is not None
        else Size(int(heap))
        if isinstance(heap, Size)
        else Size(0)
    )
    if size < MIB:
        return Environment(faults=(f"a heap of {size} is less than a mebibyte",))
    if kind == "jvm":
        return Environment((_jvm(heap, size, limit, options),))
    whole = Size(size // MIB * MIB)
    if kind == "go":
        return Environment((Variable("GOMEMLIMIT", golang.format(whole), None, whole),))
    if kind == "node":
        words = (*options, f"--max-old-space-size={whole // MIB}")
        return Environment((Variable("NODE_OPTIONS", " ".join(words), " ", whole),))
    return Environment((Variable("DOTNET_GCHeapHardLimit", dotnet.format(whole), None, whole),))


def _jvm(heap: Size | Percent, size: Size, limit: Size | None, options: tuple[str, ...]) -> Variable:
    if isinstance(heap, Percent) and limit is not None and limit >= JVM_PERCENT_FLOOR:
        words = (
            *options,
            f"-XX:MaxRAMPercentage={heap.permyriad / 100:.2f}".rstrip("0").rstrip(".") + (".0" if heap.permyriad % 100 == 0 else ""),
        )
        return Variable("JAVA_TOOL_OPTIONS", " ".join(words), " ", size)
    whole = Size(size // MIB * MIB)
    return Variable("JAVA_TOOL_OPTIONS", " ".join((*options, f"-Xmx{jvm.format(whole)}")), " ", whole)
