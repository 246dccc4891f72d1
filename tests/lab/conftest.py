"""Fixtures of the tests that boot machines, and the record of what they have proven."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from behaviour import Stage
from machine import SHAPES, Machine, Shape, require
from record import Proven


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here: each test needs a booted machine; where one machine tells most of it, the other is for the long run."""
    here = Path(__file__).parent
    for item in items:
        if not item.path.is_relative_to(here):
            continue
        item.add_marker("lab")
        first, called = item.get_closest_marker("first_on"), getattr(item, "callspec", None)
        if first is None or called is None:
            continue
        shape = called.params["shape"]
        if (shape if isinstance(shape, str) else shape.image.suite) not in first.args:
            item.add_marker("deep")


@pytest.fixture(autouse=True, scope="session")
def _bootable() -> None:
    require()


@pytest.fixture(params=sorted(SHAPES))
def shape(request: pytest.FixtureRequest) -> Shape:
    """Give each of the machines in turn: Debian 12 and Debian 13."""
    return SHAPES[request.param]


@pytest.fixture
def machine(shape: Shape) -> Iterator[Machine]:
    """Start a machine for one test, just booted; once on Debian 12, once on Debian 13."""
    with shape.machine() as found:
        yield found


@pytest.fixture
def proven(update: bool) -> Proven:
    """Record that so many facts of a claim hold on a machine: `proven(claim, shape.title, count)`."""
    return Proven(update)


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that renders spec files into a fresh folder as `oomconf render SPEC... --out` does, and gives that folder."""
    from oomconf.cli import main

    def made(*words: str | Path) -> Path:
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        assert main(["render", *(str(word) for word in words), "--out", str(out)]) == 0
        return out

    return made


@pytest.fixture
def stage(machine: Machine, shape: Shape, tmp_path: Path, render: Callable[..., Path]) -> Stage:
    """Give the machine as a host of which a spec may speak (behaviour.py)."""
    systemd = {"bookworm": "252", "trixie": "257"}[shape.image.suite]
    return Stage(machine, systemd, tmp_path, render)
