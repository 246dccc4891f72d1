"""Answers of earlier runs: found again only while nothing that they depend on has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oomconf.cli import _lint, main
from oomconf.host import runs

UNIT = "etc/systemd/system/web.service"
TEXT = "[Service]\nExecStart=/usr/bin/web\nMemoryMax=2GB\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    (root / UNIT).parent.mkdir(parents=True)
    (root / UNIT).write_text(TEXT, "utf-8")
    (root / "notes.txt").write_text("x", "utf-8")
    (root / ".git").mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("OOMCONF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(runs, "_UNSURE", 0)
    return root


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    calls: list[list[str]] = []
    judge = _lint.run

    def counted(words: list[str]) -> int:
        calls.append(words)
        return judge(words)

    monkeypatch.setattr(_lint, "run", counted)
    return calls


def test_a_second_run_prints_the_same_without_judging(tree: Path, judged: list[list[str]], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["lint"]) == 1
    first = capfd.readouterr()
    assert main(["lint"]) == 1
    assert capfd.readouterr() == first
    assert "2GB" in first.out
    assert "1 error" in first.err
    assert len(judged) == 1


def same_size(tree: Path) -> None:
    """Another text of one size, with the old time of change put back."""
    before = (tree / UNIT).stat()
    (tree / UNIT).write_text(TEXT.replace("2GB", "2MB"), "utf-8")
    os.utime(tree / UNIT, ns=(before.st_atime_ns, before.st_mtime_ns))


def moved(tree: Path) -> None:
    (tree / UNIT).rename(tree / "etc/systemd/system/api.service")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda tree: (tree / UNIT).write_text("[Service]\nExecStart=/x\n", "utf-8"),
    "content of the same size and time": same_size,
    "a new file": lambda tree: (tree / "compose.yaml").write_text("services: {a: {image: x}}\n", "utf-8"),
    "a removed file": lambda tree: (tree / UNIT).unlink(),
    "a moved file": moved,
    "a mode": lambda tree: (tree / UNIT).chmod(0o600),
    "ignored files": lambda tree: (tree / ".gitignore").write_text("etc/\n", "utf-8"),
    "settings": lambda tree: (tree / ".oomconf.toml").write_text("ignore = ['ignored-value']\n", "utf-8"),
    "a project's settings": lambda tree: (tree / "pyproject.toml").write_text("[tool.oomconf]\nfail-on = 'never'\n", "utf-8"),
    "a spec": lambda tree: (tree / "oomconf.yaml").write_text("version: 1\nhosts: {a: {ram: 1G}}\n", "utf-8"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_is_judged_anew(tree: Path, judged: list[list[str]], change: str, capfd: pytest.CaptureFixture[str]) -> None:
    main(["lint"])
    CHANGES[change](tree)
    capfd.readouterr()
    code = main(["lint"])
    said = capfd.readouterr()
    assert len(judged) == 2
    assert (main(["lint", "--no-cache"]), capfd.readouterr()) == (code, said)


def test_a_baseline_elsewhere_is_part_of_the_key(tree: Path, judged: list[list[str]]) -> None:
    base = tree.parent / "base.json"
    main(["lint", "--write-baseline", str(base)])
    (tree / ".oomconf.toml").write_text("baseline = '../base.json'\n", "utf-8")
    assert [main(["lint"]), main(["lint"])] == [0, 0]
    assert len(judged) == 2
    base.write_text('{"version": 1, "findings": []}\n', "utf-8")
    assert main(["lint"]) == 1
    assert main(["lint", "--baseline", str(base)]) == 1
    base.write_text('{"version": 1, "findings": [{"path": "x", "rule": "y", "object": "z", "count": 1}]}\n', "utf-8")
    main(["lint", "--baseline", str(base)])
    assert len(judged) == 5


def test_the_call_the_folder_the_environment_and_our_version_are_part_of_the_key(
    tree: Path, judged: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from oomconf.cli import lint

    main(["lint"])
    main(["lint", "--format", "json"])
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    main(["lint"])
    monkeypatch.delenv("GITHUB_ACTIONS")
    monkeypatch.chdir(tree / "etc")
    main(["lint"])
    monkeypatch.chdir(tree)
    monkeypatch.setattr(lint, "__version__", "0.0.0")
    main(["lint"])
    assert len(judged) == 5


def test_a_tree_that_changed_a_moment_ago_is_not_kept(tree: Path, judged: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_UNSURE", 3_600_000_000_000)
    main(["lint"])
    main(["lint"])
    assert len(judged) == 2


def test_a_tree_that_changes_during_the_run_is_not_kept(tree: Path, judged: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    judge = _lint.run

    def slow(words: list[str]) -> int:
        code = judge(words)
        (tree / UNIT).write_text("[Service]\nExecStart=/x\n", "utf-8")
        return code

    monkeypatch.setattr(_lint, "run", slow)
    assert [main(["lint"]), main(["lint"])] == [1, 0]


@pytest.mark.parametrize("damage", ["", "oomconf-run 1\n", "oomconf-run 1\nx\n0 5 0\nhello", "\0" * 40])
def test_a_damaged_answer_is_no_answer(tree: Path, judged: list[list[str]], damage: str) -> None:
    main(["lint"])
    (kept,) = (tree.parent / "cache").glob("*.run")
    kept.write_text(damage, "utf-8")
    assert main(["lint"]) == 1
    assert len(judged) == 2


def test_a_folder_that_cannot_be_written_does_not_matter(tree: Path, judged: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOMCONF_CACHE", "/proc/no/such/folder")
    assert [main(["lint"]), main(["lint"])] == [1, 1]
    assert len(judged) == 2


@pytest.mark.parametrize("words", [["--fix"], ["--diff"], ["--output", "json=out.json"], ["--write-baseline", "b.json"]])
def test_what_writes_files_is_always_done(tree: Path, judged: list[list[str]], words: list[str]) -> None:
    (tree / UNIT).write_text("[Service]\nExecStart=/x\nLimitAS=1G\n", "utf-8")
    main(["lint", *words])
    main(["lint", *words])
    assert len(judged) == 2
    assert not (tree.parent / "cache").exists()


def test_old_answers_are_removed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_MOST_KEPT", 3)
    for name in ("no-swap", "tiny-limit", "no-limit", "high-above-max", "low-below-min"):
        main(["lint", "--ignore", name])
    assert len(list((tree.parent / "cache").glob("*.run"))) == 3


def test_an_earlier_answer_loads_next_to_nothing(tree: Path) -> None:
    code = "import sys; from oomconf.cli import main; code = main(['lint']); print(*sorted(sys.modules), sep=chr(10)); sys.exit(code)"
    environment = {**os.environ, "OOMCONF_CACHE": str(tree.parent / "cache")}
    script = f"from oomconf.host import runs; runs._UNSURE = 0; {code}"
    done = [subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False) for _ in range(2)]
    assert [one.returncode for one in done] == [1, 1]
    loaded = set(done[1].stdout.splitlines())
    assert "oomconf.host.runs" in loaded
    assert not loaded & {"yaml", "pydantic", "argparse", "pathspec", "json", "oomconf.api", "oomconf.engine", "oomconf.rules.no_swap"}
