"""systemd-oomd spares what the spec protects: the larger of two services in swap dies, unless it says ManagedOOMPreference=avoid."""

from __future__ import annotations

import pytest
from behaviour import Stage, small, unit_of, until
from machine import Machine, Shape
from record import Proven

import oomconf

_SWAP = 256 << 20
_LARGE, _SMALL, _BALLAST, _HIGH = 124, 100, 180, 24
"""MiB; with both in swap it is fuller than the limit, with either alone it is not. The large one is there first."""
_SPEC = f"""
slices: {{work.slice: {{managed_oom: {{swap: kill}}}}}}
services:
  large: {{slice: work.slice, memory: {{high: {_HIGH}M, max: 256M, swap_max: 128M}}, systemd: {{unit: large.service}}}}
  small: {{slice: work.slice, memory: {{high: {_HIGH}M, max: 256M, swap_max: 128M}}, systemd: {{unit: small.service}}}}
  ballast: {{systemd: {{unit: ballast.service}}}}
"""
_PROTECTED = "services: {large: {protect: high}}\n"


def _round(stage: Stage, *texts: str) -> tuple[str, str]:
    """Fill memory, and swap beyond what systemd-oomd is to bear; give whom it kills, and who is left."""
    machine = stage.machine
    stage.install(stage.spec(*texts))
    machine.run("systemctl daemon-reload; systemctl start ballast large")
    until(machine, f"[ $(cat /sys/fs/cgroup/work.slice/large.service/memory.swap.current) -ge {(_LARGE - _HIGH - 2) << 20} ]")
    # a unit that it is to watch has started it (systemd: unit_add_oomd_dependencies)
    until(machine, "systemctl is-active -q systemd-oomd")
    machine.run("systemctl start small")
    until(machine, "systemctl is-failed -q large || systemctl is-failed -q small")
    states = stage.units(["large.service", "small.service"], "ActiveState", "Result")
    (dead,) = [name for name, row in states.items() if row == ("failed", "oom-kill")]
    (left,) = [name for name, row in states.items() if row == ("active", "success")]
    lines = machine.out("journalctl -b -o short-precise --no-pager").splitlines()
    events = [event for event in oomconf.read_log(lines) if event.killer == "systemd-oomd"]
    assert events[-1].victims[0].owner.unit == dead
    assert stage.kills() == []
    machine.run("systemctl stop large small ballast; systemctl reset-failed")
    return dead, left


@pytest.mark.first_on("trixie")
@pytest.mark.parametrize("shape", small(), ids=lambda shape: shape.image.name)
def test_oomd_kills_the_one_that_is_not_protected(machine: Machine, shape: Shape, stage: Stage, proven: Proven) -> None:
    machine.run(f"mkswap -q /dev/vdb {_SWAP >> 10} && swapon /dev/vdb")
    stage.swap = _SWAP - 4096
    stage.host = "    oomd: {SwapUsedLimit: 55%}\n"
    sizes = {"large": _LARGE, "small": _SMALL, "ballast": _BALLAST}
    machine.put({f"/etc/systemd/system/{name}.service": unit_of(f"/usr/local/bin/hog -n {name} {size}") for name, size in sizes.items()})
    assert _round(stage, _SPEC) == ("large.service", "small.service")
    assert _round(stage, _SPEC, _PROTECTED) == ("small.service", "large.service")
    assert stage.show("large", "ManagedOOMPreference") == ("avoid",)
    proven("systemd-oomd: ManagedOOMPreference=avoid spares the protected one, which dies without", shape.title, 2)
