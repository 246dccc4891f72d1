"""A policy as the machine that simulate plays: scores, what follows a kill, what is assumed."""

from __future__ import annotations

from pathlib import Path

import pytest
from boxes import GIB

import oomconf
from oomconf.simulation import Machine, machine_of
from oomconf.simulation.aftermath import restarts
from oomconf.simulation.nouns import Member, Part


def machine(tmp_path: Path, text: str, host: str = "h") -> Machine:
    path = tmp_path / "oomconf.yaml"
    path.write_text(text)
    fleet = oomconf.resolve(oomconf.load(path))
    return machine_of(next(policy for policy in fleet.policies if policy.name == host))


# ── scores and what follows a kill, by placement ─────────────────────────────────────────────────────────────────────────

PLAIN = "version: 1\nhosts: {{h: {{ram: 16G, swap: 0, systemd: {systemd}, reserved: 0}}}}\nservices:\n  s: {{{said}, {placed}}}\n"
SYSTEMD, USER = "systemd: {unit: s.service}", "systemd: {unit: s.service, user: true}"
DOCKER, COMPOSE = "docker: {name: svc, image: i}", "compose: {file: compose.yaml, service: s}"
QUADLET, LEAF = "quadlet: {unit: s.container}", "cgroup: {path: s, delegated_by: d.service}"

PLACES = [
    # what is said, placement, systemd, score, oom policy, keeper
    ("memory: {max: 1G}", SYSTEMD, 252, 0, "stop", "systemd"),
    ("protect: high", SYSTEMD, 252, -500, "stop", "systemd"),
    ("oom_policy: continue", SYSTEMD, 252, 0, "continue", "systemd"),
    ("oom_policy: kill", SYSTEMD, 252, 0, "kill", "systemd"),
    ("memory: {max: 1G}", USER, 252, 200, "stop", "systemd"),
    ("memory: {max: 1G}", USER, 249, 0, "stop", "systemd"),
    ("oom_score_adj: 50", USER, 252, 100, "stop", "systemd"),
    ("oom_score_adj: 150", USER, 252, 150, "stop", "systemd"),
    ("protect: critical", DOCKER, 252, -900, "continue", "docker"),
    ("memory: {max: 1G}", COMPOSE, 252, 0, "continue", "docker"),
    ("memory: {max: 1G}", QUADLET, 252, 0, "continue", "podman"),
    ("oom_policy: kill", QUADLET, 252, 0, "kill", "podman"),
    ("memory: {max: 1G}", LEAF, 252, 0, "continue", "none"),
    ("oom_policy: kill", LEAF, 252, 0, "kill", "none"),
]


@pytest.mark.parametrize(("said", "placed", "systemd", "score", "oom_policy", "keeper"), PLACES)
def test_a_placement_decides_the_score_and_what_follows(
    tmp_path: Path, *, said: str, placed: str, systemd: int, score: int, oom_policy: str, keeper: str
) -> None:
    (member,) = machine(tmp_path, PLAIN.format(said=said, placed=placed, systemd=systemd)).members
    assert [part.oom_score_adj for part in member.parts] == [score]
    assert (member.oom_policy, member.keeper) == (oom_policy, keeper)


NODE = """\
version: 1
hosts:
  h: {ram: 16G, swap: 0, count: 2, kubelet: {version: "1.36", systemReserved: 1Gi, kubeReserved: 1Gi%s}}
services:
  s:
    host: h
    replicas: %s
    memory: {max: %s}
    kubernetes: {workload: Deployment/s, namespace: n, container: c, requests: {memory: %s%s}%s}
"""
PODS = [
    # limit, request, cpu request, limits, score: pkg/kubelet/qos/policy.go
    ("1Gi", "1Gi", ", cpu: 1", ", limits: {cpu: 1}", -997),
    ("1Gi", "1Gi", "", "", 938),
    ("1Gi", "256Mi", "", "", 985),
    ("15Gi", "15Gi", "", "", 63),
]


@pytest.mark.parametrize(("limit", "request_", "cpu", "limits", "score"), PODS)
def test_a_pod_has_the_score_that_the_kubelet_gives(
    tmp_path: Path, *, limit: str, request_: str, cpu: str, limits: str, score: int
) -> None:
    found = machine(tmp_path, NODE % ("", 3, limit, request_, cpu, limits))
    assert [member.name for member in found.members] == ["s#1", "s#2"]  # three on two nodes: two on the fuller
    assert {part.oom_score_adj for member in found.members for part in member.parts} == {score}
    assert {member.oom_policy for member in found.members} == {"kill"}
    assert found.groups["kubepods.slice"].max == 14 * GIB


