"""oomconf-verify where it is made for: on a booted machine it tells what holds from what does not, and a stress run leaves the rest alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from machine import Machine, Shape
from record import Proven

SPEC: Final = """
version: 1
hosts:
  lab:
    memtotal: {memtotal}K
    reserved: 300M
    cgroup_version: 2
    systemd: {systemd}
    docker: {{cgroup_driver: systemd}}
    swap: [{{file: /swapfile, size: 64M, priority: 5}}]
    sysctl: {{set: {{vm.swappiness: 10, vm.oom_dump_tasks: 1}}}}
slices:
  shop.slice: {{memory: {{max: 200M, swap_max: 32M}}}}
services:
  db:
    slice: shop.slice
    protect: critical
    oom_policy: continue
    restart: on-failure
    memory: {{low: 16M, high: 90M, max: 100M, swap_max: 16M}}
    systemd: {{unit: db.service}}
  job:
    protect: expendable
    oom_policy: kill
    memory: {{max: 64M, swap_max: 0}}
    systemd: {{unit: job.service}}
  box:
    protect: high
    restart: on-failure
    memory: {{max: 48M, swap_max: 16M}}
    docker: {{name: box, image: lab, options: [--detach], command: [hog, "8"]}}
"""
UNIT: Final = "[Service]\nExecStart=/usr/local/bin/hog -n {name} 20\n"

# what is done by hand, the words by which it is told, and what undoes it
DRIFT: Final = {
    "a limit written into the cgroup": (
        "echo 50M >/sys/fs/cgroup/shop.slice/db.service/memory.max",
        "db.service: memory.max: expected 104857600, found 52428800",
        "systemctl restart db",
    ),
    "a sysctl": ("sysctl -q vm.swappiness=60", "sysctl vm.swappiness: expected 10, found 60", "sysctl -q vm.swappiness=10"),
    "the swap": ("swapoff /swapfile", "swap /swapfile: expected it on, found it off", "oomconf-swap up"),
    "a running container": (
        "docker update --memory 32m --memory-swap 48m box",
        "container box: HostConfig.Memory: expected 50331648, found 33554432",
        "docker update --memory 48m --memory-swap 64m box",
    ),
    "a drop-in that sorts behind": (
        r"printf '[Service]\nOOMPolicy=stop\n' >/etc/systemd/system/job.service.d/99-local.conf; systemctl daemon-reload",
        "job.service: OOMPolicy: expected kill, found stop",
        "rm /etc/systemd/system/job.service.d/99-local.conf; systemctl daemon-reload",
    ),
    "a protected service that is stopped": ("systemctl stop db", "db.service is protected: expected active, found inactive", "systemctl start db"),
    "an OOM kill": (
        "systemd-run -q --wait -p MemoryMax=32M -p MemorySwapMax=0 hog 64",
        "OOM kills on this host: expected none that are new, found 1",
        "oomconf-verify mark",
    ),
}  # fmt: skip


def _installed(machine: Machine, render: Callable[..., Path], folder: Path) -> None:
    spec = folder / "oomconf.yaml"
    memtotal = machine.out("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")
    systemd = machine.out("systemctl --version | sed -n '1s/systemd \\([0-9]*\\).*/\\1/p'")
    spec.write_text(SPEC.format(memtotal=memtotal, systemd=systemd))
    out = render(spec)
    machine.put({f"/etc/systemd/system/{name}.service": UNIT.format(name=name) for name in ("db", "job")})
    machine.put_tree(out / "lab/root")
    machine.put_tree(out / "lab/docker", "/root/docker")
    machine.run(
        "systemctl daemon-reload; systemctl restart systemd-sysctl; oomconf-swap up; systemctl start db job; sh /root/docker/box.run.sh",
        timeout=300,
    )


def _told(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith(("does not hold:", "pending restart:", "cannot look:"))]


@pytest.mark.first_on("bookworm")
def test_its_exit_code_tells_and_its_words_say_what(
    machine: Machine, shape: Shape, render: Callable[..., Path], tmp_path: Path, proven: Proven
) -> None:
    folder = tmp_path / "spec"
    folder.mkdir()
    _installed(machine, render, folder)
    first = machine.run("oomconf-verify --verbose", check=False, timeout=300)
    assert first.status == 0, str(first)
    assert _told(first.out) == []
    held = re.search(r"oomconf-verify: (\d+) hold, 0 do not, 0 wait", first.out)
    assert held is not None, str(first)
    machine.run("oomconf-verify mark", timeout=300)
    for what, (done, told, undone) in DRIFT.items():
        machine.run(done, check="systemd-run" not in done, timeout=300)
        found = machine.run("oomconf-verify", check=False, timeout=300)
        assert found.status == 1, f"{what}: {found}"
        assert told in found.out, f"{what}: {found}"
        machine.run(undone, timeout=300)
    again = machine.run("oomconf-verify", check=False, timeout=300)
    assert (again.status, _told(again.out)) == (0, []), f"everything is undone: {again}"
    pid = machine.out("systemctl show -P MainPID db")
    machine.run(f"echo 5 >/proc/{pid}/oom_score_adj")
    waiting = machine.run("oomconf-verify", check=False, timeout=300)
    assert waiting.status == 0, str(waiting)
    assert "pending restart: db.service: oom_score_adj: expected -900, found 5" in waiting.out
    assert machine.run("oomconf-verify --strict", check=False, timeout=300).status == 1
    proven("verify: values that it finds in force", shape.title, int(held[1]))
    proven("verify: kinds of drift made by hand that it tells by name", shape.title, len(DRIFT) + 1)


@pytest.mark.deep
def test_a_stress_run_dies_at_its_own_limit_and_nothing_else_falls(
    machine: Machine, shape: Shape, render: Callable[..., Path], tmp_path: Path, proven: Proven
) -> None:
    folder = tmp_path / "spec"
    folder.mkdir()
    _installed(machine, render, folder)
    before = machine.out("systemctl show -P MainPID db; docker inspect -f '{{.State.Pid}}' box")
    calm = machine.run("oomconf-verify stress --seconds 10 --bytes 64M --verbose", check=False, timeout=300)
    assert calm.status == 0, str(calm)
    assert re.search(r"holds: the stress run was killed [1-9]\d* times at its own limit", calm.out), str(calm)
    assert machine.out("systemctl show -P MainPID db; docker inspect -f '{{.State.Pid}}' box") == before
    # the other outcome: somebody has taken the protection away, and the same run says so
    machine.run("sysctl -q vm.swappiness=60; docker kill box")
    broken = machine.run("oomconf-verify stress --seconds 10 --bytes 64M", check=False, timeout=300)
    assert broken.status == 1, str(broken)
    assert "container box is protected: expected running" in broken.out
    assert "sysctl vm.swappiness: expected 10, found 60" in broken.out
    proven("verify: outcomes of a bounded stress run", shape.title, 2)
