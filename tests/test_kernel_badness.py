"""The OOM killer's arithmetic, held by recorded figures, by laws and by the kernel that runs the tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.kernel.badness import adj_to_outrank, adj_weight, badness, memcg_total_pages, newest_wins, oom_score, total_pages
from oomconf.kernel.version import KernelVersion
from oomconf.quantity import INFINITY, Size

GIB = 1 << 30
V49, V414, V418, V58, V59 = (KernelVersion.parse(text) for text in ("4.9", "4.14", "4.18", "5.8", "5.9"))


def weigh(pages: int, adj: int, total: int, kernel: KernelVersion | None = None, *, privileged: bool = False) -> int | None:
    return badness(
        rss_pages=pages, swap_pages=0, pgtables_bytes=0, oom_score_adj=adj, total_pages=total, kernel=kernel, privileged=privileged
    )


# read from /proc on Linux 6.18 for a process of 80 000 pages and its page tables
RECORDED = [(0, 675), (1, 676), (100, 742), (500, 1008), (999, 1341), (1000, 1342)]


@pytest.mark.parametrize(("adj", "score"), RECORDED)
def test_the_score_is_what_the_kernel_printed(adj: int, score: int) -> None:
    points = badness(rss_pages=80_000, swap_pages=0, pgtables_bytes=300 * 4096, oom_score_adj=adj, total_pages=6_171_025)
    assert oom_score(points, total_pages=6_171_025) == score


SUMS = [
    # RSS, swap, page tables, adj, total, badness
    (100, 20, 3 * 4096, 0, 1_000_000, 123),
    (100, 20, 4095, 0, 1_000_000, 120),
    (100, 0, 0, 1, 1_999, 101),
    (100, 0, 0, 1000, 999, 100),
    (100, 0, 0, -1, 1_000_000, -900),
    (500_000, 0, 0, -500, 1_000_000, 0),
    (0, 0, 0, -999, 6_171_025, -6_164_829),
    (0, 0, 0, -1000, 6_171_025, None),
    (10**9, 0, 0, -1000, 1_000, None),
]


@pytest.mark.parametrize(("rss", "swap", "tables", "adj", "total", "points"), SUMS)
def test_badness_is_pages_plus_adj_times_a_thousandth_rounded_down_first(
    *, rss: int, swap: int, tables: int, adj: int, total: int, points: int | None
) -> None:
    assert badness(rss_pages=rss, swap_pages=swap, pgtables_bytes=tables, oom_score_adj=adj, total_pages=total) == points


def test_page_tables_are_counted_in_the_pages_of_the_machine() -> None:
    points = badness(rss_pages=0, swap_pages=0, pgtables_bytes=3 * 65536 + 1, oom_score_adj=0, total_pages=10**6, page_size=65536)
    assert points == 3


OLDER = [
    (100, -1, 1_000_000, V59, False, -900),
    (100, -1, 1_000_000, V58, False, 1),
    (0, 0, 1_000_000, V58, False, 1),
    (0, 0, 1_000_000, V59, False, 0),
    (100, 1, 1_000_000, V58, False, 1_100),
    (1_000, 0, 1_000_000, V414, True, 970),
    (1_000, 0, 1_000_000, V414, False, 1_000),
    (99, 0, 1_000_000, V414, True, 97),
    (1_000, 0, 1_000_000, V418, True, 1_000),
    (1_000, 0, 1_000_000, None, True, 1_000),
]


@pytest.mark.parametrize(("pages", "adj", "total", "kernel", "privileged", "points"), OLDER)
def test_older_kernels_never_go_below_1_and_spare_root_until_4_17(
    *, pages: int, adj: int, total: int, kernel: KernelVersion | None, privileged: bool, points: int
) -> None:
    assert weigh(pages, adj, total, kernel, privileged=privileged) == points


@pytest.mark.parametrize("kernel", [None, V49, V58, V59])
def test_minus_1000_is_never_killed(kernel: KernelVersion | None) -> None:
    assert weigh(10**6, -1000, 10**6, kernel) is None
    assert weigh(10**6, -999, 10**6, kernel) is not None


@pytest.mark.parametrize("adj", [-1001, 1001, -(2**31)])
def test_an_adj_that_the_kernel_refuses_is_refused(adj: int) -> None:
    with pytest.raises(ValueError, match="is not between -1000 and 1000"):
        weigh(1, adj, 1)


def test_a_kernel_of_other_rules_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Linux 2\.6\.32, before 2\.6\.36"):
        weigh(1, 0, 1, KernelVersion.parse("2.6.32"))


def test_the_bonus_of_root_was_a_share_of_the_machine_before_it_was_its_own() -> None:
    found = [weigh(100_000, 0, 1_000_000, KernelVersion.parse(text), privileged=True) for text in ("3.13", "3.14", "4.16", "4.17")]
    assert found == [70_000, 97_000, 97_000, 100_000]


@pytest.mark.parametrize(("kernel", "newest"), [("3.10", False), ("5.1", False), ("5.2", True), ("6.18", True), (None, True)])
def test_of_equal_tasks_the_one_scanned_last_dies_from_5_2_on(kernel: str | None, newest: bool) -> None:
    assert newest_wins(None if kernel is None else KernelVersion.parse(kernel)) is newest


SCORES = [
    (None, 1_000_000, None, 0),
    (0, 1_000_000, None, 666),
    (1_000_000, 1_000_000, None, 1333),
    (2_000_000, 1_000_000, None, 2000),
    (-999_000, 1_000_000, None, 0),
    (-1, 1_000_000, None, 666),
    (-1_001, 1_000_000, None, 666),  # -1.001 is cut to -1 first: 999 * 2 / 3
    (-2_000, 1_000_000, None, 665),
    (651_000, 1_000_000, V58, 651),
    (1, 1_000_000, V58, 0),
    (None, 1_000_000, V58, 0),
]


@pytest.mark.parametrize(("points", "total", "kernel", "score"), SCORES)
def test_the_score_is_a_share_before_5_9_and_two_thirds_of_it_above_a_thousand_since(
    points: int | None, total: int, kernel: KernelVersion | None, score: int
) -> None:
    assert oom_score(points, total_pages=total, kernel=kernel) == score


process = st.fixed_dictionaries(
    {"rss_pages": st.integers(0, 2**30), "swap_pages": st.integers(0, 2**30), "pgtables_bytes": st.integers(0, 2**32)}
)
totals = st.integers(0, 2**31)
adjs = st.integers(-1000, 1000)
kernels = st.sampled_from([None, V49, V58, V59])


def rank(points: int | None) -> tuple[bool, int]:
    return (points is not None, points or 0)


@given(process, adjs, adjs, totals, kernels)
def test_raising_the_adj_never_makes_a_process_safer(
    usage: dict[str, int], one: int, two: int, total: int, kernel: KernelVersion | None
) -> None:
    low, high = sorted((one, two))
    below = badness(**usage, oom_score_adj=low, total_pages=total, kernel=kernel)
    above = badness(**usage, oom_score_adj=high, total_pages=total, kernel=kernel)
    assert rank(below) <= rank(above)


@given(process, st.integers(0, 2**20), adjs, totals, kernels)
def test_growing_never_makes_a_process_safer(usage: dict[str, int], more: int, adj: int, total: int, kernel: KernelVersion | None) -> None:
    grown = usage | {"rss_pages": usage["rss_pages"] + more}
    before = badness(**usage, oom_score_adj=adj, total_pages=total, kernel=kernel)
    after = badness(**grown, oom_score_adj=adj, total_pages=total, kernel=kernel)
    assert rank(before) <= rank(after)


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40), st.integers(1, 2**31), kernels)
def test_the_score_keeps_the_order_of_badness(one: int, two: int, total: int, kernel: KernelVersion | None) -> None:
    low, high = sorted((one, two))
    assert oom_score(low, total_pages=total, kernel=kernel) <= oom_score(high, total_pages=total, kernel=kernel)


TOTALS = [
    (24684100 * 1024, 0, 4096, 6_171_025),
    (16 * GIB, 4 * GIB, 4096, 5_242_880),
    (4096 * 3 + 4095, 4095, 4096, 3),
    (65536 * 10, 65536, 65536, 11),
]


@pytest.mark.parametrize(("memory", "swap", "page", "pages"), TOTALS)
def test_the_machine_is_ram_and_swap(memory: int, swap: int, page: int, pages: int) -> None:
    assert total_pages(memory, swap, page) == pages


GROUPS = [
    # memory.max, memory.swap.max, swap of the machine, swappiness, pages
    (512 << 20, 256 << 20, 4 * GIB, 60, 196_608),
    (512 << 20, INFINITY, 4 * GIB, 60, 131_072 + 1_048_576),
    (512 << 20, 8 * GIB, 4 * GIB, 60, 131_072 + 1_048_576),
    (512 << 20, 256 << 20, 4 * GIB, 0, 131_072),
    (512 << 20, 256 << 20, 0, 60, 131_072),
    (0, 0, 0, 60, 1),
]


@pytest.mark.parametrize(("limit", "swap_max", "swap_total", "swappiness", "pages"), GROUPS)
def test_a_cgroup_is_its_limit_and_the_swap_it_may_use(limit: int, swap_max: int, swap_total: int, swappiness: int, pages: int) -> None:
    assert memcg_total_pages(limit, swap_max, swap_total=swap_total, swappiness=swappiness) == pages


def test_a_cgroup_without_a_limit_has_no_oom_of_its_own() -> None:
    with pytest.raises(ValueError, match=r"without memory\.max"):
        memcg_total_pages(INFINITY, swap_total=0)


def test_a_point_is_a_thousandth_of_ram_and_swap() -> None:
    total = total_pages(64 * GIB, 8 * GIB)
    assert adj_weight(total) == Size(18_874 * 4096)
    assert 100 * adj_weight(total) / GIB == pytest.approx(7.2, abs=0.01)
    assert adj_weight(999) == 0


OUTRANKS = [
    # own pages, rival's pages, rival's adj, total, adj
    (0, 1_000, 0, 1_000_000, 2),  # at 1 it would tie
    (0, 999, 0, 1_000_000, 1),
    (0, 0, 0, 1_000_000, 1),
    (1, 0, 0, 1_000_000, 0),
    (100, 500_000, -500, 1_000_000, 0),
    (1_000_000, 0, 0, 1_000_000, -999),
    (0, 2_000_000, 0, 1_000_000, None),
    (0, 0, 1000, 1_000_000, None),
    (5, 4, 0, 999, -999),
    (4, 5, 0, 999, None),
    (0, 10**9, -1000, 1_000_000, -999),
]


@pytest.mark.parametrize(("pages", "rival", "rival_adj", "total", "adj"), OUTRANKS)
def test_the_adj_that_outranks_a_rival(pages: int, rival: int, rival_adj: int, total: int, adj: int | None) -> None:
    assert adj_to_outrank(pages=pages, rival_pages=rival, rival_adj=rival_adj, total_pages=total) == adj


@given(st.integers(0, 2**22), st.integers(0, 2**22), adjs, st.integers(0, 2**22))
def test_the_adj_that_outranks_is_the_lowest_that_does(pages: int, rival: int, rival_adj: int, total: int) -> None:
    theirs = rank(weigh(rival, rival_adj, total))
    adj = adj_to_outrank(pages=pages, rival_pages=rival, rival_adj=rival_adj, total_pages=total)
    if adj is None:
        assert rank(weigh(pages, 1000, total)) <= theirs
    else:
        assert rank(weigh(pages, adj, total)) > theirs
        assert adj == -999 or rank(weigh(pages, adj - 1, total)) <= theirs


# ── the kernel that runs the tests ───────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def holding(mebibytes: int) -> Iterator[Path]:
    """Give /proc/PID of a process that holds so much and sleeps."""
    code = f"import sys; held = bytearray(b'x') * ({mebibytes} << 20); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        yield Path(f"/proc/{running.pid}")
        running.kill()


def kilobytes(path: Path, key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB$", path.read_text("ascii", "replace"), re.MULTILINE)
    assert found, f"{path} has no {key}"
    return int(found[1])


def computed(process: Path, adj: int) -> int:
    """The score that the formula gives for a process as /proc shows it."""
    page, kernel = os.sysconf("SC_PAGE_SIZE"), KernelVersion.parse(os.uname().release)
    memory, status = Path("/proc/meminfo"), process / "status"
    total = total_pages(kilobytes(memory, "MemTotal") * 1024, kilobytes(memory, "SwapTotal") * 1024, page)
    points = badness(
        rss_pages=kilobytes(status, "VmRSS") * 1024 // page,
        swap_pages=kilobytes(status, "VmSwap") * 1024 // page,
        pgtables_bytes=kilobytes(status, "VmPTE") * 1024,
        oom_score_adj=adj,
        total_pages=total,
        page_size=page,
        kernel=kernel,
        privileged=os.geteuid() == 0,
    )
    return oom_score(points, total_pages=total, kernel=kernel)


ADJS = sorted({*range(-1000, 1001, 50), -999, -1, 1, 999})


def test_the_kernel_prints_the_score_that_is_computed() -> None:
    """Ask for several sizes, at every step of oom_score_adj that this machine lets a process have."""
    asked = 0
    with ExitStack() as stack:
        for size in (8, 96, 384):
            process = stack.enter_context(holding(size))
            assert kilobytes(process / "status", "VmRSS") >= size << 10
            for adj in ADJS:
                try:
                    (process / "oom_score_adj").write_text(f"{adj}\n", "ascii")
                except PermissionError:
                    assert adj < 0, "who may not lower it may raise it"
                    continue
                asked += 1
                # RSS is counted per CPU, so what /proc shows may be some pages off
                assert abs(int((process / "oom_score").read_text("ascii")) - computed(process, adj)) <= 1, (size, adj)
    assert asked >= 3 * 21
