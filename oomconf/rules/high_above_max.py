"""Throttles that the limit cuts off."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.WARNING)
def high_above_max(workload: Workload, around: Context) -> Iterator[Problem]:
    """A throttle at or above the limit never slows anything.

    `memory.high` reclaims and delays allocations before `memory.max` kills (Documentation/admin-guide/cgroup-v2.rst). At or
    above max it is never reached: the first thing the service feels is the kill. systemd and the kernel take any pair of
    numbers without a word. Keep 5 to 20 % between them.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {high: 2G, max: 1G}   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {high: 900M, max: 1G}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    MemoryHigh=1G   ⟵
    MemoryMax=1G
    ```
    """
    high, maximum = size_of(workload.memory_high), size_of(workload.memory_max)
    if high is None or maximum is None or high >= INFINITY or high < maximum or workload.memory_high is None or workload.memory_max is None:
        return
    yield Problem(
        workload.memory_high.at,
        f"{workload.name} is throttled at {high}, but killed at {maximum}",
        f"say a high below {maximum}, or leave it out",
        (Related(workload.memory_max.at, "the limit is declared here"),),
    )
