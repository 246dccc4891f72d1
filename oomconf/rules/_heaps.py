"""What rules about heaps ask of a workload: the memory that holds it, and the heap that each of its runtimes takes there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from oomconf.finding import Related
from oomconf.location import Location
from oomconf.policy import Runtime, Workload, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.rule import Context
from oomconf.runtimes import Hint, environment, heap_under

__all__ = ["DIRECT", "Heap", "Room", "heaps", "named", "room"]

DIRECT: Final = "-XX:MaxDirectMemorySize"
"""A bound that few programs come near, which counts beside a heap and not by itself."""
_NAMES = {"jvm": "java", "go": "Go", "node": "node", "dotnet": ".NET", "python": "Python", "other": "it"}


class Room(NamedTuple):
    """The smallest memory that holds a workload: its own limit, a slice's, or the machine."""

    size: Size
    related: Related
    what: str


class Heap(NamedTuple):
    """The most that one runtime takes for its heap, in bytes."""

    runtime: Runtime
    size: Size

    @property
    def at(self) -> Location:
        return self.runtime.at if self.runtime.heap is None else self.runtime.heap.at


def named(runtime: Runtime) -> str:
    """Name a runtime as a finding does."""
    return runtime.knob or _NAMES[runtime.kind]


def room(workload: Workload, around: Context) -> Room | None:
    """Give what holds a workload; None if nothing known does."""
    above = around.ancestors(None if workload.slice is None else workload.slice.value)
    found: list[Room] = []
    for name, setting in ((workload.name, workload.memory_max), *((group.name, group.memory_max) for group in above)):
        size = size_of(setting)
        if setting is not None and size is not None and 0 < size < INFINITY:
            found.append(Room(size, Related(setting.at, f"{name} is limited here"), f"the limit of {name}"))
    ram = around.memory_total
    if ram is not None and ram.value is not None:
        found.append(Room(ram.value, Related(ram.at, "RAM is declared here"), "the RAM of the machine"))
    return min(found, key=lambda one: one.size) if found else None


def heaps(workload: Workload, limit: Size) -> Iterator[Heap]:
    """Compute the heaps of a workload's runtimes inside `limit`; those that nothing bounds are left out."""
    for runtime in workload.runtimes:
        size = _heap(runtime, workload, limit)
        if size is not None and 0 < size < INFINITY:
            yield Heap(runtime, size)


def _heap(runtime: Runtime, workload: Workload, limit: Size) -> Size | None:
    said = None if runtime.heap is None else runtime.heap.value
    if isinstance(said, Size):
        return heap_under(Hint(kind=runtime.kind, knob=runtime.knob, text="", heap=said), limit)
    if runtime.knob:
        return None if said is None else heap_under(Hint(kind=runtime.kind, knob=runtime.knob, text="", percent=said), limit)
    # a spec's heap is derived from the workload's own limit, and told to the runtime in bytes or as a share
    made = environment(runtime.kind, memory_max=size_of(workload.memory_max), heap=said, options=runtime.options, version=runtime.version)
    return next((variable.heap for variable in made.variables if variable.heap is not None), None)
