"""Services of a node that its reservation does not cover."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy, Workload, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def node_reserve_too_small(policy: Policy, around: Context) -> Iterator[Problem]:
    """A node's own services may use more than its kubelet reserves for them.

    kubeReserved and systemReserved are the memory that the scheduler does not give to pods: kubelet, container engine, agents
    and all other units live there. The kubelet gives pods the rest, up to the last byte (memory.max of kubepods.slice). If the
    services beside it may use more than the reservation, a full node is short by the difference: the global OOM killer acts,
    and it takes pods for it. The limits of the units are added up, or what they are promised where they have none.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      pool:
        ram: 32G
        swap: 0
        kubelet:
          systemReserved: 512Mi   ⟵
    services:
      agent: {systemd: {unit: agent.service}, memory: {max: 768M}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      pool:
        ram: 32G
        swap: 0
        kubelet: {systemReserved: 1Gi}
    services:
      agent: {systemd: {unit: agent.service}, memory: {max: 768M}}
    ```
    """
    plan = policy.kubelet
    if plan is None or plan.system_reserved is None or plan.system_reserved.value is None:
        return
    kube = None if plan.kube_reserved is None else plan.kube_reserved.value
    room = Size(plan.system_reserved.value + (kube or 0))
    needs = [(workload, _most(workload)) for workload in around.services]
    total = Size(sum(size for _, size in needs))
    if total > room:
        biggest = sorted((pair for pair in needs if pair[1]), key=lambda pair: -pair[1])[:5]
        yield Problem(
            plan.system_reserved.at,
            f"{policy.name} reserves {room} for its own services, which may use {total}",
            f"reserve {total} and what the kubelet and the container engine need, or lower the limits",
            tuple(Related(workload.at, f"{workload.name} may use {size}") for workload, size in biggest),
        )


def _most(workload: Workload) -> Size:
    limit = size_of(workload.memory_max)
    if limit is None or limit >= INFINITY:
        limit = Size(max(size_of(workload.memory_min) or 0, size_of(workload.memory_low) or 0))
    return Size(limit * workload.copies)
