"""Policy → Policy without percentages and unsaid derivations; idempotent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from oomconf.finding import Problem, Related
from oomconf.location import NOWHERE, Location
from oomconf.placement import KubernetesContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Amount, Group, Origin, Policy, Process, Setting, Workload, size_of
from oomconf.quantity import PAGE_SIZE, Percent, Size, floor_to_page, total

_MEMORY: Final = ("memory_min", "memory_low", "memory_high", "memory_max", "memory_swap_max")
_PREFERENCES: Final = {"critical": "omit", "high": "avoid"}
"""What the two upper levels of `protect` say to systemd-oomd (ManagedOOMPreference=)."""


def resolve(policy: Policy) -> Policy:
    """Turn shares of RAM into bytes, floor to the page, derive what slices must promise and what `protect` says to systemd-oomd.

    A share stays one where RAM is unknown. What came from a nominal RAM size carries the origin NOMINAL.
    The floor is the kernel's (mm/page_counter.c); the sums follow its effective protection (Documentation/admin-guide/cgroup-v2.rst).
    """
    amounts = _Amounts(policy)
    workloads = tuple(amounts.workload(workload) for workload in policy.workloads)
    groups = tuple(amounts.group(group) for group in policy.groups)
    # what a file leaves unsaid is in force as unsaid: only a spec's slices are completed
    return replace(policy, workloads=workloads, groups=_promises(groups, workloads, policy) if policy.source else groups)


class _Amounts:
    def __init__(self, policy: Policy) -> None:
        total = policy.facts.memory_total
        self.ram = None if total is None else total.value
        self.nominal = total is not None and total.origin is Origin.NOMINAL
        page = policy.facts.page_size
        self.page = PAGE_SIZE if page is None or page.value is None else page.value

    def bytes(self, setting: Setting[Amount] | None, *, is_pods: bool = False) -> Setting[Amount] | None:
        if setting is None or setting.value is None:
            return setting
        if isinstance(setting.value, Percent):
            if self.ram is None:
                return setting
            origin = Origin.NOMINAL if self.nominal else setting.origin
            return Setting(setting.value.of(self.ram, self.page), setting.at, origin, setting.text, setting.beat)
        if is_pods:  # the API server compares the bytes as written; the floor comes at the node, out of sight
            return setting
        floored = floor_to_page(setting.value, self.page)
        return setting if floored == setting.value else Setting(floored, setting.at, setting.origin, setting.text, setting.beat)

    def workload(self, workload: Workload) -> Workload:
        changed: dict[str, Any] = {}
        is_pods = isinstance(workload.placement, KubernetesContainer)
        for name in _MEMORY:
            before = getattr(workload, name)
            after = self.bytes(before, is_pods=is_pods)
            if after is not before:
                changed[name] = after
        if workload.managed_oom_preference is None and workload.protect is not None:
            preference = _PREFERENCES.get(workload.protect.value or "")
            if preference is not None and isinstance(workload.placement, SystemdUnit | QuadletUnit):
                changed["managed_oom_preference"] = Setting(preference, workload.protect.at, Origin.DERIVED, workload.protect.text)
        if any(process.memory is not None and isinstance(process.memory.value, Percent) for process in workload.processes):
            changed["processes"] = tuple(self.process(process) for process in workload.processes)
        return replace(workload, **changed) if changed else workload

    def process(self, process: Process) -> Process:
        return replace(process, memory=self.bytes(process.memory))

    def group(self, group: Group) -> Group:
        changed: dict[str, Any] = {name: after for name in _MEMORY if (after := self.bytes(before := getattr(group, name))) is not before}
        return replace(group, **changed) if changed else group


def _promises(groups: tuple[Group, ...], workloads: tuple[Workload, ...], policy: Policy) -> tuple[Group, ...]:
    """Give every slice, and its dashed parents, min and low as the sum of its members where unsaid."""
    slices = {group.name: group for group in groups if group.kind == "slice"}
    others = [group for group in groups if group.kind != "slice"]
    sums = _member_sums(workloads)
    places = _first_promises(workloads)
    for name in _bottom_up({*slices, *(slice_name for slice_name, _ in sums)}):
        group = slices.get(name)
        for field in ("memory_min", "memory_low"):
            amount = sums.get((name, field))
            said = size_of(getattr(group, field)) if group is not None else None
            carried = said if said is not None else amount
            parent = Group(name=name, object=name).parent
            if carried and parent is not None:
                sums[parent, field] = total([sums.get((parent, field), Size(0)), carried])
                places.setdefault((parent, field), places.get((name, field), NOWHERE))
            if amount is not None and (group is None or getattr(group, field) is None):
                group = group or Group(name=name, object=f"slices.{name}", at=policy.facts.at)
                derived: dict[str, Any] = {field: Setting(amount, places.get((name, field), group.at), Origin.DERIVED)}
                group = replace(group, **derived)
                slices[name] = group
    said_order = [group.name for group in groups if group.kind == "slice"]
    return (*(slices[name] for name in [*said_order, *sorted(set(slices) - set(said_order))]), *others)


def _member_sums(workloads: tuple[Workload, ...]) -> dict[tuple[str, str], Size]:
    sums: dict[tuple[str, str], Size] = {}
    for workload in workloads:
        if workload.slice is None or workload.slice.value is None:
            continue
        for field in ("memory_min", "memory_low"):
            amount = size_of(getattr(workload, field))
            if amount is not None and amount > 0:
                key = (workload.slice.value, field)
                sums[key] = total([sums.get(key, Size(0)), Size(amount * workload.copies)])
    return sums


def _first_promises(workloads: tuple[Workload, ...]) -> dict[tuple[str, str], Location]:
    """Where the first member of each slice is promised something: what is derived of it points there."""
    places: dict[tuple[str, str], Location] = {}
    for workload in workloads:
        for field in ("memory_min", "memory_low"):
            setting = getattr(workload, field)
            if workload.slice is not None and workload.slice.value is not None and setting is not None:
                places.setdefault((workload.slice.value, field), setting.at)
    return places


def _bottom_up(names: set[str]) -> list[str]:
    """Order slices so that each comes before the slices that hold it; parents are added."""
    every = set(names)
    for name in names:
        parent = Group(name=name, object=name).parent
        while parent is not None:
            every.add(parent)
            parent = Group(name=parent, object=parent).parent
    return sorted(every, key=lambda name: (-name.count("-"), name))


def impossible(policy: Policy) -> Iterator[Problem]:
    """Find what a resolved policy says and no target can render: shares of an unknown RAM, sums that do not fit, swap left open."""
    things: tuple[Workload | Group, ...] = (*policy.workloads, *policy.groups)
    for thing in things:
        for name in _MEMORY:
            setting = getattr(thing, name)
            if setting is not None and isinstance(setting.value, Percent):
                where = f"{policy.object} does not say its RAM" if policy.scope == "host" else "a pod without a host has no RAM to share"
                yield Problem(
                    setting.at,
                    f"{setting.text or setting.value} of what? {where}",
                    "say 'ram:' on the host, or a size here",
                    object=thing.object,
                )
    yield from _small_slices(policy)
    yield from _open_swap(policy)


def _small_slices(policy: Policy) -> Iterator[Problem]:
    sums = _member_sums(policy.workloads)
    groups = {group.name: group for group in policy.groups if group.kind == "slice"}
    for name in _bottom_up(set(groups)):
        group = groups.get(name)
        for field, word in (("memory_min", "min"), ("memory_low", "low")):
            amount = sums.get((name, field))
            setting = getattr(group, field) if group is not None else None
            said = size_of(setting)
            parent = Group(name=name, object=name).parent
            carried = said if said is not None else amount
            if carried is not None and parent is not None:
                sums[parent, field] = total([sums.get((parent, field), Size(0)), carried])
            if group is None or setting is None or said is None or amount is None or said >= amount:
                continue
            related = tuple(
                Related(promise.at, f"{workload.name} is promised {promise.value} here")
                for workload in policy.workloads
                if workload.slice is not None and workload.slice.value == name and (promise := getattr(workload, field)) is not None
            )
            yield Problem(
                setting.at,
                f"{name} carries {word} {said}, but its members are promised {amount}",
                f"say {word}: {amount} or more, or leave it out: it is then derived",
                related,
                object=group.object,
            )


def _open_swap(policy: Policy) -> Iterator[Problem]:
    swap = policy.facts.swap_total
    if swap is None or not swap.value:
        return
    for workload in policy.workloads:
        maximum = workload.memory_max
        if maximum is None or workload.memory_swap_max is not None or isinstance(workload.placement, KubernetesContainer):
            continue
        yield Problem(
            maximum.at,
            f"{workload.object} has max but no swap_max, and {policy.object} has {swap.value} of swap",
            "add swap_max here or under defaults.memory: 0 (killed at max), a size, or infinity; systemd would take infinity, Docker max",
            (Related(swap.at, "swap is declared here"),),
            object=workload.object,
        )
