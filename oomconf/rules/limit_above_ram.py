"""Limits that the machine cannot reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._huge_pages import huge_pages

_ENDLESS: Final = {"systemd": "infinity", "quadlet": "infinity", "cgroup": "max"}
"""The word for no limit, where a consumer has one."""


@rule(on=Workload, severity=Severity.ERROR, needs=("memory_total",))
def limit_above_ram(workload: Workload, around: Context) -> Iterator[Problem]:
    """A memory limit at or above the machine's RAM limits nothing.

    The kernel charges a cgroup up to `memory.max` and acts only then (Documentation/admin-guide/cgroup-v2.rst). A limit that
    RAM cannot reach is never met: the machine runs out first, and the global OOM killer chooses by size and `oom_score_adj`,
    not by who broke a limit. Nothing warns of it: systemd, Docker and the API server take any number. The limit counts against
    MemTotal, which is less than the size on the invoice, without what vm.nr_hugepages takes; a pod's limit counts against its
    node, or against `--host-ram` as the largest one.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 64G}   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 6G}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/api.service memory_total=8589934592
    [Service]
    ExecStart=/usr/bin/api
    MemoryMax=8G   ⟵
    ```

    ```yaml bad compose.yaml memory_total=8589934592
    services:
      api:
        image: registry.example/api
        mem_limit: 8g   ⟵
    ```

    ```ini bad etc/systemd/system/api.service memory_total=17179869184
    [Service]
    ExecStart=/usr/bin/api
    MemoryMax=9G   ⟵
    ```

    ```ini with etc/sysctl.d/90-vm.conf
    vm.nr_hugepages = 5000
    ```

    ```yaml bad pod.yaml memory_total=17179869184
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:
      containers:
        - name: api
          image: registry.example/api
          resources:
            limits: {memory: 64Gi}   ⟵
    ```

    ```ini good etc/systemd/system/api.service memory_total=8589934592
    [Service]
    ExecStart=/usr/bin/api
    MemoryMax=infinity
    ```
    """
    limit = size_of(workload.memory_max)
    ram = around.memory_total
    if limit is None or limit >= INFINITY or ram is None or ram.value is None or workload.memory_max is None:
        return
    huge = huge_pages(around)
    if limit < ram.value - huge.size:
        return
    endless = _ENDLESS.get(workload.placement.target, "leave it out")
    machine = "its node" if workload.placement.target == "kubernetes" else "the machine"
    yield Problem(
        workload.memory_max.at,
        f"{workload.name} may use {limit}, but {machine} has {Size(ram.value - huge.size)} of RAM{huge.less}",
        f"say less than RAM minus what the kernel and the other services need, or {around.said('infinity', endless)} if no limit is meant",
        (Related(ram.at, "RAM is declared here"), *huge.related),
    )
