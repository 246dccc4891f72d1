"""Evictions that come after the OOM killer."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kubelet import DEFAULT_EVICTION_HARD
from oomconf.policy import Policy
from oomconf.quantity import Percent
from oomconf.rule import Context, Problem, Severity, rule

_WHOLE = 10_000


@rule(on=Policy, severity=Severity.WARNING)
def eviction_too_small(policy: Policy, around: Context) -> Iterator[Problem]:
    """An evictionHard of almost nothing leaves a full node to the kernel's OOM killer.

    The kubelet looks at memory.available every 10 seconds and evicts pods that use more than they requested, by priority. A
    threshold of 0 % or 100 % switches that off; below the kubelet's own 100Mi there is no time to see it. The kernel then
    chooses by oom_score_adj and size, kills processes instead of pods, and the kubelet restarts them in place
    (pkg/kubelet/eviction/helpers.go).

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      pool:
        ram: 32G
        swap: 0
        kubelet:
          evictionHard:
            memory.available: 10Mi   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      pool:
        ram: 32G
        swap: 0
        kubelet: {evictionHard: {memory.available: 500Mi}}
    ```
    """
    said = None if policy.kubelet is None else policy.kubelet.eviction_hard
    if said is None or said.value is None:
        return
    if isinstance(said.value, Percent):
        if said.value.permyriad in (0, _WHOLE):
            yield Problem(said.at, f"memory.available at {said.text} switches eviction off", "say 500Mi, or a share such as 2%")
    elif said.value < DEFAULT_EVICTION_HARD:
        yield Problem(
            said.at,
            f"eviction at {said.value} of memory left comes after the kernel's OOM killer",
            "say 100Mi, the kubelet's own choice, or more on a large node",
        )
