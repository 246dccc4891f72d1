"""Scenarios, step by step: what is throttled and swapped, what runs out, who is killed, what follows, until the pressure is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from oomconf.quantity import INFINITY, roughly
from oomconf.simulation.choice import exhausted
from oomconf.simulation.decide import domains, group_domain, own_domain, whole
from oomconf.simulation.holding import Holding
from oomconf.simulation.nouns import Domain, Machine, Member, Run
from oomconf.simulation.shortage import Shortage
from oomconf.simulation.state import Cell, State
from oomconf.simulation.steps import Tale

__all__ = ["SCENARIOS", "listed", "play", "scenarios"]

SCENARIOS: Final = {
    "leak:SERVICE": "one process of the service grows without end",
    "max": "every service grows to its memory.max, and without end where it has none",
    "no-swap": "the host comes up without its swap, and every service grows to its memory.max",
    "limit:NAME": "all services of a slice grow, each to its memory.max; or a service grows beyond its own",
}
_MOST: Final = 2000
"""Shortages that are played; a service of a thousand processes may lose them one by one."""
_TOLD: Final = 1 << 20
"""Bytes of swap below which nothing is said."""


def scenarios(machine: Machine) -> tuple[str, ...]:
    """Name all scenarios of a machine: a leak in each service, all at their limits, the swap lost, each limited group at its limit."""
    leaks = [f"leak:{service}" for service in dict.fromkeys(member.service for member in machine.members)]
    limits = [f"limit:{domain.name}" for domain in domains(machine) if domain.kind == "group"]
    return (*leaks, "max", *(["no-swap"] if machine.swap else []), *limits)


def play(machine: Machine, scenario: str) -> Run:
    """Play a scenario to its end: calm, a panic, or a cgroup that is stuck. Raise ValueError for one that there is not.

    Bytes grow from event to event; between them nothing is decided. A domain runs out when what is held fits its limits no more, however
    it is shared out between memory and swap. memory.low and memory.min decide what is swapped out, never who is killed (mm/vmscan.c,
    mm/oom_kill.c). What a victim held comes back before anybody asks again; of shared memory that is true only once it has exited, and the
    next in the order may die before (mm/oom_kill.c: __oom_reap_task_mm leaves VM_SHARED alone). A service that does not say how it is split
    is played as one process; a kill says whether it falls on the same service under every split, and on whom else under another.
    """
    kind, _, name = scenario.partition(":")
    if kind == "leak":
        return _leak(machine, scenario, name)
    if kind == "limit":
        return _limit(machine, scenario, name)
    if scenario == "max":
        return _Play(machine).to_the_limits(scenario, "every service grows to its limit")
    if scenario == "no-swap":
        without = replace(machine, swap=0, swap_total=0)
        played = _Play(without)
        if machine.swap:
            played.tale.say("swap", f"the host comes up without its {roughly(machine.swap)} of swap: all of it must fit into memory")
        return played.to_the_limits(scenario, "the host has lost its swap, and every service grows to its limit")
    raise ValueError(f"there is no scenario {scenario!r}; there are {', '.join(SCENARIOS)}")


def _leak(machine: Machine, scenario: str, name: str) -> Run:
    # a bare cgroup's name has slashes too
    known = [one.service for one in machine.members] + [one.name for one in machine.members]
    service = max((one for one in known if f"{name}/".startswith(f"{one}/")), key=len, default=name.partition("/")[0])
    wanted = name[len(service) + 1 :]
    member = _named(machine, service)
    if member is None:
        raise ValueError(f"there is no service {service!r}; services: {listed([one.service for one in machine.members])}")
    names = [part.name for part in member.parts]
    if wanted and wanted not in names:
        raise ValueError(f"{service} has no process {wanted!r}; processes: {listed(names)}")
    played = _Play(machine)
    played.settle()
    part = played.state.grow_from(member, wanted)
    played.until_calm()
    what = "one process" if part is None or part.name in (member.name, member.service) else f"one {part.name}"
    return Run(scenario=scenario, text=f"{what} of {member.name} leaks", steps=played.tale.steps(), deaths=played.tale.deaths())


def _limit(machine: Machine, scenario: str, name: str) -> Run:
    inside = [one for one in machine.members if name in one.groups and name in machine.groups]
    one = _named(machine, name)
    members = inside or ([one] if one is not None else [])
    if not members:
        known = [*machine.groups, *(member.service for member in machine.members)]
        raise ValueError(f"there is no slice or service {name!r} with anything in it; there are {listed(known)}")
    played = _Play(machine)
    played.settle()
    for member in members:
        played.state.grow_from(member)
    played.until_calm(capped=bool(inside))
    text = f"all services of {name} grow to their limits" if inside else f"{name} grows beyond its limit"
    return Run(scenario=scenario, text=text, steps=played.tale.steps(), deaths=played.tale.deaths())


def _named(machine: Machine, name: str) -> Member | None:
    return next((one for one in machine.members if name in (one.service, one.name)), None)


_LISTED: Final = 12


def listed(names: Iterable[str]) -> str:
    """Write names for a message, the first dozen and how many more."""
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


class _Play:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.members = machine.members
        self.memory = machine.memory // machine.page_size
        self.swap = machine.swap // machine.page_size
        self.holding = Holding(machine, machine.members)
        self.state = State(machine)
        self.tale = Tale()
        self.shortage = Shortage(machine, self.state, self.tale)
        self.throttled: set[str] = set()
        for member in machine.members:
            self.state.start(member)

    def to_the_limits(self, scenario: str, text: str) -> Run:
        self.settle()
        for member in self.state.running():
            self.state.grow_from(member)
        self.until_calm(capped=True)
        return Run(scenario=scenario, text=text, steps=self.tale.steps(), deaths=self.tale.deaths())

    # ── growth ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _domains(self, members: Sequence[Member]) -> list[Domain]:
        """Domains that these can run into, the innermost first."""
        running = self.state.running()
        names = {member.name for member in members}
        found = [own_domain(self.machine, member) for member in members if member.max < INFINITY]
        groups: list[tuple[int, Domain]] = []
        for group in self.machine.groups.values():
            inside = tuple(member for member in running if group.name in member.groups)
            if group.max < INFINITY and any(member.name in names for member in inside):
                depth = max(len(member.groups) - member.groups.index(group.name) for member in inside)
                groups.append((-depth, group_domain(self.machine, group, inside)))
        groups.sort(key=lambda row: row[0])
        return [*found, *(domain for _, domain in groups), whole(self.machine, running)]

    def _fits(self, held: Sequence[int]) -> bool:
        return self.holding.fits(held, memory=self.memory, swap=self.swap)

    def settle(self) -> None:
        """Kill until what runs fits, before anything grows."""
        for _ in range(_MOST):
            held = self.state.all_held(self.members)
            if self._fits(held):
                return
            domain = exhausted(self.machine, self.members, held, self._domains(self.state.running()))
            self.tale.say("grow", f"what runs does not fit as it is: {roughly(sum(held) * self.machine.page_size)} in all")
            if not self.shortage.resolve(domain, 0, []):
                return

    def until_calm(self, *, capped: bool = False) -> None:
        """Grow to the next shortage, resolve it, and so on; `capped` ends growth at each service's own limit."""
        for _ in range(_MOST):
            if self.tale.over:
                return
            growers = self.state.growers()
            if not growers:
                self.settle()
                if not self.tale.over:
                    self.tale.say("calm", "nothing grows any more: the pressure is gone")
                return
            if not self._one_round(growers, capped=capped):
                return
        self.tale.say("calm", "and so on")

    def _one_round(self, growers: list[Cell], *, capped: bool) -> bool:
        """Grow all growers alike to the nearest of a limit and a shortage; whether it goes on."""
        held = self.state.all_held(self.members)
        pace = self._pace(growers)
        amount = self._slack(held, pace)
        if capped:
            caps = [(self._cap(cell.member) - self.state.held(cell.member), cell) for cell in growers if cell.member.max < INFINITY]
            least = max(0, min((cap for cap, _ in caps), default=amount + 1))
            if least <= amount:
                self._grow(growers, least)
                for cap, cell in caps:
                    if cap <= least:
                        cell.grows = False
                        size = roughly(self.state.held(cell.member) * self.machine.page_size)
                        grown = least * self.machine.page_size
                        self.tale.say("grow", f"{cell.member.name} is at its limit: {size}", cell.member, grown=grown)
                return True
        self._grow(growers, amount)
        beyond = [size + step for size, step in zip(self.state.all_held(self.members), pace, strict=True)]
        inner = [member for member, step in zip(self.members, pace, strict=True) if step]
        domain = exhausted(self.machine, self.members, beyond, self._domains(inner))
        return self.shortage.resolve(domain, amount * self.machine.page_size, growers)

    def _cap(self, member: Member) -> int:
        """Where growth ends: memory.max, swap not counted on top, so that more swap is never more to hold."""
        return member.max // self.machine.page_size

    def _pace(self, growers: Sequence[Cell]) -> list[int]:
        return [sum(1 for cell in growers if cell.member is member) for member in self.members]

    def _slack(self, held: Sequence[int], pace: Sequence[int]) -> int:
        """How many pages each may grow before something runs out."""
        low, high = 0, self.memory + self.swap + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self._fits([size + step * middle for size, step in zip(held, pace, strict=True)]):
                low = middle
            else:
                high = middle
        return low

    def _grow(self, growers: list[Cell], amount: int) -> None:
        """Let what grows grow, saying what is throttled and swapped on the way."""
        before = dict(zip((member.name for member in self.members), self.state.all_held(self.members), strict=True))
        for cell in growers:
            cell.size += amount
            cell.grown += amount
        after = dict(zip(before, self.state.all_held(self.members), strict=True))
        for name, high, swap_max, inside in self._throttles(growers):
            was, now = sum(before[one] for one in inside), sum(after[one] for one in inside)
            if was <= high < now and name not in self.throttled:
                self.throttled.add(name)
                self.tale.say("throttle", self._throttle(name, high, swap_max), domain=name)
        most = 0
        for domain in self._domains([cell.member for cell in growers]):
            names = [member.name for member in domain.members]
            memory = domain.memory // self.machine.page_size
            was, now = (max(0, sum(one[name] for name in names) - memory) for one in (before, after))
            moved = (now - was) * self.machine.page_size
            if moved >= max(_TOLD, most + 1) and domain.swap:
                most = moved
                promised = [member.name for member in domain.members if member.low and domain.kind != "own"]
                last = f"; what is promised to {listed(promised)} (memory.min, memory.low) goes last" if promised else ""
                self.tale.say("swap", f"{roughly(moved)} of {domain.name} goes to swap{last}", domain=domain.name)

    def _throttles(self, growers: Sequence[Cell]) -> Iterator[tuple[str, int, int, list[str]]]:
        for member in dict.fromkeys(cell.member.name for cell in growers):
            one = next(found for found in self.members if found.name == member)
            if one.high < INFINITY:
                yield one.name, one.high // self.machine.page_size, one.swap_max, [one.name]
        for group in self.machine.groups.values():
            inside = [member.name for member in self.members if group.name in member.groups]
            if group.high < INFINITY and any(cell.member.name in inside for cell in growers):
                yield group.name, group.high // self.machine.page_size, group.swap_max, inside

    def _throttle(self, name: str, high: int, swap_max: int) -> str:
        room = min(swap_max, self.machine.swap)
        size = roughly(high * self.machine.page_size)
        if room:
            return f"{name} passes memory.high ({size}): it is slowed down, and up to {roughly(room)} of it goes to swap first"
        return f"{name} passes memory.high ({size}): it has no swap to go to, so it crawls from here on, and looks hung"
