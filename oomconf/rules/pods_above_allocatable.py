"""Nodes that are asked for more than they have for pods."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf import kubelet
from oomconf.policy import Kubelet, Policy
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._pods import pods


@rule(on=Policy, severity=Severity.ERROR, needs=("memory_total",))
def pods_above_allocatable(policy: Policy, around: Context) -> Iterator[Problem]:
    """Pods request more memory than their nodes have for pods.

    The scheduler fills a node up to allocatable: its RAM minus kubeReserved, systemReserved and the evictionHard threshold of
    memory.available (100Mi unless said). A pod that requests more than one node's allocatable stays Pending for ever; replicas
    that request more than all nodes of the group together leave some Pending, and a lost node finds no room elsewhere. A pod's request
    is the sum of its containers and sidecars, or an init container's if that is more.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      pool: {count: 2, ram: 16G, swap: 0, kubelet: {systemReserved: 1Gi, kubeReserved: 1Gi}}
    services:
      api:
        replicas: 8
        memory: {max: 4Gi}   ⟵
        kubernetes: {workload: Deployment/api, namespace: prod, container: api}
    ```

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      pool: {count: 9, ram: 16G, swap: 0, kubelet: {systemReserved: 1Gi, kubeReserved: 1Gi}}
    services:
      api:
        memory: {max: 15Gi}
        kubernetes:
          workload: Deployment/api
          namespace: prod
          container: api
          requests:
            memory: 14Gi   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      pool: {count: 2, ram: 16G, swap: 0, kubelet: {systemReserved: 1Gi, kubeReserved: 1Gi}}
    services:
      api:
        replicas: 8
        memory: {max: 4Gi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 3Gi}}
    ```
    """
    plan, ram = policy.kubelet, around.memory_total
    if plan is None or ram is None or ram.value is None:
        return
    room = _allocatable(plan, ram.value)
    count = 1 if policy.facts.count is None or policy.facts.count.value is None else policy.facts.count.value
    related = (Related(ram.at, f"of {ram.value} of RAM a node has {room} for pods"),)
    total = 0
    views = [(view, kubelet.effective_request(view.pod)) for view in pods(around.pods, around)]
    for view, request in views:
        if request > room:
            yield Problem(
                view.at,
                f"a pod of {view.name} requests {request}, but a node of {policy.name} has {room} for pods: it stays Pending",
                "request less, or give it larger nodes",
                related,
                view.containers[0].object,
            )
        else:
            total += request * (count if view.kind == "DaemonSet" else view.copies)
    if total > count * room:
        largest, request = max(views, key=lambda pair: pair[1] * pair[0].copies)
        nodes = f"the {count} nodes of {policy.name} have" if count > 1 else f"{policy.name} has"
        yield Problem(
            largest.at,
            f"pods request {Size(total)} together, but {nodes} {Size(count * room)} for pods",
            "request less, run fewer replicas, or add nodes",
            related,
            largest.containers[0].object,
        )


def _allocatable(plan: Kubelet, capacity: Size) -> Size:
    kube, system = plan.kube_reserved, plan.system_reserved
    eviction = plan.eviction_hard
    return kubelet.allocatable(
        capacity,
        0 if kube is None else kube.value or 0,
        0 if system is None else system.value or 0,
        kubelet.DEFAULT_EVICTION_HARD if eviction is None or eviction.value is None else eviction.value,
    )
