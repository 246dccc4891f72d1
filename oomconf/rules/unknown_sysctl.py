"""Sysctls that no kernel has."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kernel.sysctls import SYSCTLS, suggest
from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def unknown_sysctl(policy: Policy, around: Context) -> Iterator[Problem]:
    """A vm sysctl with a near-miss name sets nothing.

    systemd-sysctl warns about a key that /proc/sys lacks and exits 0; the machine boots with the kernel's default. Only names
    in `vm.` that are close to a known one are reported: vendors add keys of their own.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl:
          set:
            vm.swapiness: 10   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl: {set: {vm.swappiness: 10}}
    ```

    ```yaml bad pod.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      initContainers:
        - name: tune
          image: registry.example/tools
          securityContext: {privileged: true}
          command: [sh, -c, "sysctl -w vm.max_map_count=262144 vm.swapiness=10"]   ⟵
    ```

    ```ini bad etc/sysctl.d/90-vm.conf
    vm.overcomit_memory = 2   ⟵
    ```
    """
    for name, setting in policy.sysctls.items():
        if name.startswith("vm.") and name not in SYSCTLS:
            near = suggest(name)
            if near:
                yield Problem(setting.at, f"the kernel has no {name}", f"did you mean {near}?")
