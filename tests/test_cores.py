"""Work that goes to copies of the process: the same results in the same order, whatever becomes of the copies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.api import lint_raw
from oomconf.dialect import Document, NoSources
from oomconf.host import cores

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # the tests' runner has threads, the tool has none
UNIT = cores._LEAST_WEIGHT


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_results_come_in_order_and_from_several_processes() -> None:
    found = cores.spread(lambda item: (item, os.getpid()), range(40), lambda _: UNIT)
    assert [item for item, _ in found] == list(range(40))
    assert len({process for _, process in found}) == 4


def test_little_work_stays_here() -> None:
    assert set(cores.spread(lambda _: os.getpid(), range(40), lambda _: 10)) == {os.getpid()}
    assert cores.spread(str, [], lambda _: 1) == []


@given(st.lists(st.integers(0, 3 * UNIT), max_size=30))
def test_every_item_is_in_one_part(weights: list[int]) -> None:
    parts = cores._parts(weights)
    assert [index for begin, end in parts for index in range(begin, end)] == list(range(len(weights)))
    assert len(parts) <= 4


def test_a_copy_that_dies_or_fails_is_made_up_for() -> None:
    here, before = os.getpid(), descriptors()

    def dies(item: int) -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    def fails(item: int) -> object:
        if os.getpid() != here:
            raise RuntimeError(item)
        return item

    def cannot_travel(item: int) -> object:
        return item if os.getpid() == here else (lambda: item)

    for function in (dies, fails, cannot_travel):
        assert cores.spread(function, range(20), lambda _: UNIT) == list(range(20))
    assert descriptors() == before


def test_an_error_here_ends_the_copies() -> None:
    here, before = os.getpid(), descriptors()

    def waits(item: int) -> int:
        if os.getpid() == here:
            raise KeyboardInterrupt
        signal.pause()
        return item

    with pytest.raises(KeyboardInterrupt):
        cores.spread(waits, range(20), lambda _: UNIT)
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_without_a_way_to_copy_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise OSError

    monkeypatch.setattr(os, "fork", refused)
    assert cores.spread(str, range(20), lambda _: UNIT) == [str(item) for item in range(20)]


def test_lint_finds_the_same_on_one_core_and_on_four(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{containers: [{{name: a, image: x, resources: {{limits: {{memory: {0}}}}}}}]}}\n"
    documents = [Document(f"{number}/x.yaml", pod.format(f"{number}m" if number % 2 else "4Mi")) for number in range(60)]
    documents += [Document(f"{number}.sh", "docker run -m 1m x\nsudo echo 1 > /proc/sys/vm/swappiness\n") for number in range(20)]
    monkeypatch.setattr(cores, "_LEAST_WEIGHT", 100)
    assert lint_raw(documents, NoSources(), each=cores.spread) == lint_raw(documents, NoSources())
