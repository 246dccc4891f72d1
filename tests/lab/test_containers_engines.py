"""Rendered flags, overrides and quadlets, run by docker, compose and podman on booted machines: every cell of the ledger is read back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import containers
import pytest
from containers import HOSTILE, SLOW
from machine import BOOKWORM, TRIXIE, Machine, Shape
from record import Proven

import oomconf
from oomconf.ledger import Cell, Status
from oomconf.policy import Policy

ROOT: Final = Path(__file__).parents[2]
IMAGE: Final = "lab"
M: Final = 1 << 20
SAID: Final[dict[str, dict[str, Any]]] = {
    "whole": {
        "slice": "front-web.slice", "oom_score_adj": -321, "oom_policy": "continue", "restart": "on-failure",
        "memory": {"min": "8M", "low": "24M", "high": "80M", "max": "96M", "swap_max": "32M"},
        "runtime": {"python": {"arenas": 3}, "go": {"heap": "55%"}, "dotnet": {"heap": "33M"}},
    },
    "share": {
        "slice": "back.slice", "protect": "high", "oom_policy": "kill", "restart": "always", "memory": {"low": "2%", "max": "30%", "swap_max": 0},
        "runtime": {
            "jvm": {"heap": "45%", "options": [f"-Dsaid={HOSTILE}", "-ea"]},
            "node": {"heap": "40%", "version": 20, "options": [f"--title={HOSTILE}"]},
        },
    },
    "open": {
        "protect": "expendable", "oom_policy": "stop", "restart": "on-abnormal", "managed_oom_preference": "avoid",
        "memory": {"max": "infinity", "swap_max": "infinity"},
    },
    "loose": {
        "slice": "back.slice", "oom_score_adj": {"value": -1000, "reason": "nothing of it may be lost"}, "restart": "no", "managed_oom_preference": "none",
        "memory": {"low": 0, "max": 67112960, "swap_max": "infinity"}, "runtime": {"jvm": {"heap": "31M"}},
    },
}  # fmt: skip
"""What services say, the same to each engine; together every word that a container can be told, and each with its odd values."""
BASE: Final = f"""\
services:
  whole:
    image: {IMAGE}
    command: [sleep, "99999"]
    container_name: whole
    network_mode: none
    environment: [MALLOC_ARENA_MAX=9, KEPT=base]
    deploy: {{resources: {{limits: {{cpus: "1.5", memory: 300M}}, reservations: {{memory: 10M}}}}}}
  share:
    image: {IMAGE}
    command: [sleep, "99999"]
    container_name: share
    network_mode: none
    mem_limit: 200m
    environment: {{KEPT: base, JAVA_TOOL_OPTIONS: -Dof=base}}
  open: {{image: {IMAGE}, command: [sleep, "99999"], container_name: open, network_mode: none}}
  loose:
    image: {IMAGE}
    command: [sleep, "99999"]
    container_name: loose
    network_mode: none
    mem_limit: 200m
    deploy: {{resources: {{limits: {{memory: 200M}}}}}}
