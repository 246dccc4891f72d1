"""Who would die: what can happen on a machine at all, and what happens in each scenario; pure, in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from oomconf.policy import Setting
from oomconf.simulation.decide import domains, outlook, whole
from oomconf.simulation.expectations import expectations
from oomconf.simulation.live import machine_of_snapshot
from oomconf.simulation.nouns import Machine, Part, Run, Simulation, Standing, Step, Verdict, Witness
from oomconf.simulation.play import play, scenarios
from oomconf.simulation.world import machine_of

__all__ = [
    "Machine",
    "Run",
    "Simulation",
    "Step",
    "Verdict",
    "Witness",
    "machine_of",
    "machine_of_snapshot",
    "play",
    "scenarios",
    "simulate",
    "simulate_host",
]

_LEAKS: Final = 3
_GROUPS: Final = 2


def simulate(
    machine: Machine, wanted: Sequence[str] | None = None, *, first: Sequence[Setting[str]] = (), never: Sequence[Setting[str]] = ()
) -> Simulation:
    """Answer for a machine who dies first, and play scenarios on it, all of them if `wanted` is None.

    A scenario is `leak:SERVICE`, `leak:SERVICE/PROCESS`, `max`, `no-swap` or `limit:NAME`; raises ValueError for another. Memory runs out
    in the machine and in every limited group; where services cannot fill the machine within their limits, it is asked what happens if
    something else does (mm/oom_kill.c: select_bad_process, oom_badness; mm/memcontrol.c: mem_cgroup_get_max).
    """
    outlooks = []
    for domain in domains(machine):
        found = outlook(machine, domain)
        outlooks.append(found)
        if domain.kind == "global" and not found.reachable:
            outlooks.append(outlook(machine, domain, foreign=True))
    return Simulation(
        machine=machine,
        outlooks=tuple(outlooks),
        runs=tuple(play(machine, scenario) for scenario in (scenarios(machine) if wanted is None else wanted)),
        expectations=expectations(machine, first, never),
    )


def simulate_host(machine: Machine, wanted: Sequence[str] = ()) -> Simulation:
    """Answer for a captured host who dies next as things stand, and play the scenarios named, or those that are nearest.

    These are a leak in each of the services that hold most, and the limits of the fullest cgroups that hold several services.
    """
    domain = whole(machine)
    point = domain.total_pages // 1000
    rows = [
        Standing(
            member=member.name,
            process=part.name,
            oom_score_adj=part.oom_score_adj,
            size=part.size or 0,
            badness=_badness(machine, part, point) if part.killable else None,
        )
        for member in machine.members
        for part in member.parts
    ]
    rows.sort(key=lambda row: (row.badness is None, -(row.badness or 0), row.member, row.process))
    return Simulation(
        machine=machine,
        standing=tuple(rows),
        outlooks=(),
        runs=tuple(play(machine, scenario) for scenario in wanted or _nearest(machine)),
    )


def _badness(machine: Machine, part: Part, point: int) -> int:
    return machine.weight((part.size or 0) // machine.page_size, part.oom_score_adj, point) * machine.page_size


def _nearest(machine: Machine) -> list[str]:
    able = [member for member in machine.members if any(part.killable for part in member.parts)]
    largest = sorted(able, key=lambda member: -member.use)[:_LEAKS]
    groups = [one for one in domains(machine) if one.kind == "group" and len(one.members) > 1]
    groups.sort(key=lambda one: -sum(member.use for member in one.members) / max(1, one.memory))
    return [*(f"leak:{member.name}" for member in largest), *(f"limit:{one.name}" for one in groups[:_GROUPS])]
