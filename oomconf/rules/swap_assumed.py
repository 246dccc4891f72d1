"""Swap that is counted on and is not there."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.WARNING, needs=("swap_total",))
def swap_assumed(workload: Workload, around: Context) -> Iterator[Problem]:
    """A service counts on swap that the machine does not have.

    `memory.swap.max` is a ceiling, not a reserve: it makes no swap. Where the machine has none, or less than is allowed, the
    service is killed that much earlier than its numbers say.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 2G, swap_max: 1G}   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 2G}}
    services:
      api:
        memory: {max: 2G, swap_max: 1G}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/api.service swap_total=0
    [Service]
    ExecStart=/usr/bin/api
    MemoryMax=2G
    MemorySwapMax=1G   ⟵
    ```
    """
    wanted, swap = size_of(workload.memory_swap_max), around.swap_total
    if wanted is None or swap is None or wanted >= INFINITY or wanted <= swap or workload.memory_swap_max is None:
        return
    where = around.facts.swap_total
    yield Problem(
        workload.memory_swap_max.at,
        f"{workload.name} may swap {wanted}, but the machine has {swap or 'no swap'}",
        "add swap to the machine, or say a swap_max that it has",
        (Related(where.at, "swap is declared here"),) if where is not None else (),
    )
