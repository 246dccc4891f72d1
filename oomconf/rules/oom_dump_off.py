"""OOM reports without their evidence."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def oom_dump_off(policy: Policy, around: Context) -> Iterator[Problem]:
    """oom_dump_tasks 0 takes the table of processes out of every OOM report.

    The table says who held what and with which score: without it nobody can tell why this process died and who is next.
    It costs something only with 100,000 tasks or so (Documentation/admin-guide/sysctl/vm.rst).

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl:
          set:
            vm.oom_dump_tasks: 0   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl: {set: {vm.oom_dump_tasks: 1}}
    ```

    ```ini bad etc/sysctl.d/90-vm.conf
    vm.oom_dump_tasks = 0   ⟵
    ```
    """
    if around.sysctl("vm.oom_dump_tasks") == 0:
        yield Problem(
            policy.sysctls["vm.oom_dump_tasks"].at, "the report of a kill will not list the processes", "say 1, the kernel's default"
        )
