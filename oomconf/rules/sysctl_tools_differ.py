"""Values that depend on who applies them."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def sysctl_tools_differ(policy: Policy, around: Context) -> Iterator[Problem]:
    """A sysctl in /etc/sysctl.conf and in sysctl.d has one value at boot and another after sysctl --system.

    systemd-sysctl, which runs at boot, reads sysctl.d alone, and the old file only where 99-sysctl.conf leads to it; procps reads
    /etc/sysctl.conf last of all (sysctl(8)). So the machine behaves otherwise after somebody applied the same files by hand, and
    nobody sees why. A spec cannot make this mistake: it is rendered into sysctl.d.

    ```ini bad etc/sysctl.conf
    vm.overcommit_memory = 1   ⟵
    ```

    ```ini with etc/sysctl.d/90-memory.conf
    vm.overcommit_memory = 2
    ```

    ```ini good etc/sysctl.conf
    vm.overcommit_memory = 2
    ```

    ```ini with etc/sysctl.d/90-memory.conf
    vm.overcommit_memory = 2
    ```
    """
    for key, setting in policy.sysctls.items():
        other = next((one for one in setting.beat if one.at.path != setting.at.path), None)
        if setting.at.path.endswith("etc/sysctl.conf") and other is not None and other.value != setting.value:
            yield Problem(
                setting.at,
                f"{key} is {other.value} after a boot, and {setting.value} after sysctl --system",
                "say it in one file of /etc/sysctl.d",
                (Related(other.at, "the value of a boot"),),
            )
