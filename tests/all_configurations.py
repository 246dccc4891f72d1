"""Small machines, all configurations of them, and what the kernel does in each: what simulate is held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product

from hypothesis import strategies as st

from oomconf.kernel.version import KernelVersion
from oomconf.quantity import INFINITY
from oomconf.simulation.nouns import Domain, Group, Machine, Member, Part, Witness

PAGE = 4096
ADJ = st.sampled_from([-1000, -4, -2, -1, 0, 0, 1, 2, 4])


# ── small machines ───────────────────────────────────────────────────────────────────────────────────────────────────────


def pages(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high).map(lambda count: count * PAGE)


def limits(low: int, high: int) -> st.SearchStrategy[int]:
    return st.just(INFINITY) | pages(low, high)


@st.composite
def parts(draw: st.DrawFn) -> tuple[Part, ...]:
    if draw(st.booleans()):
        return (Part(name="all", oom_score_adj=draw(ADJ)),)
    return tuple(
        Part(
            name=f"p{number}",
            oom_score_adj=draw(ADJ),
            count=draw(st.sampled_from([1, 1, 2, 3])),
            size=draw(st.none() | pages(1, 2)),
        )
        for number in range(draw(st.integers(1, 2)))
    )


@st.composite
def machines(draw: st.DrawFn, most: int = 3) -> Machine:
    inner = Group(name="in", max=draw(limits(2, 8)), swap_max=draw(limits(0, 3)))
    outer = Group(name="out", max=draw(limits(2, 8)), swap_max=draw(limits(0, 3)))
    members = tuple(
        Member(
            name=f"m{number}",
            parts=draw(parts()),
            max=draw(limits(1, 8)),
            swap_max=draw(limits(0, 3)),
            groups=draw(st.sampled_from([(), ("out",), ("in", "out"), ("in", "out")])),
            protected=draw(st.booleans()),
            use=draw(pages(1, 4)),
            oom_policy=draw(st.sampled_from(["continue", "stop", "kill"])),
            restart=draw(st.sampled_from(["no", "on-failure", "on-abort", "always"])),
        )
        for number in range(draw(st.integers(2, most)))
    )
    point = draw(st.sampled_from([0, 1, 2]))
    swap = draw(pages(0, 3))
    return Machine(
        name="box",
        memory=draw(pages(3, 8)),
        memory_total=1000 * point * PAGE,
        swap=swap,
        members=members,
        groups={"in": inner, "out": outer},
        kernel=draw(st.sampled_from([None, KernelVersion(5, 4)])),
    )


def scaled(domain: Domain, machine: Machine) -> Domain:
    """The domain with the machine's weight of a point: a real one has more than a thousand pages."""
    return replace(domain, total_pages=machine.total_pages)


# ── all that can be, by the rules of mm/oom_kill.c and mm/memcontrol.c alone ──────────────────────────────────────────────


def partitions(total: int, most: int) -> Iterator[tuple[int, ...]]:
    if total == 0:
        yield ()
    for head in range(1, min(total, most) + 1):
        for tail in partitions(total - head, head):
            yield (head, *tail)


