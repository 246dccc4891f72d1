"""What the kernel did with a drawn machine, held against what `simulate` says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from draws import Case, margin
from lived import Lived

import oomconf
from oomconf.simulation import Machine, machine_of_snapshot, play
from oomconf.simulation.nouns import Member, Run
from oomconf.snapshot import read

__all__ = ["Compared", "compare", "compare_spec"]

_KILLED: Final = re.compile(r"Killed process (\d+) \(")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One choice of the kernel's, as simulate sees it: who by name and pid, who dies with it, and who it could be within the margin."""

    pid: int
    together: frozenset[int]
    tied: frozenset[int]
    then: int | None
    """Who would be next if nothing came back."""
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A case that was played: how many kills were as predicted, and where it ends otherwise."""

    kills: int
    asked: bool = False
    """Whether it ends, under vm.oom_kill_allocating_task, at a request of another process than the one that grows."""
    late: bool = False
    """Whether it ends at a kill of the next one before the memory of the last was back: shared, which the reaper leaves, or seldom any."""
    tie: bool = False
    """Whether it ends at a choice within the margin that fell on another of those tied."""
    wrong: str = ""


def killed(log: str) -> list[int]:
    """Who was killed, in order; the victim of a group is named twice."""
    return list(dict.fromkeys(int(pid) for pid in _KILLED.findall(log)))


def _pid(part: str) -> int:
    return int(part.rpartition("[")[2].removesuffix("]"))


def kills(machine: Machine, run: Run) -> Iterator[Kill]:
    """The kills of a scenario on a captured host, by pid."""
    dead: set[int] = set()
    steps = list(run.steps)
    for index, step in enumerate(steps):
        if step.kind != "kill":
            continue
        victim = _pid(step.ranking[0][1])
        dead.add(victim)
        together: set[int] = set()
        for later in steps[index + 1 :]:
            if later.kind in ("kill", "oom"):
                break
            if later.kind == "group_kill":
                member = next(one for one in machine.members if one.name == later.member)
                together |= {_pid(part.name) for part in member.parts if part.killable} - dead
        dead |= together
        size = _size(machine, step.domain)
        near = {_pid(row[1]) for row in step.ranking[1:] if step.ranking[0][3] - row[3] < margin(size, whole=step.domain == machine.name)}
        rest = [_pid(row[1]) for row in step.ranking[1:]]
        then = next((pid for pid in rest if pid not in dead), None)
        yield Kill(pid=victim, then=then, together=frozenset(together), tied=frozenset(near), domain=step.domain or "")


def _size(machine: Machine, domain: str | None) -> int:
    if domain == machine.name:
        return machine.memory_total
    if domain in machine.groups:
        return machine.groups[domain].max
    return _member(machine, domain).max


def _member(machine: Machine, name: str | None) -> Member:
    return next(one for one in machine.members if one.name == name)


def _asked(machine: Machine, run: Run, pid: int, log: str) -> bool:
    """Whether the kernel killed who asked, or, who asked being at -1000, the one that it chooses without the setting."""
    for report in re.split(r"^(?=.* invoked oom-killer: )", log, flags=re.MULTILINE):
        killed_here = re.search(rf"^(?:\S+ )*.*?\] (.*): Killed process {pid} \(", report, re.MULTILINE)
        if killed_here is not None:
            asker = int(re.findall(r"^.*? PID: (\d+) Comm: ", report, re.MULTILINE)[0])
            if "oom_kill_allocating_task" in killed_here[1]:
                return asker == pid
            usual = play(replace(machine, allocating_task=False), run.scenario)
            first = next(kills(machine, usual))
            return "oom_score_adj=-1000\n" in report and pid in (first.pid, *first.tied)
    return False


def compare(case: Case, played: Mapping[str, Any]) -> Compared:
    """Hold the kernel's order of kills against simulate's on the snapshot taken just before."""
    machine = machine_of_snapshot(read(played["snapshot"]))
    grower = f"{case.hogs[case.grower].name}[{played['pids'][case.grower]}]"
    service = next(one.name for one in machine.members if any(part.name == grower for part in one.parts))
    return _walk(machine, play(machine, f"leak:{service}/{grower}"), case, played)


def compare_spec(lived: Lived, folder: Path) -> Compared | None:
    """Hold it against what simulate says of the same machine as a spec; None where a spec cannot say it."""
    case = lived.case
    text = case.spec(lived.box)
    if text is None:
        return None
    path = folder / "oomconf.yaml"
    path.write_text(text)
    grower = case.hogs[case.grower]
    (found,) = oomconf.simulate(oomconf.load(path), scenario=[f"leak:{case.service(grower.cgroup)}/{grower.name}"])
    pids = {hog.name: pid for hog, pid in zip(case.hogs, lived.played["pids"], strict=True)}
    members = tuple(
        replace(one, parts=tuple(replace(part, name=f"{part.name}[{pids.get(part.name, 0)}]") for part in one.parts))
        for one in found.machine.members
    )
    (run,) = found.runs
    steps = tuple(
        replace(step, ranking=tuple((member, f"{name}[{pids[name]}]", *rest) for member, name, *rest in step.ranking)) for step in run.steps
    )
    machine = replace(found.machine, members=members)
    scenario = f"leak:{case.service(grower.cgroup)}/{grower.name}[{pids[grower.name]}]"
    return _walk(machine, replace(run, steps=steps, scenario=scenario), case, lived.played)


def _walk(machine: Machine, run: Run, case: Case, played: Mapping[str, Any]) -> Compared:
    real = killed(played["log"])
    names = {pid: f"{hog.name}[{pid}]" for hog, pid in zip(case.hogs, played["pids"], strict=True)}
    at = done = 0
    last: Kill | None = None
    for kill in kills(machine, run):
        if at >= len(real):
            return Compared(kills=done, wrong=f"{names.get(kill.pid, kill.pid)} is not killed by {kill.domain}")
        if real[at] != kill.pid:
            if last is not None and real[at] == last.then:
                return Compared(kills=done, late=True)
            if machine.allocating_task and kill.domain == machine.name and _asked(machine, run, real[at], played["log"]):
                return Compared(kills=done, asked=True)
            if real[at] in kill.tied:
                return Compared(kills=done, tie=True)
            wrong = f"{kill.domain}: {names.get(kill.pid, kill.pid)} is said, {names.get(real[at], real[at])} killed (tied: {sorted(kill.tied)})"
            return Compared(kills=done, wrong=wrong)
        with_it = real[at + 1 : at + 1 + len(kill.together)]
        if set(with_it) != kill.together:
            return Compared(kills=done, wrong=f"with {names.get(kill.pid)} die {with_it}, not {sorted(kill.together)}")
        at += 1 + len(with_it)
        done += 1
        last = kill
    if last is not None and real[at:] == [last.then]:
        return Compared(kills=done, late=True)
    if real[at:] and machine.allocating_task and all(_asked(machine, run, pid, played["log"]) for pid in real[at:]):
        return Compared(kills=done, asked=True)
    if real[at:]:
        return Compared(kills=done, wrong=f"{[names.get(pid, pid) for pid in real[at:]]} killed too")
    return Compared(kills=done)