def test_a_kubelet_may_kill_single_processes(tmp_path: Path) -> None:
    found = machine(tmp_path, NODE % (", singleProcessOOMKill: true", 1, "1Gi", "1Gi", "", ""))
    assert {member.oom_policy for member in found.members} == {"continue"}


@pytest.mark.parametrize(
    ("sysctl", "words"),
    [
        ("vm.panic_on_oom: 1", "vm.panic_on_oom is 1: a shortage of the whole machine stops the machine"),
        ("vm.panic_on_oom: 2", "vm.panic_on_oom is 2: every shortage, a cgroup's too, stops the machine"),
        ("vm.oom_kill_allocating_task: 1", "whoever asks for memory dies, whatever the scores"),
    ],
)
def test_a_sysctl_that_decides_is_said(tmp_path: Path, sysctl: str, words: str) -> None:
    text = PLAIN.format(said="memory: {max: 1G}", placed=SYSTEMD, systemd=252).replace("reserved: 0", f"sysctl: {{set: {{{sysctl}}}}}")
    assert words in " / ".join(machine(tmp_path, text).assumptions)


def test_who_kills_before_the_kernel_is_said(tmp_path: Path) -> None:
    node = machine(tmp_path, NODE % ("", 1, "1Gi", "1Gi", "", ""))
    assert "the kubelet evicts pods where memory shrinks slowly enough for it; here the kernel is faster" in node.assumptions
    text = PLAIN.format(said="memory: {max: 1G}", placed=SYSTEMD, systemd=252).replace("reserved: 0", "oomd: {SwapUsedLimit: 80%}")
    assert any("systemd-oomd may kill" in line for line in machine(tmp_path, text).assumptions)


@pytest.mark.parametrize(
    ("kernel", "memory", "told"),
    [
        ('kernel: "6.12"', "{low: 1G}", True),
        ("reserved: 0", "{low: 1G}", True),
        ('kernel: "6.1"', "{low: 1G}", False),
        ('kernel: "6.12"', "{min: 1G}", False),
        ('kernel: "6.12"', "{low: 0}", False),
    ],
)
def test_a_promise_that_the_multi_gen_lru_takes_is_said(tmp_path: Path, kernel: str, memory: str, told: bool) -> None:
    text = PLAIN.format(said=f"slice: a.slice, memory: {memory}", placed=SYSTEMD, systemd=252).replace("reserved: 0", kernel)
    lines = machine(tmp_path, f"{text}\nslices: {{a.slice: {{}}}}\n").assumptions
    assert any("only memory.min is kept (" in line for line in lines) is told


def test_what_is_assumed_is_said(tmp_path: Path) -> None:
    text = PLAIN.format(said="memory: {max: 1G}", placed=SYSTEMD, systemd=252)
    text = text.replace("reserved: 0", "sysctl: {set: {vm.overcommit_memory: 2, vm.overcommit_ratio: 50}}")
    said = " / ".join(machine(tmp_path, text).assumptions)
    assert "half of memory.max (s)" in said
    assert "programs are promised 8G in all, less than there is" in said
    assert "say hosts.h.reserved" in said


RESTARTS = [
    # keeper, Restart=, after oom-kill, after signal
    ("systemd", "no", False, False),
    ("systemd", "on-success", False, False),
    ("systemd", "on-failure", True, True),
    ("systemd", "on-abnormal", True, True),
    ("systemd", "on-watchdog", False, False),
    ("systemd", "on-abort", False, True),
    ("systemd", "always", True, True),
    ("docker", "no", False, False),
    ("docker", "on-failure", True, True),
    ("docker", "on-abnormal", True, True),
    ("docker", "always", True, True),
    ("podman", "on-failure", True, True),
    ("podman", "on-abnormal", False, False),
    ("kubelet", "always", True, True),
    ("none", "always", False, False),
]


@pytest.mark.parametrize(("keeper", "restart", "oom_kill", "signal"), RESTARTS)
def test_restart_policies_after_a_kill(*, keeper: str, restart: str, oom_kill: bool, signal: bool) -> None:
    member = Member(name="m", parts=(Part(name="m", oom_score_adj=0),), keeper=keeper, restart=restart)  # type: ignore[arg-type]
    assert restarts(member, result="oom-kill") is oom_kill
    assert restarts(member, result="signal") is signal
