"""Machines that promise more memory than they have."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Group, Policy, Workload, size_of
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._huge_pages import huge_pages


@rule(on=Policy, severity=Severity.ERROR, needs=("memory_total",))
def promises_above_ram(policy: Policy, around: Context) -> Iterator[Problem]:
    """The promises of a machine add up to more than its RAM minus its reserve.

    `memory.min` is memory that reclaim may not take: if the promises together with what the kernel itself needs exceed RAM,
    reclaim finds nothing and the OOM killer acts although nobody broke a limit (Documentation/admin-guide/cgroup-v2.rst).
    `memory.low` beyond RAM is shared out in proportion, so none of the promises holds. Say the machine's own need as
    `reserved`; without it RAM alone is taken.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      db: {ram: 16G, reserved: 1G, swap: 0}   ⟵
    slices: {data.slice: {}}
    services:
      postgresql: {slice: data.slice, systemd: {unit: postgresql.service}, memory: {min: 10G}}
      redis: {slice: data.slice, systemd: {unit: redis.service}, memory: {min: 6G}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      db: {ram: 16G, reserved: 1G, swap: 0}
    slices: {data.slice: {}}
    services:
      postgresql: {slice: data.slice, systemd: {unit: postgresql.service}, memory: {min: 8G}}
      redis: {slice: data.slice, systemd: {unit: redis.service}, memory: {min: 6G}}
    ```
    """
    ram = around.memory_total
    if ram is None or ram.value is None:
        return
    reserve = around.facts.reserved
    huge = huge_pages(around)
    room = ram.value - huge.size - (reserve.value if reserve is not None and reserve.value is not None else 0)
    amounts = [(workload, _promise(workload) * workload.copies) for workload in around.services]
    promised = sum(amount for _, amount in amounts)
    if promised <= room:
        return
    less = f" minus the reserve of {reserve.value}" if reserve is not None else ""
    biggest = sorted(((workload, amount) for workload, amount in amounts if amount), key=lambda pair: -pair[1])[:5]
    largest = biggest[0][0]
    raw = next((one.at for one in (largest.memory_min, largest.memory_low) if one is not None), largest.at)
    yield Problem(
        ram.at if policy.source else raw,
        f"{policy.name} promises {Size(promised)}, but has {Size(max(room, 0))}: RAM of {ram.value}{less}{huge.less}",
        f"promise {Size(promised - room)} less, or move a service to another machine",
        (*(Related(workload.at, f"{workload.name} is promised {Size(amount)}") for workload, amount in biggest), *huge.related),
    )


def _promise(thing: Workload | Group) -> int:
    return max(size_of(thing.memory_min) or 0, size_of(thing.memory_low) or 0)
