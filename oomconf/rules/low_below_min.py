"""Soft promises that the hard one covers."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.WARNING)
def low_below_min(workload: Workload, around: Context) -> Iterator[Problem]:
    """A low below min says nothing that min has not said.

    `memory.min` is never reclaimed, `memory.low` only when nothing unprotected is left (mm/vmscan.c: shrink_node_memcgs).
    What min covers needs no low, so a smaller low is a slip: most often the two were meant the other way round.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {db: {ram: 32G, swap: 0}}
    slices: {database.slice: {}}
    services:
      postgresql:
        slice: database.slice
        memory: {min: 8G, low: 4G, max: 24G}   ⟵
        systemd: {unit: postgresql.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {db: {ram: 32G, swap: 0}}
    slices: {database.slice: {}}
    services:
      postgresql:
        slice: database.slice
        memory: {min: 4G, low: 8G, max: 24G}
        systemd: {unit: postgresql.service}
    ```

    ```ini bad etc/systemd/system/postgresql.service
    [Service]
    ExecStart=/usr/bin/postgres
    MemoryMin=8G
    MemoryLow=4G   ⟵
    ```
    """
    low, minimum = size_of(workload.memory_low), size_of(workload.memory_min)
    if low is None or minimum is None or low >= minimum or workload.memory_low is None or workload.memory_min is None:
        return
    yield Problem(
        workload.memory_low.at,
        f"{workload.name} has low {low} below min {minimum}",
        f"say a low above {minimum}, or leave it out",
        (Related(workload.memory_min.at, "min is declared here"),),
    )
