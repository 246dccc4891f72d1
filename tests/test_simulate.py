"""simulate: scores of every placement, scenarios worked by hand, expectations, calls, JSON, captured hosts."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import oomconf
from oomconf.cli import main
from oomconf.host.snapshot import capture, collector
from oomconf.quantity import INFINITY
from oomconf.reports import simulation_text
from oomconf.reports._terminal import Paper
from oomconf.simulation import Machine, machine_of, machine_of_snapshot, play, simulate, simulate_host
from oomconf.simulation.aftermath import restarts
from oomconf.simulation.nouns import Group, Member, Part
from oomconf.snapshot import read

MIB, GIB = 1 << 20, 1 << 30


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


# ── scenarios, worked by hand ────────────────────────────────────────────────────────────────────────────────────────────


def member(name: str, adj: int = 0, **more: object) -> Member:
    parts = more.pop("parts", (Part(name=name, oom_score_adj=adj),))
    return Member(name=name, parts=parts, **{"use": 100 * MIB, **more})  # type: ignore[arg-type]


def host(*members: Member, swap: int = 0, groups: tuple[Group, ...] = (), **more: object) -> Machine:
    return Machine(
        name="box",
        memory=1000 * MIB,
        memory_total=1000 * MIB,
        swap=swap,
        members=members,
        groups={group.name: group for group in groups},
        **more,  # type: ignore[arg-type]
    )


def told(found: Machine, scenario: str) -> list[str]:
    return [f"{step.kind}: {step.text}" for step in play(found, scenario).steps]


def test_a_leak_ends_at_the_own_limit_and_starts_again() -> None:
    box = host(member("a", max=300 * MIB, high=200 * MIB, restart="on-failure"), member("b"))
    assert told(box, "leak:a") == [
        "throttle: a passes memory.high (200M): it has no swap to go to, so it crawls from here on, and looks hung",
        "oom: a is at its own limit (300M): the kernel chooses among its own processes",
        "kill: a is killed, and gives back 300M",
        "restart: a is started again with 100M; if it grows again, all this repeats",
        "calm: nothing grows any more: the pressure is gone",
    ]


def test_swap_is_filled_first_and_only_as_far_as_it_may_be() -> None:
    box = host(member("a", max=300 * MIB, swap_max=50 * MIB), swap=500 * MIB)
    assert told(box, "leak:a")[:3] == [
        "swap: 50M of a goes to swap",
        "oom: a is at its own limit (300M), and no swap is left that it may use: the kernel chooses among its own processes",
        "kill: a is killed, and gives back 350M",
    ]
    (oom,) = [step for step in play(box, "leak:a").steps if step.kind == "oom"]
    assert oom.grown == 250 * MIB


def test_swap_is_what_every_group_around_lets_through() -> None:
    groups = (Group(name="in", max=300 * MIB, swap_max=200 * MIB), Group(name="out", max=900 * MIB, swap_max=50 * MIB))
    box = host(member("a", groups=("in", "out")), groups=groups, swap=500 * MIB)
    assert "kill: a is killed, and gives back 350M" in told(box, "leak:a")
    inner = next(one for one in simulate(box, ()).outlooks if one.domain.name == "in")
    assert inner.domain.swap == 50 * MIB
    assert inner.domain.total_pages == 500 * MIB // 4096  # mm/memcontrol.c: mem_cgroup_get_max asks the group alone
    (verdict,) = inner.verdicts
    assert verdict.witness is not None
    assert verdict.witness.shares[0].size == 350 * MIB


def test_the_machine_chooses_by_score_and_who_leaks_may_live_longest() -> None:
    box = host(member("leaker", -900), member("first", 500), member("second"))
    run = play(box, "leak:leaker")
    assert run.deaths == ("first", "second", "leaker")
    assert [step.certainty for step in run.steps if step.kind == "kill"] == ["always", "always", "always"]


def test_a_kill_says_on_whom_else_it_could_fall() -> None:
    run = play(host(member("a", use=300 * MIB), member("b", use=200 * MIB), member("c", -900)), "leak:c")
    first, *_ = [step for step in run.steps if step.kind == "kill"]
    assert (first.member, first.certainty, first.others) == ("a", "possible", ("b",))


SPLIT = (Part(name="main", oom_score_adj=0, count=1), Part(name="worker", oom_score_adj=0, count=4))


@pytest.mark.parametrize(
    ("oom_policy", "keeper", "restart", "words"),
    [
        ("continue", "systemd", "no", "stop: the rest of a runs on"),
        ("stop", "systemd", "no", "stop: OOMPolicy=stop: systemd stops the rest of a, 80M"),
        ("kill", "systemd", "no", "group_kill: memory.oom.group of a: the rest of a is killed with it, 80M"),
        ("continue", "docker", "always", "stop: the rest of a runs on"),
        ("kill", "kubelet", "always", "group_kill: memory.oom.group of a: the rest of a is killed with it, 80M"),
    ],
)
def test_what_follows_the_kill_of_a_worker(*, oom_policy: str, keeper: str, restart: str, words: str) -> None:
    box = host(member("a", parts=SPLIT, max=300 * MIB, oom_policy=oom_policy, keeper=keeper, restart=restart))
    lines = told(box, "leak:a/worker")
    assert lines[1] == "kill: worker of a is killed, and gives back 220M"
    assert lines[2] == words


def test_a_container_ends_with_its_main_process() -> None:
    box = host(member("a", parts=SPLIT, max=300 * MIB, keeper="docker", restart="always"))
    lines = told(box, "leak:a/main")
    assert lines[1:4] == [
        "kill: main of a is killed, and gives back 220M",
        "stop: its main process is gone, and the rest of a ends with it, 80M",
        "restart: a is started again with 100M; if it grows again, all this repeats",
    ]


def test_on_abort_stays_dead_under_the_default_policy() -> None:
    box = host(member("a", max=300 * MIB, oom_policy="stop", restart="on-abort"))
    assert "stop: a stays dead (Restart=on-abort does not follow the result oom-kill)" in told(box, "leak:a")


def test_unkillable_parts_survive_memory_oom_group_but_not_systemd() -> None:
    parts = (Part(name="main", oom_score_adj=-1000, count=1), Part(name="worker", oom_score_adj=0, count=1))
    pod = host(member("a", parts=parts, max=300 * MIB, oom_policy="kill", keeper="kubelet"))
    assert [line for line in told(pod, "leak:a/worker") if "runs on" in line] == ["stop: the rest of a runs on"]
    unit = host(member("a", parts=parts, max=300 * MIB, oom_policy="kill"))
    assert "stop: OOMPolicy=kill: systemd stops the rest of a, 50M" in told(unit, "leak:a/worker")


def test_a_group_kill_takes_the_highest_cgroup_below_the_limit() -> None:
    groups = (Group(name="g", max=400 * MIB, oom_group=True), Group(name="top", max=900 * MIB, oom_group=True))
    box = host(member("a", groups=("g", "top")), member("b", groups=("g", "top")), member("c", groups=("top",)), groups=groups)
    assert play(box, "leak:a").deaths == ("a", "b")  # the limit of g: what is above is not asked
    assert play(replace(box, memory=700 * MIB, groups={**box.groups, "g": Group(name="g")}), "leak:a").deaths == ("a", "b", "c")


def test_a_slice_that_passes_its_high_is_throttled() -> None:
    groups = (Group(name="g", high=300 * MIB, max=400 * MIB, swap_max=0),)
    assert told(host(member("a", groups=("g",)), groups=groups, swap=100 * MIB), "leak:a")[0] == (
        "throttle: g passes memory.high (300M): it has no swap to go to, so it crawls from here on, and looks hung"
    )


def test_copies_that_die_in_turn_are_told_once() -> None:
    groups = (Group(name="g", max=450 * MIB),)
    parts = (Part(name="s", oom_score_adj=0),)
    copies = [member(f"s#{number}", parts=parts, groups=("g",), max=300 * MIB, use=80 * MIB) for number in range(1, 6)]
    box = host(*copies, groups=groups)
    run = play(box, "limit:g")
    assert run.deaths == ("s#1", "s#2", "s#3", "s#4")
    assert [step.member for step in run.steps if step.kind == "kill"] == ["s#1", "s#4"]
    assert any(step.text == "this comes 2 more times in a row" for step in run.steps)
    assert "under another split it is another copy" in simulation_text.render(simulate(box, ["limit:g"]), Paper(), steps=True)
    assert "limit:g  4 of s" in simulation_text.render(simulate(box, ["limit:g"]), Paper())


def test_a_slice_is_filled_by_services_within_their_own_limits() -> None:
    groups = (Group(name="g", max=500 * MIB),)
    roomy = host(member("a", max=300 * MIB, groups=("g",)), member("b", max=200 * MIB, groups=("g",)), groups=groups)
    assert play(roomy, "limit:g").deaths == ()
    tight = host(member("a", -500, max=300 * MIB, groups=("g",)), member("b", max=201 * MIB, groups=("g",)), groups=groups)
    run = play(tight, "limit:g")
    assert run.deaths == ("b",)
    assert [step.domain for step in run.steps if step.kind == "kill"] == ["g"]
    assert play(tight, "limit:b").deaths == ("b",)


PANICS = [
    (0, "leak:a", "calm"),
    (1, "leak:a", "calm"),
    (2, "leak:a", "panic"),
    (0, "leak:b", "calm"),
    (1, "leak:b", "panic"),
    (2, "leak:b", "panic"),
]


@pytest.mark.parametrize(("panic", "scenario", "end"), PANICS)
def test_panic_on_oom_is_for_the_machine_and_2_for_every_cgroup(*, panic: int, scenario: str, end: str) -> None:
    box = host(member("a", max=300 * MIB), member("b"), panic_on_oom=panic)
    assert play(box, scenario).steps[-1].kind == end


def test_whoever_asks_dies_on_the_machine_but_not_in_a_cgroup() -> None:
    box = host(member("a", -500, max=300 * MIB, parts=SPLIT), member("b", 900), member("c", -500), allocating_task=True)
    assert play(box, "leak:c").deaths == ("c",)
    assert "vm.oom_kill_allocating_task" in " ".join(told(box, "leak:c"))
    assert "vm.oom_kill_allocating_task" not in " ".join(told(box, "leak:a"))


def test_nobody_killable_is_a_panic_of_the_machine_and_a_stuck_cgroup() -> None:
    assert told(host(member("a", -1000)), "leak:a")[-1].startswith("panic: nothing that may be killed is left")
    assert told(host(member("a", -1000, max=300 * MIB)), "leak:a")[-1].startswith("stuck: nothing in a may be killed")


def test_a_lost_swap_is_a_host_without_it() -> None:
    fits = host(member("a", max=500 * MIB), member("b", max=400 * MIB), swap=500 * MIB)
    assert play(fits, "no-swap").deaths == ()
    tight = host(member("a", max=700 * MIB), member("b", 300, max=400 * MIB), swap=500 * MIB)
    assert play(tight, "max").deaths == ()
    assert play(tight, "no-swap").deaths == ("b",)


def test_what_does_not_fit_at_all_is_said_first() -> None:
    lines = told(host(member("a", use=600 * MIB), member("b", use=500 * MIB)), "max")
    assert lines[0] == "grow: what runs does not fit as it is: 1.07G in all"
    assert lines[2] == "kill: a is killed, and gives back 600M"


def test_a_service_of_many_processes_is_told_in_few_steps() -> None:
    parts = (Part(name="main", oom_score_adj=-900, count=1), Part(name="worker", oom_score_adj=0, count=500))
    box = host(member("a", use=900 * MIB, parts=parts), member("b", -950))
    run = play(box, "leak:b")
    assert len(run.steps) < 20
    assert any("more times in a row" in step.text for step in run.steps)


# ── who can be first: cases with their words ─────────────────────────────────────────────────────────────────────────────


def test_a_proof_names_the_numbers() -> None:
    found = simulate(host(member("a", -500, max=300 * MIB, protected=True), member("b")), ())
    first, second = found.outlooks[0].verdicts
    assert (first.answer, second.answer) == ("never", "always")
    assert first.why == "b weighs at least 4K, and a at most -200M (300M held, oom_score_adj -500)"


def test_a_counter_example_names_the_sizes() -> None:
    found = simulate(host(member("a", -100, max=900 * MIB, protected=True), member("b")), ())
    (question,) = found.outlooks[0].questions
    assert question.possible
    assert question.witness is not None
    sizes = {share.member: (share.size, share.largest) for share in question.witness.shares}
    assert sizes["a"][0] == 900 * MIB
    assert sizes["b"][0] == 100 * MIB
    assert sizes["a"][1] - 100 * (1000 * MIB // 4096 // 1000) * 4096 >= sizes["b"][1]


def test_where_whoever_asks_dies_no_score_protects() -> None:
    box = host(member("a", -900, max=900 * MIB, protected=True), member("b", 900), member("c", -1000), allocating_task=True)
    answers = {one.member: one.answer for one in simulate(box, ()).outlooks[0].verdicts}
    assert answers == {"a": "possible", "b": "possible", "c": "never"}
    (question,) = simulate(box, ()).outlooks[0].questions
    assert (question.possible, question.other) == (True, "b")
    assert not any(one.possible for one in simulate(replace(box, allocating_task=False), ()).outlooks[0].questions)


def test_a_group_whose_limit_another_is_below_never_runs_out() -> None:
    groups = (Group(name="in", max=500 * MIB), Group(name="out", max=400 * MIB))
    found = simulate(host(member("a", groups=("in", "out")), groups=groups), ())
    inner = next(one for one in found.outlooks if one.domain.name == "in")
    assert not inner.reachable
    assert inner.why == "out has only 400M, and runs out before"


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

SPEC = """\
version: 1
defaults: {memory: {swap_max: 0}}
hosts:
  one: {ram: 16G, swap: 4G, systemd: 252, reserved: 512M}
  two: {ram: 8G, swap: 0, reserved: 512M}
