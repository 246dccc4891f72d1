"""Laws of simulate: every never, possible and always is held against all configurations of small machines; every kill against the kernel's rule."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from all_configurations import (
    PAGE,
    can_be_first,
    everything,
    holds,
    machines,
    pages,
    reachable_limit,
    scaled,
    sizes_of,
)
from hypothesis import given
from hypothesis import strategies as st

from oomconf.simulation.choice import certainty, ranked
from oomconf.simulation.decide import Board, domains, outlook
from oomconf.simulation.nouns import Machine, Member, Outlook, Run
from oomconf.simulation.play import play, scenarios
from oomconf.simulation.state import State


@given(machines(), st.booleans())
def test_who_is_first_is_what_all_configurations_say(machine: Machine, foreign: bool) -> None:
    for plain in domains(machine):
        domain = scaled(plain, machine)
        found = outlook(machine, domain, foreign=foreign)
        possible: set[str] = set()
        ever = False
        if reachable_limit(machine, domain) or foreign:
            for held in everything(machine, domain, foreign=foreign):
                ever = True
                possible |= {
                    member.name for member in domain.members if member.name not in possible and can_be_first(machine, domain, held, member)
                }
        if not foreign and not found.reachable:
            assert not ever
            continue
        for verdict in found.verdicts:
            assert (verdict.answer != "never") == (verdict.member in possible), verdict
            assert (verdict.answer == "always") == (possible == {verdict.member})
            assert (verdict.witness is None) == (verdict.answer == "never")
            assert verdict.witness is not None or verdict.why
            if verdict.witness is not None:
                holds(machine, domain, verdict.witness, foreign=foreign)


@given(machines())
def test_whether_a_service_dies_while_another_lives_is_what_all_configurations_say(machine: Machine) -> None:
    for plain in domains(machine):
        domain = scaled(plain, machine)
        board = Board(machine, domain)
        configurations = list(everything(machine, domain, foreign=True, gone=True))
        for member in domain.members:
            less = [one for one in domain.members if one is not member and any(part.killable for part in one.parts)]
            if not less:
                continue
            question = board.dies_while_others_live(member, less)
            able = any(
                held[member.name] and any(held[one.name] for one in less) and can_be_first(machine, domain, held, member)
                for held in configurations
            )
            assert question.possible == able
            assert question.possible == (question.witness is not None)
            if question.witness is not None:
                assert any(share.member == question.other for share in question.witness.shares)
                holds(machine, domain, question.witness, foreign=True, gone=True)


RANK = {"never": 0, "possible": 1, "always": 2}


def raised(machine: Machine, name: str, by: int) -> Machine:
    """The machine with all scores of a service raised."""
    return replace(
        machine,
        members=tuple(
            replace(
                member,
                parts=tuple(replace(part, oom_score_adj=min(1000, part.oom_score_adj + by)) for part in member.parts),
            )
            if member.name == name
            else member
            for member in machine.members
        ),
    )


def answers(found: Outlook) -> dict[str, str]:
    return {verdict.member: verdict.answer for verdict in found.verdicts}


@given(machines(), st.sampled_from([1, 2, 5, 998]), st.booleans())
def test_a_higher_score_never_makes_its_owner_safer(machine: Machine, by: int, foreign: bool) -> None:
    other = raised(machine, "m0", by)
    for before, after in zip(domains(machine), domains(other), strict=True):
        if not any(member.name == "m0" for member in before.members):
            continue
        was = answers(outlook(machine, scaled(before, machine), foreign=foreign))
        now = answers(outlook(other, scaled(after, other), foreign=foreign))
        assert RANK[now.get("m0", "never")] >= RANK[was.get("m0", "never")]


# ── scenarios ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def weighted(run: Run, machine: Machine) -> None:
    """Every kill falls on the heaviest of its domain, by the formula."""
    scores = {(member.name, part.name): part.oom_score_adj for member in machine.members for part in member.parts}
    limits = {group.name: (group.max, group.swap_max) for group in machine.groups.values()}
    limits |= {member.name: (member.max, member.swap_max) for member in machine.members}
    for step in run.steps:
        if step.kind != "kill" or step.domain is None:
            continue
        if step.domain == machine.name:
            pages = machine.memory_total // PAGE + machine.swap // PAGE
        else:
            limit, swap = limits[step.domain]
            pages = limit // PAGE + min(swap, machine.swap) // PAGE
        for member, part, size, badness in step.ranking:
            assert scores[member, part] != -1000
            weight = size + scores[member, part] * (pages // 1000) * PAGE
            assert badness == (weight if machine.kernel is None else max(PAGE, weight))
        assert step.ranking[0][0] == step.member
        assert [row[3] for row in step.ranking] == sorted((row[3] for row in step.ranking), reverse=True)
        assert (step.certainty == "possible") == bool(step.others)


def shortages(run: Run) -> int:
    return sum(1 for step in run.steps if step.kind == "oom")


@given(machines())
def test_every_kill_falls_on_the_heaviest_of_its_domain_and_scenarios_end(machine: Machine) -> None:
    for scenario in scenarios(machine):
        run = play(machine, scenario)
        assert run.steps[-1].kind in ("calm", "panic", "stuck")
        weighted(run, replace(machine, swap=0) if scenario == "no-swap" else machine)


@given(machines())
def test_the_first_kill_is_one_that_the_outlook_allows(machine: Machine) -> None:
    if any(part.size is not None for member in machine.members for part in member.parts):
        return  # a process that leaks does not keep the size that is said of it
    for scenario in scenarios(machine):
        steps = play(machine, scenario).steps
        if any("does not fit as it is" in step.text for step in steps):
            continue
        step = next((step for step in steps if step.kind == "kill"), None)
        for domain in domains(machine):
            if scenario != "no-swap" and step is not None and domain.name == step.domain:
                found = answers(outlook(machine, domain, foreign=True))
                assert found[step.member or ""] != "never"


@given(machines(), pages(0, 4), pages(0, 4))
def test_more_memory_or_swap_never_makes_a_shortage(machine: Machine, memory: int, swap: int) -> None:
    larger = replace(machine, memory=machine.memory + memory, memory_total=machine.memory_total + memory, swap=machine.swap + swap)
    for scenario in scenarios(machine):
        if not shortages(play(machine, scenario)):
            assert not shortages(play(larger, scenario)), scenario


@given(machines(), st.sampled_from([1, 2, 5, 998]))
def test_a_higher_score_never_lets_its_owner_die_later(machine: Machine, by: int) -> None:
    for scenario in scenarios(machine):
        was, now = (play(one, scenario).deaths for one in (machine, raised(machine, "m0", by)))
        if "m0" in was:
            assert "m0" in now
            assert now.index("m0") <= was.index("m0")


def split(state: State, member: Member, point: int) -> set[int | None]:
    """What the heaviest process of a service may weigh, over all splits of what it holds in which what leaked is in one process."""
    cells = state.of(member)
    held = sum(cell.total for cell in cells)
    kinds = [
        replace(
            cell.part,
            size=cell.size * PAGE if cell.part.size is not None else None,
            count=cell.count if cell.part.count is not None else None,
        )
        for cell in cells
    ]
    found: set[int | None] = set()
    for shares in product(range(held + 1), repeat=len(kinds)):
        if sum(shares) != held:
            continue
        for sizes in product(*(sizes_of(kind, share) for kind, share in zip(kinds, shares, strict=True))):
            grown = all(max(each) >= cell.grown for each, cell in zip(sizes, cells, strict=True))
            weighed = [
                size + kind.oom_score_adj * point
                for kind, each in zip(kinds, sizes, strict=True)
                for size in each
                if kind.oom_score_adj != -1000
            ]
            if grown:
                found.add(None if not weighed else max(weighed) if state.machine.kernel is None else max(1, *weighed))
    return found


@given(machines(most=2), st.integers(0, 3), st.sampled_from([0, 1, 2]))
def test_a_kill_is_certain_if_no_split_changes_it(machine: Machine, grown: int, point: int) -> None:
    state = State(machine)
    for member in machine.members:
        state.start(member)
    state.grow_from(machine.members[0])
    for cell in state.growers():
        cell.size += grown
        cell.grown += grown
    if any(state.held(member) > 9 for member in machine.members):
        return
    domain = replace(next(domains(machine)), total_pages=point * 1000)
    order = ranked(machine, state.cells, domain)
    if not order:
        return
    weighs = {member.name: split(state, member, point) for member in machine.members}
    possible = {
        name
        for name, own in weighs.items()
        if any(
            weight is not None and all(any(other is None or other <= weight for other in weighs[one]) for one in weighs if one != name)
            for weight in own
        )
    }
    sure, others = certainty(state, machine.members, domain, order[0].member)
    assert {order[0].member.name, *others} == possible | {order[0].member.name}
    assert order[0].member.name in possible
    assert (sure == "always") == (possible == {order[0].member.name})
