"""Quotas that do not hold the workloads of their namespace."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf import kubelet
from oomconf.policy import Group, Setting
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._pods import PodView, pods


@rule(on=Group, severity=Severity.ERROR)
def quota_below_workloads(group: Group, around: Context) -> Iterator[Problem]:
    """The workloads of a namespace add up to more than its quota.

    Pods beyond a ResourceQuota are refused with 403, one by one as they are created: some replicas run, the others never do,
    and a rolling update, which starts new pods before old ones are gone, stops half way (pkg/quota/v1/evaluator/core/pods.go). Counted are
    replicas times what a pod's containers and sidecars request and may use, or its largest init container; what the LimitRange
    fills in is counted too. A DaemonSet counts once, for its nodes are not known here.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {pool: {count: 9, ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    namespaces:
      prod:
        resourceQuota:
          limits.memory: 16Gi   ⟵
    services:
      api:
        replicas: 12
        memory: {max: 2Gi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 1Gi}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {pool: {count: 9, ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    namespaces:
      prod:
        resourceQuota:
          limits.memory: 32Gi
    services:
      api:
        replicas: 12
        memory: {max: 2Gi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 1Gi}}
    ```
    """
    quota = group.resource_quota
    if group.kind != "namespace" or quota is None:
        return
    views = pods(around.index.pods.get(group.name, ()), around)
    wanted = [(view, kubelet.effective_request(view.pod) * view.copies) for view in views]
    allowed = [(view, kubelet.effective_limit(view.pod) * view.copies) for view in views]
    yield from _memory("requests.memory", "request", quota.requests_memory, wanted)
    yield from _memory("limits.memory", "may use", quota.limits_memory, allowed)
    count = sum(view.copies for view in views)
    if quota.pods is not None and quota.pods.value is not None and count > quota.pods.value:
        yield Problem(
            quota.pods.at,
            f"the quota allows {quota.pods.value} pods, but the workloads of {group.name} are {count}",
            f"say {count} or more, and room for rolling updates",
            tuple(Related(view.at, f"{view.name} runs {view.copies}") for view in views[:5]),
        )


def _memory(word: str, does: str, bound: Setting[Size] | None, sums: list[tuple[PodView, int]]) -> Iterator[Problem]:
    total = Size(sum(size for _, size in sums))
    if bound is None or bound.value is None or total <= bound.value:
        return
    biggest = sorted((pair for pair in sums if pair[1]), key=lambda pair: -pair[1])[:5]
    yield Problem(
        bound.at,
        f"{word} of {bound.value} is less than the {total} that the workloads {does}",
        f"say {total} or more, and room for rolling updates, or run fewer replicas",
        tuple(Related(view.at, f"{view.name} takes {Size(size)} in all") for view, size in biggest),
    )
