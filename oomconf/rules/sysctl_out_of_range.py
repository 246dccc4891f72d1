"""Sysctl values that the kernel refuses."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kernel.sysctls import check_value
from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Policy, severity=Severity.ERROR)
def sysctl_out_of_range(policy: Policy, around: Context) -> Iterator[Problem]:
    """A sysctl value that the kernel refuses leaves the old one in force.

    Out of range, or no number: the write fails with EINVAL and the value stays what it was (kernel/sysctl.c). At boot that is
    one line in the journal, and the rest of the file is applied. Sizes with a suffix are no numbers to the kernel, and
    a leading zero makes a number octal.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl:
          set:
            vm.swappiness: 300   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl: {set: {vm.swappiness: 10}}
    ```

    ```ini bad etc/sysctl.d/90-vm.conf
    vm.overcommit_memory = 3   ⟵
    ```
    """
    for name, setting in policy.sysctls.items():
        reason = None if setting.value is None else check_value(name, setting.value)
        if reason is not None:
            yield Problem(
                setting.at,
                f"{name} cannot be '{setting.value}': {reason}",
                "say a value that the kernel takes; 'man 5 proc' and the kernel's sysctl pages list them",
            )
