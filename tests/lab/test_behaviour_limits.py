"""What memory.low, min, high, max and swap.max do to a service, and to its neighbours, with the files that oomconf renders."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from behaviour import Stage, small, unit_of, until
from machine import TRIXIE_SMALL, Machine, Shape
from record import Proven

import oomconf

_SWAP = 512 << 20
_SLACK = 8 << 20
"""What may differ: a cgroup's own tables, batches of charges, what reclaim takes at once."""
_HOG = "/usr/local/bin/hog -n {name} {size}"

_PROMISES = """
slices: {kept.slice: {}, pinned.slice: {}, lost.slice: {}}
services:
  kept: {slice: kept.slice, memory: {low: 72M}, systemd: {unit: kept.service}}
  pinned: {slice: pinned.slice, memory: {min: 40M}, systemd: {unit: pinned.service}}
  lost: {slice: lost.slice, memory: {low: 72M}, systemd: {unit: lost.service}}
  greedy: {systemd: {unit: greedy.service}}
"""


def _units(**sizes: str) -> dict[str, str]:
    return {f"/etc/systemd/system/{name}.service": unit_of(_HOG.format(name=name, size=size)) for name, size in sizes.items()}


def _swap_on(stage: Stage) -> None:
    stage.machine.run(f"mkswap -q /dev/vdb {_SWAP >> 10} && swapon /dev/vdb")
    stage.swap = _SWAP - 4096


def _holds(stage: Stage, path: str, size: int) -> None:
    """Wait until a cgroup holds so much, in memory and in swap."""
    folder = f"/sys/fs/cgroup/{path}/memory"
    until(stage.machine, f"[ $(($(cat {folder}.current) + $(cat {folder}.swap.current))) -ge {size} ]")


@pytest.mark.first_on("trixie")
@pytest.mark.parametrize("shape", small(), ids=lambda shape: shape.image.name)
def test_a_promise_is_kept_with_the_rendered_slices_and_broken_without(
    machine: Machine, shape: Shape, stage: Stage, proven: Proven
) -> None:
    _swap_on(stage)
    spec = stage.spec(_PROMISES)
    sizes = {name: (one.memory_low or one.memory_min) for name in ("kept", "pinned", "lost") for one in [stage.workload(spec, name)]}
    promised = {name: int(size.value or 0) for name, size in sizes.items() if size is not None}
    # more than the machine has, beside what is promised
    greedy = stage.free - promised["kept"] - promised["pinned"] + (96 << 20) >> 20
    machine.put(_units(**{name: str(size >> 20) for name, size in promised.items()}, greedy=f"-w -g 2000 -m {greedy} 1"))
    stage.install(spec, without=["etc/systemd/system/lost.slice.d/60-oomconf.conf"])
    generations = int(machine.read("/sys/kernel/mm/lru_gen/enabled"), 16) & 1
    assert bool(generations) == (shape is TRIXIE_SMALL)
    if generations:
        found = _pressed(stage, promised, greedy)
        # the multi-gen LRU, which Debian 13 turns on, gives up memory.low while there is other prey (mm/vmscan.c: shrink_one), never memory.min
        assert found["kept"]["events:low"] > 0, found
        assert found["kept"]["current"] < promised["kept"] - _SLACK, found
        assert found["pinned"]["current"] >= promised["pinned"] - _SLACK, found
        proven("memory.low: given up under the multi-gen LRU, where memory.min is kept", shape.title, 2)
        machine.run("echo n >/sys/kernel/mm/lru_gen/enabled; systemctl stop kept pinned lost greedy")
    found = _pressed(stage, promised, greedy)
    for name in ("kept", "pinned"):
        assert found[name]["current"] >= promised[name] - _SLACK, found
        assert found[name]["events:low"] == 0
    assert found["lost"]["current"] < promised["lost"] // 2, found
    assert found["lost"]["swap.current"] > promised["lost"] // 2 - _SLACK, found
    run = stage.predicted(spec, "leak:greedy", {name: size >> 20 for name, size in promised.items()})
    swapped = next(step for step in run.steps if step.kind == "swap")
    assert "what is promised to kept, pinned, lost" in swapped.text
    assert stage.kills() == []
    proven("memory.low and memory.min: kept with the rendered slices, lost without (multi-gen LRU off)", shape.title, len(found))


def _pressed(stage: Stage, promised: Mapping[str, int], greedy: int) -> dict[str, dict[str, int]]:
    """Let the idle services fill what they are promised, and a neighbour take more than is left; give what they hold then."""
    stage.machine.run("systemctl start kept pinned lost greedy")
    leaves = {name: f"{name}.slice/{name}.service" for name in promised}
    for name, size in promised.items():
        _holds(stage, leaves[name], size)
        assert sum(stage.cgroup(leaves[name], "low", "min").values()) == size
        assert sum(stage.cgroup(f"{name}.slice", "low", "min").values()) == (0 if name == "lost" else size)
    stage.machine.run("systemctl kill -s USR1 greedy")
    _holds(stage, "system.slice/greedy.service", greedy << 20)
    return {name: stage.cgroup(path, "current", "swap.current", "events:low") for name, path in leaves.items()}


