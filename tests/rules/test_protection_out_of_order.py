"""The order that scores promise, on both sides of the kernel's arithmetic."""

from __future__ import annotations

import pytest
from by_hand import G, M, findings, host, objects, part, service, slice_of
from hypothesis import given
from hypothesis import strategies as st

from oomconf.placement import ComposeService, DockerContainer, Placement, SystemdUnit
from oomconf.policy import Group, Workload

RULE = "protection-out-of-order"
EIGHT = host(memory_total=8 * G, swap_total=0)
UNIT = 8 * G // 4096 // 1000 * 4096
"""Bytes that one point counts for on 8 GiB."""


def pair(first: int, second: int, adj: int = 300) -> tuple[Workload, Workload]:
    return service("search", oom_score_adj=0, memory_max=first), service("thumbs", oom_score_adj=adj, memory_max=second)


@pytest.mark.parametrize(
    ("first", "expected"),
    [(G + 300 * UNIT - 4096, []), (G + 300 * UNIT, []), (G + 300 * UNIT + 4096, ["services.search"])],
    ids=["a page less", "a tie", "a page more"],
)
def test_the_order_fails_one_page_above_the_weight_of_the_scores(first: int, expected: list[str]) -> None:
    assert objects(RULE, *pair(first, G), facts=EIGHT) == expected


def test_the_scores_that_help_names_do_mend_it() -> None:
    (found,) = findings(RULE, *pair(6 * G, G), facts=EIGHT)
    assert found.help.startswith("say oom_score_adj -326 or less for search, 626 or more for thumbs or a smaller limit")
    mended = [(-326, 300, []), (-325, 300, ["services.search"]), (0, 626, []), (0, 625, ["services.search"])]
    for mine, theirs, expected in mended:
        both = service("search", oom_score_adj=mine, memory_max=6 * G), service("thumbs", oom_score_adj=theirs, memory_max=G)
        assert objects(RULE, *both, facts=EIGHT) == expected, (mine, theirs)


def test_one_finding_for_the_worst_pair_of_a_service() -> None:
    things = (*pair(6 * G, G), service("mails", oom_score_adj=100, memory_max=G // 2))
    (found,) = findings(RULE, *things, facts=EIGHT)
    assert "before mails" in found.message


USERS = SystemdUnit(unit="a.service", user=True)
BIG, SMALL = {"oom_score_adj": 0, "memory_max": 6 * G}, {"oom_score_adj": 300, "memory_max": G}
SILENT = [
    ("the same score", [service("a", oom_score_adj=300, memory_max=6 * G), service("b", **SMALL)]),
    ("no limit on the first", [service("a", oom_score_adj=0), service("b", **SMALL)]),
    ("no limit on the second", [service("a", **BIG), service("b", oom_score_adj=300)]),
    ("no score on the second", [service("a", **BIG), service("b", memory_max=G)]),
    ("a score beyond the kernel's", [service("a", oom_score_adj=-1001, memory_max=6 * G), service("b", **SMALL)]),
    ("the first is out of reach", [service("a", oom_score_adj=-1000, memory_max=6 * G), service("b", **SMALL)]),
    ("its slice keeps the first small", [slice_of("s.slice", memory_max=G), service("a", slice="s.slice", **BIG), service("b", **SMALL)]),
    ("declared as many", [service("a", processes=(part("w", count=6, memory=G),), **BIG), service("b", **SMALL)]),
    ("parts of unknown size", [service("a", processes=(part("w", count=6),), **BIG), service("b", **SMALL)]),
    ("workers", [service("a", placement=SystemdUnit(unit="postgresql.service"), **BIG), service("b", **SMALL)]),
    ("the second has a part that goes first", [service("a", **BIG), service("b", processes=(part("w", adj=900),), **SMALL)]),
    ("a score that a user unit cannot have", [service("a", placement=USERS, oom_score_adj=-100, memory_max=6 * G), service("b", **SMALL)]),
]  # fmt: skip


@pytest.mark.parametrize("things", [things for _, things in SILENT], ids=[name for name, _ in SILENT])
def test_silent_where_it_is_not_certain(things: list[Workload | Group]) -> None:
    assert objects(RULE, *things, facts=EIGHT) == []


def test_a_declared_process_that_is_big_enough_is_named() -> None:
    first = service("a", processes=(part("main", memory=5 * G), part("helper", memory=M)), **BIG)
    assert objects(RULE, first, service("b", **SMALL), facts=EIGHT) == ["services.a"]


@pytest.mark.parametrize(("swap_max", "expected"), [(None, []), (2 * G, []), (0, ["services.a"])], ids=["unsaid", "all of it", "forbidden"])
def test_swap_that_the_second_may_fill_counts_for_it(swap_max: int | None, expected: list[str]) -> None:
    facts = host(memory_total=8 * G, swap_total=2 * G)
    first = service("a", oom_score_adj=0, memory_max=4 * G + G // 2, memory_swap_max=0)
    second = service("b", oom_score_adj=300, memory_max=G, memory_swap_max=swap_max)
    assert objects(RULE, first, second, facts=facts) == expected


@pytest.mark.parametrize(("kernel", "expected"), [("6.1", ["services.a"]), ("5.4", []), ("2.6.32", []), ("?", ["services.a"])])
def test_kernels_before_5_9_do_not_tell_what_is_below_nothing_apart(kernel: str, expected: list[str]) -> None:
    facts = host(memory_total=8 * G, swap_total=0, kernel=kernel)
    first, second = service("a", oom_score_adj=-900, memory_max=6 * G), service("b", oom_score_adj=-800, memory_max=G)
    assert objects(RULE, first, second, facts=facts) == expected


@pytest.mark.parametrize("place", [DockerContainer(name="a"), ComposeService(file="compose.yaml", service="a")], ids=["docker", "compose"])
def test_a_rootless_engine_gives_no_protection_that_could_fail(place: Placement) -> None:
    things = service("a", placement=place, oom_score_adj=-100, memory_max=6 * G), service("b", **SMALL)
    assert objects(RULE, *things, facts=EIGHT) == ["services.a"]
    assert objects(RULE, *things, facts=host(memory_total=8 * G, swap_total=0, docker_rootless=True)) == []


def test_without_ram_or_swap_it_is_skipped() -> None:
    assert objects(RULE, *pair(6 * G, G), facts=host(memory_total=8 * G)) == []


@given(rows=st.lists(st.tuples(st.integers(-999, 1000), st.integers(1, 64)), min_size=2, max_size=6))
def test_the_services_are_those_that_a_comparison_of_all_with_all_finds(rows: list[tuple[int, int]]) -> None:
    things = [service(f"w{number}", oom_score_adj=adj, memory_max=gib * G) for number, (adj, gib) in enumerate(rows)]
    weights = [gib * G // 4096 + adj * (64 * G // 4096 // 1000) for adj, gib in rows]
    expected = [
        f"services.w{number}"
        for number, (adj, _) in enumerate(rows)
        if any(rival > adj and weights[number] > weights[other] for other, (rival, _) in enumerate(rows))
    ]
    assert sorted(objects(RULE, *things, facts=host(memory_total=64 * G, swap_total=0))) == expected
