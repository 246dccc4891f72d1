"""Swap that may not be used."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.WARNING, needs=("swap_total",))
def swappiness_zero_with_swap(policy: Policy, around: Context) -> Iterator[Problem]:
    """swappiness 0 keeps swap unused until it is too late.

    0 does not turn swap off: anonymous pages are spared until file pages are nearly gone (mm/vmscan.c: get_scan_count), so the
    machine stalls on reading its programs back in while swap stands empty, and the killer comes earlier. It also drops swap
    from what a cgroup's scores are weighed by. 1 to 10 keeps swap for the last resort; to have none, have none.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      db:
        swap: 8G
        sysctl:
          set:
            vm.swappiness: 0   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      db:
        swap: 8G
        sysctl: {set: {vm.swappiness: 1}}
    ```

    ```ini bad etc/sysctl.d/90-vm.conf swap_total=8589934592
    vm.swappiness = 0   ⟵
    ```
    """
    swap = around.facts.swap_total
    if around.sysctl("vm.swappiness") == 0 and swap is not None and swap.value:
        yield Problem(
            policy.sysctls["vm.swappiness"].at,
            f"{policy.name} has {swap.value} of swap that swappiness 0 leaves unused until the end",
            "say 1 to 10, or remove the swap",
            (Related(swap.at, "swap is declared here"),),
        )
