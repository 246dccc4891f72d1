"""An audit of booted machines: what was rolled out is in force, and one value that somebody writes is the one drift."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from machine import Machine, Shape
from record import Proven

import oomconf
from oomconf.host.snapshot import collector
from oomconf.inforce import Audit

pytestmark = pytest.mark.deep  # held on both machines, not yet in a run beside all others

SPEC = """\
version: 1
hosts:
  lab: {ram: 1G, systemd: %d, sysctl: {set: {vm.swappiness: 33, vm.overcommit_memory: 1}}}
slices:
  web.slice: {memory: {max: 300M}}
services:
  api: {slice: web.slice, protect: high, oom_policy: kill, restart: on-failure, memory: {low: 16M, high: 96M, max: 128M, swap_max: 0}, systemd: {unit: api.service}}
  job: {protect: expendable, memory: {max: 64M, swap_max: 0}, systemd: {unit: job.service}}
"""
UNIT = "[Service]\nExecStart=/bin/sleep 100000\n"


def test_what_was_rolled_out_is_in_force_and_a_hand_in_the_cgroup_is_the_one_drift(
    machine: Machine, shape: Shape, render: Callable[..., Path], tmp_path: Path, proven: Proven
) -> None:
    path = tmp_path / "oomconf.yaml"
    path.write_text(SPEC % (252 if shape.image.suite == "bookworm" else 257))
    spec = oomconf.load(path)
    machine.put_tree(render(path) / "lab/root", "/")
    machine.put({f"/etc/systemd/system/{name}.service": UNIT for name in ("api", "job")} | {"/root/snapshot.sh": collector()})
    machine.run("systemctl daemon-reload && systemctl start api.service job.service && sysctl -q --system", timeout=300)

    def audited() -> Audit:
        return oomconf.audit(machine.run("sh /root/snapshot.sh", timeout=600).out, spec)

    found = audited()
    assert [row for row in found.rows if row.state != "as said"] == []
    assert found.unseen == ()
    machine.run("echo 100M > /sys/fs/cgroup/web.slice/api.service/memory.max")
    (row,) = audited().drift
    assert (row.thing, row.setting, row.found, row.manager) == ("api.service", "memory_max", 100 << 20, 128 << 20)
    proven("audit: what was rolled out is in force, and one value written by hand is the one drift", shape.title, len(found.rows) + 1)
