"""One shortage: a domain has run out, the kernel stops or chooses, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from oomconf.kernel.badness import ADJ_NEVER
from oomconf.quantity import roughly
from oomconf.simulation import aftermath
from oomconf.simulation.choice import badness, certainty, ranked
from oomconf.simulation.nouns import Domain, Machine, Member
from oomconf.simulation.state import Cell, State
from oomconf.simulation.steps import Tale

__all__ = ["Shortage"]

_ALL: Final = 2
"""vm.panic_on_oom of which every shortage is a panic, a cgroup's too."""
_TRIES: Final = 2
_RANKS: Final = 8


class Shortage:
    """Resolves shortages on a state, and tells how."""

    def __init__(self, machine: Machine, state: State, tale: Tale) -> None:
        self.machine = machine
        self.state = state
        self.tale = tale
        self.restarted: dict[str, int] = {}

    def resolve(self, domain: Domain, grown: int, growers: Sequence[Cell]) -> bool:
        """Kill one, or stop; whether the scenario goes on.

        Where vm.oom_kill_allocating_task is set, who grows asks for most and is taken to ask first; but everybody asks who reads back a
        page of its program, and if that one is at -1000, the kernel chooses as it does without (mm/oom_kill.c: out_of_memory).
        """
        self.tale.say("oom", _full(domain), domain=domain.name, grown=grown)
        panic = self.machine.panic_on_oom
        if panic == _ALL or (panic and domain.kind == "global"):
            self.tale.say("panic", f"vm.panic_on_oom is {panic}: the machine panics instead of killing")
            return False
        names = {member.name for member in domain.members}
        inside = [cell for cell in self.state.cells if cell.member.name in names]
        asking = [cell for cell in growers if cell in inside and cell.part.killable]
        if self.machine.allocating_task and domain.kind == "global" and asking:
            able = (cell.member for cell in inside if cell.part.killable)
            others = tuple(dict.fromkeys(one.name for one in able if one is not asking[0].member))
            self._kill(asking[0], domain, inside, others, " (vm.oom_kill_allocating_task: whoever asks dies)")
            return True
        order = ranked(self.machine, inside, domain)
        if order:
            _, others = certainty(self.state, domain.members, domain, order[0].member)
            self._kill(order[0], domain, inside, others, "")
            return True
        if domain.kind == "global":
            self.tale.say(
                "panic",
                f"nothing that may be killed is left (oom_score_adj {ADJ_NEVER}): the kernel panics, 'System is deadlocked on memory'",
            )
        else:
            self.tale.say(
                "stuck",
                f"nothing in {domain.name} may be killed (oom_score_adj {ADJ_NEVER}): what asks for memory there fails or hangs for good",
            )
        return False

    def _kill(self, cell: Cell, domain: Domain, inside: Sequence[Cell], others: tuple[str, ...], why: str) -> None:
        member, part = cell.member, cell.part
        page = self.machine.page_size
        order = [cell, *(one for one in ranked(self.machine, inside, domain) if one is not cell)]
        ranking = tuple(
            (one.member.name, one.part.name, one.size * page, badness(self.machine, one, domain) * page) for one in order[:_RANKS]
        )
        grew = {one.member.name for one in self.state.growers()}
        name = member.name if part.name == member.name or len(member.parts) == 1 else f"{part.name} of {member.name}"
        size = self.state.kill(cell)
        self.tale.say(
            "kill",
            f"{name} is killed, and gives back {roughly(size * page)}{why}",
            member,
            domain=domain.name,
            ranking=ranking,
            certainty="possible" if others else "always",
            others=others,
        )
        group, together = aftermath.killed_together(self.machine, member, domain)
        for one in together:
            self._kill_rest(one, group or "", alone=len(together) == 1)
        for one in together or (member,):
            self._afterwards(one, grew=one.name in grew)

    def _kill_rest(self, member: Member, group: str, *, alone: bool) -> None:
        """The kernel kills what may be killed of a cgroup that dies as one."""
        rest = [cell for cell in self.state.of(member) if cell.part.killable]
        if rest:
            size = roughly(self.state.end(rest) * self.machine.page_size)
            what = f"the rest of {member.name} is killed with it" if alone else f"{member.name} is killed with it"
            self.tale.say("group_kill", f"memory.oom.group of {group}: {what}, {size}", member)

    def _afterwards(self, member: Member, *, grew: bool) -> None:
        """What the keeper of a service makes of it: systemd by OOMPolicy=, all by the end of the main process, which is named first."""
        left = self.state.of(member)
        first = member.parts[0]
        main = first.count in (None, 1) and not any(cell.part is first for cell in left)
        if left and member.keeper == "systemd" and member.oom_policy != "continue":
            size = roughly(self.state.end(left) * self.machine.page_size)
            self.tale.say("stop", f"OOMPolicy={member.oom_policy}: systemd stops the rest of {member.name}, {size}", member)
        elif left and main and member.keeper not in ("none", "unknown"):
            size = roughly(self.state.end(left) * self.machine.page_size)
            self.tale.say("stop", f"its main process is gone, and the rest of {member.name} ends with it, {size}", member)
        elif left:
            unless = ", unless its OOMPolicy= says otherwise" if member.keeper == "unknown" else ""
            self.tale.say("stop", f"the rest of {member.name} runs on{unless}", member)
        if not self.state.of(member):
            self._again(member, grew=grew)

    def _again(self, member: Member, *, grew: bool) -> None:
        """What its restart policy makes of a service that is gone."""
        result = "signal" if member.oom_policy == "continue" else "oom-kill"
        if not aftermath.restarts(member, result=result):
            self.tale.say("stop", aftermath.again(member), member)
            return
        times = self.restarted.get(member.name, 0) + 1
        self.restarted[member.name] = times
        if times > _TRIES:
            self.tale.say("stop", f"{member.name} is started and killed again and again; {aftermath.gives_up(member)}", member)
            return
        repeats = "; if it grows again, all this repeats" if grew else ""
        self.tale.say("restart", f"{member.name} is started again with {roughly(member.use)}{repeats}", member)
        self.state.start(member)


def _full(domain: Domain) -> str:
    swap = ", and no swap is left that it may use" if domain.swap else ""
    if domain.kind == "global":
        return f"{domain.name} has no memory left ({roughly(domain.memory)}){swap}: the kernel chooses among all processes"
    if domain.kind == "group":
        return f"{domain.name} is at its limit ({roughly(domain.memory)}){swap}: the kernel chooses among what runs in it"
    return f"{domain.name} is at its own limit ({roughly(domain.memory)}){swap}: the kernel chooses among its own processes"