slices:
  work.slice: {host: one, memory: {max: 6G, swap_max: 1G}}
services:
  db:
    host: one
    protect: high
    oom_policy: continue
    memory: {max: 12G}
    systemd: {unit: db.service}
    processes: [{name: postmaster}, {name: backend, count: 50, oom_score_adj: 0}]
  api: {host: one, slice: work.slice, memory: {max: 4G}, docker: {name: api, image: i}}
  job: {host: one, slice: work.slice, protect: expendable, memory: {max: 4G}, systemd: {unit: job.service}}
  edge: {host: two, protect: critical, memory: {max: 6G}, systemd: {unit: edge.service}}
  free: {host: two, systemd: {unit: free.service}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.yaml").write_text(SPEC)
    (tmp_path / "met.yaml").write_text(SPEC + "expect: {first: [job, free], never: [edge]}\n")
    (tmp_path / "unmet.yaml").write_text(SPEC + "expect: {first: [job], never: [db]}\n")
    (tmp_path / "cluster.yaml").write_text(
        "version: 1\nservices:\n  s: {memory: {max: 1Gi}, kubernetes: {workload: Deployment/s, namespace: n, container: c}}\n"
    )
    pod = "  pod: {memory: {max: 1Gi}, kubernetes: {workload: Deployment/s, namespace: n, container: c}}\n"
    one = "version: 1\nhosts: {two: {ram: 8G, swap: 0}, three: {ram: 8G, swap: 0}}\nservices:\n  edge: {host: two, systemd: {unit: edge.service}}\n"
    (tmp_path / "elsewhere.yaml").write_text(f"{one}{pod}expect: {{never: [pod]}}\n")
    (tmp_path / "broken.yaml").write_text("version: 2\n")
    return tmp_path


ROWS = [
    (["plain.yaml"], 0, "job  first, always", ""),
    (["plain.yaml", "--host", "two"], 0, "two: 7.5G for services", ""),
    (["plain.yaml", "--host", "three"], 2, "", "the spec has no host three; hosts: one, two"),
    (["met.yaml"], 0, "met never: edge", "3 expectations met"),
    (
        ["unmet.yaml"],
        1,
        "NOT MET never: db (unmet.yaml:20:32): when the machine runs out, it can die while api lives",
        "1 expectation met, 1 not",
    ),
    (["met.yaml", "--host", "two"], 0, "met never: edge", "expected of job: not judged, it runs on none of the hosts asked for"),
    (["elsewhere.yaml"], 1, "edge", "expected of pod: not judged, it runs on no host of the spec"),
    (["plain.yaml", "--scenario", "leak:edge"], 0, "edge is at its own limit (6G)", ""),
    (["plain.yaml", "--scenario", "leak:db/backend"], 0, "one backend of db leaks", ""),
    (["plain.yaml", "--scenario", "leak:bd"], 2, "", "services: db, api, job, edge, free; slices: work.slice"),
    (["plain.yaml", "--scenario", "leak:db/x"], 2, "", "db has no process 'x'; processes: postmaster, backend"),
    (["plain.yaml", "--scenario", "flood"], 2, "", "there is no scenario 'flood'; there are leak:SERVICE, max, no-swap, limit:NAME"),
    (["plain.yaml", "--steps"], 0, "limit:work.slice: all services of work.slice grow to their limits", ""),
    (["plain.yaml", "--use", "job=3G"], 0, "3G", ""),
    (["plain.yaml", "--use", "jbo=3G"], 2, "", "there is no service jbo; services: db, api, job, edge, free"),
    (["plain.yaml", "--use", "job"], 2, "", "say SERVICE=SIZE"),
    (["plain.yaml", "--use", "job=3GB"], 2, "", "--use 'job=3GB'"),
    (["plain.yaml", "--use", "job=infinity"], 2, "", "--use 'job=infinity': say how much"),
    (["--use", "job=3G"], 2, "", "goes with a spec"),
    (["cluster.yaml"], 2, "", "the spec has no host"),
    (["broken.yaml"], 2, "", "1 problem in the spec"),
    (["missing.yaml"], 2, "", "no such file"),
    (["--snapshot", "plain.yaml"], 2, "", "no snapshot of a host"),
    (["--snapshot", "missing"], 2, "", "missing: no such file"),
    (["--capture-script"], 0, "#!/bin/sh", ""),
]


@pytest.mark.parametrize(("argv", "code", "out", "err"), ROWS, ids=[" ".join(row[0]) for row in ROWS])
@pytest.mark.usefixtures("here")
def test_a_call(argv: list[str], code: int, out: str, err: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *argv]) == code
    printed = capsys.readouterr()
    assert out in " ".join(printed.out.split()) or out in printed.out
    assert err in printed.err


