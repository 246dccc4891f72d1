"""Limits that only cgroup v2 has, on a machine that is told to boot with v1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oomconf.policy import Group, Policy, Setting, Workload
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def cgroup_v1_drops_limits(policy: Policy, around: Context) -> Iterator[Problem]:
    """systemd.unified_cgroup_hierarchy=0 leaves memory.high, low, min and swap.max without effect.

    cgroup v1 has none of them: systemd passes over MemoryHigh=, MemoryLow=, MemoryMin= and MemorySwapMax= there, and takes MemoryMax=
    alone for memory.limit_in_bytes (systemd.resource-control(5)). From systemd 258 on there is no v1 at all. Nothing is said where
    no service asks for them. A spec cannot make this mistake unseen: not-expressible says what `cgroup_version: 1` costs.

    ```sh bad etc/default/grub
    GRUB_CMDLINE_LINUX="systemd.unified_cgroup_hierarchy=0"   ⟵
    ```

    ```ini with etc/systemd/system/app.service
    [Service]
    ExecStart=/usr/bin/app
    MemoryHigh=1G
    MemoryMax=2G
    ```

    ```sh good etc/default/grub
    GRUB_CMDLINE_LINUX="systemd.unified_cgroup_hierarchy=0"
    ```

    ```ini with etc/systemd/system/app.service
    [Service]
    ExecStart=/usr/bin/app
    MemoryMax=2G
    ```
    """
    version = around.facts.cgroup_version
    if policy.source or version is None or version.value != 1:
        return
    things: tuple[Workload | Group, ...] = (*around.services, *policy.groups)
    lost = [(thing, setting) for thing in things for setting in _lost(thing)]
    if lost:
        names = ", ".join(dict.fromkeys(thing.name for thing, _ in lost[:5]))
        yield Problem(
            version.at,
            f"cgroup v1 has no memory.high, low, min and swap.max: what {names} says of them does nothing",
            "remove it, and boot with cgroup v2",
            tuple(Related(setting.at, f"{thing.name} says it here") for thing, setting in lost[:10]),
        )


def _lost(thing: Workload | Group) -> list[Setting[Any]]:
    promises = [one for one in (thing.memory_low, thing.memory_min) if one is not None and one.value]
    limits = [one for one in (thing.memory_high, thing.memory_swap_max) if one is not None and one.value not in (None, INFINITY)]
    return [*promises, *limits]
