"""Pods that are to be protected and are not Guaranteed."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf import kubelet
from oomconf.policy import Policy, Workload
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._pods import PodView, pods

_PROTECTED = ("critical", "high")


@rule(on=Policy, severity=Severity.ERROR)
def qos_contradicts_protection(policy: Policy, around: Context) -> Iterator[Problem]:
    """A pod that is to be protected is not Guaranteed, so it dies before those that are.

    A pod gets no oom_score_adj of its own: the kubelet computes it from the QoS class (pkg/kubelet/qos/policy.go). Guaranteed is -997;
    Burstable is 1000 minus the share of the node that it requests, so almost 1000 for a small pod; BestEffort is 1000. Guaranteed
    needs limits of memory and of CPU on every container, init containers and sidecars too, each equal to its request: memory alone
    leaves it Burstable, and so does one sidecar without a CPU limit.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    services:
      api:
        protect: high   ⟵
        memory: {max: 1Gi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 1Gi}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    services:
      api:
        protect: high
        memory: {max: 1Gi}
        kubernetes:
          workload: Deployment/api
          namespace: prod
          container: api
          requests: {cpu: 500m, memory: 1Gi}
          limits: {cpu: 500m}
    ```
    """
    for view in pods(around.pods, around):
        wanted = [(one, one.protect) for one in view.containers if one.protect is not None and one.protect.value in _PROTECTED]
        category = kubelet.qos(view.pod)
        if not wanted or category == "Guaranteed":
            continue
        lacks = list(_lacks(view))
        for one, said in wanted:
            others = tuple(Related(other.at, words) for other, words in lacks if other is not one)
            own = next((words for other, words in lacks if other is one), others[0].message if others else "requests and limits differ")
            yield Problem(
                said.at,
                f"{one.name} is to be {said.value}, but its pod is {category}: {own}",
                "give every container of the pod limits of memory and CPU, each equal to its request",
                others,
                one.object,
            )


def _lacks(view: PodView) -> Iterator[tuple[Workload, str]]:
    for workload, container in zip(view.containers, kubelet.admitted(view.pod).containers, strict=True):
        missing = [
            word for word, value in (("a memory limit", container.limit_memory), ("a CPU limit", container.limit_cpu_milli)) if not value
        ]
        if missing:
            yield workload, f"{container.name} has no {' and no '.join(word.removeprefix('a ') for word in missing)}"
        elif container.request_memory != container.limit_memory:
            yield workload, f"{container.name} requests less memory than its limit"
        elif container.request_cpu_milli != container.limit_cpu_milli:
            yield workload, f"{container.name} requests less CPU than its limit"