_LIMITS = """
services:
  slow: {memory: {high: 32M, max: 256M, swap_max: 128M}, systemd: {unit: slow.service}}
  twin: {systemd: {unit: twin.service}}
  frozen: {memory: {high: 32M, max: 256M, swap_max: 0}, systemd: {unit: frozen.service}}
  leaker: {restart: on-failure, memory: {max: 48M, swap_max: 0}, systemd: {unit: leaker.service}}
  spiller: {restart: on-failure, memory: {max: 48M, swap_max: 32M}, systemd: {unit: spiller.service}}
"""


@pytest.mark.first_on("bookworm")
@pytest.mark.parametrize("shape", small(), ids=lambda shape: shape.image.name)
def test_a_limit_throttles_or_kills_the_one_that_has_it_and_nobody_else(
    machine: Machine, shape: Shape, stage: Stage, proven: Proven
) -> None:
    _swap_on(stage)
    spec = stage.spec(_LIMITS)
    assert {(one.rule, one.object) for one in oomconf.lint(spec, select=["high-without-swap"]).findings} == {
        ("high-without-swap", "services.frozen")
    }
    machine.put(
        _units(
            slow="-w -g 2000 -m 96 1",
            twin="-w -g 2000 -m 96 1",
            frozen="-w -g 2000 -m 96 1",
            leaker="-w -g 2000 1",
            spiller="-w -g 2000 1",
        )
    )
    stage.install(spec)
    names = ("slow", "twin", "frozen", "leaker", "spiller")
    machine.run(["systemctl", "start", *names])
    for name in names:
        _holds(stage, f"system.slice/{name}.service", 1 << 20)
    _throttled(stage, spec)
    machine.run("systemctl stop slow twin")
    _killed_alone(stage, spec)
    proven("memory.high throttles, memory.max kills inside, swap_max keeps swap free", shape.title, len(names))


def _throttled(stage: Stage, spec: oomconf.Spec) -> None:
    """What is above its high sits in swap or crawls, and is not killed."""
    files = ("current", "swap.current", "high", "events:high", "events:max", "events:oom_kill")
    high = {name: int(stage.workload(spec, name).memory_high.value or 0) for name in ("slow", "frozen")}  # type: ignore[union-attr]
    stage.machine.run("systemctl kill -s USR1 slow twin frozen")
    for name in ("twin", "slow"):
        _holds(stage, f"system.slice/{name}.service", 96 << 20)
    found = {name: stage.cgroup(f"system.slice/{name}.service", *files) for name in ("slow", "twin", "frozen")}
    assert found["twin"]["current"] >= 96 << 20
    assert found["twin"]["events:high"] == 0
    for name, size in high.items():
        assert found[name]["high"] == size
        assert found[name]["events:high"] > 0
        assert found[name]["current"] <= size + _SLACK, found
        assert found[name]["events:oom_kill"] == 0
        steps = stage.predicted(spec, f"leak:{name}").steps
        assert steps[0].kind == "throttle", steps
    assert found["slow"]["swap.current"] >= (96 << 20) - high["slow"] - _SLACK
    # without swap it has nowhere to go: it has not come to where the others are long since
    assert found["frozen"]["swap.current"] == 0
    assert "looks hung" in stage.predicted(spec, "leak:frozen").steps[0].text
    assert set(stage.units(["slow", "twin", "frozen"], "ActiveState").values()) == {("active",)}
    assert stage.kills() == []


def _killed_alone(stage: Stage, spec: oomconf.Spec) -> None:
    """What is at its limit dies there, is started again, and the machine is far from short."""
    machine = stage.machine
    for name in ("leaker", "spiller"):
        machine.forget()
        machine.run(f"systemctl kill -s USR1 {name}")
        until(machine, f'[ "$(systemctl show -P NRestarts {name})" = 1 ]')
        workload = stage.workload(spec, name)
        (event,) = stage.kills()
        assert (event.killer, event.kind) == ("kernel", "memcg")
        assert (event.victims[0].name, event.victims[0].owner.unit) == (name, f"{name}.service")
        memcg = event.memcg
        assert memcg is not None
        assert memcg.path == f"/system.slice/{name}.service"
        assert memcg.limit_kb == int(workload.memory_max.value or 0) >> 10  # type: ignore[union-attr]
        assert memcg.swap_limit_kb == int(workload.memory_swap_max.value or 0) >> 10  # type: ignore[union-attr]
        assert (memcg.swap_usage_kb or 0) <= (memcg.swap_limit_kb or 0)
        if name == "spiller":
            assert (memcg.swap_usage_kb or 0) >= 24 << 10
        told = oomconf.explain(event, spec)
        assert {(one.service, one.key) for one in told.declared} >= {(f"services.{name}", "memory.max")}, told.declared
        run = stage.predicted(spec, f"leak:{name}")
        assert run.deaths == (name,)
        assert [step.kind for step in run.steps if step.kind in ("kill", "restart")] == ["kill", "restart"]
        assert stage.show(name, "ActiveState", "NRestarts") == ("active", "1")
    assert stage.show("frozen", "ActiveState") == ("active",)
