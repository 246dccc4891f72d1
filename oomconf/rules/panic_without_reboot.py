"""Machines that hang after a panic."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def panic_without_reboot(policy: Policy, around: Context) -> Iterator[Problem]:
    """A machine that panics on OOM and does not reboot hangs for good.

    `kernel.panic` is the number of seconds to the reboot after a panic; 0 waits for ever, below 0 reboots at once
    (Documentation/admin-guide/sysctl/kernel.rst). Together with vm.panic_on_oom a shortage becomes an outage that lasts
    until somebody has hands on the machine.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      lab:
        debug: true
        sysctl:
          set:
            vm.panic_on_oom: 1
            kernel.panic: 0   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      lab:
        debug: true
        sysctl:
          set:
            vm.panic_on_oom: 1
            kernel.panic: 10
    ```

    ```ini bad etc/sysctl.d/90-oom.conf
    vm.panic_on_oom = 1
    kernel.panic = 0   ⟵
    ```
    """
    if around.sysctl("vm.panic_on_oom") in (1, 2) and around.sysctl("kernel.panic") == 0:
        yield Problem(
            policy.sysctls["kernel.panic"].at,
            f"{policy.name} panics when memory runs out, and then waits for ever",
            f"say kernel.panic{around.said(':', ' =')} 10 or so: seconds to the reboot",
            (Related(policy.sysctls["vm.panic_on_oom"].at, "panics here"),),
        )
