"""An audit of booted machines: what was rolled out is in force, and what somebody's hand changed is found, exactly that and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

import containers
import pytest
from machine import TRIXIE, Machine, Shape
from record import Proven

import oomconf
from oomconf.host.snapshot import collector
from oomconf.inforce import Audit
from oomconf.kernel import badness

SPEC: Final = """\
slices:
  web.slice: {memory: {max: 300M, swap_max: 64M}}
services:
  api:
    slice: web.slice
    protect: high
    oom_policy: kill
    restart: on-failure
    managed_oom_preference: avoid
    memory: {min: 4M, low: 16M, high: 96M, max: 128M, swap_max: 0}
    systemd: {unit: api.service}
  job: {protect: expendable, memory: {max: 64M, swap_max: 0}, systemd: {unit: job.service}}
  box:
    slice: web.slice
    oom_score_adj: 300
    restart: on-failure
    memory: {low: 8M, max: 48M, swap_max: 16M}
    docker: {name: box, image: lab, options: [--detach, --network=none], command: [sleep, "99999"]}
  pen: {oom_policy: kill, oom_score_adj: 123, memory: {high: 24M, max: 32M, swap_max: 0}, cgroup: {path: pen, delegated_by: farm.service, command: [sleep, "99999"]}}
"""
ENGINES: Final = """\
  shop: {restart: always, memory: {max: 56M, swap_max: 8M}, compose: {file: compose.yaml, service: shop}}
  work: {oom_policy: kill, restart: always, oom_score_adj: 200, memory: {max: 40M, swap_max: 0}, quadlet: {unit: work.container}}
"""
UNIT: Final = "[Service]\nExecStart=/bin/sleep 100000\n"
BASE: Final = 'services: {shop: {image: lab, command: [sleep, "99999"], container_name: shop, network_mode: none}}\n'
QUADLET: Final = "[Container]\nImage=localhost/lab\nExec=sleep 99999\nNetwork=none\n"

Found = set[tuple[str, str]]
_CGROUP: Final = "/sys/fs/cgroup/web.slice/api.service"
_BOX: Final = "/sys/fs/cgroup/web.slice/docker-$(docker inspect -f '{{.Id}}' box).scope"
_PEN: Final = "/sys/fs/cgroup/system.slice/farm.service/pen"
_KERNEL: Final = f"""
echo 0 >{_CGROUP}/memory.min; echo 20M >{_CGROUP}/memory.low; echo 90M >{_CGROUP}/memory.high; echo 100M >{_CGROUP}/memory.max
echo 8M >{_CGROUP}/memory.swap.max; echo 0 >{_CGROUP}/memory.oom.group; echo 200M >/sys/fs/cgroup/web.slice/memory.max
echo 0 >/sys/fs/cgroup/web.slice/memory.swap.max; sysctl -q vm.swappiness=60 vm.min_free_kbytes=4096; swapoff /swapfile
echo 40M >{_BOX}/memory.max; echo 0 >{_BOX}/memory.low
echo 7 >/proc/$(docker inspect -f '{{{{.State.Pid}}}}' box)/oom_score_adj
echo 16M >{_PEN}/memory.high; echo 0 >{_PEN}/memory.oom.group
echo 9 >/proc/$(systemctl show -P MainPID job)/oom_score_adj
"""
_MANAGERS: Final = r"""
mkdir -p /etc/systemd/oomd.conf.d
printf '[Service]\nOOMPolicy=stop\nRestart=always\nManagedOOMPreference=omit\nMemoryMax=1G\nSlice=other.slice\nOOMScoreAdjust=0\n' \
    >/etc/systemd/system/api.service.d/99-local.conf
