"""Containers that may take all memory."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.placement import ComposeService, DockerContainer, KubernetesContainer
from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule

_CONTAINERS = (ComposeService, DockerContainer, KubernetesContainer)
_HOW = {"compose": "mem_limit", "docker": "--memory and --memory-swap", "kubernetes": "resources.limits.memory"}


@rule(on=Workload, severity=Severity.NOTE)
def no_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """A container without a memory limit may take the memory of every other one on its machine.

    Without a limit a leak ends in a global OOM kill, and the kernel may choose a neighbour: the choice is by size and score, not by
    guilt. Most repositories hold many such containers, so this is a note: `--ignore no-limit` turns it off. Silent where a slice
    above limits it, a LimitRange fills a limit in, a file is a patch without an image, or the shell puts options in.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:   ⟵
        compose: {file: compose.yaml, service: api}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 512M}
        compose: {file: compose.yaml, service: api}
    ```

    ```yaml bad compose.yaml
    services:
      api:   ⟵
        image: registry.example/api
    ```

    ```yaml good compose.yaml
    services:
      api:
        image: registry.example/api
        mem_limit: 512m
    ```

    ```yaml bad k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:

      containers:
        - name: api   ⟵
          image: registry.example/api
          resources: {requests: {memory: 256Mi}}
    ```

    ```sh bad run.sh
    docker run -d --name api registry.example/api   ⟵
    ```

    ```sh good run.sh
    docker run -d --name api $LIMITS registry.example/api
    ```
    """
    place = workload.placement
    if workload.memory_max is not None or around.limit(workload) is not None or not isinstance(place, _CONTAINERS):
        return
    if not around.policy.source and (workload.image is None or "$" in workload.image or "{" in workload.image):
        return
    if isinstance(place, KubernetesContainer):
        space = around.index.namespaces.get(place.namespace or "default")
        filled = None if space is None else space.limit_range
        if place.pod_level or place.role == "init" or (filled is not None and (filled.default is not None or filled.max is not None)):
            return
    asks = "" if workload.memory_request is not None or not isinstance(place, KubernetesContainer) else " and asks for none"
    yield Problem(workload.at, f"{workload.name} has no memory limit{asks}", f"say {_HOW[place.target]}, a little above its peak")
