"""Reservations that leave nothing for pods."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf import kubelet
from oomconf.policy import Policy
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.ERROR, needs=("memory_total",))
def reserve_above_capacity(policy: Policy, around: Context) -> Iterator[Problem]:
    """What a kubelet reserves leaves nothing of the node for pods.

    The kubelet exits if kubeReserved and systemReserved are more than the node has, and with the threshold of evictionHard on
    top a node with nothing left is always under MemoryPressure and evicts whatever starts
    (pkg/kubelet/cm/node_container_manager_linux.go: validateNodeAllocatable()).

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      edge:
        ram: 2G
        swap: 0
        kubelet:
          systemReserved: 1Gi   ⟵
          kubeReserved: 1Gi
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      edge:
        ram: 2G
        swap: 0
        kubelet:
          systemReserved: 256Mi
          kubeReserved: 256Mi
    ```
    """
    plan, ram = policy.kubelet, around.memory_total
    if plan is None or ram is None or ram.value is None:
        return
    said = [setting for setting in (plan.system_reserved, plan.kube_reserved) if setting is not None and setting.value]
    reserved = sum(setting.value or 0 for setting in said)
    eviction = plan.eviction_hard
    threshold = kubelet.DEFAULT_EVICTION_HARD if eviction is None or eviction.value is None else eviction.value
    if said and kubelet.allocatable(ram.value, reserved, 0, threshold) == 0:
        biggest = max(said, key=lambda setting: setting.value or 0)
        yield Problem(
            biggest.at,
            f"{Size(reserved)} reserved and the eviction threshold leave nothing of the {ram.value} of {policy.name} for pods",
            "reserve less",
            (Related(ram.at, "RAM is declared here"),),
        )