printf '[OOM]\nSwapUsedLimit=90%%\n' >/etc/systemd/oomd.conf.d/99-local.conf
systemctl daemon-reload; systemctl restart api; systemctl stop job; systemctl set-property --runtime web.slice MemoryMax=250M
docker update --restart=no --memory-reservation=6m --memory=40m --memory-swap=40m box
"""
HANDS: Final[dict[str, tuple[str, str, Found, Found]]] = {
    "values written into the kernel": (
        _KERNEL,
        "echo 30M >/sys/fs/cgroup/system.slice/work.service/memory.max",
        {
            *(("api.service", f"memory_{one}") for one in ("min", "low", "high", "max", "swap_max")),
            ("api.service", "oom_policy"), ("web.slice", "memory_max"), ("web.slice", "memory_swap_max"),
            ("vm.swappiness", "vm.swappiness"), ("vm.min_free_kbytes", "vm.min_free_kbytes"), ("/swapfile", "swap"),
            ("box", "memory_max"), ("box", "memory_low"), ("box", "oom_score_adj"),
            ("farm.service/pen", "memory_high"), ("farm.service/pen", "oom_policy"),
        },
        {("work.service", "memory_max")},
    ),
    "files that sort behind, and commands of the managers": (
        _MANAGERS,
        "docker update --memory=60m --memory-swap=70m --restart=no shop",
        {
            ("api.service", "oom_policy"), ("api.service", "restart"), ("api.service", "managed_oom_preference"), ("api.service", "memory_max"),
            ("api.service", "slice"), ("api.service", "oom_score_adj"), ("web.slice", "memory_max"), ("oomd.conf", "swap_used_limit"),
            ("box", "memory_max"), ("box", "memory_low"), ("box", "memory_swap_max"), ("box", "restart"),
        },
        {("shop", "memory_max"), ("shop", "memory_swap_max"), ("shop", "restart")},
    ),
}  # fmt: skip
"""What is done to a machine on which all is as said, by itself and where compose and quadlet are; the rows that then tell of drift."""


class Host:
    """A machine with the spec rolled out, and how it is brought back to that."""

    def __init__(self, machine: Machine, shape: Shape, folder: Path, render: Callable[..., Path]) -> None:
        import json

        self.machine, self.engines = machine, shape is TRIXIE
        said = containers.host(machine, shape) | {
            "swap": [{"file": "/swapfile", "size": "64M", "priority": 5}],
            "oomd": {"SwapUsedLimit": "80%"},
            "sysctl": {"set": {"vm.swappiness": 33, "vm.min_free_kbytes": 8192, "vm.overcommit_memory": 1}},
        }
        path = folder / "oomconf.yaml"
        (folder / "compose.yaml").write_text(BASE)
        path.write_text(f"version: 1\nhosts: {json.dumps({'lab': said})}\n{SPEC}{ENGINES if self.engines else ''}")
        self.spec = oomconf.load(path)
        self.out = render(path, "--no-lint") / "lab"
        farm = "[Service]\nDelegate=yes\nExecStart=/bin/sleep 100000\n"
        machine.put({f"/etc/systemd/system/{name}.service": text for name, text in (("api", UNIT), ("job", UNIT), ("farm", farm))})
        machine.put({"/root/snapshot.sh": collector()})
        machine.put_tree(self.out / "docker", "/root/docker")
        if self.engines:
            machine.put({"/root/app/compose.yaml": BASE, "/etc/containers/systemd/work.container": QUADLET})
            machine.put_tree(self.out / "compose", "/root/app")
        # the groups below a unit are made where its own process is out of the way
        machine.run(
            "systemctl start farm && cd /sys/fs/cgroup/system.slice/farm.service && mkdir own && cat cgroup.procs >own/cgroup.procs"
        )
        self.roll_out()

    def roll_out(self) -> None:
        """Put everything in force; what a hand has left is removed first."""
        self.machine.run(
            "rm -rf /etc/systemd/system/*/99-local.conf /etc/systemd/oomd.conf.d/99-local.conf /run/systemd/system.control\n"
            "docker rm -f box shop; oomconf-cgroup down --kill; true"
        )
        self.machine.put_tree(self.out / "root")
        more = "systemctl restart work; cd /root/app && docker-compose -f compose.yaml -f compose.oomconf.yaml up -d --quiet-pull"
        self.machine.run(
            "set -e; systemctl daemon-reload; systemctl restart systemd-sysctl systemd-oomd api job; oomconf-swap up; oomconf-cgroup up\n"
            f"oomconf-cgroup run pen >/dev/null 2>&1 </dev/null & sh /root/docker/box.run.sh; {more if self.engines else 'true'}",
            timeout=containers.SLOW,
        )

    def audited(self) -> Audit:
        return oomconf.audit(self.machine.run("sh /root/snapshot.sh", timeout=600).out, self.spec)


def _drift(found: Audit) -> Found:
    return {(row.thing, row.setting) for row in found.drift}


@pytest.mark.first_on("trixie")
def test_drift_by_hand_in_every_kind_of_setting_is_found_and_nothing_else(
    machine: Machine, shape: Shape, render: Callable[..., Path], tmp_path: Path, proven: Proven
) -> None:
    host = Host(machine, shape, tmp_path, render)
    clean = host.audited()
    assert [row for row in clean.rows if row.state not in ("as said", "not seen") or row.blind] == []
    assert clean.unseen == ()
    states: dict[str, Audit] = {}
    told = 0
    for name, (done, more, expected, other) in HANDS.items():
        # what a hand has left of the round before would be told beside
        if states:
            host.roll_out()
        machine.run(f"set -e\n{done}\n{more if host.engines else ''}", timeout=containers.SLOW)
        states[name] = host.audited()
        assert _drift(states[name]) == expected | (other if host.engines else set()), name
        told += len(states[name].drift)
    first, second = states.values()
    assert {(row.thing, row.setting) for row in first.pending} == {("job.service", "oom_score_adj")}
    assert {row.thing for row in second.rows if row.state == "not running"} == {"job.service"}
    proven("audit: values that were rolled out, each told as said", shape.title, sum(row.state == "as said" for row in clean.rows))
    proven("audit: settings changed by hand that it finds, and nothing else", shape.title, told + 1)


_CROWD: Final = """
n=0; for size in 4 9 17 30 44; do for adj in -900 -350 0 250 800; do n=$((n+1))
systemd-run -q --unit=crowd$n -p OOMScoreAdjust=$adj hog -n crowd$n $size; done; done
systemd-run -q --unit=given -p OOMScoreAdjust=-1000 hog -n given 5
systemd-run -q --unit=taken choom -n -1000 -- hog -n taken 5
until [ $(pgrep -c '^crowd|given|taken') -ge 27 ]; do sleep 0.3; done; sleep 2
"""
_SCORES: Final = "cd /proc; for one in [0-9]*; do read score <$one/oom_score && echo $one $score; done 2>/dev/null; true"


@pytest.mark.first_on("bookworm")
def test_the_ranking_is_the_kernels_own_order(machine: Machine, shape: Shape, proven: Proven) -> None:
    machine.put({"/root/snapshot.sh": collector()})
    machine.run(_CROWD, timeout=300)
    before = machine.out(_SCORES)
    found = oomconf.audit(machine.run("sh /root/snapshot.sh", timeout=600).out)
    after = machine.out(_SCORES)
    # what did not move while the capture was taken
    kernel = {int(row.split()[0]): int(row.split()[1]) for row in set(before.splitlines()) & set(after.splitlines())}
    meminfo = dict(re.findall(r"(\w+): +(\d+) kB", machine.read("/proc/meminfo")))
    total = badness.total_pages(int(meminfo["MemTotal"]) << 10, int(meminfo["SwapTotal"]) << 10, 4096)
    ranked = [one for one in found.order if one.pid in kernel and one.badness is not None]
    scores = [kernel[one.pid] for one in ranked]
    said = [_score(one.badness // 4096, total) for one in ranked if one.badness is not None]
    assert len({one.name for one in ranked if one.name.startswith("crowd")}) == 25
    # since 6.2 a counter of each processor's holds some pages back from who only looks
    assert all(abs(mine - theirs) <= 1 for mine, theirs in zip(said, scores, strict=True))
    assert all(first >= second - 1 for first, second in pairwise(scores))
    spared = {one.name: (one.exempt, one.giver) for one in found.order if one.name in ("given", "taken")}
    assert spared == {"given": ("declared", "given.service"), "taken": ("inherited", "")}
    proven("audit: processes ranked in the kernel's own order", shape.title, len(ranked))


def _score(points: int, total: int) -> int:
    """What /proc/PID/oom_score shows (fs/proc/base.c: proc_oom_score); C divides towards zero."""
    share = abs(points) * 1000 // total
    return (1000 + (share if points >= 0 else -share)) * 2 // 3