"""
CONTAINER: Final = "[Service]\nTimeoutStartSec=infinity\n[Container]\nImage=localhost/lab\nExec=sleep 99999\nNetwork=none\n"


class Told:
    """A spec of such services on this machine, rendered and in its place there."""

    def __init__(
        self, machine: Machine, shape: Shape, folder: Path, render: Callable[..., Path], place: Callable[[str], dict[str, Any]]
    ) -> None:
        import json

        services = {name: {**said, **place(name)} for name, said in SAID.items()}
        slices = {"front-web.slice": {"memory": {"max": "512M", "swap_max": "256M"}}, "back.slice": {}}
        spec = folder / "oomconf.yaml"
        said = {"version": 1, "hosts": {"box": containers.host(machine, shape)}, "slices": slices, "services": services}
        spec.write_text(json.dumps(said, ensure_ascii=False), "utf-8")
        loaded = oomconf.load(spec)
        self.ledger: tuple[Cell, ...] = oomconf.render(loaded).ledger
        (self.policy,) = oomconf.resolve(loaded).policies
        self.out = render(spec, "--no-lint") / "box"
        machine.put_tree(self.out / "root")
        machine.run("systemctl daemon-reload")


def slices_hold(machine: Machine, policy: Policy) -> int:
    """The slice above the containers has what the policy says of it; systemd made it for them."""
    (group,) = [one for one in policy.groups if one.name == "front-web.slice"]
    said = {"low": group.memory_low, "min": group.memory_min, "max": group.memory_max, "swap.max": group.memory_swap_max}
    numbers = {key: str(int(setting.value)) for key, setting in said.items() if setting is not None and isinstance(setting.value, int)}
    shown = {key: machine.read(f"/sys/fs/cgroup/front.slice/front-web.slice/memory.{key}") for key in numbers}
    assert shown == numbers
    return len(numbers)


def environs_are_whole(found: dict[str, containers.Seen]) -> None:
    """What is hostile to a shell, to YAML, to a unit file and to compose comes as it was."""
    environ = found["share"].environ
    assert HOSTILE.replace("\\", "\\\\").replace('"', '\\"') in environ["NODE_OPTIONS"]
    parts = HOSTILE.replace('"', '"\'"\'"')
    assert environ["JAVA_TOOL_OPTIONS"].startswith(f'"-Dsaid={parts}" -ea ')


def a_reload_gives_no_swap(machine: Machine, ledger: tuple[Cell, ...], target: str) -> int:
    """A limit of 0 that the ledger calls exact stays when systemd writes its own values again; another does not."""
    (cell,) = [one for one in ledger if (one.target, one.object, one.field) == (target, "services.share", "memory_swap_max")]
    machine.run("systemctl daemon-reload; systemd-run --wait --slice=back.slice true", timeout=SLOW)
    limit = containers.engine(machine, "share")["share"].files["memory.swap.max"]
    assert (cell.setting.value, limit) == (0, "0" if cell.status is Status.EXACT else "max")
    return int(cell.status is Status.EXACT)


@pytest.mark.first_on("bookworm")
def test_docker_runs_and_updates_what_the_policy_says(
    machine: Machine, shape: Shape, tmp_path: Path, render: Callable[..., Path], proven: Proven
) -> None:
    facts = containers.FACTS[shape.image.suite]
    assert [one.startswith(f"{facts[name]}.") for name, one in packages(machine, "docker", "podman").items()] == [True] * 2
    options = ["--detach", "--network=none", f"--label=said={HOSTILE}"]
    told = Told(
        machine, shape, tmp_path, render,
        lambda name: {"docker": {"name": name, "image": IMAGE, "init": name == "open", "options": options, "command": ["sleep", "99999"]}},
    )  # fmt: skip
    machine.put_tree(told.out / "docker", "/root/docker")
    machine.run(containers.together("/root/docker/*.run.sh"), timeout=SLOW)
    found = containers.engine(machine, *SAID)
    exact, other = containers.held(told.ledger, told.policy, "docker", found)
    environs_are_whole(found)
    assert found["share"].said["Labels"]["said"] == HOSTILE
    proven("docker: exact cells equal inspect, cgroup files and the process", shape.title, exact)
    proven("docker: cells not exact are not said, or as the ledger says", shape.title, other)
    proven("docker: the slice above a container carries the policy's numbers", shape.title, slices_hold(machine, told.policy))
    assert a_reload_gives_no_swap(machine, told.ledger, "docker") == (shape is TRIXIE)

    # other values first, each container running all the while
    before = "docker update --memory=300m --memory-swap=310m --memory-reservation=50m --restart=unless-stopped"
    machine.run(f"set -e; {before} {' '.join(SAID)}; {containers.together('/root/docker/*.update.sh')}", timeout=SLOW)
    after = containers.engine(machine, *SAID)
    assert {name: seen.group for name, seen in after.items()} == {name: seen.group for name, seen in found.items()}, "the same containers"
    loose, fields = after["loose"], ("memory_max", "memory_swap_max", "memory_low", "restart")
    assert int(loose.files["memory.swap.max"]) > 1 << 60, (
        "more than any machine has: docker's own word for no limit would leave it as it was"
    )
    assert loose.said["MemorySwap"] == -1, "which the next start goes by"
    assert loose.files["memory.low"] == str(50 * M)
    assert "A reservation that the container has stays" in (told.out / "docker/loose.update.sh").read_text("utf-8")
    assert after["open"].files["memory.max"] == str(300 * M), "which the ledger says too"
    apart = {
        ("services.open", "memory_max"),
        ("services.open", "memory_swap_max"),
        ("services.loose", "memory_swap_max"),
        ("services.loose", "memory_low"),
    }
    exact, _ = containers.held(
        [cell for cell in told.ledger if (cell.object, cell.field) not in apart], told.policy, "docker", after, fields
    )
    proven("docker: update.sh gives a running container the policy's numbers", shape.title, exact)

    # the engine refuses a limit above the total of memory and swap that it keeps: where the policy says no swap it is told what `run` takes
    spec = tmp_path / "unsaid.yaml"
    spec.write_text("version: 1\nhosts: {box: {}}\nservices: {a: {memory: {max: 400M}, docker: {name: open}}}\n")
    machine.run(["sh", "-c", (render(spec) / "box/docker/a.update.sh").read_text("utf-8")], timeout=SLOW)
    (workload,) = oomconf.resolve(oomconf.load(spec)).policies[0].workloads
    limit, seen = str(containers.limit_of(workload)), containers.engine(machine, "open")["open"]
    assert (seen.files["memory.max"], seen.files["memory.swap.max"]) == (limit, limit)


def packages(machine: Machine, *names: str) -> dict[str, str]:
    """Give the versions of Debian's packages of these programs."""
    shown = machine.out(["dpkg-query", "-W", "-f", "${Version}\n", *(name.replace("docker", "docker.io") for name in names)])
    return dict(zip(names, shown.splitlines(), strict=True))


