"""The files that platforms read: the steps of the action and the entry of the hook are run as they stand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "a.service").write_text("[Service]\nMemoryMax=2GB\n")
    return tmp_path


@pytest.mark.skipif(shutil.which("bash") is None, reason="the action's steps are bash")
def test_the_action_s_lint_step_annotates_and_writes_sarif(repository: Path, tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    step = action["runs"]["steps"][-1]
    inputs = {name: one["default"] for name, one in action["inputs"].items()} | {"sarif": "my out.sarif"}
    given = {name: inputs[text.removeprefix("${{ inputs.").removesuffix(" }}")] for name, text in step["env"].items()}
    fake = tmp_path / "temp/oomconf"
    fake.mkdir(parents=True)
    (fake / "bin").symlink_to(BIN)
    environment = {**os.environ, **given, "RUNNER_TEMP": str(fake.parent), "GITHUB_ACTIONS": "true"}
    ran = subprocess.run(["bash", "-e", "-c", step["run"]], cwd=repository, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stderr
    assert ran.stdout.startswith("::error file=a.service,line=2,")
    assert json.loads((repository / "my out.sarif").read_text("utf-8"))["runs"][0]["results"]


def test_the_hook_s_entry_finds_what_is_in_the_tree(repository: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    command = [str(BIN / "oomconf"), *hook["entry"].split()[1:]]
    ran = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert (ran.returncode, "a.service:2:11: error:" in ran.stdout) == (1, True)


def test_the_pages_of_all_rules_are_markdown_whose_fences_close(capsys: pytest.CaptureFixture[str]) -> None:
    from oomconf import rules
    from oomconf.cli import main

    assert main(["rule", "--all", "--format", "markdown"]) == 0
    text = capsys.readouterr().out
    fences = [line for line in text.splitlines() if line.startswith("```")]
    assert all(len(line.split()) == 1 for line in fences)
    assert [line == "```" for line in fences] == [False, True] * (len(fences) // 2)
    assert [line[2:] for line in text.splitlines() if line.startswith("# ") and line[2:] in rules.names()] == list(rules.names())
    assert main(["rule", "--format", "pdf"]) == 2
