"""The machine runs out of memory: with the rendered policy the large service that must live lives, without it the kernel takes that one."""

from __future__ import annotations

from pathlib import Path

import pytest
from behaviour import Stage, small, unit_of, until
from machine import Machine, Shape
from record import Proven

_SPEC = """
services:
  db: {restart: "no", systemd: {unit: db.service}}
  leaker: {restart: "no", systemd: {unit: leaker.service}}
"""
_PROTECTED = """
services:
  db: {protect: critical}
  leaker: {protect: expendable}
"""
_SWAP = 64 << 20


def _leak(stage: Stage, *texts: str) -> tuple[str, ...]:
    """Run the services, let the leaker leak until it is dead, and hold what happened to what is predicted; gives who died, in order."""
    machine = stage.machine
    spec = stage.spec(*texts)
    size = stage.free * 2 // 3 >> 20
    machine.forget()
    machine.run(["systemctl", "start", "db", "leaker"])
    # swap or not, it is all there
    until(machine, f'[ "$(cat /sys/fs/cgroup/system.slice/db.service/memory.stat | sed -n "s/^pgfault //p")" -gt {(size << 20) // 4096} ]')
    machine.run("systemctl kill --kill-whom=main -s USR1 leaker")
    stage.wait(leaker="failed")
    run = stage.predicted(spec, "leak:leaker", {"db": size, "leaker": 8})
    events = stage.kills()
    assert [(event.killer, event.kind, event.outcome) for event in events] == [("kernel", "global", "killed")] * len(events)
    assert tuple(event.victims[0].name for event in events) == run.deaths
    assert [event.victims[0].owner.unit for event in events] == [f"{name}.service" for name in run.deaths]
    for event, step in zip(events, [step for step in run.steps if step.kind == "kill"], strict=True):
        adj = stage.workload(spec, step.member or "").oom_score_adj
        assert event.victims[0].oom_score_adj == (0 if adj is None else adj.value)
        # who it was is no matter of how large the others' processes are where the prediction says so
        assert step.certainty == ("always" if step.member == "leaker" else "possible")
    for name, row in stage.units(["db.service", "leaker.service"], "ActiveState", "Result", "NRestarts").items():
        dead = name.removesuffix(".service") in run.deaths
        assert row == (("failed", "oom-kill", "0") if dead else ("active", "success", "0"))
    machine.run("systemctl stop db leaker; systemctl reset-failed")
    return run.deaths


@pytest.mark.first_on("bookworm")
@pytest.mark.parametrize("shape", small(), ids=lambda shape: shape.image.name)
def test_a_protected_service_survives_a_leaking_neighbour_that_kills_it_otherwise(
    machine: Machine, shape: Shape, stage: Stage, proven: Proven, tmp_path: Path
) -> None:
    size = stage.free * 2 // 3 >> 20
    machine.put(
        {
            "/etc/systemd/system/db.service": unit_of(f"/usr/local/bin/hog -n db {size}"),
            "/etc/systemd/system/leaker.service": unit_of("/usr/local/bin/hog -n leaker -w -g 2000 8"),
        }
    )
    seen = [_leak(stage, _SPEC)]
    machine.run(f"mkswap -q /dev/vdb {_SWAP >> 10} && swapon /dev/vdb")
    stage.swap = _SWAP - 4096
    seen.append(_leak(stage, _SPEC))
    stage.install(stage.spec(_SPEC, _PROTECTED))
    machine.run("systemctl daemon-reload")
    assert "SwapTotal" in machine.out(f"grep -x 'SwapTotal: *{stage.swap >> 10} kB' /proc/meminfo")
    seen.append(_leak(stage, _SPEC, _PROTECTED))
    machine.run("swapoff -a")
    stage.swap = 0
    seen.append(_leak(stage, _SPEC, _PROTECTED))
    assert seen == [("db", "leaker"), ("db", "leaker"), ("leaker",), ("leaker",)]
    proven("global shortage: the protected service lives, and dies without the render", shape.title, len(seen))
