"""Limits that leave swap to a default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._swap import SAYINGS

_LEAST: Final = Size(1 << 20)
"""Less than this is another mistake: tiny-limit."""


@rule(on=Workload, severity=Severity.NOTE, needs=("swap_total",))
def swap_unsaid(workload: Workload, around: Context) -> Iterator[Problem]:
    """A memory limit without a swap limit means something else to every consumer.

    systemd leaves swap unlimited beside MemoryMax= (memory.swap.max stays max), so a leak goes on into swap; Docker adds as much
    swap again as the limit (docker/cli: --memory-swap), so a container of 1 GiB holds two; a cgroup of a script has no limit at
    all. Silent for pods, whose kubelet decides, and on machines without swap. A spec cannot make this mistake: `check` refuses a
    limit on a host with swap that says no swap_max.

    ```ini bad etc/systemd/system/web.service swap_total=4294967296
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G   ⟵
    ```

    ```ini good etc/systemd/system/web.service swap_total=4294967296
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    MemorySwapMax=512M
    ```

    ```yaml bad compose.yaml swap_total=4294967296
    services:
      api:
        image: registry.example/api
        mem_limit: 1g   ⟵
    ```

    ```sh good run.sh swap_total=4294967296
    docker run -m 512 registry.example/api
    ```

    ```sh good run.sh swap_total=4294967296
    docker run -m 1g --memory-swap 1g registry.example/api
    ```
    """
    limit, target = size_of(workload.memory_max), workload.placement.target
    if limit is None or limit >= INFINITY or workload.memory_max is None or workload.memory_swap_max is not None or not around.swap_total:
        return
    if target not in SAYINGS or limit < _LEAST:
        return
    engine = target in ("docker", "compose")
    total = "as much swap again" if engine else f"all {around.swap_total} of swap"
    yield Problem(workload.memory_max.at, f"{workload.name} may take {total} beside its {limit}", SAYINGS[target])
