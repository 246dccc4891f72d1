"""Every example, rendered in full, byte for byte; `pytest --update` rewrites what is kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import oomconf

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/oomconf.yaml"))


def tree(folder: Path) -> dict[str, tuple[str, bool]]:
    return {
        str(path.relative_to(folder)): (path.read_text("utf-8"), os.access(path, os.X_OK))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_rendered_as_it_was(example: str, update: bool, tmp_path: Path) -> None:
    spec = oomconf.load(ROOT / "examples" / example / "oomconf.yaml")
    output = oomconf.render(spec)
    oomconf.write(output, tmp_path)
    (tmp_path / "ledger.txt").write_text(
        "".join(
            f"{cell.object} {cell.target} {cell.field} = {cell.setting.value}: {cell.status} {cell.note}".rstrip() + "\n"
            for cell in output.ledger
        )
    )
    kept = GOLDEN / example
    if update:
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(tmp_path, kept)
    assert tree(tmp_path) == tree(kept)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_has_no_error_and_no_warning(example: str) -> None:
    report = oomconf.lint(oomconf.load(ROOT / "examples" / example / "oomconf.yaml"))
    assert [
        f"{finding.at}: {finding.message} [{finding.rule}]" for finding in report.findings if finding.severity > oomconf.Severity.NOTE
    ] == []
    assert not report.crashed


def test_there_are_examples_for_every_target() -> None:
    targets = {
        artifact.target
        for example in EXAMPLES
        for artifact in oomconf.render(oomconf.load(ROOT / "examples" / example / "oomconf.yaml")).artifacts
    }
    from oomconf.api import targets as every

    assert targets == {dialect.name for dialect in every()}


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_bytes_do_not_depend_on_hashes_or_the_working_directory(seed: str, tmp_path: Path) -> None:
    for example in EXAMPLES:
        done = subprocess.run(
            [sys.executable, "-m", "oomconf", "render", str(ROOT / "examples" / example / "oomconf.yaml"), "--out", f"out-{example}"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "TZ": "Asia/Tokyo"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        made = tree(tmp_path / f"out-{example}")
        kept = {name: value for name, value in tree(GOLDEN / example).items() if name != "ledger.txt"}
        assert made == kept
        assert str(ROOT) not in "".join(text for text, _ in made.values())