@pytest.mark.parametrize("shape", [TRIXIE], ids=["trixie"])
def test_compose_merges_the_override_into_what_the_policy_says(
    machine: Machine, shape: Shape, tmp_path: Path, render: Callable[..., Path], proven: Proven
) -> None:
    (tmp_path / "compose.yaml").write_text(BASE, "utf-8")
    told = Told(machine, shape, tmp_path, render, lambda name: {"compose": {"file": "compose.yaml", "service": name}})
    machine.put({"/root/app/compose.yaml": BASE})
    machine.put_tree(told.out / "compose", "/root/app")
    machine.run("cd /root/app && docker-compose -f compose.yaml -f compose.oomconf.yaml up -d --quiet-pull", timeout=SLOW)
    found = containers.engine(machine, *SAID)
    exact, other = containers.held(told.ledger, told.policy, "compose", found)
    environs_are_whole(found)
    assert [found[name].environ["KEPT"] for name in ("whole", "share")] == ["base", "base"]
    assert a_reload_gives_no_swap(machine, told.ledger, "compose")
    proven("compose: exact cells equal inspect, cgroup files and the process", shape.title, exact)
    proven("compose: cells not exact are not said, or as the ledger says", shape.title, other)
    slices_hold(machine, told.policy)


@pytest.mark.parametrize("shape", [TRIXIE], ids=["trixie"])
def test_quadlet_makes_units_of_what_the_policy_says(
    machine: Machine, shape: Shape, tmp_path: Path, render: Callable[..., Path], proven: Proven
) -> None:
    machine.run("systemctl stop docker docker.socket containerd", timeout=SLOW)
    text = f"{CONTAINER}Environment=KEPT=base JAVA_TOOL_OPTIONS=-Dof=image\n"
    machine.put({f"/etc/containers/systemd/{name}.container": text for name in SAID})
    told = Told(machine, shape, tmp_path, render, lambda name: {"quadlet": {"unit": f"{name}.container"}})
    names = [f"{name}.service" for name in SAID]
    machine.run(["systemctl", "start", *names], timeout=SLOW)
    found = containers.units(machine, *names)
    assert {seen.said["ActiveState"] for seen in found.values()} == {"active"}
    exact, other = containers.held(told.ledger, told.policy, "quadlet", found)
    environs_are_whole({name.removesuffix(".service"): seen for name, seen in found.items()})
    for seen in found.values():
        assert seen.environ["KEPT"] == "base"
        assert (seen.inner["memory.max"], seen.inner["memory.swap.max"]) == ("max", "max"), "the unit's limit is the only one"
    shown = machine.out("systemctl cat whole.service")
    assert "/etc/systemd/system/whole.service.d/60-oomconf.conf" in shown
    assert "--oom-score-adj=-321" in shown
    proven("quadlet: exact cells equal the unit, its cgroup and the container's process", shape.title, exact)
    proven("quadlet: cells not exact are not said, or as the ledger says", shape.title, other)
    slices_hold(machine, told.policy)


