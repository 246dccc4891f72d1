"""Promises that no ancestor carries."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.location import Location
from oomconf.policy import Workload, size_of
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.WARNING)
def promise_without_ancestors(workload: Workload, around: Context) -> Iterator[Problem]:
    """A promise that the slices above do not carry has no effect when the machine runs short.

    Protection is capped level by level: what a service gets is at most what every ancestor below the root was itself given
    (mm/page_counter.c: effective_protection). system.slice carries none, so MemoryLow= on an ordinary unit protects nothing
    from the rest of the machine. A spec cannot make this mistake: unsaid min and low of a
    slice are derived from its members, and a smaller number is refused. Where the multi-gen LRU is on
    (/sys/kernel/mm/lru_gen/enabled, as in Debian 13) a shortage of the whole machine takes memory.low even so; memory.min
    is kept (mm/vmscan.c: shrink_many).

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 16G, swap: 0}}
    slices: {apps.slice: {}}
    services:
      api:
        slice: apps.slice
        memory: {low: 2G}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Slice=system.slice
    MemoryLow=2G   ⟵
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Slice=apps.slice
    MemoryLow=2G   ⟵
    ```

    ```ini with etc/systemd/system/apps.slice
    [Slice]
    MemoryLow=1G
    ```

    ```ini good etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Slice=apps.slice
    MemoryLow=2G
    ```

    ```ini with etc/systemd/system/apps.slice
    [Slice]
    MemoryLow=2G
    ```
    """
    if workload.slice is None or workload.slice.value is None:
        return
    for word, promise, field in (("min", workload.memory_min, "memory_min"), ("low", workload.memory_low, "memory_low")):
        amount = size_of(promise)
        if not amount or promise is None:
            continue
        weak = _weakest(workload.slice.value, field, around)
        if weak is not None and weak[1] < amount:
            name, carried, at = weak
            yield Problem(
                promise.at,
                f"{workload.name} is promised {word} {amount}, but {name} carries {carried or 'none'}",
                f"give {name} {'MemoryMin' if word == 'min' else 'MemoryLow'}={amount} or more, or use a slice that carries it",
                () if at is None else (Related(at, f"{name} is declared here"),),
            )


def _weakest(slice_name: str, field: str, around: Context) -> tuple[str, Size, Location | None] | None:
    """The ancestor that is known to carry least; None if the nearest is not known."""
    if slice_name == "system.slice" and slice_name not in around.groups:
        return slice_name, Size(0), None
    known = [(group.name, size_of(getattr(group, field)) or Size(0), group.at) for group in around.ancestors(slice_name)]
    return min(known, key=lambda row: row[1], default=None)
