"""OOMPolicy= and Restart= as the spec says them: what is left of a service of three processes when one of them is killed at its limit."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product

import pytest
from behaviour import Stage, pids, small, unit_of, until
from machine import Machine, Shape
from record import Proven

import oomconf
from oomconf.oomlog import OomEvent
from oomconf.simulation import Step

_MIB = 12
_PARTS = ("main", "worker", "helper")


@dataclass(frozen=True)
class Case:
    """A service: which of its processes leaks."""

    policy: str
    restart: str
    victim: str

    @property
    def name(self) -> str:
        return f"{self.policy}-{self.victim}-{self.restart}"

    @property
    def unit(self) -> str:
        return f"{self.name}.service"


_CASES = [Case(*row) for row in product(("continue", "stop", "kill"), ("no", "on-failure", "always"), ("worker", "main"))]


def _spec() -> str:
    parts = ", ".join(f"{{name: {part}, count: 1}}" for part in _PARTS)
    rows = [
        f'  {case.name}: {{slice: {case.policy}.slice, oom_policy: {case.policy}, restart: "{case.restart}", '
        f"memory: {{max: {_MIB}M, swap_max: 0}}, systemd: {{unit: {case.unit}}}, processes: [{parts}]}}"
        for case in _CASES
    ]
    slices = "\n".join(f"  {name}.slice: {{}}" for name in ("continue", "stop", "kill"))
    return "\n".join(["services:", *rows, "slices:", slices, ""])


def _program(case: Case) -> str:
    """The victim grows when it is told to, and not again when the service is started again."""
    words = {part: f"/usr/local/bin/hog -n {part}{' -w -g 500' if part == case.victim else ''} 1" for part in _PARTS}
    return unit_of(f"/bin/sh -c '{words['worker']} & {words['helper']} & exec {words['main']}'")


@pytest.mark.deep
@pytest.mark.parametrize("shape", small(), ids=lambda shape: shape.image.name)
def test_a_kill_is_followed_by_what_the_spec_said_and_the_simulation_foretold(
    machine: Machine, shape: Shape, stage: Stage, proven: Proven
) -> None:
    spec = stage.spec(_spec())
    machine.put({f"/etc/systemd/system/{case.unit}": _program(case) for case in _CASES})
    stage.install(spec)
    machine.run(["systemctl", "start", *(case.unit for case in _CASES)])
    every = [case.unit for case in _CASES]
    until(machine, f"[ $(pgrep -xc 'main|worker|helper') -eq {3 * len(_CASES)} ]")
    before = pids(stage, every)
    assert all(set(found) == set(_PARTS) for found in before.values())
    for victim in ("worker", "main"):
        batch = [case for case in _CASES if case.victim == victim]
        machine.run(["kill", "-USR1", *(str(pid) for case in batch for pid in before[case.unit][victim])])
        pattern = "|".join(case.unit for case in batch)
        until(machine, f"[ $(dmesg | grep -oE 'oom_memcg=[^,]*/({pattern}),' | sort -u | wc -l) -eq {len(batch)} ]")
        # more than ten reports in five seconds, and the kernel leaves some out (mm/oom_kill.c: oom_rs)
        machine.run("sleep 5")
    runs = {case: stage.predicted(spec, f"leak:{case.name}/{case.victim}") for case in _CASES}
    back = [case for case, run in runs.items() if any(step.kind == "restart" for step in run.steps)]
    on = [case for case in _CASES if case.policy == "continue" and case.victim != "main"]
    running, failed = len(back) * len(_PARTS) + len(on) * (len(_PARTS) - 1), len(_CASES) - len(back) - len(on)
    listed = "systemctl list-units --state=failed --no-legend | wc -l"
    # a worker that nobody waits for stays a zombie
    alive = "ps -C main,worker,helper -o stat= | grep -vc Z"
    until(machine, f"[ $({alive}) -eq {running} ] && [ $({listed}) -eq {failed} ]")
    events = {event.victims[0].owner.unit: event for event in stage.kills()}
    killed = {int(pid) for pid in re.findall(r"Killed process (\d+) ", machine.kernel_log())}
    after = pids(stage, every)
    states = stage.units(every, "ActiveState", "NRestarts")
    journal = machine.out("journalctl --sync; journalctl -b -o short-precise --no-pager").splitlines()
    named = {event.victims[0].owner.unit for event in oomconf.read_log(journal) if event.kind == "memcg" and event.victims}
    assert named == set(every)
    for case, run in runs.items():
        event, unit = events[case.unit], case.unit
        assert run.deaths == (case.name,)
        own = {pid for found in before[unit].values() for pid in found}
        _killed(event, case, {step.kind: step for step in run.steps}, own & killed)
        text = " | ".join(step.text for step in run.steps)
        results = {line.rpartition("'")[0].rpartition("'")[2] for line in journal if f"{unit}: Failed with result" in line}
        if case in on:
            assert f"the rest of {case.name} runs on" in text
            assert (states[unit], results) == (("active", "0"), set())
            assert after[unit] == {name: found for name, found in before[unit].items() if name != case.victim}
            continue
        assert results == {"signal" if case.policy == "continue" else "oom-kill"}
        assert not own & {pid for found in after[unit].values() for pid in found}
        assert ("OOMPolicy=stop: systemd stops the rest" in text) == (case.policy == "stop")
        again = case in back
        assert again == (case.restart != "no")
        assert (states[unit], set(after[unit])) == ((("active", "1"), set(_PARTS)) if again else (("failed", "0"), set()))
        assert (f"{case.name} stays dead" in text) is not again
    for policy in ("continue", "stop", "kill"):
        told = stage.cgroup(f"{policy}.slice", "events:oom_kill", "events:oom_group_kill")
        whole = len([case for case in _CASES if case.policy == policy])
        # a process that is dying when its group is killed is counted twice
        assert (told["events:oom_kill"] > whole) if policy == "kill" else (told["events:oom_kill"] == whole)
        assert told["events:oom_group_kill"] == (whole if policy == "kill" else 0)
    proven("OOMPolicy and Restart: what is left, ends and comes back", shape.title, len(_CASES))


def _killed(event: OomEvent, case: Case, steps: Mapping[str, Step], raw: Collection[int]) -> None:
    """The kernel's own words name the process, the unit, its limit, and the whole of it where it dies as one."""
    assert (event.killer, event.kind, event.outcome) == ("kernel", "memcg", "killed")
    assert event.memcg is not None
    assert event.memcg.limit_kb == _MIB << 10
    assert steps["kill"].ranking[0][1] == case.victim == event.victims[0].name
    together = "group_kill" in steps
    assert together == (case.policy == "kill")
    assert event.group == (f"/{case.policy}.slice/{case.unit}" if together else None)
    # systemd kills what is left of a group as well, and may be first; whom the kernel killed is in its log, to the process
    assert {one.pid for one in event.victims} == set(raw)
    assert len(raw) > 1 if together else len(raw) == 1
