"""Requests that say nothing about the need."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.placement import KubernetesContainer
from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Severity, rule

_FACTOR = 20


@rule(on=Workload, severity=Severity.NOTE)
def request_far_below_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """A memory request of a twentieth of the limit makes a container the first to be killed.

    The oom_score_adj of a Burstable container is 1000 minus the share of the node that it requests (pkg/kubelet/qos/policy.go), and
    pods above their request are the first that the kubelet evicts. A request that is far below the real use also lets the scheduler
    fill the node beyond its RAM.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    services:
      api:
        memory: {max: 8Gi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 16Mi}}   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    services:
      api:
        memory: {max: 8Gi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 4Gi}}
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
            requests: {memory: 16Mi}   ⟵
            limits: {memory: 8Gi}
    ```
    """
    request, limit = size_of(workload.memory_request), size_of(workload.memory_max)
    if workload.memory_request is None or request is None or not request or limit is None or limit >= INFINITY or request * _FACTOR > limit:
        return
    if isinstance(workload.placement, KubernetesContainer):
        yield Problem(
            workload.memory_request.at,
            f"{workload.name} requests {request} and may use {limit}, {limit // request} times as much",
            "request what it uses on an ordinary day",
        )
