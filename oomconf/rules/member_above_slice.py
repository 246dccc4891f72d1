"""Limits that a slice cuts off."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.WARNING)
def member_above_slice(workload: Workload, around: Context) -> Iterator[Problem]:
    """A service may use more than the slice it lives in.

    Limits of all ancestors apply (Documentation/admin-guide/cgroup-v2.rst). The slice's limit is met first, and then the OOM
    killer chooses among *all* members of the slice: a neighbour may die for this service's growth.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 16G, swap: 0}}
    slices: {work.slice: {memory: {max: 2G}}}
    services:
      api:
        slice: work.slice
        memory: {max: 3G}   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 16G, swap: 0}}
    slices: {work.slice: {memory: {max: 4G}}}
    services:
      api:
        slice: work.slice
        memory: {max: 3G}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Slice=work.slice
    MemoryMax=3G   ⟵
    ```

    ```ini with etc/systemd/system/work.slice
    [Slice]
    MemoryMax=2G
    ```
    """
    limit = size_of(workload.memory_max)
    if limit is None or limit >= INFINITY or workload.slice is None or workload.memory_max is None:
        return
    for group in around.ancestors(workload.slice.value):
        cap = size_of(group.memory_max)
        if cap is not None and group.memory_max is not None and limit > cap:
            yield Problem(
                workload.memory_max.at,
                f"{workload.name} may use {limit}, but {group.name} only {cap}",
                f"say at most {cap}, or raise the slice",
                (Related(group.memory_max.at, f"{group.name} is limited here"),),
            )
            return
