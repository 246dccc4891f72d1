"""Who killed: systemd-oomd, earlyoom and the kernel in a container leave logs, and diagnose names killer, unit, container and victim."""

from __future__ import annotations

import pytest
from machine import Machine, Shape
from record import Proven

import oomconf
from oomconf.oomlog import OomEvent

OOMD = "[OOM]\nDefaultMemoryPressureDurationSec=2s\n"
SLICE = "[Slice]\nManagedOOMMemoryPressure=kill\nManagedOOMMemoryPressureLimit=5%\n"
CLAIM = "a kill by earlyoom, by systemd-oomd and at a container's limit: killer, unit, container and victim as diagnose names them"


def events(log: str) -> list[OomEvent]:
    return list(oomconf.read_log(log.splitlines()))


@pytest.mark.deep
def test_each_killer_is_named(machine: Machine, shape: Shape, proven: Proven) -> None:
    by_limit(machine)
    by_earlyoom(machine)
    by_pressure(machine)
    proven(CLAIM, shape.title, 3)


def by_limit(machine: Machine) -> None:
    """A container at its limit: the kernel's report alone tells which, and Docker agrees."""
    machine.forget()
    limits = "--memory=64m --memory-swap=64m --oom-score-adj=300"
    done = machine.run(f"docker run --name aa {limits} lab hog -n leaker 100", check=False, timeout=500)
    assert done.status == 137, done
    name, killed, code = machine.out("docker inspect -f '{{.Id}} {{.State.OOMKilled}} {{.State.ExitCode}}' aa").split()
    assert (killed, code) == ("true", "137")
    (event,) = events(machine.kernel_log())
    assert (event.killer, event.kind, event.outcome) == ("kernel", "memcg", "killed")
    assert event.victim is not None
    assert (event.victim.name, event.victim.oom_score_adj) == ("leaker", 300)
    assert event.memcg is not None
    assert event.memcg.limit_kb == 64 << 10
    owner = event.victim.owner
    assert (owner.container, owner.runtime, owner.unit) == (name, "docker", f"docker-{name}.scope")


def by_earlyoom(machine: Machine) -> None:
    """earlyoom sends SIGTERM to the process of the highest score when less is available than there is without that process."""
    least = int(machine.out("awk '/MemTotal/ {all = $2} /MemAvailable/ {print int($2 * 100 / all) - 15}' /proc/meminfo"))
    machine.run("systemd-run -q --unit=eaten -p OOMScoreAdjust=1000 hog -n eaten 300")
    machine.run(f"{until('journalctl -o cat -u eaten | grep -q hog.eaten')}; systemd-run -q --unit=early earlyoom -m {least} -s 100 -r 0")
    said = machine.out("journalctl -o cat -u eaten | grep -o 'hog eaten [0-9]*'")
    machine.run(f"{until('! systemctl is-active -q eaten')}; systemctl stop early", timeout=300)
    log = machine.out("journalctl --no-pager -o short-iso -u early")
    (event,) = [one for one in events(log) if one.victims]
    assert event.killer == "earlyoom"
    assert event.victim is not None
    assert (event.victim.pid, event.victim.name) == (int(said.split()[-1]), "eaten"), log


def until(condition: str) -> str:
    return f"for i in $(seq 200); do {condition} && break; sleep 1; done"


def by_pressure(machine: Machine) -> None:
    """systemd-oomd kills the unit below a slice under pressure."""
    machine.put({"/etc/systemd/oomd.conf.d/lab.conf": OOMD, "/etc/systemd/system/press.slice": SLICE})
    machine.run("mkswap -q /dev/vdb 262144 2>/dev/null; swapon /dev/vdb")
    machine.run("systemctl daemon-reload; systemctl start systemd-oomd; systemctl is-active systemd-oomd")
    machine.run("systemd-run -q --slice=press.slice --unit=eater -p MemoryHigh=60M hog -n eater -g 20 -m 800 50")
    machine.run(until("! systemctl is-active -q eater"), timeout=300)
    log = machine.out("journalctl --no-pager -o short-iso -u systemd-oomd -u eater")
    assert machine.out("systemctl show -P Result eater") == "oom-kill", log
    found = [one for one in events(log) if one.killer == "systemd-oomd"]
    assert len(found) == 1, log
    assert found[0].outcome == "killed"
    assert found[0].victims, log
    assert {one.owner.unit for one in found[0].victims} == {"eater.service"}
