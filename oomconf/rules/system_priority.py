"""Applications with the priority of the cluster itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oomconf.placement import KubernetesContainer
from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule

_NAME: Final = re.compile(r"[a-z0-9-]+")
"""Anything else is a template's, and nobody knows what it will be."""
_OF_CLUSTER: Final = ("kube-", "openshift-")


@rule(on=Workload, severity=Severity.WARNING)
def system_priority(workload: Workload, around: Context) -> Iterator[Problem]:
    """An application with a system- priority class outlives the parts of the cluster that keep it alive.

    system-node-critical and system-cluster-critical stand above every priority a user can make (2000000000 and more). The kubelet
    gives a node-critical pod an oom_score_adj of -997 and never evicts it, so a leak of it takes the node
    (pkg/kubelet/qos/policy.go). Silent on DaemonSets, whose agents are parts of a node, and in namespaces of the cluster: kube-*,
    openshift-*, *-system, and where a template names the namespace. A spec cannot make this mistake: it names no priority classes.

    ```yaml bad k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api, namespace: shop}
    spec:
      priorityClassName: system-node-critical
      containers:
        - name: api   ⟵
          image: registry.example/api
    ```

    ```yaml good k8s/builder.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: builder, namespace: "{{.TargetNamespace}}"}
    spec:
      priorityClassName: system-cluster-critical
      containers:
        - name: builder
          image: registry.example/builder
    ```

    ```yaml good k8s/agent.yaml
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: agent, namespace: kube-system}
    spec:
      template:
        spec:
          priorityClassName: system-node-critical
          containers:
            - name: agent
              image: registry.example/agent
    ```
    """
    place = workload.placement
    if not isinstance(place, KubernetesContainer) or not (place.priority_class or "").startswith("system-") or place.namespace is None:
        return
    if _NAME.fullmatch(place.namespace) is None or place.namespace.endswith("-system") or place.namespace.startswith(_OF_CLUSTER):
        return
    if place.kind == "DaemonSet":
        return
    yield Problem(
        workload.at,
        f"{workload.name} in {place.namespace} has the priority of the cluster's own pods, {place.priority_class}",
        "make a PriorityClass for it, with a value below 1000000000",
    )
