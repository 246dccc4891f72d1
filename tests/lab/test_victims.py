"""Who dies: machines drawn by seed run out of memory, and the kernel's victims and reports are held against simulate and diagnose.

`-m lab` plays a sample; `-m 'lab and deep'` the rest. A claim counts runs: all that the kernel killed, in its order, is what simulate said,
up to the first choice within the margin (draws.py: margin) or by one of the laws that the README tells, if there is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from compared import Compared, compare, compare_spec
from draws import KINDS
from lived import Lived, live
from machine import BOOKWORM_SMALL, TRIXIE_SMALL, Shape
from raw_report import judge
from record import Proven

import oomconf

KERNELS: Final = {"6.1": BOOKWORM_SMALL, "6.12": TRIXIE_SMALL}
_SAMPLE: Final = 5
_DEEP: Final = 12
_MOST_TIES: Final = 0.05


def _played(seed: int, count: int, folders: pytest.TempPathFactory) -> dict[str, list[Lived]]:
    """Play on both kernels at once: a machine waits for its disk half of the time."""
    for shape in KERNELS.values():
        shape.image.disk()
    with ThreadPoolExecutor(len(KERNELS)) as pool:
        runs = [pool.submit(live, shape, seed, count, folders.mktemp(shape.image.name)) for shape in KERNELS.values()]
        return dict(zip(KERNELS, (run.result() for run in runs), strict=True))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Lived]]:
    return _played(1, _SAMPLE, tmp_path_factory)


@pytest.fixture(scope="module")
def everything(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Lived]]:
    if "deep" not in request.config.option.markexpr:
        pytest.skip("144 runs more: pytest -m 'lab and deep' tests/lab")
    return _played(7, _DEEP, tmp_path_factory)


def _victims(lived: Sequence[Lived], shape: Shape, proven: Proven, what: str) -> None:
    """Every kill as simulate says; what hangs on less than the margin is counted, and is rare."""
    assert shape.release().startswith(f"{next(name for name, one in KERNELS.items() if one is shape)}.")
    found = [(one, compare(one.case, one.played)) for one in lived]
    _told(shape, what, found)
    wrong = {one.case.seed: said.wrong for one, said in found if said.wrong}
    assert not wrong
    assert all(one.played["ended"] for one, said in found if not said.tie and not said.asked and not said.late)
    assert sum(said.tie or said.late for _, said in found) <= _MOST_TIES * len(found)
    for kind, words in KINDS.items():
        proven(f"{what}: {words}", shape.title, sum(one.case.kind == kind for one in lived))
    # how far a run under vm.oom_kill_allocating_task goes is luck
    proven(f"{what}: kills in these runs that were foretold", shape.title, sum(said.kills for _, said in found), least=0.6)


def _told(shape: Shape, what: str, found: Sequence[tuple[Lived, Compared]]) -> None:
    kinds = Counter(one.case.kind for one, _ in found)
    kills = sum(said.kills for _, said in found)
    ties, asked, late = (sum(getattr(said, name) for _, said in found) for name in ("tie", "asked", "late"))
    ends = f"{ties} ties, {asked} by who asked, {late} for want of the memory of the last"
    print(f"{shape.title}, {what}: {len(found)} runs ({dict(kinds)}), {kills} kills as simulated, {ends}")


def _reports(lived: Sequence[Lived], shape: Shape, proven: Proven, what: str) -> None:
    """Every field that read_log gives is what an independent reading of the lines finds."""
    names: set[str] = set()
    for one in lived:
        held, wrong = judge(one.played["log"], list(oomconf.read_log(one.played["log"].splitlines())))
        assert not wrong, (one.case.seed, wrong[:5])
        assert held
        names |= held
    proven(f"{what}: kinds of fields of the kernel's reports that diagnose reads right", shape.title, len(names))


def _specs(lived: Sequence[Lived], shape: Shape, proven: Proven, what: str, folder: Path) -> None:
    """The same machines as specs, of which simulate tells before anything runs."""
    said = {one.case.seed: compare_spec(one, folder) for one in lived}
    wrong = {seed: found.wrong for seed, found in said.items() if found is not None and found.wrong}
    assert not wrong
    told = [found for found in said.values() if found is not None]
    assert sum(found.tie or found.late for found in told) <= _MOST_TIES * len(told)
    proven(f"{what}: victims and order as simulated from a spec", shape.title, len(told))


@pytest.mark.parametrize("kernel", sorted(KERNELS))
def test_a_sample_dies_as_simulated(kernel: str, sample: dict[str, list[Lived]], proven: Proven) -> None:
    _victims(sample[kernel], KERNELS[kernel], proven, "sample of drawn machines")


@pytest.mark.parametrize("kernel", sorted(KERNELS))
def test_a_sample_dies_as_simulated_from_a_spec(kernel: str, sample: dict[str, list[Lived]], proven: Proven, tmp_path: Path) -> None:
    _specs(sample[kernel], KERNELS[kernel], proven, "sample of drawn machines", tmp_path)


@pytest.mark.parametrize("kernel", sorted(KERNELS))
def test_the_reports_of_a_sample_are_read_whole(kernel: str, sample: dict[str, list[Lived]], proven: Proven) -> None:
    _reports(sample[kernel], KERNELS[kernel], proven, "sample of drawn machines")


@pytest.mark.deep
@pytest.mark.parametrize("kernel", sorted(KERNELS))
def test_all_die_as_simulated(kernel: str, everything: dict[str, list[Lived]], proven: Proven) -> None:
    _victims(everything[kernel], KERNELS[kernel], proven, "drawn machines")


@pytest.mark.deep
@pytest.mark.parametrize("kernel", sorted(KERNELS))
def test_all_die_as_simulated_from_a_spec(kernel: str, everything: dict[str, list[Lived]], proven: Proven, tmp_path: Path) -> None:
    _specs(everything[kernel], KERNELS[kernel], proven, "drawn machines", tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("kernel", sorted(KERNELS))
def test_the_reports_of_all_are_read_whole(kernel: str, everything: dict[str, list[Lived]], proven: Proven) -> None:
    _reports(everything[kernel], KERNELS[kernel], proven, "drawn machines")