@cache
def sizes_of(part: Part, total: int) -> tuple[tuple[int, ...], ...]:
    """All splits of a total among the processes of a part."""
    if part.size is not None:
        fixed = (part.size // PAGE,) * (part.count or 1)
        return (fixed,) if sum(fixed) == total else ()
    return tuple(one for one in partitions(total, total) if one and part.count in (None, len(one)))


@cache
def weights(parts: tuple[Part, ...], total: int, point: int) -> tuple[int | None, int | None] | None:
    """What the heaviest process of a service weighs at least and at most with so many pages; None if no split has so many."""
    shapes: list[tuple[int | None, ...]] = []
    for shares in product(range(total + 1), repeat=len(parts)):
        if sum(shares) != total:
            continue
        for sizes in product(*(sizes_of(part, share) for part, share in zip(parts, shares, strict=True))):
            weighed = [
                size + part.oom_score_adj * point
                for part, each in zip(parts, sizes, strict=True)
                for size in each
                if part.oom_score_adj != -1000
            ]
            shapes.append((max(weighed),) if weighed else (None,))
    if not shapes:
        return None
    found = [shape[0] for shape in shapes]
    if found[0] is None:
        return None, None
    return min(one for one in found if one is not None), max(one for one in found if one is not None)


def within(machine: Machine, domain: Domain, held: dict[str, int], *, which: str) -> bool:
    """Whether sizes in memory, or in swap, keep to every limit of services and groups inside the domain."""
    for member in domain.members:
        limit = member.max if which == "memory" else member.swap_max
        if held[member.name] * PAGE > limit:
            return False
    for group in machine.groups.values():
        if group.name == domain.name:
            continue
        inside = [member for member in domain.members if group.name in member.groups and _below(member, group.name, domain)]
        limit = group.max if which == "memory" else group.swap_max
        if inside and sum(held[member.name] for member in inside) * PAGE > limit:
            return False
    return True


def _below(member: Member, group: str, domain: Domain) -> bool:
    return domain.kind == "global" or domain.name not in member.groups or member.groups.index(group) < member.groups.index(domain.name)


def runs_out(machine: Machine, domain: Domain, held: dict[str, int], *, loose: bool, swap: int, foreign: int | None = 0) -> bool:
    """Whether with these sizes memory can have run out: full to the page, and nothing more can go to swap."""
    names = list(held)
    for chosen in product(*(range(size + 1) for size in held.values())):
        swapped = dict(zip(names, chosen, strict=True))
        resident = {name: held[name] - swapped[name] for name in names}
        full = sum(resident.values()) + (foreign or 0)
        if full > domain.memory // PAGE or (full < domain.memory // PAGE and foreign is not None):
            continue
        if (
            sum(chosen) > swap
            or not within(machine, domain, swapped, which="swap")
            or not within(machine, domain, resident, which="memory")
        ):
            continue
        if loose or foreign is None:
            return True
        more = [{**swapped, name: swapped[name] + 1} for name in names if resident[name]]
        if sum(chosen) == swap or not any(within(machine, domain, one, which="swap") for one in more):
            return True
    return False


def everything(machine: Machine, domain: Domain, *, foreign: bool, gone: bool = False) -> Iterator[dict[str, int]]:
    """All sizes with which memory can have run out; `gone` lets services be dead."""
    room = (domain.memory + domain.swap) // PAGE
    point = domain.total_pages // 1000
    able: list[list[int]] = []
    for member in domain.members:
        totals = [total for total in range(1, room + 1) if weights(member.parts, total, point) is not None]
        able.append(([0] if gone else []) + totals)
    for chosen in product(*able):
        held = dict(zip((member.name for member in domain.members), chosen, strict=True))
        if sum(chosen) <= room and runs_out(
            machine, domain, held, loose=domain.kind == "group", swap=domain.swap // PAGE, foreign=None if foreign else 0
        ):
            yield held


def reachable_limit(machine: Machine, domain: Domain) -> bool:
    """Whether no limit above a group is smaller than its own."""
    if domain.kind == "global":
        return True
    above = [machine.memory] + [machine.groups[name].max for name in ("out",) if domain.name == "in"]
    return all(one >= domain.memory for one in above)


def can_be_first(machine: Machine, domain: Domain, held: dict[str, int], victim: Member) -> bool:
    point = domain.total_pages // 1000
    floor = -(1 << 60) if machine.kernel is None else 1  # before Linux 5.9
    own = weights(victim.parts, held[victim.name], point)
    if own is None or own[1] is None:
        return False
    others = [weights(member.parts, held[member.name], point) for member in domain.members if member is not victim and held[member.name]]
    return all(other is None or other[0] is None or other[0] <= max(own[1], floor) for other in others)


# ── the witness, by itself ───────────────────────────────────────────────────────────────────────────────────────────────


def holds(machine: Machine, domain: Domain, witness: Witness, *, foreign: bool, gone: bool = False) -> None:
    """A witness is a configuration in which memory has run out and its victim is the heaviest."""
    point = domain.total_pages // 1000 * PAGE
    held = {member.name: 0 for member in domain.members}
    badness: list[int] = []
    for share in witness.shares:
        member = next(one for one in domain.members if one.name == share.member)
        adj = {part.name: part for part in member.parts}
        assert sum(count * size for _, count, size in share.processes) == share.size
        assert max(size for _, _, size in share.processes) == share.largest
        assert all(size >= PAGE and size % PAGE == 0 and count >= 1 for _, count, size in share.processes)
        for part in member.parts:
            mine = [(count, size) for name, count, size in share.processes if name == part.name]
            if part.count is not None:
                assert sum(count for count, _ in mine) == part.count
            else:
                assert mine
            if part.size is not None:
                assert {size for _, size in mine} == {part.size}
        badness += [size + adj[name].oom_score_adj * point for name, _, size in share.processes if adj[name].oom_score_adj != -1000]
        held[share.member] = share.size // PAGE
    victim = next(share for share in witness.shares if share.member == witness.victim)
    member = next(one for one in domain.members if one.name == witness.victim)
    part = next(one for one in member.parts if one.name == witness.part)
    assert part.oom_score_adj != -1000
    floor = PAGE if machine.kernel is not None else min(badness)
    assert max(*badness, floor) == witness.badness
    assert any(name == part.name and max(floor, size + part.oom_score_adj * point) == witness.badness for name, _, size in victim.processes)
    assert gone or all(held.values())
    assert foreign or witness.foreign == 0
    assert foreign or domain.kind == "group" or witness.foreign_swap == 0
    assert witness.foreign >= 0
    assert 0 <= witness.foreign_swap <= domain.swap
    assert runs_out(machine, domain, held, loose=False, swap=(domain.swap - witness.foreign_swap) // PAGE, foreign=witness.foreign // PAGE)


# ── the laws ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
