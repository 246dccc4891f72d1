"""Machines on which everything is dear."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy, Workload, size_of
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._scores import protected


@rule(on=Policy, severity=Severity.WARNING)
def everything_protected(policy: Policy, around: Context) -> Iterator[Problem]:
    """Protection of every service is protection of none.

    A score only orders: the kernel adds `oom_score_adj` times a thousandth of RAM and swap to what a process holds and kills
    the largest sum (mm/oom_kill.c: oom_badness). Where all services are below 0, those go first that nobody listed, logins,
    agents, time jobs, which free next to nothing, and then one of the protected dies all the same. Somebody must be the one
    who may. Reported from three services on, if all say a score and all scores are negative; silent if all have limits that
    fit into RAM together (less what is reserved), since the machine then hardly ever has to choose.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api: {protect: critical, systemd: {unit: api.service}}
      queue: {protect: critical, systemd: {unit: queue.service}}
      report:
        protect: high   ⟵
        systemd: {unit: report.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api: {protect: critical, systemd: {unit: api.service}}
      queue: {protect: critical, systemd: {unit: queue.service}}
      report:
        protect: low
        systemd: {unit: report.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, reserved: 1G, swap: 0}}
    services:
      api: {protect: critical, memory: {max: 3G}, systemd: {unit: api.service}}
      queue: {protect: critical, memory: {max: 2G}, systemd: {unit: queue.service}}
      report: {protect: high, memory: {max: 1G}, systemd: {unit: report.service}}
    ```

    ```yaml bad compose.yaml
    services:
      api: {image: api, oom_score_adj: -500}
      queue: {image: queue, oom_score_adj: -500}
      report:
        image: report
        oom_score_adj: -300   ⟵
    ```
    """
    said = [(workload, adj) for workload in around.services if (adj := protected(workload)) is not None]
    if len(said) < 3 or len(said) < len(around.services) or _fit(around.services, around):
        return
    least, adj = max(said, key=lambda pair: pair[1].value or 0)
    yield Problem(
        adj.at,
        f"all {len(said)} services of {policy.name} are protected, {least.name} the least at {adj.value}: none is there to go first",
        f"leave those that may die first at {around.said('normal, low or expendable', '0 or above')}",
        tuple(Related(other.at, f"{workload.name} is at {other.value} here") for workload, other in said[:20] if workload is not least),
    )


def _fit(workloads: tuple[Workload, ...], around: Context) -> bool:
    """Whether limits keep the services inside RAM, so that the machine does not run out through them."""
    ram, reserved = around.memory_total, around.facts.reserved
    if ram is None or ram.value is None:
        return False
    most = 0 if reserved is None or reserved.value is None else int(reserved.value)
    for workload in workloads:
        size = size_of(workload.memory_max)
        if size is None or size >= INFINITY:
            return False
        most += size * workload.copies
    return most <= ram.value
