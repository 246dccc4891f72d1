"""The command line with streams that are closed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from called import environment, filled

from oomconf.cli import VERBS


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return filled(tmp_path)


def test_a_closed_pipe_ends_quietly(here: Path) -> None:
    line = f"{sys.executable} -m oomconf rule --all | head -1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, env=environment())
    assert done.stderr == ""
    assert done.stdout.startswith("# ")


CLOSED = [
    *((f"{verb} --help", 3) for verb in VERBS),
    ("--help", 3), ("--version", 3), ("rule", 3), ("schema", 3), ("completion zsh", 3), ("init --template", 3), ("lint wrong.yaml", 3),
    ("lint --no-cache wrong.yaml", 3), ("render good.yaml --target systemd-run", 3), ("simulate good.yaml", 3),
    ("simulate --capture-script", 3), ("check broken.yaml", 3), ("audit --format json", 3), ("explain vm.swappiness", 3),
    ("check good.yaml", 0), ("init --template -o new.yaml", 0), ("audit --format json --output found.json", 0), ("lint good.yaml", 0),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code"), CLOSED, ids=[words for words, _ in CLOSED])
def test_a_closed_standard_output_is_said_by_who_would_print_there(words: str, code: int, here: Path) -> None:
    line = f'"{sys.executable}" -m oomconf {words} >&-'
    env = environment() | {"OOMCONF_CACHE": str(here / "cache")}
    done = subprocess.run(["sh", "-c", line], stderr=subprocess.PIPE, text=True, check=False, env=env)
    said = "oomconf: standard output is closed: nothing could be printed\n" in done.stderr
    assert (said, "bug" in done.stderr, "Traceback" in done.stderr, "Exception" in done.stderr) == (code == 3, False, False, False)
    # a host in drift, or a container that cannot be audited, is no matter here
    assert done.returncode == code or (code == 0 and words.startswith("audit") and done.returncode == 1), done.stderr


def test_other_closed_streams_are_survived(here: Path) -> None:
    def ran(words: str) -> tuple[int, str, str]:
        line = f'"{sys.executable}" -m oomconf {words}'
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, env=environment())
        return done.returncode, done.stdout, done.stderr

    assert ran("check - <&-") == (2, "", "oomconf: <stdin>: standard input is closed\n")
    assert ran("diagnose - <&-") == (2, "", "oomconf: <stdin>: standard input is closed\n")
    assert ran("lnit 2>&-") == (2, "", "")
    assert ran("check good.yaml 2>&-") == (0, "", "")
    assert ran("check missing.yaml >&- 2>&-") == (2, "", "")
