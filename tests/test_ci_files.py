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


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="the action's steps are bash")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


def lint_step(repository: Path, **said: str) -> subprocess.CompletedProcess[str]:
    """Run the last step of the action with these inputs."""
    step = ACTION["runs"]["steps"][-1]
    inputs = {name: one["default"] for name, one in ACTION["inputs"].items()} | {
        name.replace("_", "-"): text for name, text in said.items()
    }
    given = {name: inputs[text.removeprefix("${{ inputs.").removesuffix(" }}")] for name, text in step["env"].items()}
    fake = repository / "temp/oomconf"
    fake.mkdir(parents=True, exist_ok=True)
    if not (fake / "bin").exists():
        (fake / "bin").symlink_to(BIN)
    environment = {**os.environ, **given, "RUNNER_TEMP": str(fake.parent), "GITHUB_ACTIONS": "true"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)


@needs_bash
def test_the_action_s_lint_step_annotates_and_writes_sarif(repository: Path) -> None:
    ran = lint_step(repository, sarif="my out.sarif")
    assert ran.returncode == 1, ran.stderr
    assert ran.stdout.startswith("::error file=a.service,line=2,")
    assert json.loads((repository / "my out.sarif").read_text("utf-8"))["runs"][0]["results"]


@needs_bash
@pytest.mark.parametrize("paths", ["b.service\nc.service", "b.service c.service", "\n  b.service\n  c.service\n"])
def test_the_action_reads_every_line_of_its_paths(paths: str, repository: Path) -> None:
    for name in ("b.service", "c.service"):
        (repository / name).write_text("[Service]\nMemoryMax=2GB\n")
    lines = lint_step(repository, paths=paths).stdout.splitlines()
    assert [line.partition(",")[0] for line in lines if line.startswith("::error")] == [
        "::error file=b.service",
        "::error file=c.service",
    ]


@needs_bash
def test_the_action_leaves_the_level_to_the_settings_of_the_repository(repository: Path) -> None:
    (repository / ".oomconf.toml").write_text('fail-on = "never"\n')
    assert lint_step(repository).returncode == 0
    assert lint_step(repository, fail_on="error").returncode == 1


@needs_bash
def test_the_action_installs_with_a_python_that_is_new_enough(tmp_path: Path) -> None:
    python, install = ACTION["runs"]["steps"][:2]
    assert (python["uses"].partition("@")[0], python["with"]["python-version"]) == ("actions/setup-python", ">=3.11")
    (name,) = install["env"]
    assert install["env"][name] == f"${{{{ steps.{python['id']}.outputs.python-path }}}}"
    called = tmp_path / "called"
    fake = tmp_path / "my python"
    fake.write_text(f'#!/bin/sh\necho "$@" > {called}\nmkdir -p "$3/bin"\ncp /bin/true "$3/bin/pip"\n')
    fake.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], name: str(fake), "RUNNER_TEMP": str(tmp_path), "GITHUB_ACTION_PATH": str(ROOT)}
    subprocess.run(["bash", "-e", "-c", install["run"]], env=environment, check=True)
    assert called.read_text() == f"-m venv {tmp_path}/oomconf\n"


def test_the_hook_lets_lint_decide_what_it_reads() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert (hook.get("files"), hook["types"], hook["pass_filenames"]) == (None, ["text"], False)


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
    capsys.readouterr()
    assert main(["rule", "--format", "markdown"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "| rule | severity | finds |"
    assert [line.split("`")[1] for line in table[2:]] == list(rules.names())
