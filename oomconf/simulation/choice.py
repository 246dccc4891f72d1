"""Whom the kernel chooses when a domain has run out, and whether it is the same one under every split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from oomconf.simulation.holding import Holding
from oomconf.simulation.nouns import Domain, Machine, Member
from oomconf.simulation.splits import heaviest, lightest
from oomconf.simulation.state import Cell, State

__all__ = ["badness", "certainty", "exhausted", "ranked"]


def badness(machine: Machine, cell: Cell, domain: Domain) -> int:
    """Weigh a process of a cell in pages (mm/oom_kill.c: oom_badness)."""
    return machine.weight(cell.size, cell.part.oom_score_adj, domain.total_pages // 1000)


def ranked(machine: Machine, cells: Sequence[Cell], domain: Domain) -> list[Cell]:
    """Order what can be killed, the first choice first; of equals who stands first (the kernel: who came last)."""
    return sorted((cell for cell in cells if cell.part.killable), key=lambda cell: -badness(machine, cell, domain))


def certainty(
    state: State, members: Sequence[Member], domain: Domain, chosen: Member
) -> tuple[Literal["always", "possible"], tuple[str, ...]]:
    """Say whether the choice falls on the same service under every split of what each holds, and on whom else it could."""
    floor = state.machine.least_badness
    reach = {member.name: _floored(_span(state, member, domain), floor) for member in members}
    top = max((low for low, _ in reach.values() if low is not None), default=0)
    others = tuple(name for name, (_, high) in reach.items() if name != chosen.name and high is not None and high >= top)
    return ("possible" if others else "always"), others


def _floored(span: tuple[int | None, int | None], floor: int | None) -> tuple[int | None, int | None]:
    low, high = span
    return span if floor is None or low is None or high is None else (max(low, floor), max(high, floor))


def _span(state: State, member: Member, domain: Domain) -> tuple[int | None, int | None]:
    """What the heaviest process of a service weighs at least and at most, over all splits; what leaked is in one process."""
    point, page = domain.total_pages // 1000, state.machine.page_size
    held = state.held(member)
    only = member.parts[0]
    if len(member.parts) == 1 and only.count is None and only.size is None and only.killable and held:
        weight = only.oom_score_adj * point
        return max(1, *(cell.grown for cell in state.of(member)), 0) + weight, held + weight
    now = state.now(member)
    grown = sum(cell.grown for cell in state.of(member) if cell.part.size is None)
    low, high = lightest(now, held, point, page), heaviest(now, held, point, page)
    if not grown or low is None or high is None:
        return low, high
    leak = next(cell for cell in state.of(member) if cell.grown and cell.part.size is None)
    rest = [cell for cell in state.of(member) if cell is not leak and cell.part.killable]
    spare = held - grown - sum(cell.count for cell in state.of(member) if cell.part.size is None and cell is not leak)
    spare -= sum(cell.total for cell in state.of(member) if cell.part.size is not None)
    tops = [(cell.size if cell.part.size is not None else spare + 1) + cell.part.oom_score_adj * point for cell in rest]
    if leak.part.killable:
        low = max(low, grown + leak.part.oom_score_adj * point)
        tops.append(grown + spare + leak.part.oom_score_adj * point)
    return low, max(tops, default=low)


def exhausted(machine: Machine, members: Sequence[Member], held: Sequence[int], domains: Sequence[Domain]) -> Domain:
    """Tell which of these domains, the innermost first, has run out: one whose limit alone is too small, else one that stands in the way.

    Each is tried with the limits on memory of all others away: memory and swap are charged from the inside out (mm/page_counter.c).
    """
    names = {member.name for member in members} | set(machine.groups)
    swap = machine.swap // machine.page_size
    sizes = {member.name: size for member, size in zip(members, held, strict=True)}
    for domain in domains:
        if domain.kind == "own":
            own = domain.members[0]
            caps = [machine.swap_of(own), *(machine.swap_of(machine.groups[name]) for name in own.groups if name in machine.groups)]
            if sizes[own.name] > own.max // machine.page_size + min(swap, *(cap // machine.page_size for cap in caps)):
                return domain
            continue
        alone = Holding(machine, members, unlimited=names - {domain.name} if domain.kind == "group" else names)
        memory = {"memory": machine.memory // machine.page_size} if domain.kind == "global" else {}
        if not alone.fits(held, swap=swap, **memory):
            return domain
    for domain in domains:
        without = Holding(machine, members, unlimited={domain.name})
        if domain.kind != "global" and without.fits(held, memory=machine.memory // machine.page_size, swap=swap):
            return domain
    return domains[-1]
