"""Pods that one container keeps from being Guaranteed."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf import kubelet
from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._pods import limit_range, place, pods


def _even(one: kubelet.Container) -> bool:
    return (
        one.limit_memory is not None
        and one.limit_cpu_milli is not None
        and one.request_memory == one.limit_memory
        and one.request_cpu_milli in (None, one.limit_cpu_milli)
    )


@rule(on=Policy, severity=Severity.WARNING)
def almost_guaranteed(policy: Policy, around: Context) -> Iterator[Problem]:
    """One init container or sidecar without equal requests and limits takes the whole pod out of Guaranteed.

    The class is the pod's (pkg/apis/core/v1/helper/qos): limits of memory and CPU equal to the requests on every container, init
    containers and sidecars too. If all others are, somebody wanted -997, and the pod gets almost 1000 instead. Silent on
    patches, and where a LimitRange may fill the values in.

    ```yaml bad k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:

      containers:
        - name: api
          image: registry.example/api
          resources: {limits: {cpu: "1", memory: 1Gi}, requests: {cpu: "1", memory: 1Gi}}
      initContainers:
        - name: migrate   ⟵
          image: registry.example/api
    ```

    ```yaml good k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:

      containers:
        - name: api
          image: registry.example/api
          resources: {limits: {cpu: "1", memory: 1Gi}, requests: {cpu: "1", memory: 1Gi}}
      initContainers:
        - name: migrate
          image: registry.example/api
          resources: {limits: {cpu: "1", memory: 1Gi}}
    ```

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    services:
      api:
        memory: {max: 1Gi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1}}
      proxy:   ⟵
        memory: {max: 64Mi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: proxy, role: sidecar, requests: {memory: 64Mi}}
    ```
    """
    for view in pods(around.pods, around):
        if kubelet.qos(view.pod) == "Guaranteed" or limit_range(view.containers[0], around) is not None:
            continue
        if not policy.source and any(one.image is None for one in view.containers):
            continue  # a patch, which does not name all containers
        even = {one.name for one in view.pod.containers if _even(one)}
        odd = [one for one in view.containers if place(one).container not in even]
        main = [one for one in view.containers if place(one).role == "container"]
        if main and odd and all(place(one).role != "container" for one in odd) and all(place(one).container in even for one in main):
            for one in odd:
                yield Problem(
                    one.at,
                    f"the {place(one).role} container {one.name} alone keeps {view.name} from being Guaranteed",
                    "give it limits of memory and CPU, and requests equal to them or none",
                    (),
                    one.object,
                )
