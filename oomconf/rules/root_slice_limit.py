"""Limits on the root of the tree."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Group
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Group, severity=Severity.WARNING)
def root_slice_limit(group: Group, around: Context) -> Iterator[Problem]:
    """A memory limit on -.slice is never written: the root cgroup has no memory files.

    systemd passes over Memory*= of the root slice (src/core/cgroup.c: cgroup_context_apply()), since memory.max and its like do not
    exist there (Documentation/admin-guide/cgroup-v2.rst). Limit system.slice, user.slice or a slice of your own.
    A spec cannot make this mistake: `check` refuses limits on -.slice.

    ```ini bad etc/systemd/system/-.slice.d/limits.conf
    [Slice]
    MemoryMax=90%   ⟵
    ```

    ```ini good etc/systemd/system/user.slice.d/limits.conf
    [Slice]
    MemoryMax=90%
    ```
    """
    if group.name != "-.slice":
        return
    for name in ("memory_min", "memory_low", "memory_high", "memory_max", "memory_swap_max"):
        setting = getattr(group, name)
        if setting is not None:
            yield Problem(
                setting.at,
                "the root cgroup has no memory limits: the line does nothing",
                "say it for system.slice, user.slice or one of your own",
            )
