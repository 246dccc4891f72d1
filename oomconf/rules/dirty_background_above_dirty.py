"""Write-back that begins too late."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def dirty_background_above_dirty(policy: Policy, around: Context) -> Iterator[Problem]:
    """A background write-back threshold at or above the hard one is silently replaced.

    The kernel then takes half the hard limit (mm/page-writeback.c: domain_dirty_limits), so what is read back is not what is
    in force. Dirty pages cannot be reclaimed: the numbers decide how much of RAM a stalled disk may hold.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      db:
        sysctl:
          set:
            vm.dirty_ratio: 10
            vm.dirty_background_ratio: 20   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      db:
        sysctl: {set: {vm.dirty_ratio: 20, vm.dirty_background_ratio: 5}}
    ```

    ```ini bad etc/sysctl.d/90-dirty.conf
    vm.dirty_bytes = 268435456
    vm.dirty_background_bytes = 268435456   ⟵
    ```
    """
    for unit in ("ratio", "bytes"):
        background, hard = around.sysctl(f"vm.dirty_background_{unit}"), around.sysctl(f"vm.dirty_{unit}")
        if background and hard and background >= hard:
            yield Problem(
                policy.sysctls[f"vm.dirty_background_{unit}"].at,
                f"write-back begins at {background}, not before the hard limit of {hard}",
                f"say less than {hard}, for example {hard // 4}",
                (Related(policy.sysctls[f"vm.dirty_{unit}"].at, "the hard limit is said here"),),
            )
