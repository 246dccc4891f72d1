"""A container at its limit dies alone: neighbours and the engine live, and it comes back as its restart policy says."""

from __future__ import annotations

import json

import pytest
from behaviour import Stage, until
from machine import TRIXIE, Machine, Shape
from record import Proven

_LEAKERS = {"once": "no", "failing": "on-failure", "steady": "always"}
_RUN = "options: [--detach, --network=none], image: lab, command: [hog, -n, {name}, {grows}'4']"


def _container(name: str, restart: str, memory: str, grows: str = "") -> str:
    place = _RUN.format(name=name, grows=grows)
    return f'  {name}: {{restart: "{restart}", memory: {{{memory}}}, docker: {{name: {name}, {place}}}}}\n'


def _spec() -> str:
    rows = "".join(_container(name, restart, "max: 48M", "-w, -g, '500', ") for name, restart in _LEAKERS.items())
    return f"services:\n{rows}{_container('calm', 'no', 'max: 64M')}"


def _inspected(stage: Stage, *names: str) -> dict[str, dict[str, object]]:
    """Give of each container what Docker says of its end."""
    told = json.loads(stage.machine.out(["docker", "inspect", *names]))
    keys = ("Running", "OOMKilled", "ExitCode", "StartedAt")
    return {
        one["Name"].strip("/"): {"Id": one["Id"], "RestartCount": one["RestartCount"], **{key: one["State"][key] for key in keys}}
        for one in told
    }


@pytest.mark.first_on("bookworm")
def test_a_container_at_its_limit_dies_alone_and_comes_back_as_the_spec_says(
    machine: Machine, shape: Shape, stage: Stage, proven: Proven
) -> None:
    stage.host = (
        f'    docker: {{version: "{machine.out("docker version -f {{.Server.Version}}").partition("+")[0]}", cgroup_driver: systemd}}\n'
    )
    spec = stage.spec(_spec())
    out = stage.install(spec)
    names = (*_LEAKERS, "calm")
    machine.put({f"/root/{name}.sh": ((out / "docker" / f"{name}.run.sh").read_text(), 0o755) for name in names})
    machine.run(
        f'for name in {" ".join(names)}; do /root/$name.sh & all="$all $!"; done; for one in $all; do wait $one || exit; done', timeout=400
    )
    before = _inspected(stage, *names)
    dockerd = stage.show("docker", "MainPID", "NRestarts")
    # by the host: to Docker 20 a container is stopped by hand, and not to be restarted, whatever signal `docker kill` sends
    machine.run(f"kill -USR1 $(docker inspect -f '{{{{.State.Pid}}}}' {' '.join(_LEAKERS)})")
    until(machine, f"[ $(dmesg | grep -c '^.*oom-kill:constraint') -eq {len(_LEAKERS)} ]")
    for name, restart in _LEAKERS.items():
        wanted = "false 0" if restart == "no" else "true 1"
        until(machine, f'[ "$(docker inspect -f "{{{{.State.Running}}}} {{{{.RestartCount}}}}" {name})" = "{wanted}" ]')
    after = _inspected(stage, *names)
    assert after["calm"] == before["calm"]
    assert stage.show("docker", "MainPID", "NRestarts") == dockerd
    events = {event.victims[0].name: event for event in stage.kills()}
    assert set(events) == set(_LEAKERS)
    for name, restart in _LEAKERS.items():
        run = stage.predicted(spec, f"leak:{name}")
        event = events[name]
        assert run.deaths == (name,)
        assert (event.killer, event.kind, event.victims[0].owner.container) == ("kernel", "memcg", before[name]["Id"])
        assert event.memcg is not None
        assert event.memcg.limit_kb == int(stage.workload(spec, name).memory_max.value or 0) >> 10  # type: ignore[union-attr]
        assert any(step.kind == "restart" for step in run.steps) == (restart != "no")
        if restart == "no":
            assert (after[name]["ExitCode"], after[name]["StartedAt"]) == (137, before[name]["StartedAt"])
        else:
            assert after[name]["StartedAt"] != before[name]["StartedAt"]
    told = machine.out("docker events --since 1h --until 0s --filter event=oom --format '{{.Actor.Attributes.name}}'").split()
    # Docker learns of a kill beside of the end, and may miss it: no more than it was told is said, and nothing of the neighbour
    assert set(told) <= set(_LEAKERS)
    assert after["once"]["OOMKilled"] is ("once" in told)
    proven("docker: a container at its limit dies alone, and comes back as said", shape.title, len(names))


