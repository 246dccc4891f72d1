"""Pressure limits that nobody watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.policy import Group
from oomconf.rule import Context, Problem, Related, Severity, rule

_SHIPPED: Final = ("-.slice", "system.slice", "user.slice", "user-", "machine.slice", "app.slice", "session.slice", "background.slice")


@rule(on=Group, severity=Severity.WARNING)
def pressure_limit_without_kill(group: Group, around: Context) -> Iterator[Problem]:
    """ManagedOOMMemoryPressureLimit= does nothing unless ManagedOOMMemoryPressure=kill stands beside it.

    The limit only says at which pressure systemd-oomd acts on a slice that it watches; `auto`, the default, is not watched
    (systemd.resource-control(5)). On slices that systemd or a distribution ships an unsaid word is not reported: theirs may say `kill`.

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

    ```ini good etc/systemd/system/user.slice.d/50-limit.conf
    [Slice]
    ManagedOOMMemoryPressureLimit=50%
    ```
    """
    limit, said = group.managed_oom_memory_pressure_limit, group.managed_oom_memory_pressure
    if limit is None or limit.value is None or limit.value.permyriad == 0 or (said is not None and said.value != "auto"):
        return
    if said is None and group.name.startswith(_SHIPPED):
        return
    yield Problem(
        limit.at,
        f"a pressure limit of {limit.value} on {group.name}, but systemd-oomd does not watch it",
        "say memory_pressure: kill (ManagedOOMMemoryPressure=kill) beside it, or remove the limit",
        () if said is None else (Related(said.at, "it is not watched by this"),),
    )
