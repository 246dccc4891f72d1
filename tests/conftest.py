"""Options, profiles and fixtures that every test may use.

How tests import: pytest runs with `--import-mode=importlib`, under which a test module cannot import its neighbours.
So `pythonpath = ["tests", "tests/live"]` in pyproject.toml: the oracles in `tests/live/consumers/` are the package `consumers` for every
test (`from consumers import systemd`), and a helper module of `tests/` goes by its own name (`from harness import cases`).

`@pytest.mark.live("systemd", "docker")` names the oracles that a test asks: it is skipped with the reason where one is missing,
and fails there when `CI` is set.
`--update` rewrites goldens (fixture `update`). `--corpus DIR` or `OOMCONF_CORPUS` names real-world files (fixture `corpus`; skips without).
`--hypothesis-profile` is `dev` (25 examples, the default), `ci` (200, the default when `CI` is set) or `deep` (5000).
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import hypothesis
import pytest
import yaml

os.environ["OOMCONF_CACHE"] = ""  # a test that wants answers of earlier runs names a folder of its own

for _name, _examples in (("dev", 25), ("ci", 200), ("deep", 5000)):
    hypothesis.settings.register_profile(
        _name,
        max_examples=_examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this project."""
    group = parser.getgroup("oomconf")
    group.addoption("--update", action="store_true", help="rewrite goldens and other generated files instead of comparing them")
    group.addoption(
        "--corpus", metavar="DIR", default=os.environ.get("OOMCONF_CORPUS"), help="folder of real-world files (or OOMCONF_CORPUS)"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ask the oracles that the `live` marker names whether they can run here."""
    for marker in item.iter_markers("live"):
        for oracle in marker.args:
            importlib.import_module(f"consumers.{oracle}").require()


@pytest.fixture(scope="session")
def update(pytestconfig: pytest.Config) -> bool:
    """Say whether goldens are to be rewritten."""
    return bool(pytestconfig.getoption("--update"))


@pytest.fixture(scope="session")
def corpus(pytestconfig: pytest.Config) -> Path:
    """Give the folder of real-world files."""
    told = pytestconfig.getoption("--corpus")
    if not told:
        pytest.skip("no corpus: say --corpus DIR or OOMCONF_CORPUS")
    path = Path(told)
    if not path.is_dir():
        pytest.fail(f"the corpus {told} is not a folder", pytrace=False)
    return path


@pytest.fixture(scope="session")
def project() -> Path:
    """Give the root of the checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(params=["libyaml", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read with libyaml, and with PyYAML's own parser that users without it get."""
    if request.param == "pure":
        monkeypatch.setattr(yaml, "__with_libyaml__", False)
    elif not yaml.__with_libyaml__:
        pytest.skip("this PyYAML is built without libyaml")
    return str(request.param)
