"""Pressure limits that nobody watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.placement import SystemdUnit
from oomconf.policy import Group, Policy, Workload
from oomconf.rule import Context, Problem, Related, Severity, rule

_SHIPPED: Final = ("-.slice", "system.slice", "user.slice", "user-", "machine.slice", "app.slice", "session.slice", "background.slice")


@rule(on=Policy, severity=Severity.WARNING)
def pressure_limit_without_kill(policy: Policy, around: Context) -> Iterator[Problem]:
    """ManagedOOMMemoryPressureLimit= does nothing unless ManagedOOMMemoryPressure=kill stands beside it.

    The limit only says at which pressure systemd-oomd acts on a slice or service that it watches; `auto`, the default, is not watched
    (systemd.resource-control(5)). On slices that systemd or a distribution ships, and in drop-ins of a service whose unit is not in
    the tree, an unsaid word is not reported: theirs may say `kill`.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    slices:
      work.slice:
        managed_oom: {memory_pressure_limit: 50%}   ⟵
    services:
      api: {slice: work.slice, systemd: {unit: api.service}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    slices:
      work.slice:
        managed_oom: {memory_pressure: kill, memory_pressure_limit: 50%}
    services:
      api: {slice: work.slice, systemd: {unit: api.service}}
    ```

    ```ini bad etc/systemd/system/work.slice
    [Slice]
    ManagedOOMMemoryPressureLimit=50%   ⟵
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    ManagedOOMMemoryPressureLimit=50%   ⟵
    ```

    ```ini good etc/systemd/system/api.service.d/50-limit.conf
    [Service]
    ManagedOOMMemoryPressureLimit=50%
    ```

    ```ini good etc/systemd/system/user.slice.d/50-limit.conf
    [Slice]
    ManagedOOMMemoryPressureLimit=50%
    ```
    """
    things: tuple[Group | Workload, ...] = (*policy.groups, *policy.workloads)
    for thing in things:
        limit, said = thing.managed_oom_memory_pressure_limit, thing.managed_oom_memory_pressure
        if limit is None or limit.value is None or limit.value.permyriad == 0 or (said is not None and said.value != "auto"):
            continue
        if said is None and _may_be_watched(thing):
            continue
        yield Problem(
            limit.at,
            f"a pressure limit of {limit.value} on {thing.name}, but systemd-oomd does not watch it",
            f"say {around.said('memory_pressure: kill', 'ManagedOOMMemoryPressure=kill')} beside it, or remove the limit",
            () if said is None else (Related(said.at, "it is not watched by this"),),
            thing.object,
        )


def _may_be_watched(thing: Group | Workload) -> bool:
    """Whether a file that is not here may say so."""
    if isinstance(thing, Group):
        return thing.name.startswith(_SHIPPED)
    return not (isinstance(thing.placement, SystemdUnit) and thing.placement.command)
