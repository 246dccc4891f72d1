"""Pods that are to go first and are the last to."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf import kubelet
from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._pods import pods


@rule(on=Policy, severity=Severity.WARNING)
def expendable_guaranteed(policy: Policy, around: Context) -> Iterator[Problem]:
    """A pod that is to go first is Guaranteed, so it is among the last.

    Limits equal to requests, of memory and CPU on every container, make a pod Guaranteed, and the kubelet gives it an
    oom_score_adj of -997 (pkg/kubelet/qos/policy.go): on a node that runs out, everything Burstable and BestEffort is killed
    before it. A request below the limit makes it Burstable, none at all BestEffort with 1000.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    services:
      report:
        protect: expendable   ⟵
        memory: {max: 1Gi}
        kubernetes: {workload: CronJob/report, namespace: prod, container: report, requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {pool: {ram: 32G, swap: 0, kubelet: {version: "1.36"}}}
    services:
      report:
        protect: expendable
        memory: {max: 1Gi}
        kubernetes: {workload: CronJob/report, namespace: prod, container: report, requests: {cpu: 1, memory: 512Mi}}
    ```
    """
    for view in pods(around.pods, around):
        low = [(one, one.protect) for one in view.containers if one.protect is not None and one.protect.value in ("low", "expendable")]
        if low and len(low) == len(view.containers) and kubelet.qos(view.pod) == "Guaranteed":
            for one, said in low:
                yield Problem(
                    said.at,
                    f"{one.name} is to be {said.value}, but its pod is Guaranteed, with an oom_score_adj of -997",
                    "request less memory than the limit",
                    (),
                    one.object,
                )
