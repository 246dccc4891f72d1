"""Limits that swap undermines."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._swap import SAYINGS


@rule(on=Workload, severity=Severity.WARNING, needs=("swap_total",))
def swap_unlimited(workload: Workload, around: Context) -> Iterator[Problem]:
    """A memory limit with unlimited swap lets a leak fill the machine's swap.

    `memory.max` counts RAM alone; what it pushes out goes to swap until `memory.swap.max` stops it
    (Documentation/admin-guide/cgroup-v2.rst). With infinity a leaking service takes all swap of the machine, slows every
    neighbour by its I/O, and is killed only then. An unsaid swap limit means infinity to systemd.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 4G}}
    services:
      api:
        memory: {max: 2G, swap_max: infinity}   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml bad compose.yaml swap_total=4294967296
    services:
      api:
        image: registry.example/api
        mem_limit: 2g
        memswap_limit: -1   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 4G}}
    services:
      api:
        memory: {max: 2G, swap_max: 512M}
        systemd: {unit: api.service}
    ```
    """
    limit, swap = size_of(workload.memory_max), around.swap_total
    if limit is None or limit >= INFINITY or not swap or workload.memory_swap_max is None:
        return
    in_spec = "say swap_max: 0 to be killed at the limit, or a size"
    if workload.memory_swap_max.value == INFINITY:
        yield Problem(
            workload.memory_swap_max.at,
            f"{workload.name} is limited to {limit} of RAM, but may fill all {swap} of swap",
            around.said(in_spec, SAYINGS.get(workload.placement.target, in_spec)),
        )
