"""Folders that cannot be entered: named, and nothing else is lost for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

WITHOUT_RIGHTS = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps=-all"] if os.geteuid() == 0 else []
pytestmark = pytest.mark.skipif(bool(WITHOUT_RIGHTS) and shutil.which("setpriv") is None, reason="root without setpriv enters every folder")


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / ".git").mkdir()
    (tmp_path / "x.service").write_text("[Service]\nExecStart=/x\nMemoryMax=1GB\n")
    (tmp_path / "compose.yaml").write_text("services:\n  web:\n    image: registry.example/web\n    mem_limit: 1g\n")
    (tmp_path / "data").mkdir(mode=0o000)
    yield tmp_path
    (tmp_path / "data").chmod(0o700)


# words, exit code, whether the finding is there, part of stderr, what is not in stderr
ROWS = [
    ("lint data", 2, False, "oomconf: data: permission denied", "looked at"),
    ("lint data/a.service", 2, False, "oomconf: data/a.service: permission denied", "bug"),
    ("lint", 2, True, "not checked: 1 file\n  data: permission denied", "bug"),
    ("lint --allow-partial", 1, True, "not checked: 1 file\n  data: permission denied", "bug"),
    ("lint --allow-partial --fail-on never", 0, True, "data: permission denied", "bug"),
    ("lint x.service", 1, True, "1 error", "denied"),
    ("lint --exclude data", 1, True, "1 error", "denied"),
    ("import", 2, False, "oomconf: data: permission denied", "bug"),
    ("import x.service -o data/x.yaml", 3, False, "oomconf: data/x.yaml: permission denied", "bug"),
    ("import --allow-partial", 0, False, "oomconf: data: permission denied", "bug"),
]


@pytest.mark.parametrize(("words", "code", "found", "said", "unsaid"), ROWS, ids=[row[0] for row in ROWS])
def test_a_folder_that_cannot_be_entered(words: str, code: int, found: bool, said: str, unsaid: str, tree: Path) -> None:
    command = [*WITHOUT_RIGHTS, sys.executable, "-m", "oomconf", *words.split()]
    ran = subprocess.run(command, cwd=tree, env={**os.environ, "OOMCONF_CACHE": ""}, capture_output=True, text=True, check=False)
    assert (ran.returncode, "x.service:3:11: error" in ran.stdout) == (code, found), ran.stderr
    assert said in ran.stderr
    assert unsaid not in ran.stderr
    assert words.startswith("lint") or code == 3 or "max: 1G" in ran.stdout
