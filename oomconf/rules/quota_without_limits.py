"""Pods that a quota refuses because they say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.placement import KubernetesContainer
from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._pods import limit_of, limit_range, request_of


@rule(on=Workload, severity=Severity.ERROR)
def quota_without_limits(workload: Workload, around: Context) -> Iterator[Problem]:
    """A container says no memory in a namespace whose quota counts it.

    Where a ResourceQuota has limits.memory, every container of a new pod, init containers too, must have a memory limit, and where it has
    requests.memory a request; else the pod is refused with 403 "must specify limits.memory" (pkg/quota/v1/evaluator/core/pods.go).
    A LimitRange with `default` fills them in first: quota and LimitRange belong together.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    namespaces: {prod: {resourceQuota: {limits.memory: 64Gi}}}
    services:
      api:   ⟵
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 1Gi}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    namespaces: {prod: {limitRange: {default: 2Gi}, resourceQuota: {limits.memory: 64Gi}}}
    services:
      api:
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 1Gi}}
    ```
    """
    if not isinstance(workload.placement, KubernetesContainer) or workload.placement.pod_level:
        return
    space = around.index.namespaces.get(workload.placement.namespace or "default")
    if space is None or space.resource_quota is None:
        return
    quota, filled = space.resource_quota, limit_range(workload, around)
    for word, bound, value in (
        ("limits.memory", quota.limits_memory, limit_of(workload, filled)),
        ("requests.memory", quota.requests_memory, request_of(workload, filled)),
    ):
        if bound is not None and bound.value is not None and value is None:
            yield Problem(
                workload.at,
                f"{workload.name} says no memory {word.split('.')[0].removesuffix('s')}, but the quota of {space.name} counts {word}",
                "say memory.max, or give the namespace a LimitRange with a default",
                (Related(bound.at, "the quota says so here"),),
            )