_UNIT = (
    "[Container]\nImage=localhost/lab\nContainerName={name}\nNetwork=none\nExec=sh -c 'hog -n helper 2 & exec hog -n {name} -w -g 500 4'\n"
)
_QUADLETS = {"whole": ("kill", "on-failure"), "bare": ("kill", "no")}


@pytest.mark.deep
@pytest.mark.parametrize("shape", [TRIXIE], ids=["trixie"])
def test_a_quadlet_at_its_limit_dies_whole_and_comes_back_as_the_spec_says(
    machine: Machine, shape: Shape, stage: Stage, proven: Proven
) -> None:
    stage.host = f'    podman: {{version: "{machine.out("podman version -f {{.Client.Version}}")}"}}\n'
    rows = [
        f'  {name}: {{oom_policy: {policy}, restart: "{restart}", memory: {{max: 48M}}, quadlet: {{unit: {name}.container}}}}'
        for name, (policy, restart) in _QUADLETS.items()
    ]
    spec = stage.spec("\n".join(["services:", *rows, "  calm: {memory: {max: 48M}, quadlet: {unit: calm.container}}", ""]))
    names = (*_QUADLETS, "calm")
    machine.put({f"/etc/containers/systemd/{name}.container": _UNIT.format(name=name) for name in names})
    stage.install(spec)
    machine.run("systemctl daemon-reload", timeout=300)
    started = machine.run(["systemctl", "start", *names], timeout=300, check=False)
    assert started.status == 0, machine.out("journalctl -b --no-pager -o cat -n 80")
    until(machine, f"[ $(pgrep -xc '{'|'.join(names)}|helper') -eq {2 * len(names)} ]")
    calm = machine.out("pgrep -x calm")
    machine.run(f"pkill -USR1 -x '{'|'.join(_QUADLETS)}'")
    for name, (_, restart) in _QUADLETS.items():
        wanted = "failed 0" if restart == "no" else "active 1"
        until(machine, f'[ "$(systemctl show -P ActiveState {name}) $(systemctl show -P NRestarts {name})" = "{wanted}" ]')
    events = {event.victims[0].name: event for event in stage.kills()}
    assert set(events) == set(_QUADLETS)
    log = "\n".join(line for line in machine.kernel_log().splitlines() if "ill" in line)
    for name, (_, restart) in _QUADLETS.items():
        run = stage.predicted(spec, f"leak:{name}")
        assert run.deaths == (name,)
        assert any(step.kind == "restart" for step in run.steps) == (restart != "no")
        event = events[name]
        assert event.memcg is not None
        assert event.memcg.limit_kb == int(stage.workload(spec, name).memory_max.value or 0) >> 10  # type: ignore[union-attr]
        assert event.group is not None
        # the end of a container's first process takes the rest of it, and is often there before the killer comes to them
        victims = {one.name for one in event.victims}
        assert {name} <= victims <= {name, "helper"}, log
        # podman splits the unit's own cgroup, and sets the limit on that
        assert event.victims[0].owner.unit == f"{name}.service"
        assert event.memcg.path == f"/system.slice/{name}.service"
    # none is left of the one that stays down: the helpers are of those that run
    until(machine, f'[ "$(pgrep -xc helper)" = {len(names) - 1} ]')
    assert machine.out("pgrep -x calm") == calm
    proven("podman quadlet: a container at its limit dies whole and alone", shape.title, len(names))
