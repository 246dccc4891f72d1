"""What is shipped: wheel, sdist and editable install hold the same package, and it runs where it is installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from consumers import need

import oomconf
from oomconf.templating import Templates

pytestmark = pytest.mark.ship

LOCATE = "import oomconf; from oomconf.templating import Templates; print(oomconf.__file__, *Templates().names(), sep='\\n')"


def _built(root: Path, into: Path, kind: str) -> Path:
    """Build in this process; a backend takes the project from the working directory (PEP 517)."""
    need(None if importlib.util.find_spec("hatchling") else "hatchling is not installed")
    from hatchling import build

    before = Path.cwd()
    os.chdir(root)
    try:
        backend: Callable[[str], str] = getattr(build, f"build_{kind}")
        return into / backend(str(into))
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _built(project, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def sdist(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _built(project, tmp_path_factory.mktemp("sdist"), "sdist")


def _environment(at: Path, distribution: Path) -> Path:
    """Install into a fresh venv without a network; what it depends on comes from this interpreter's own site-packages."""
    need(None if importlib.util.find_spec("pip") else "pip is not installed")
    venv.create(at, symlinks=True)
    python = at / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(distribution)]
    subprocess.run(install, check=True, capture_output=True, text=True)
    site = next(at.glob("lib/python*/site-packages"))
    (site / "zz-parent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n", encoding="utf-8")
    return at


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _environment(tmp_path_factory.mktemp("installed") / "venv", wheel)


@pytest.fixture(scope="module")
def editable(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editable")
    return _environment(folder / "venv", _built(project, folder, "editable"))


def _run(*command: str | Path, cwd: Path, path: str | None = None) -> str:
    told = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    run = subprocess.run(
        command, cwd=cwd, env={**told, **({"PYTHONPATH": path} if path else {})}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def _tree(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: content for name, content in found.items() if "__pycache__" not in name}


def test_the_wheels_templates_are_those_of_the_checkout_to_the_byte(wheel: Path, project: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        prefix = "oomconf/templates/"
        shipped = {name.removeprefix(prefix): archive.read(name) for name in archive.namelist() if name.startswith(prefix)}
    assert shipped == _tree(project / "templates")


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path, project: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.startswith(("oomconf/templates/", f"oomconf-{oomconf.__version__}."))}
        shipped = {name.removeprefix("oomconf/"): archive.read(name) for name in names}
    assert shipped == _tree(project / "oomconf")
    assert "py.typed" in shipped


def test_the_wheel_from_the_sdist_is_the_wheel_from_the_checkout(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Debian 12's own Python is 3.11.2, older than the filter
        archive.extractall(tmp_path / "unpacked", **safely)
    (root,) = (tmp_path / "unpacked").iterdir()
    again = _built(root, tmp_path, "wheel")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert {name: one.read(name) for name in one.namelist()} == {name: other.read(name) for name in other.namelist()}


def test_the_sdist_carries_what_its_tests_need(sdist: Path, project: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {f"{top}/{name}" for top in ("tests", "examples", "templates", "scripts", ".ci") for name in _tree(project / top)}
    assert {name for name in wanted if not name.endswith(".pyc")} - names == set()
    assert {"README.md", "LICENSE", "pyproject.toml"} <= names


def test_the_installed_package_finds_its_own_templates(installed: Path, tmp_path: Path) -> None:
    where, *names = _run(installed / "bin" / "python", "-c", LOCATE, cwd=tmp_path).splitlines()
    assert Path(where).is_relative_to(installed)
    assert tuple(names) == Templates().names()


def test_the_editable_package_finds_the_templates_of_the_checkout(editable: Path, project: Path, tmp_path: Path) -> None:
    where, *names = _run(editable / "bin" / "python", "-c", LOCATE, cwd=tmp_path).splitlines()
    assert Path(where).is_relative_to(project)
    assert tuple(names) == Templates().names()


def test_the_wheel_works_as_a_zip_on_the_path(wheel: Path, tmp_path: Path) -> None:
    where, *names = _run(sys.executable, "-c", LOCATE, cwd=tmp_path, path=str(wheel)).splitlines()
    assert where.startswith(str(wheel))
    assert tuple(names) == Templates().names()


@pytest.mark.parametrize("how", ["installed", "editable"])
def test_the_command_says_its_version(how: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place: Path = request.getfixturevalue(how)
    command = place / "bin" / "oomconf"
    assert command.read_text(encoding="utf-8").startswith(f"#!{place}/bin/python")
    assert oomconf.__version__ in _run(command, "--version", cwd=tmp_path)


def test_the_installed_command_renders_every_example_as_the_checkout_does(
    installed: Path, editable: Path, project: Path, tmp_path: Path
) -> None:
    examples = sorted((project / "examples").rglob("oomconf.yaml"))
    assert examples
    for example in examples:
        trees = []
        for place in (installed, editable):
            out = tmp_path / place.parent.name / example.parent.name
            _run(place / "bin" / "oomconf", "render", example.name, "--out", out, cwd=example.parent)
            trees.append(_tree(out))
        assert trees[0], example
        assert trees[0] == trees[1]
