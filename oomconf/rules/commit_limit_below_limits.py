"""Strict overcommit that makes limits unreachable."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._commit import limited


@rule(on=Policy, severity=Severity.WARNING, needs=("memory_total", "swap_total"))
def commit_limit_below_limits(policy: Policy, around: Context) -> Iterator[Problem]:
    """Under vm.overcommit_memory=2 a service meets the commit limit before its own memory.max.

    Accounting counts what is asked for, not what is used: a process that maps more than CommitLimit gets ENOMEM however much memory is
    free (mm/util.c: __vm_enough_memory). A service whose limit alone, with the machine's `reserved`, is beyond CommitLimit can never
    use it: its memory.max decides nothing, and malloc failing decides instead, in whichever process of the machine asks next.
    Without swap and with the ratio unsaid, which is 50, half of RAM is out of reach of everybody.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      db:
        ram: 16G
        swap: 0
        sysctl:
          set:
            vm.overcommit_memory: 2
            vm.overcommit_ratio: 60   ⟵
    services:
      postgresql: {systemd: {unit: postgresql.service}, memory: {max: 12G}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      db:
        ram: 16G
        swap: 0
        sysctl:
          set:
            vm.overcommit_memory: 2
            vm.overcommit_ratio: 90
    services:
      postgresql: {systemd: {unit: postgresql.service}, memory: {max: 12G}}
    ```

    ```ini bad etc/sysctl.d/90-vm.conf memory_total=17179869184 swap_total=0
    vm.overcommit_memory = 2   ⟵
    ```

    ```ini good etc/sysctl.d/90-vm.conf memory_total=17179869184 swap_total=17179869184
    vm.overcommit_memory = 2
    ```
    """
    known = limited(around)
    if known is None:
        return
    limit, setting, sum_of = known
    reserve = around.facts.reserved
    room = Size(max(limit - (reserve.value or 0 if reserve is not None else 0), 0))
    over = [(one, size_of(one.memory_max) or 0) for one in around.services]
    beyond = [(one, size) for one, size in over if room < size < INFINITY]
    said = policy.sysctls
    if not beyond and not around.swap_total and not said.keys() & {"vm.overcommit_ratio", "vm.overcommit_kbytes"}:
        yield Problem(
            setting.at,
            f"half of the RAM of {policy.name} can never be allocated: the kernel commits at most {limit} ({sum_of})",
            "say vm.overcommit_ratio too: about 90 where there is no swap",
        )
    if beyond:
        names = ", ".join(one.name for one, _ in beyond[:5])
        yield Problem(
            setting.at,
            f"the kernel commits at most {limit} on {policy.name} ({sum_of}), less than the limit of {names}",
            "raise vm.overcommit_ratio, add swap, or lower the limit",
            tuple(Related(one.memory_max.at, f"{one.name} may use {size}") for one, size in beyond[:5] if one.memory_max is not None),
        )
