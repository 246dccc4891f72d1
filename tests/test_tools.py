"""Lint, layout and types of the whole project, as tests."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from consumers import need

SCRIPTS = [".ci/run", "tests/live/consumers/fetch.sh"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        pytest.param("ruff", ("check", "."), id="ruff check"),
        pytest.param("ruff", ("format", "--check", "."), id="ruff format"),
        pytest.param("mypy", (), id="mypy"),
    ],
)
def test_the_tool_has_no_objection(tool: str, arguments: tuple[str, ...], project: Path) -> None:
    need(None if importlib.util.find_spec(tool) else f"{tool} is not installed")
    run = subprocess.run([sys.executable, "-m", tool, *arguments], cwd=project, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_projects_own_shell_scripts_pass_shellcheck(script: str, project: Path) -> None:
    need(None if shutil.which("shellcheck") else "shellcheck is not installed")
    run = subprocess.run(["shellcheck", "--norc", script], cwd=project, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