def test_a_podman_without_quadlet_is_told_nothing(tmp_path: Path, render: Callable[..., Path]) -> None:
    shape = BOOKWORM
    with shape.machine() as machine:
        assert machine.run("test -e /usr/libexec/podman/quadlet || test -e /usr/lib/podman/quadlet", check=False).status == 1
        told = Told(machine, shape, tmp_path, render, lambda name: {"quadlet": {"unit": f"{name}.container"}})
    cells = [cell for cell in told.ledger if cell.target == "quadlet"]
    assert cells
    assert {cell.status for cell in cells} == {Status.IMPOSSIBLE}
    assert not [path for path in told.out.rglob("*") if ".container.d" in str(path) or ".service.d" in str(path)]


@pytest.mark.deep  # what it asks of each engine the tests above ask too
@pytest.mark.parametrize("shape", [TRIXIE], ids=["trixie"])
def test_the_example_of_a_container_host_runs(
    machine: Machine, shape: Shape, tmp_path: Path, render: Callable[..., Path], proven: Proven
) -> None:
    shutil.copytree(ROOT / "examples/container-host", tmp_path / "spec")
    spec = tmp_path / "spec/oomconf.yaml"
    loaded = oomconf.load(spec)
    (policy,) = oomconf.resolve(loaded).policies
    ledger = oomconf.render(loaded).ledger
    out = render(spec, "--no-lint") / "box"
    machine.put_tree(out / "root")
    machine.put({
        "/root/app/compose.yaml": (tmp_path / "spec/compose.yaml").read_text("utf-8"),
        "/etc/containers/systemd/worker.container": CONTAINER,
    })  # fmt: skip
    machine.put_tree(out / "compose", "/root/app")
    machine.put_tree(out / "docker", "/root/docker")
    containers.images(machine, "registry.example/api:1.4", "registry.example/web:2.1", "registry.example/valkey:8")
    machine.run(
        "set -e; systemctl daemon-reload; (/root/docker/api.run.sh >/root/api.log 2>&1 </dev/null &)\n"
        "cd /root/app; docker-compose -f compose.yaml -f compose.oomconf.yaml up -d --quiet-pull; systemctl start worker.service\n"
        "for turn in $(seq 300); do docker inspect -f '{{.State.Status}}' api 2>/dev/null | grep -qx running && exit; sleep 1; done; cat /root/api.log; exit 1",
        timeout=SLOW,
    )
    found = containers.engine(machine, "api", "app-web-1", "app-cache-1")
    found = {"api": found["api"], "web": found["app-web-1"], "cache": found["app-cache-1"], **containers.units(machine, "worker.service")}
    count = sum(containers.held(ledger, policy, target, found)[0] for target in ("docker", "compose", "quadlet"))
    proven("examples/container-host: exact cells of docker, compose and quadlet, all running", shape.title, count)
