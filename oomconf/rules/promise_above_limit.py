"""Promises of more than may be used."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.ERROR)
def promise_above_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """More is promised to a service than it may use.

    Protection counts what the cgroup really holds: `memory.min` or `memory.low` beyond `memory.max` can never be used
    (mm/page_counter.c: effective_protection takes the smaller of usage and setting), yet it is claimed from every ancestor
    and counts in every sum. Beyond `memory.high` it is no better: the kernel reclaims what it was told to protect. One of
    the numbers is wrong.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {db: {ram: 32G, swap: 0}}
    slices: {database.slice: {}}
    services:
      postgresql:
        slice: database.slice
        memory: {low: 12G, max: 8G}   ⟵
        systemd: {unit: postgresql.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {db: {ram: 32G, swap: 0}}
    slices: {database.slice: {}}
    services:
      postgresql:
        slice: database.slice
        memory: {low: 8G, max: 12G}
        systemd: {unit: postgresql.service}
    ```

    ```ini bad etc/systemd/system/postgresql.service
    [Service]
    ExecStart=/usr/bin/postgres
    MemoryMin=2G   ⟵
    MemoryMax=1G
    ```
    """
    for word, ceiling in (("max", workload.memory_max), ("high", workload.memory_high)):
        top = size_of(ceiling)
        if top is None or top >= INFINITY or ceiling is None:
            continue
        for name, promise in (("min", workload.memory_min), ("low", workload.memory_low)):
            amount = size_of(promise)
            if amount is not None and promise is not None and amount > top:
                yield Problem(
                    promise.at,
                    f"{workload.name} is promised {name} {amount}, above its {word} of {top}",
                    f"promise at most {top}, or raise {word}",
                    (Related(ceiling.at, f"{word} is declared here"),),
                )
                return