def test_the_library_says_the_same(here: Path) -> None:
    spec = oomconf.load(here / "unmet.yaml")
    one, two = oomconf.simulate(spec, use={"job": GIB})
    assert isinstance(one, oomconf.Simulation)
    assert [expectation.met for expectation in one.expectations] == [True, False]
    assert next(member.use for member in one.machine.members if member.name == "job") == GIB
    assert (two.machine.name, two.expectations) == ("two", ())
    (only,) = oomconf.simulate(spec, host=["two"], scenario=["max"])
    assert [run.scenario for run in only.runs] == ["max"]
    with pytest.raises(oomconf.CallError, match="no host three; hosts: one, two"):
        oomconf.simulate(spec, host=["three"])
    with pytest.raises(oomconf.CallError, match="no scenario 'flood'"):
        oomconf.simulate(spec, scenario=["flood"])


def test_json_has_the_promised_shape(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert here.is_dir()
    assert main(["simulate", "unmet.yaml", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == 1
    one, two = found["hosts"]
    assert (one["name"], two["name"]) == ("one", "two")
    assert one["memory"] == (16 << 30) - (512 << 20)
    assert {service["name"]: service["max"] for service in one["services"]} == {"db": 12 << 30, "api": 4 << 30, "job": 4 << 30}
    assert two["services"][1]["max"] is None
    outlook = one["outlooks"][0]
    assert outlook["kind"] == "global"
    assert [(row["service"], row["answer"]) for row in outlook["first"]] == [("db", "never"), ("api", "never"), ("job", "always")]
    assert set(outlook["first"][2]["witness"]) == {"victim", "process", "badness", "sizes", "elsewhere", "swapped", "swap_elsewhere"}
    unmet = [row for row in one["expectations"] if not row["met"]]
    assert [(row["text"], row["path"], row["line"]) for row in unmet] == [("never: db", "unmet.yaml", 20)]
    assert {step["kind"] for scenario in one["scenarios"] for step in scenario["steps"]} >= {"oom", "kill", "calm"}


def test_a_hundred_services_are_cut_with_their_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"  s{number:03}: {{memory: {{max: 512M}}, systemd: {{unit: s{number:03}.service}}}}\n" for number in range(100))
    (tmp_path / "many.yaml").write_text(f"version: 1\nhosts: {{big: {{ram: 32G, swap: 0, reserved: 1G}}}}\nservices:\n{rows}")
    assert main(["simulate", str(tmp_path / "many.yaml")]) == 0
    out = capsys.readouterr().out
    assert "and 76 more services" in out
    assert "and 92 more first, possibly" in out
    assert "and 76 more leaks; --scenario leak:SERVICE plays one" in out
    assert len(out.splitlines()) < 120


def test_a_terminal_without_unicode_gets_ascii() -> None:
    parts = (Part(name="ü" * 60, oom_score_adj=-900, count=1), Part(name="b", oom_score_adj=0, count=1))
    found = simulate(host(member("ü" * 60, parts=parts), member("x#1"), member("x#2")))
    for steps in (True, False):
        assert simulation_text.render(found, Paper(unicode=False), steps=steps).isascii()
    assert not simulation_text.render(found, Paper()).isascii()


def test_a_host_without_services_is_told_as_that() -> None:
    assert "nothing that is known runs there" in simulation_text.render(simulate(host()), Paper())


# ── captured hosts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def fake(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = "MemTotal:       1024000 kB\nMemFree:         100000 kB\nMemAvailable:    200000 kB\nSwapTotal:       512000 kB\nSwapFree:        412000 kB\n"


def process(pid: int, name: str, rss: int, *, adj: int = 0, swap: int = 0, cgroup: str = "0::/", uid: int = 0) -> dict[str, str]:
    return {
        f"proc/{pid}/status": f"Name:\t{name}\nPid:\t{pid}\nPPid:\t1\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nVmRSS:\t{rss} kB\nVmPTE:\t0 kB\nVmSwap:\t{swap} kB\n",
        f"proc/{pid}/oom_score_adj": f"{adj}\n",
        f"proc/{pid}/cgroup": f"{cgroup}\n",
    }


def v2(path: str, **files: object) -> dict[str, str]:
    return {f"sys/fs/cgroup/{path}/memory.{name}": f"{value}\n" for name, value in files.items()}


UNIT = "0::/system.slice/web.service"
HOST = {
    "proc/meminfo": MEMINFO,
    "proc/sys/kernel/osrelease": "6.1.0-test\n",
    "proc/sys/vm/panic_on_oom": "0\n",
    **process(1, "systemd", 10_000),
    **process(2, "kthreadd", 0),
    **process(10, "web", 300_000, adj=-500, cgroup=UNIT, uid=33),
    **process(11, "web", 50_000, swap=100_000, cgroup=UNIT, uid=33),
    **process(20, "sshd", 5_000, adj=-1000, cgroup="0::/system.slice/ssh.service"),
    **process(30, "big", 200_000, cgroup="0::/user.slice/user-1000.slice/session-3.scope", uid=1000),
    **v2("system.slice/web.service", max=600_000 * 1024, high="max", low=0, min=0, current=1),
}
del HOST["proc/2/status"]


def test_a_capture_shows_who_dies_next(tmp_path: Path) -> None:
    taken = read(capture(str(fake(tmp_path, HOST))))
    assert taken.whole
    assert [one.name for one in taken.processes] == ["systemd", "web", "web", "sshd", "big"]
    box = machine_of_snapshot(taken)
    assert box.swap == 512_000 * 1024
    assert box.memory == (565_000 + 200_000) * 1024
    assert box.total_pages == 1_024_000 // 4 + 512_000 // 4
    found = simulate_host(box)
    order = [row.process for row in found.standing if row.badness is not None]
    assert order == ["big[30]", "web[11]", "web[10]"]
    assert {row.process for row in found.standing if row.badness is None} == {"systemd[1]", "sshd[20]"}
    assert next(one for one in box.members if one.name == "web.service").max == 600_000 * 1024
    assert play(box, "leak:web.service").deaths == ("session-3.scope", "web.service")
    lines = told(box, "leak:web.service")
    assert "stop: session-3.scope is gone; whether it is started again is not in a capture" in lines
    assert "stop: the rest of web.service runs on, unless its OOMPolicy= says otherwise" in lines


def test_cgroup_v1_and_hybrid_are_read(tmp_path: Path) -> None:
    row = process(10, "web", 300_000, cgroup="4:memory:/docker/abc\n1:name=systemd:/x\n0::/y")
    limit = {
        "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "536870912\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{(1 << 63) - 4096}\n",
    }
    limit["sys/fs/cgroup/memory/docker/abc/memory.memsw.limit_in_bytes"] = "805306368\n"
    taken = read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **row, **limit}))))
    (only,) = machine_of_snapshot(taken).members
    assert (only.max, only.swap_max) == (512 * MIB, 256 * MIB)
    assert taken.cgroups["/"].get("memory.limit_in_bytes", 0) == INFINITY


