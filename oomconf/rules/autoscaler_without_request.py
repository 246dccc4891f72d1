"""Autoscalers that cannot compute a share."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def autoscaler_without_request(entry: Entry, around: Context) -> Iterator[Problem]:
    """An autoscaler on memory does nothing while one container of its target has no memory request.

    averageUtilization is a share of the request, and a pod with one container that has none, a sidecar too, gives "missing request
    for memory" (HorizontalPodAutoscaler walkthrough): the number of pods stays what it is while they run out of memory.
    A spec cannot make this mistake: it has no autoscalers.

    ```yaml bad k8s/api.yaml
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: api}
    spec:
      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}
      maxReplicas: 5
      metrics:
        - type: Resource
          resource:
            name: memory
            target: {type: Utilization, averageUtilization: 80}   ⟵
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: api}
    spec:
      template:
        spec:
          containers:
            - name: api
              image: registry.example/api
              resources: {requests: {memory: 512Mi}}
            - name: proxy
              image: registry.example/proxy
    ```

    ```yaml good k8s/api.yaml
    apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {name: api}
    spec:
      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}
      maxReplicas: 5
      metrics:
        - type: Resource
          resource:
            name: memory
            target: {type: Utilization, averageUtilization: 80}
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: api}
    spec:
      template:
        spec:
          containers:
            - name: api
              image: registry.example/api
              resources: {requests: {memory: 512Mi}}
    ```
    """
    if entry.dialect == "kubernetes" and entry.section == "autoscaler":
        yield Problem(
            entry.at,
            f"the container {entry.key} has no memory request, so there is no share to compute: it never scales",
            "give every container of the target a memory request",
            object=entry.object,
        )
