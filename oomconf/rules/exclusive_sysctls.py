"""Pairs of sysctls of which one erases the other."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kernel.sysctls import EXCLUSIVE_PAIRS
from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def exclusive_sysctls(policy: Policy, around: Context) -> Iterator[Problem]:
    """Of two sysctls that say one thing, the later write erases the earlier.

    overcommit_ratio and overcommit_kbytes, dirty_ratio and dirty_bytes, dirty_background_ratio and dirty_background_bytes:
    writing one sets the other to 0 (mm/util.c: overcommit_ratio_handler; mm/page-writeback.c). With both in one set the
    winner is decided by the order in which a program happens to apply the files.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl:
          set:
            vm.overcommit_ratio: 80
            vm.overcommit_kbytes: 8388608   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web:
        sysctl: {set: {vm.overcommit_ratio: 80}}
    ```

    ```ini bad etc/sysctl.d/90-dirty.conf
    vm.dirty_ratio = 20
    vm.dirty_bytes = 1073741824   ⟵
    ```
    """
    for pair in EXCLUSIVE_PAIRS:
        said = [(name, policy.sysctls[name]) for name in pair if name in policy.sysctls]
        if len(said) == 2 and all(setting.value not in (None, "0") for _, setting in said):
            (first, one), (second, two) = sorted(said, key=lambda row: (row[1].at.path, row[1].at.line))
            yield Problem(
                two.at,
                f"{second} and {first} exclude each other: whichever is written last sets the other to 0",
                "keep one of them",
                (Related(one.at, f"{first} is said here"),),
            )