def test_a_capture_without_rights_says_so(tmp_path: Path) -> None:
    taken = read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **process(10, "sh", 1000, uid=1000)}))))
    said = " ".join(machine_of_snapshot(taken).assumptions)
    assert "no process of root is seen" in said
    assert "no limits of cgroups are seen" in said
    cut = machine_of_snapshot(read(capture(str(tmp_path))[:-8]))
    assert "the capture has no end: it was cut" in cut.assumptions


def test_an_empty_host_is_survived(tmp_path: Path) -> None:
    found = simulate_host(machine_of_snapshot(read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO}))))))
    assert found.runs == ()
    assert "no process is seen" in found.machine.assumptions


def test_files_that_vanish_are_left_out(tmp_path: Path) -> None:
    root = fake(tmp_path, HOST)
    (root / "proc/10/status").unlink()
    (root / "proc/11/oom_score_adj").unlink()
    (root / "proc/30/cgroup").unlink()
    taken = read(capture(str(root)))
    assert [(one.pid, one.oom_score_adj, one.cgroup) for one in taken.processes if one.pid in (10, 11, 30)] == [
        (11, 0, "/system.slice/web.service"),
        (30, 0, "/"),
    ]


def test_hostile_names_neither_break_a_capture_nor_drive_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {
        **process(10, "a\\nVmRSS:\\t1 kB", 1000),
        **process(11, "x\x1b[31m\x07", 2000),
        **process(12, ") (", 3000),
        **process(13, "ü\\\\n", 10),
        **process(14, "v\x0bVmRSS:\t9 kB\u2028\x85", 20),
    }
    taken = tmp_path / "taken"
    taken.write_text(capture(str(fake(tmp_path / "root", {"proc/meminfo": MEMINFO, **rows}))))
    assert [one.name for one in read(taken.read_text()).processes] == [
        "a\nVmRSS:\\t1 kB",
        "x\x1b[31m\x07",
        ") (",
        "ü\\n",
        "v\x0bVmRSS:\t9 kB\u2028\x85",
    ]
    assert read(taken.read_text()).processes[-1].rss == 20 * 1024
    assert main(["simulate", "--snapshot", str(taken)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "x\\x1b[31m\\x07[11]" in out


def test_a_spec_takes_its_sizes_from_a_capture(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = process(10, "job", 1_500_000, cgroup="0::/work.slice/job.service")
    (here / "taken").write_text(capture(str(fake(here / "root", {"proc/meminfo": MEMINFO, **row}))))
    assert main(["simulate", "plain.yaml", "--snapshot", "taken", "--host", "one", "--format", "json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["hosts"]
    assert {service["name"]: service["use"] for service in one["services"]}["job"] == 1_500_000 * 1024


@pytest.mark.parametrize("shell", [["sh"], ["dash"], ["bash"], ["busybox", "sh"]], ids=" ".join)
def test_the_shell_collector_sees_what_python_sees(tmp_path: Path, shell: list[str]) -> None:
    script = tmp_path / "collect.sh"
    script.write_text(collector())
    try:
        done = subprocess.run([*shell, str(script)], capture_output=True, text=True, check=True, errors="surrogateescape")
    except FileNotFoundError:
        pytest.skip(f"{shell[0]} is not there")
    theirs, ours = read(done.stdout), read(capture())
    assert theirs.whole
    assert (theirs.memory_total, theirs.page_size, theirs.kernel) == (ours.memory_total, ours.page_size, ours.kernel)
    assert theirs.sysctls == ours.sysctls
    both = {one.pid: one for one in ours.processes}
    seen = [(one, both[one.pid]) for one in theirs.processes if one.pid in both]
    assert seen
    for one, other in seen:
        assert (one.name, one.oom_score_adj, one.cgroup, one.uid) == (other.name, other.oom_score_adj, other.cgroup, other.uid)
    assert set(theirs.cgroups) & set(ours.cgroups) or not ours.cgroups


def test_shellcheck_finds_nothing_in_the_collector(tmp_path: Path) -> None:
    script = tmp_path / "collect.sh"
    script.write_text(collector())
    try:
        done = subprocess.run(["shellcheck", "-s", "sh", str(script)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("shellcheck is not there")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_capture_of_ten_thousand_processes_is_read_in_a_moment() -> None:
    lines = ["/proc/meminfo:MemTotal: 264000000 kB", "/proc/meminfo:MemAvailable: 64000000 kB"]
    for pid in range(1, 10_001):
        lines += [f"/proc/{pid}/status:Name:\tp", f"/proc/{pid}/status:VmRSS:\t{pid} kB", f"/proc/{pid}/oom_score_adj:0"]
        lines.append(f"/proc/{pid}/cgroup:0::/system.slice/u{pid % 50}.service")
    box = machine_of_snapshot(read("\n".join(lines)))
    assert len(box.members) == 50
    assert max(len(one.parts) for one in box.members) <= 42
    assert sum(part.count or 0 for one in box.members for part in one.parts) == 10_000
    assert simulate_host(box).runs[0].deaths
