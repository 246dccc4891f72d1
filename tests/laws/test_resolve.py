"""Resolution: once is enough, nothing is left to resolve, and slices carry what their members are promised."""

from __future__ import annotations

from typing import Any

from generated import maybe
from hypothesis import assume, given
from hypothesis import strategies as st

from oomconf.placement import SystemdUnit
from oomconf.policy import Facts, Group, Policy, Setting, Workload, size_of
from oomconf.quantity import INFINITY, Percent, Size
from oomconf.resolver import resolve

FIELDS = ("memory_min", "memory_low", "memory_high", "memory_max", "memory_swap_max")
SLICES = ("a.slice", "a-b.slice", "a-b-c.slice", "d.slice")
sizes = st.one_of(st.integers(0, 1 << 40).map(Size), st.just(INFINITY))
shares = st.integers(0, 10_000).map(Percent)
promises = st.one_of(st.integers(0, 1 << 40).map(Size), shares)


@st.composite
def policies(draw: Any) -> Policy:
    def said() -> dict[str, Any]:
        amounts = {
            name: draw(maybe(promises if name in ("memory_min", "memory_low") else st.one_of(sizes, shares))) for name in FIELDS[:-1]
        }
        return {**amounts, "memory_swap_max": draw(maybe(sizes))}

    workloads = tuple(
        Workload(
            name=name,
            object=f"services.{name}",
            placement=SystemdUnit(unit=f"{name}.service"),
            slice=draw(maybe(st.sampled_from(SLICES))),
            protect=draw(maybe(st.sampled_from(["critical", "high", "normal", "low"]))),
            **said(),
        )
        for name in ("x", "y", "z")
    )
    groups = tuple(Group(name=name, object=f"slices.{name}", **said()) for name in draw(st.sets(st.sampled_from(SLICES))))
    facts = Facts(memory_total=draw(maybe(st.integers(1 << 24, 1 << 42).map(Size))), page_size=draw(maybe(st.sampled_from([4096, 65536]))))
    return Policy(name="h", object="hosts.h", source="oomconf.yaml", facts=facts, workloads=workloads, groups=groups)


def amounts(policy: Policy) -> list[Setting[Any]]:
    things = (*policy.workloads, *policy.groups)
    return [setting for thing in things for name in FIELDS if (setting := getattr(thing, name)) is not None]


@given(policies())
def test_resolving_twice_is_resolving_once(policy: Policy) -> None:
    once = resolve(policy)
    assert resolve(once) == once


@given(policies())
def test_what_can_be_resolved_is(policy: Policy) -> None:
    page = size_of(policy.facts.page_size) or 4096
    for setting in amounts(resolve(policy)):
        if isinstance(setting.value, Percent):
            assert policy.facts.memory_total is None
        else:
            assert setting.value == INFINITY or setting.value % page == 0


@given(policies())
def test_a_slice_that_says_nothing_carries_what_its_members_are_promised(policy: Policy) -> None:
    assume(policy.facts.memory_total is not None)  # a share of nobody knows what is refused elsewhere
    said = {group.name: group for group in policy.groups}
    resolved = resolve(policy)
    groups = {group.name: group for group in resolved.groups}
    for field in ("memory_min", "memory_low"):
        for name in SLICES:
            if name in said and getattr(said[name], field) is not None:
                continue
            members = [size_of(getattr(one, field)) for one in resolved.workloads if one.slice is not None and one.slice.value == name]
            below = [size_of(getattr(group, field)) for group in resolved.groups if group.parent == name]
            needs = [size for size in (*members, *below) if size is not None]
            if sum(needs):
                assert size_of(getattr(groups[name], field)) == min(sum(needs), INFINITY)
