"""Limits in which nothing can start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.placement import ComposeService, DockerContainer, KubernetesContainer
from oomconf.policy import Amount, Group, Policy, Setting, Workload, size_of
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Severity, rule

_ENGINE: Final = Size(6 << 20)
"""moby: daemon/daemon_unix.go, linuxMinMemory."""
_POD: Final = Size(4 << 20)
_LEAST: Final = Size(1 << 20)


@rule(on=Policy, severity=Severity.ERROR)
def tiny_limit(policy: Policy, around: Context) -> Iterator[Problem]:
    """A limit this small is a slip of the unit.

    MemoryMax=512 is 512 bytes, which the kernel rounds down to no page at all (mm/page_counter.c: page_counter_memparse), and the
    service is killed as it starts; MemoryHigh=512 freezes it there. A Docker engine refuses a limit or a reservation below
    6 MiB when the container is made ("Minimum memory limit allowed is 6MB"), after `docker compose config` took it. A pod with
    less than 4 MiB does not start: its runtime needs more for the container's first process. Reported are systemd, slices, quadlets
    and cgroups below 1 MiB. No service is that small.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 512K}   ⟵
        systemd: {unit: api.service}
      web:
        memory: {max: 5M}   ⟵
        docker: {name: web, image: registry.example/web}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 512M}
        systemd: {unit: api.service}
      web:
        memory: {max: 50M}
        docker: {name: web, image: registry.example/web}
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    MemoryMax=512   ⟵
    ```

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: 512   ⟵
    ```

    ```yaml bad k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:
      containers:
        - name: api
          image: registry.example/api
          resources:
            limits: {memory: "512"}   ⟵
    ```
    """
    things: tuple[Workload | Group, ...] = (*policy.workloads, *policy.groups)
    for thing in things:
        for setting, least, effect in _checks(thing):
            size = size_of(setting)
            if setting is None or size is None or size >= least or (size == 0 and setting.text.strip() in ("0", "0.0")):
                continue
            text = setting.text.strip() or str(size)
            yield Problem(setting.at, f"{thing.name}: {text} is {_said(text, size)}{effect}", _help(text, least), object=thing.object)


def _checks(thing: Workload | Group) -> Iterator[tuple[Setting[Amount] | None, Size, str]]:
    place = thing.placement if isinstance(thing, Workload) else None
    if isinstance(place, DockerContainer | ComposeService):
        yield thing.memory_max, _ENGINE, f"below the {_ENGINE} that the engine takes"
        yield thing.memory_low, _ENGINE, f"below the {_ENGINE} that the engine takes"
    elif isinstance(place, KubernetesContainer):
        maximum = thing.memory_max
        # thousandths of a byte are another mistake
        if maximum is not None and not maximum.text.strip().endswith("m"):
            yield maximum, _POD, "too little for a container to start"
    else:
        yield thing.memory_max, _LEAST, "too little for any program to start"
        yield thing.memory_high, _LEAST, "so little that it stands still"


def _said(text: str, size: Size) -> str:
    if size == 0 and not text.isdigit():
        return "less than a page, "
    return f"{text} bytes, " if text.isdigit() else "" if text == str(size) else f"{size}, "


def _help(text: str, least: Size) -> str:
    return f"was {text}M meant?" if text.isdigit() else f"say {least} or more"
