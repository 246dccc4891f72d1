"""Caches that are never given back."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Policy, severity=Severity.ERROR)
def vfs_cache_pressure_zero(policy: Policy, around: Context) -> Iterator[Problem]:
    """vfs_cache_pressure 0 lets the inode cache grow until processes are killed.

    At 0 the kernel never reclaims dentries and inodes (Documentation/admin-guide/sysctl/vm.rst says it may end in OOM): a
    backup that walks the disk fills RAM with names, and the killer takes services that did nothing.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      files:
        sysctl:
          set:
            vm.vfs_cache_pressure: 0   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      files:
        sysctl: {set: {vm.vfs_cache_pressure: 50}}
    ```

    ```ini bad etc/sysctl.d/90-vm.conf
    vm.vfs_cache_pressure = 0   ⟵
    ```
    """
    if around.sysctl("vm.vfs_cache_pressure") == 0:
        yield Problem(
            policy.sysctls["vm.vfs_cache_pressure"].at,
            "names and inodes are never given back to the machine",
            "say 1 or more; 100 is the kernel's default",
        )
