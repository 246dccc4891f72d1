"""Nodes with swap whose kubelet does not want it."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.ERROR, needs=("swap_total",))
def kubelet_swap_conflict(policy: Policy, around: Context) -> Iterator[Problem]:
    """A Kubernetes node has swap, and its kubelet does not start with swap on.

    `failSwapOn` is true unless it is said: the kubelet exits with "running with swap on is not supported"
    (pkg/kubelet/cm/container_manager_linux.go), and a node that was fine stays away after its next boot. With `failSwapOn: false` pods
    still get no swap (`NoSwap`), but the system's own services do; `memorySwap: {swapBehavior: LimitedSwap}` gives Burstable pods
    their share. Silent on drop-ins and on patches, as those of kubeadm and kind, that do not speak of it: what they are put over may.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      pool:
        ram: 32G
        swap: 8G   ⟵
        kubelet: {version: "1.36"}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      pool:
        ram: 32G
        swap: 8G
        kubelet: {version: "1.36", failSwapOn: false}
    ```

    ```yaml good etc/kubernetes/kubelet.conf.d/50-images.conf swap_total=2147483648
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    imageGCHighThresholdPercent: 90
    ```
    """
    swap, kubelet = policy.facts.swap_total, policy.kubelet
    if kubelet is None or swap is None or not swap.value:
        return
    said = kubelet.fail_swap_on
    if said is None and not kubelet.whole:
        return
    if said is None or said.value is not False:
        where = Related(kubelet.at if said is None else said.at, "failSwapOn is true" + (" unless it is said" if said is None else ""))
        yield Problem(
            swap.at,
            f"{policy.name} has {swap.value} of swap, and its kubelet does not start with swap on",
            "say failSwapOn: false in the kubelet's settings, or swap: 0",
            (where,),
        )
