"""Overrides that take a limit away."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Group, Policy, Workload
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def override_removes_limit(policy: Policy, around: Context) -> Iterator[Problem]:
    """An override takes a memory limit away that the file below it sets.

    `MemoryMax=infinity`, an empty `MemoryMax=`, `mem_limit: 0`, `!reset`, an `!override` without it and a dropped floating-point
    number all mean no limit, and the base file still looks as if there were one. Where it is meant, an ignore with the reason says so
    to the next reader.
    A spec cannot make this mistake: an override is written out beside what it overrides.

    ```ini bad etc/systemd/system/web.service.d/override.conf
    [Service]
    MemoryMax=infinity   ⟵
    ```

    ```ini with usr/lib/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    ```

    ```yaml bad compose.override.yaml
    services:
      api:
        mem_limit: 0   ⟵
    ```

    ```yaml with compose.yaml
    services:
      api:
        image: registry.example/api
        mem_limit: 512m
    ```

    ```yaml bad compose.override.yaml
    services:
      api:
        mem_limit: !reset null   ⟵
    ```

    ```yaml with compose.yaml
    services:
      api:
        image: registry.example/api
        mem_limit: 512m
    ```

    ```yaml good compose.prod.yaml
    services:
      api:
        mem_limit: !reset null
        mem_reservation: 0
    ```

    ```yaml with compose.yaml
    services:
      api:
        image: registry.example/api
        mem_reservation: 256m
    ```

    ```ini good etc/systemd/system/web.service.d/override.conf
    [Service]
    MemoryMax=4G
    ```

    ```ini with usr/lib/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    ```
    """
    things: tuple[Workload | Group, ...] = (*policy.workloads, *policy.groups)
    for thing in things:
        for name in ("memory_max", "memory_high"):
            setting = getattr(thing, name)
            if setting is None or setting.value != INFINITY:
                continue
            below = next((one for one in setting.beat if one.value is not None and one.value != INFINITY), None)
            if below is not None and below.at.path != setting.at.path:
                yield Problem(
                    setting.at,
                    f"{thing.name} had a limit of {below.text}, and has none any more",
                    "say a size, or ignore this with the reason",
                    (Related(below.at, "the limit that is taken away"),),
                    thing.object,
                )
