"""Throttles with nothing to reclaim."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.WARNING, needs=("swap_total",))
def high_without_swap(workload: Workload, around: Context) -> Iterator[Problem]:
    """A throttle without swap freezes a service instead of slowing it.

    Above `memory.high` the kernel reclaims and puts the allocating task to sleep, up to two seconds at a time
    (mm/memcontrol.c: mem_cgroup_handle_over_high). Anonymous memory can only be reclaimed to swap: with none, or with
    swap_max 0, a leaking service crawls at the throttle and neither works nor dies, and no restart follows. It serves
    well where most of the memory is page cache: then accept it with that reason.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {high: 2G}   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {high: 2G, max: 2250M}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/api.service swap_total=0
    [Service]
    ExecStart=/usr/bin/api
    MemoryHigh=2G   ⟵
    ```
    """
    high, maximum = size_of(workload.memory_high), size_of(workload.memory_max)
    if high is None or high >= INFINITY or workload.memory_high is None:
        return
    # a limit near above ends the crawl
    if maximum is not None and maximum <= high * 5 // 4:
        return
    swap, own = around.swap_total, size_of(workload.memory_swap_max)
    if swap == 0:
        where = around.facts.swap_total
        related = (Related(where.at, "there is no swap"),) if where is not None else ()
        reason = "the machine has no swap"
    elif own == 0 and workload.memory_swap_max is not None:
        related = (Related(workload.memory_swap_max.at, "swap is forbidden here"),)
        reason = "it may not swap"
    else:
        return
    yield Problem(
        workload.memory_high.at,
        f"{workload.name} is throttled at {high}, but {reason}: it would crawl, not recover",
        f"add a max within a quarter above ({high * 5 // 4 // (1 << 20)}M at most), or give it swap",
        related,
    )
