"""Scenarios and proofs of simulate, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from boxes import MIB, host, member, told

from oomconf.reports import simulation_text
from oomconf.reports._terminal import Paper
from oomconf.simulation import play, simulate
from oomconf.simulation.nouns import Group, Part


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
    asked = next(step for step in play(box, "leak:c").steps if step.kind == "kill")
    assert (asked.member, asked.certainty, asked.others) == ("c", "possible", ("a", "b"))  # anybody may ask first
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
