"""Settings in a file that boot may not read."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Policy, severity=Severity.NOTE)
def sysctl_conf_not_read(policy: Policy, around: Context) -> Iterator[Problem]:
    """/etc/sysctl.conf is not read at boot any more on newer systems.

    systemd-sysctl reads sysctl.d alone. Debian 12 links 99-sysctl.conf to the old file; Debian 13 ships neither, so what stands
    there is applied only when somebody runs `sysctl --system` or `sysctl -p` (procps 4.0.4-5). A file in /etc/sysctl.d is read by
    both. A spec cannot make this mistake: it is rendered into sysctl.d.

    ```ini bad etc/sysctl.conf
    vm.overcommit_memory = 2   ⟵
    vm.overcommit_ratio = 90
    ```

    ```ini good etc/sysctl.d/90-memory.conf
    vm.overcommit_memory = 2
    vm.overcommit_ratio = 90
    ```
    """
    said = [one for one in policy.sysctls.values() if one.at.path.endswith("sysctl.conf") and not one.at.path.endswith(".d/sysctl.conf")]
    if said:
        first = min(said, key=lambda one: one.at)
        yield Problem(
            first.at, "a system without the link 99-sysctl.conf does not read this file at boot", "move it to /etc/sysctl.d/90-memory.conf"
        )
