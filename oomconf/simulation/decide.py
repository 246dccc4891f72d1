"""Who can be the first to die, over all sizes within the limits and all splits: always, possibly with a witness, or never with a proof.

When memory runs out the kernel kills the process with the largest badness (mm/oom_kill.c: oom_badness). A service can be first if there
are sizes that fill the domain while no process of another weighs more than its heaviest. Making its process as heavy as can be only loosens
that for all others: so one choice of its size decides, what the others may hold then is a flow (holding.py), and the answer is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from oomconf.kernel.badness import memcg_total_pages
from oomconf.quantity import INFINITY, roughly
from oomconf.simulation.holding import ENDLESS, Holding
from oomconf.simulation.nouns import Domain, Group, Machine, Member, Outlook, Part, Question, Share, Verdict, Witness
from oomconf.simulation.splits import bound, divided, least

__all__ = ["Board", "domains", "group_domain", "outlook", "own_domain", "whole"]

_UNKILLABLE: Final = "every process of it has oom_score_adj -1000"


def whole(machine: Machine, members: tuple[Member, ...] | None = None) -> Domain:
    """Give the domain of the machine itself."""
    return Domain(
        name=machine.name,
        kind="global",
        memory=machine.memory,
        swap=machine.swap,
        total_pages=machine.total_pages,
        members=machine.members if members is None else members,
    )


def domains(machine: Machine) -> Iterator[Domain]:
    """Give where memory can run out for several services: the machine, and every limited group that holds any."""
    yield whole(machine)
    for group in machine.groups.values():
        members = tuple(member for member in machine.members if group.name in member.groups)
        if group.max < INFINITY and members:
            yield group_domain(machine, group, members)


def group_domain(machine: Machine, group: Group, members: tuple[Member, ...]) -> Domain:
    """Give the domain of a group at its limit."""
    return _limited(machine, "group", group, members)


def own_domain(machine: Machine, member: Member) -> Domain:
    """Give the domain of a service at its own limit."""
    return _limited(machine, "own", member, (member,))


def _limited(machine: Machine, kind: str, limited: Group | Member, members: tuple[Member, ...]) -> Domain:
    return Domain(
        name=limited.name,
        kind="own" if kind == "own" else "group",
        memory=limited.max,
        swap=min(machine.swap, machine.swap_of(limited), *(machine.swap_of(group) for group in _around(machine, limited.name, members))),
        total_pages=memcg_total_pages(
            limited.max if limited.limit is None else limited.limit,
            limited.swap_max,
            swap_total=machine.all_swap,
            swappiness=machine.swappiness,
            page_size=machine.page_size,
        ),
        members=members,
    )


def _around(machine: Machine, name: str, members: Sequence[Member]) -> list[Group]:
    """The groups around a group or a service, the nearest first."""
    chain = next((member.groups for member in members if name in (member.name, *member.groups)), ())
    names = chain[chain.index(name) + 1 :] if name in chain else chain
    return [machine.groups[one] for one in names if one in machine.groups]


def outlook(machine: Machine, domain: Domain, *, foreign: bool = False) -> Outlook:
    """Answer for one domain who dies first, and whether a protected service can die while one with less protection lives.

    With `foreign` memory that no service holds may fill any part of the domain: processes outside of the spec, the kernel's own. Without,
    a domain that the limits cannot fill never runs out, and nobody dies in it.
    """
    board = Board(machine, domain, foreign=foreign)
    most = board.most()
    reachable = most >= board.memory
    if not reachable and not foreign:
        return Outlook(domain=domain, reachable=False, why=board.beyond(most))
    chances = {member.name: board.first(member) for member in domain.members}
    able = [name for name, (witness, _) in chances.items() if witness is not None]
    verdicts = tuple(
        Verdict(
            member=member.name,
            answer="never" if chances[member.name][0] is None else "always" if able == [member.name] else "possible",
            witness=chances[member.name][0],
            why=chances[member.name][1],
            protected=member.protected,
        )
        for member in domain.members
    )
    return Outlook(domain=domain, reachable=reachable, foreign=foreign, verdicts=verdicts, questions=tuple(board.questions()))


@dataclass(frozen=True, slots=True)
class _Heaviest:
    """A process at its heaviest, in pages."""

    member: Member
    part: Part
    size: int
    badness: int


class Board:
    """One domain, with what is asked of it again and again; all sizes inside are pages."""

    def __init__(self, machine: Machine, domain: Domain, *, foreign: bool = False) -> None:
        self.machine = machine
        self.domain = domain
        self.foreign = foreign
        self.page = machine.page_size
        self.point = domain.total_pages // 1000
        self.memory = domain.memory // self.page
        self.swap = domain.swap // self.page
        self.members = domain.members
        self.holding = Holding(machine, self.members, below=None if domain.kind == "global" else domain.name)
        self.whoever_asks = machine.allocating_task and domain.kind == "global"
        self.least = [least(member, self.page) for member in self.members]

    def most(self) -> int:
        """The most pages of the domain's memory that its services can fill; none where another limit comes first."""
        if self.domain.kind == "group" and self._first_above() is not None:
            return -1
        wanted = [bound(member, ENDLESS, self.point, self.page) or 0 for member in self.members]
        return self._reach(wanted)

    def beyond(self, most: int) -> str:
        """Say why services cannot fill the domain."""
        above = self._first_above()
        if most < 0 and above is not None:
            return f"{above[0]} has only {roughly(above[1])}, and runs out before"
        return f"all limits together reach {roughly(most * self.page)} of the {roughly(self.domain.memory)} that must be full"

    def _first_above(self) -> tuple[str, int] | None:
        """The smaller limit above a group: the machine's, or a group's around it."""
        above = [(group.name, group.max) for group in _around(self.machine, self.domain.name, self.members)]
        above.append((self.machine.name, self.machine.memory))
        return next(((name, most) for name, most in above if most < self.domain.memory), None)

    def _reach(self, wanted: Sequence[int]) -> int:
        """The most memory that can be full; swap that others share may be full of what is theirs."""
        if self.domain.kind == "group" or self.foreign:
            return self.holding.most(wanted, swap=0)
        return self.holding.reach(wanted, self.swap)

    # ── questions ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def first(self, member: Member) -> tuple[Witness | None, str]:
        """Whether a service can be the first to die while all others run."""
        return self._tried(member, [True] * len(self.members))

    def questions(self) -> Iterator[Question]:
        """For each protected service, whether it can die while one with less protection lives, whoever else is gone by then."""
        less = [member for member in self.members if not member.protected and any(part.killable for part in member.parts)]
        for member in self.members:
            if member.protected and less:
                yield self.dies_while_others_live(member, less)

    def dies_while_others_live(self, member: Member, others: Sequence[Member]) -> Question:
        """Whether a service can be killed while one of others lives that can be, whoever else is gone and whatever fills the rest."""
        index = self._index(member)
        alone = [one is member for one in self.members]
        best = self._heaviest(index, [size if present else 0 for size, present in zip(self.least, alone, strict=True)])
        lightest = min(others, key=self.lightest)
        if best is None:
            able_at_all = any(part.killable for part in member.parts)
            proof = f"it does not fit into {roughly(self.domain.memory)}" if able_at_all else _UNKILLABLE
            return Question(protected=member.name, other=lightest.name, domain=self.domain.name, possible=False, proof=proof)
        able = sorted(
            (one for one in others if one is not member and self.lightest(one) <= self._allowed(best)),
            key=lambda one: (one.protected, self.lightest(one)),
        )
        for other in able:
            witness = self._together(member, other)
            if witness is not None:
                return Question(protected=member.name, other=other.name, domain=self.domain.name, possible=True, witness=witness)
        weight = roughly(self.lightest(lightest) * self.page)
        proof = f"it weighs at most {self._told(best)}, and every service with less protection at least {weight} ({lightest.name})"
        if able:
            proof = f"it does not fit into {roughly(self.domain.memory)} beside one of them"
        return Question(protected=member.name, other=lightest.name, domain=self.domain.name, possible=False, proof=proof)

    def _together(self, member: Member, other: Member) -> Witness | None:
        """Sizes with which one dies while the other lives: with all others that may run, else with those two alone."""
        if not self.foreign:
            rest = [one for one in self.members if one is not member and one is not other]
            cap = self._heaviest(self._index(member), self.least)
            gone = {one.name for one in rest if cap is None or self.lightest(one) > self._allowed(cap)}
            witness, _ = self._tried(member, [one.name not in gone for one in self.members])
            if witness is not None:
                return witness
        loose = self if self.foreign else Board(self.machine, self.domain, foreign=True)
        return loose._tried(member, [one in (member, other) for one in self.members])[0]  # noqa: SLF001

    # ── who weighs what ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _index(self, member: Member) -> int:
        return next(index for index, one in enumerate(self.members) if one is member)

    def lightest(self, member: Member) -> int:
        """What the heaviest process of a service weighs at least, in pages, split as finely as can be."""
        sizes = [(1 if part.size is None else -(-part.size // self.page), part) for part in member.parts if part.killable]
        return max((self.machine.weight(size, part.oom_score_adj, self.point) for size, part in sizes), default=-ENDLESS)

    def _heaviest(self, index: int, floor: Sequence[int]) -> _Heaviest | None:
        """The heaviest process that a service can have beside what others hold at least; None if none may be killed, or has room."""
        member = self.members[index]
        rest = sum(floor) - floor[index]
        room = self.holding.most([*floor[:index], ENDLESS, *floor[index + 1 :]], memory=self.memory, swap=self.swap) - rest
        spare = room - least(member, self.page)
        if spare < 0:
            return None
        found: _Heaviest | None = None
        for part in member.parts:
            size = spare + 1 if part.size is None else -(-part.size // self.page)
            badness = self.machine.weight(size, part.oom_score_adj, self.point)
            if part.killable and (found is None or badness > found.badness):
                found = _Heaviest(member, part, size, badness)
        return found

    def _allowed(self, best: _Heaviest) -> int:
        """What others may weigh when it is killed: no more than it, or anything where whoever asks for memory dies."""
        return ENDLESS if self.whoever_asks else best.badness

    def _told(self, best: _Heaviest) -> str:
        size = roughly(best.size * self.page)
        return f"{roughly(best.badness * self.page)} ({size} held, oom_score_adj {best.part.oom_score_adj})"

    # ── witnesses ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tried(self, member: Member, present: Sequence[bool]) -> tuple[Witness | None, str]:
        """Sizes with which a service dies first while those present run, or why there are none."""
        floor = [size if here else 0 for size, here in zip(self.least, present, strict=True)]
        if not self.holding.fits(floor, memory=self.memory, swap=self.swap):
            return None, f"{roughly(sum(floor) * self.page)} that its services always hold do not fit"
        index = self._index(member)
        best = self._heaviest(index, floor)
        if best is None:
            return None, _UNKILLABLE
        wanted: list[int] = []
        for other, here in zip(self.members, present, strict=True):
            most = bound(other, self._allowed(best), self.point, self.page) if here else 0
            if most is None:
                weight = roughly(self.lightest(other) * self.page)
                return None, f"{other.name} weighs at least {weight}, and {member.name} at most {self._told(best)}"
            wanted.append(most)
        floor[index] += best.size - (1 if best.part.size is None else best.size)
        wanted[index] = max(wanted[index], floor[index])
        if self.foreign:
            return self._witness(best, floor, self.swap - self.holding.swapped(floor, self.swap)), ""
        most = self._reach(wanted)
        if most < self.memory:
            return None, (
                f"with nobody heavier than {member.name} ({roughly(best.badness * self.page)}) at most {roughly(most * self.page)} of the "
                f"{roughly(self.domain.memory)} is held: memory has not run out then"
            )
        swap = self._own_swap(wanted)
        order = sorted(range(len(wanted)), key=lambda one: (one != index, -wanted[one], one))
        return self._witness(best, self._filled(wanted, floor, order, swap), self.swap - swap), ""

    def _own_swap(self, wanted: Sequence[int]) -> int:
        """How much of the swap is theirs: all, or as much as lets them fill the memory, where others share it."""
        low, high = 0, self.swap
        if self.holding.reach(wanted, high) >= self.memory:
            return high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.holding.reach(wanted, middle) >= self.memory else (low, middle)
        return low

    def _filled(self, wanted: Sequence[int], floor: Sequence[int], order: Sequence[int], swap: int) -> list[int]:
        """Fill the memory to the page, the first of `order` as far as may be."""
        low, high = 0, len(order)
        while low < high:
            middle = (low + high) // 2
            chosen = set(order[:middle])
            trial = [most if one in chosen else floor[one] for one, most in enumerate(wanted)]
            low, high = (low, middle) if self.holding.reach(trial, swap) >= self.memory else (middle + 1, high)
        chosen = set(order[:low])
        held = [most if one in chosen else floor[one] for one, most in enumerate(wanted)]
        held = self.holding.clipped(held, floor, order, swap)
        for one in reversed(order[:low]):
            if self._runs_out({**dict(enumerate(held)), one: floor[one]}, swap):
                held[one] = floor[one]
                continue
            under, enough = floor[one], held[one]
            while enough - under > 1:
                middle = (under + enough) // 2
                under, enough = (under, middle) if self._runs_out({**dict(enumerate(held)), one: middle}, swap) else (middle, enough)
            held[one] = enough
        return held

    def _runs_out(self, held: Mapping[int, int], swap: int) -> bool:
        """Whether what is held fills the memory when all of it has gone to swap that can."""
        sizes = list(held.values())
        return sum(sizes) - self.holding.swapped(sizes, swap) >= self.memory

    def _witness(self, best: _Heaviest, held: Sequence[int], swap: int) -> Witness:
        """Say who holds what; `swap` pages of it are full of what is not theirs."""
        shares = []
        for member, size in zip(self.members, held, strict=True):
            if size:
                victim = (best.part, best.size) if member is best.member else None
                pieces = divided(member, size, self._allowed(best), self.point, self.page, victim)
                shares.append(
                    Share(
                        member=member.name,
                        size=size * self.page,
                        largest=max(each for _, _, each in pieces) * self.page,
                        processes=tuple((name, count, each * self.page) for name, count, each in pieces),
                    )
                )
        swapped = self.holding.swapped(held, self.swap - swap)
        rest = self.memory - (sum(held) - swapped)
        return Witness(
            victim=best.member.name,
            part=best.part.name,
            badness=best.badness * self.page,
            shares=tuple(shares),
            foreign=rest * self.page,
            swapped=swapped * self.page,
            foreign_swap=swap * self.page,
        )
