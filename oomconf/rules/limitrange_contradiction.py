"""LimitRanges that the API server refuses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from oomconf.policy import Group, Setting
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Group, severity=Severity.ERROR)
def limitrange_contradiction(group: Group, around: Context) -> Iterator[Problem]:
    """The numbers of a LimitRange contradict each other, so the API server refuses it.

    Of type Container they must stand in the order min ≤ defaultRequest ≤ default ≤ max (pkg/apis/core/validation: ValidateLimitRange());
    a refused LimitRange is none, and pods start without the defaults that a quota or a node counts on. What is unsaid is filled in:
    `default` from `max`, `defaultRequest` from `default`.

    ```yaml bad oomconf.yaml
    version: 1
    namespaces:
      prod:
        limitRange:
          defaultRequest: 1Gi   ⟵
          default: 512Mi
    ```

    ```yaml good oomconf.yaml
    version: 1
    namespaces:
      prod: {limitRange: {defaultRequest: 256Mi, default: 512Mi, max: 4Gi}}
    ```

    ```yaml bad k8s/limits.yaml
    apiVersion: v1
    kind: LimitRange
    metadata: {name: limits, namespace: prod}
    spec:
      limits:
        - type: Container
          default: {memory: 2Gi}   ⟵
          max: {memory: 1Gi}
    ```
    """
    plan = group.limit_range
    if plan is None:
        return
    said: list[tuple[str, Setting[Size]]] = [
        (word, setting)
        for word, setting in (
            ("min", plan.min),
            ("defaultRequest", plan.default_request),
            ("default", plan.default),
            ("max", plan.max),
        )
        if setting is not None and setting.value is not None
    ]
    for (lower, low), (upper, high) in pairwise(said):
        if low.value is not None and high.value is not None and low.value > high.value:
            yield Problem(
                low.at,
                f"{lower} of {low.value} is more than {upper} of {high.value}",
                f"say {lower} of {high.value} or less, or raise {upper}",
                (Related(high.at, f"{upper} is said here"),),
            )
