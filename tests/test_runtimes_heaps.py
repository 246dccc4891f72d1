"""What a runtime takes by itself, and what it needs beside its heap; a row a case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.quantity import INFINITY, Percent, Size
from oomconf.runtimes import (
    Hint,
    Kind,
    default_heap,
    heap_under,
    jvm_rounded,
    overhead,
    share,
)

M = 1 << 20
G = 1 << 30
HEAPED: list[Kind] = ["jvm", "go", "node", "dotnet"]
LIMITS = st.integers(16 * M, 1 << 40).map(Size)


DEFAULTS = [
    ("jvm", 16, None, 8), ("jvm", 200, None, 100), ("jvm", 249, None, 126), ("jvm", 250, None, 126), ("jvm", 300, None, 126),
    ("jvm", 504, None, 126), ("jvm", 505, None, 128), ("jvm", 1024, 17, 256), ("jvm", 1024, 8, 256), ("jvm", 1024, 14, None),
    ("jvm", 102400, None, 25600), ("jvm", 131072, None, 30688), ("jvm", 1 << 20, None, 30688),
    ("node", 128, None, 256), ("node", 512, 20, 256), ("node", 1024, 24, 512), ("node", 8192, None, 2048), ("node", 15359, None, 2048),
    ("node", 15360, None, 4096), ("node", 1 << 20, None, 4096), ("node", 1024, 18, None),
    ("dotnet", 16, None, 20), ("dotnet", 1024, None, 768),
    ("go", 1024, None, None), ("python", 1024, None, None), ("other", 1024, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "limit", "version", "heap"), DEFAULTS)
def test_a_runtime_takes_its_own_share(kind: Kind, limit: int, version: int | None, heap: int | None) -> None:
    assert default_heap(kind, Size(limit * M), version=version) == (None if heap is None else heap * M)


def test_no_limit_gives_no_default() -> None:
    for kind in HEAPED:
        assert default_heap(kind, INFINITY) is None
        assert overhead(kind, INFINITY) == INFINITY


OVERHEADS = [("jvm", 1024, 256), ("jvm", 512, 128), ("jvm", 508, 254), ("node", 1024, 256), ("go", 1000, 100), ("dotnet", 1000, 200)]


@pytest.mark.parametrize(("kind", "limit", "room"), OVERHEADS)
def test_room_stays_outside_the_heap(kind: Kind, limit: int, room: int) -> None:
    assert overhead(kind, Size(limit * M)) == room * M


@given(kind=st.sampled_from(HEAPED), limit=LIMITS)
def test_the_heap_that_we_choose_leaves_the_room(kind: Kind, limit: Size) -> None:
    chosen = share(kind, limit)
    assert chosen is not None
    assert chosen.of(limit, 1) + overhead(kind, limit) <= limit


ROUNDED = [
    (2 * M, 2 * M),
    (2 * M + 1, 4 * M),
    (701 * M, 702 * M),
    (4097 * M, 4100 * M),
    (769658139443, 769671561216),
    (32764 * M, 32768 * M),
]


@pytest.mark.parametrize(("heap", "rounded"), ROUNDED)
def test_the_jvm_rounds_up(heap: int, rounded: int) -> None:
    assert jvm_rounded(heap) == rounded


# -XX:MaxRAM, MaxRAMPercentage, MinRAMPercentage and the MaxHeapSize that java 17 showed for them
SHARES = [
    (200, 7000, None, 100), (140, 9500, 9500, 134), (200, None, 7500, 126), (400, None, 2500, 100), (249, 7000, None, 126),
    (250, 7000, None, 176), (512, 7000, None, 360), (1024, 7000, None, 718), (102400, 3150, None, 32256), (64 * 1024, 7000, None, 45888),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "percent", "least", "heap"), SHARES)
def test_a_percentage_counts_as_the_jvm_counts_it(limit: int, percent: int | None, least: int | None, heap: int) -> None:
    hint = Hint(
        kind="jvm",
        knob="",
        text="",
        percent=None if percent is None else Percent(percent),
        min_percent=None if least is None else Percent(least),
    )
    assert heap_under(hint, Size(limit * M)) == heap * M
    assert heap_under(hint, INFINITY) is None
