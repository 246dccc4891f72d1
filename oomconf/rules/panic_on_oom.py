"""Machines that panic when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Policy, severity=Severity.ERROR)
def panic_on_oom(policy: Policy, around: Context) -> Iterator[Problem]:
    """panic_on_oom stops the whole machine where one process could die.

    1 panics on a global shortage; 2 on *every* one, also when a single container meets its own limit, so one leaking
    container takes the host down (mm/oom_kill.c: check_panic_on_oom). With kernel.panic at its default 0 the machine then
    hangs until somebody comes. It belongs on a debugging host, with a crash dump set up: say `debug: true` there.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web:
        ram: 8G
        sysctl:
          set:
            vm.panic_on_oom: 2   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      lab:
        ram: 8G
        debug: true
        sysctl: {set: {vm.panic_on_oom: 2, kernel.panic: 10}}
    ```

    ```ini bad etc/sysctl.d/90-oom.conf
    vm.panic_on_oom = 1   ⟵
    kernel.panic = 10
    ```
    """
    value = around.sysctl("vm.panic_on_oom")
    debugging = around.facts.debugging
    if value not in (1, 2) or (debugging is not None and debugging.value is True):
        return
    every = "every shortage, a container's own limit included," if value == 2 else "a shortage of memory"
    yield Problem(
        policy.sysctls["vm.panic_on_oom"].at,
        f"{every} panics {policy.name}",
        "say 0 and let one process die" + around.said("; or mark the host 'debug: true'"),
    )
