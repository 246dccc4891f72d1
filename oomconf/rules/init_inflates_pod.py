"""Init containers that make a pod larger than it is."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._pods import place, pods, request_of

_FACTOR = 2


@rule(on=Policy, severity=Severity.WARNING)
def init_inflates_pod(policy: Policy, around: Context) -> Iterator[Problem]:
    """An init container that asks for more than all others together reserves that for the pod's whole life.

    The scheduler takes the larger of the sum of the containers and of each init container (component-helpers: resource/helpers.go),
    and keeps it reserved when the init container is long gone: a node looks full, and pods stay pending or are packed elsewhere.

    ```yaml bad k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:

      initContainers:
        - name: index
          image: registry.example/index
          resources: {requests: {memory: 6Gi}, limits: {memory: 6Gi}}   ⟵
      containers:
        - name: api
          image: registry.example/api
          resources: {requests: {memory: 512Mi}, limits: {memory: 512Mi}}
    ```

    ```yaml good k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:

      initContainers:
        - name: index
          image: registry.example/index
          resources: {requests: {memory: 512Mi}, limits: {memory: 512Mi}}
      containers:
        - name: api
          image: registry.example/api
          resources: {requests: {memory: 512Mi}, limits: {memory: 512Mi}}
    ```

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    services:
      api:
        memory: {max: 512Mi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 512Mi}}
      index:
        memory: {max: 6Gi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: index, role: init, requests: {memory: 6Gi}}   ⟵
    ```
    """
    for view in pods(around.pods, around):
        running = [request_of(one, None) or 0 for one in view.containers if place(one).role != "init"]
        for one in view.containers:
            asked = request_of(one, None)
            if place(one).role != "init" or asked is None or not sum(running) or asked <= _FACTOR * sum(running):
                continue
            said = one.memory_request or one.memory_max
            yield Problem(
                one.at if said is None else said.at,
                f"{one.name} runs once and asks for {asked}; the rest of {view.name} asks for {Size(sum(running))}",
                "do its work in a Job, or make it smaller",
                (),
                one.object,
            )
