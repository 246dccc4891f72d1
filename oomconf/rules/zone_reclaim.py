"""Reclaim from the near node before the far one is used."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule

_KEY = "vm.zone_reclaim_mode"


@rule(on=Policy, severity=Severity.WARNING)
def zone_reclaim(policy: Policy, around: Context) -> Iterator[Problem]:
    """zone_reclaim_mode throws the page cache of one NUMA node away while another has free memory.

    With a value other than 0 an allocation reclaims from its own node before it takes memory of another
    (Documentation/admin-guide/sysctl/vm.rst): databases and file servers stall and lose their cache with half of the RAM free. 0 is
    the kernel's default since 3.16; only jobs that are pinned to nodes gain.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      db:
        sysctl: {set: {vm.zone_reclaim_mode: 1}}   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      db:
        sysctl: {set: {vm.zone_reclaim_mode: 0}}
    ```

    ```ini bad etc/sysctl.d/90-numa.conf
    vm.zone_reclaim_mode = 1   ⟵
    ```
    """
    value = around.sysctl(_KEY)
    if value:
        yield Problem(policy.sysctls[_KEY].at, f"zone_reclaim_mode {value} reclaims on one node while others have free memory", "say 0")
