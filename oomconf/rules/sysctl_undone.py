"""Files that set one sysctl differently."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._beaten import undone


@rule(on=Policy, severity=Severity.WARNING)
def sysctl_undone(policy: Policy, around: Context) -> Iterator[Problem]:
    """Two files of one folder set the same sysctl, and the later name wins without a word.

    sysctl.d is read in order of file names, whatever their folders (sysctl.d(5)), so `99-hardening.conf` undoes `90-memory.conf`. A
    file in /etc over the vendor's in /usr/lib is meant to win; two files of one folder that differ are mostly two people who did
    not know of each other. A spec cannot make this mistake: it says each sysctl once.

    ```ini bad etc/sysctl.d/99-hardening.conf
    vm.overcommit_memory = 0   ⟵
    ```

    ```ini with etc/sysctl.d/90-memory.conf
    vm.overcommit_memory = 2
    vm.overcommit_ratio = 90
    ```

    ```ini good etc/sysctl.d/99-local.conf
    vm.swappiness = 10
    ```

    ```ini with usr/lib/sysctl.d/50-default.conf
    vm.swappiness = 60
    ```
    """
    for key, setting in policy.sysctls.items():
        other = undone(setting)
        if other is not None:
            yield Problem(
                setting.at,
                f"{key} is {setting.value} here, and {other.value} in {other.at.path.rpartition('/')[2]}, which is read earlier",
                "say it in one file",
                (Related(other.at, "undone by the later file"),),
            )
