"""Processes that do not fit into their service."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.WARNING)
def processes_above_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """The declared processes of a service need more than its limit.

    All processes of a cgroup are charged to one `memory.max` (Documentation/admin-guide/cgroup-v2.rst). If the memory said
    under `processes:` is what each needs, the service is killed at its limit before it is fully loaded, and started again
    into the same. Swap that is said counts as room. Memory that processes share is charged once: say it with one of them.
    A raw file declares no processes.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 16G, swap: 0}}
    services:
      php:
        memory: {max: 2G}   ⟵
        systemd: {unit: php-fpm.service}
        processes: [{name: master, memory: 64M}, {name: worker, count: 40, memory: 64M}]
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 16G, swap: 0}}
    services:
      php:
        memory: {max: 2G}
        systemd: {unit: php-fpm.service}
        processes: [{name: master, memory: 64M}, {name: worker, count: 30, memory: 64M}]
    ```
    """
    limit, swap = size_of(workload.memory_max), size_of(workload.memory_swap_max)
    if limit is None or limit >= INFINITY or workload.memory_max is None:
        return
    said = [(part, each * part.count) for part in workload.processes if (each := size_of(part.memory)) is not None]
    need, room = sum(amount for _, amount in said), int(limit)
    if swap is not None:
        # what the machine has of swap bounds what a service may use of it
        room += swap if around.swap_total is None else min(swap, around.swap_total)
    if need <= room:
        return
    part, most = max(said, key=lambda pair: pair[1])
    at = part.at if part.memory is None else part.memory.at
    yield Problem(
        workload.memory_max.at,
        f"the processes of {workload.name} need {Size(need)}, but it may use {Size(room)}",
        f"say max: {Size(need)} or more, or start fewer",
        (Related(at, f"{part.count} x {part.name} are {Size(most)}"),),
    )
