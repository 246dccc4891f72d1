"""Sysctls that the kubelet overwrites or does not start with."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kernel.profiles import PROFILES
from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule

_INSISTS = PROFILES["kubernetes-node"]


@rule(on=Policy, severity=Severity.ERROR)
def kubelet_sysctl_conflict(policy: Policy, around: Context) -> Iterator[Problem]:
    """A Kubernetes node says a sysctl that the kubelet sets otherwise.

    At its start the kubelet writes vm.overcommit_memory=1, vm.panic_on_oom=0, kernel.panic=10, kernel.panic_on_oops=1,
    kernel.keys.root_maxkeys=1000000 and kernel.keys.root_maxbytes=25000000 over whatever sysctl.d set at boot; with
    protectKernelDefaults it refuses to start instead (pkg/kubelet/cm/container_manager_linux.go: setupKernelTunables()). So the
    value said here is either not in force, or the node does not come up.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      pool:
        ram: 32G
        swap: 0
        kubelet: {version: "1.36"}
        sysctl:
          set:
            vm.overcommit_memory: 2   ⟵
            vm.overcommit_ratio: 90
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      pool:
        ram: 32G
        swap: 0
        kubelet: {version: "1.36"}
        sysctl: {profile: kubernetes-node}
    ```

    ```yaml bad pod.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: tune}
    spec:
      initContainers:
        - name: tune
          image: registry.example/tools
          securityContext: {privileged: true}
          command: [sh, -c, "echo 2 > /proc/sys/vm/overcommit_memory"]   ⟵
    ```
    """
    if policy.kubelet is None:
        return
    for name, wanted in _INSISTS.values.items():
        said = around.sysctl(name)
        if said is not None and said != wanted:
            yield Problem(
                policy.sysctls[name].at,
                f"{name} is {said} here, but the kubelet sets {wanted} at its start or refuses to start",
                f"say {wanted}{around.said(', or sysctl: {profile: kubernetes-node}')}",
                (Related(policy.kubelet.at, f"{policy.name} runs a kubelet"),),
            )
