"""Sysctls that do something once."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Severity, rule

_ACTIONS = {
    "vm.drop_caches": "throws the page cache away once",
    "vm.compact_memory": "compacts memory once",
}


@rule(on=Policy, severity=Severity.WARNING)
def sysctl_is_an_action(policy: Policy, around: Context) -> Iterator[Problem]:
    """drop_caches and compact_memory are actions, not settings.

    Writing them does a thing once; in sysctl.d it is done at boot, when there is nothing to drop, and again whenever somebody
    runs `sysctl --system`, when it costs the warm cache of a busy machine (Documentation/admin-guide/sysctl/vm.rst).

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl:
          set:
            vm.drop_caches: 3   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl: {set: {vm.vfs_cache_pressure: 100}}
    ```

    ```yaml bad tasks.yml
    - ansible.posix.sysctl:
        name: vm.drop_caches
        value: "3"   ⟵
    ```

    ```ini bad etc/sysctl.d/90-vm.conf
    vm.drop_caches = 1   ⟵
    ```
    """
    for name, what in _ACTIONS.items():
        if name in policy.sysctls:
            yield Problem(policy.sysctls[name].at, f"{name} {what}: it sets nothing", "remove it")
