"""Containers that their namespace's LimitRange refuses."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.placement import KubernetesContainer
from oomconf.policy import LimitRange, Setting, Workload, size_of
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._pods import limit_of, limit_range, request_of


@rule(on=Workload, severity=Severity.ERROR)
def outside_limitrange(workload: Workload, around: Context) -> Iterator[Problem]:
    """A container asks for what the LimitRange of its namespace refuses.

    LimitRanger acts when a pod is created: a limit above `max`, or a request below `min`, is answered with 403, and the
    Deployment shows no pods and an event (plugin/pkg/admission/limitranger). A trap is a request without a limit: the limit that is filled
    in from `default` may be below it, which is 422. `default` is no ceiling: a limit above it is fine.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    namespaces: {prod: {limitRange: {default: 512Mi, max: 2Gi}}}
    services:
      api:
        memory: {max: 4Gi}   ⟵
        kubernetes: {workload: Deployment/api, namespace: prod, container: api}
    ```

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    namespaces: {prod: {limitRange: {default: 512Mi, max: 2Gi}}}
    services:
      api:
        kubernetes:
          workload: Deployment/api
          namespace: prod
          container: api
          requests:
            memory: 1Gi   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    namespaces: {prod: {limitRange: {default: 512Mi, max: 2Gi}}}
    services:
      api:
        memory: {max: 2Gi}
        kubernetes: {workload: Deployment/api, namespace: prod, container: api, requests: {memory: 1Gi}}
    ```
    """
    if not isinstance(workload.placement, KubernetesContainer):
        return
    filled = limit_range(workload, around)
    if filled is None or _is_refused(filled):
        return
    limit, request = limit_of(workload, filled), request_of(workload, filled)
    name = workload.name
    if limit is not None and filled.max is not None and filled.max.value is not None and limit > filled.max.value:
        message = f"{name} may use {limit}, but containers of its namespace at most {filled.max.value}"
        yield _problem(workload, message, filled.max)
    if request is not None and filled.min is not None and filled.min.value is not None and request < filled.min.value:
        message = f"{name} requests {request}, but containers of its namespace at least {filled.min.value}"
        yield _problem(workload, message, filled.min)
    if workload.memory_max is None and filled.default is not None and limit and request is not None and request > limit:
        message = f"{name} requests {request}, but is given the namespace's default limit of {limit}"
        yield _problem(workload, message, filled.default)


def _is_refused(filled: LimitRange) -> bool:
    """Whether its numbers contradict each other: limitrange-contradiction says so, and nothing is made of it."""
    least, most = size_of(filled.min), size_of(filled.max)
    return least is not None and most is not None and least > most


def _problem(workload: Workload, message: str, bound: Setting[Size]) -> Problem:
    setting = workload.memory_max or workload.memory_request
    at = workload.at if setting is None else setting.at
    related = (Related(bound.at, "the LimitRange says so here"),)
    return Problem(at, message, "say what the LimitRange allows, or change the LimitRange", related)
