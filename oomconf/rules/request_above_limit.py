"""Pod requests above their limits."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Workload, severity=Severity.ERROR)
def request_above_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """A memory request above the limit is refused when the pod is made.

    The API server answers 422 `must be less than or equal to memory limit`; but for a Deployment it takes the object and
    only the pods fail, later, in an event that nobody reads (pkg/apis/core/validation: validateResourceRequirements).

    ```yaml bad oomconf.yaml
    version: 1
    services:
      api:
        memory: {max: 512Mi}
        kubernetes:
          workload: Deployment/api
          container: api
          requests: {memory: 1Gi}   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    services:
      api:
        memory: {max: 1Gi}
        kubernetes:
          workload: Deployment/api
          container: api
          requests: {memory: 512Mi}
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
            requests: {memory: 1Gi}   ⟵
            limits: {memory: 512Mi}
    ```

    ```yaml good k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:

      containers:
        - name: api
          image: registry.example/api
          resources:
            requests: {memory: 512M}
            limits: {memory: 512m}
    ```
    """
    request, limit = size_of(workload.memory_request), size_of(workload.memory_max)
    if request is None or limit is None or limit == 0 or request <= limit or workload.memory_request is None or workload.memory_max is None:
        return
    if workload.memory_max.text.strip().endswith("m"):
        return  # thousandths of a byte are another mistake
    yield Problem(
        workload.memory_request.at,
        f"{workload.name} requests {request}, above its limit of {limit}",
        f"request at most {limit}, or raise the limit",
        (Related(workload.memory_max.at, "the limit is declared here"),),
    )
