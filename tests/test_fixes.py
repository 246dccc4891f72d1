"""Fixes: what is edited, what is left alone, and that each makes its finding vanish and adds none."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from harness import Case, cases
from hypothesis import given
from hypothesis import strategies as st

from oomconf import rules
from oomconf.api import lint_raw
from oomconf.cli import main
from oomconf.dialect import Document, Mapped
from oomconf.finding import Edit, Finding, Severity
from oomconf.fixes import edited, fix
from oomconf.location import Location


def lint(texts: dict[str, str]) -> list[Finding]:
    return list(lint_raw([Document(path, text) for path, text in texts.items()], Mapped(texts)).findings)


UNIT = "etc/systemd/system/web.service"
SERVICE = "[Service]\nExecStart=/usr/bin/web\n"
FIXES = [
    (UNIT, f"{SERVICE}MemoryMax=2GB\n", f"{SERVICE}MemoryMax=2G\n"),
    (UNIT, f"# why\n{SERVICE}\n  MemoryMax =  2GiB\n\n; end\n", f"# why\n{SERVICE}\n  MemoryMax =  2G\n\n; end\n"),
    (UNIT, f"{SERVICE}MemoyMax=2G\n", f"{SERVICE}MemoryMax=2G\n"),
    (UNIT, f"{SERVICE}memory_max=2G\n", f"{SERVICE}MemoryMax=2G\n"),
    (UNIT, f"{SERVICE}memory_max=2GB\n", f"{SERVICE}MemoryMax=2G\n"),
    (UNIT, f"{SERVICE}MemoryLimit=2G\n", f"{SERVICE}MemoryMax=2G\n"),
    (UNIT, f"{SERVICE}MemoryLimit = 2G\n", None),
    (UNIT, f'{SERVICE}MemoryMax="1G"\n', f"{SERVICE}MemoryMax=1G\n"),
    (UNIT, f"{SERVICE}MemoryMax=1G # cap\n", f"{SERVICE}# cap\nMemoryMax=1G\n"),
    (UNIT, f"{SERVICE}MemoryMax=1G // cap\n", f"{SERVICE}# cap\nMemoryMax=1G\n"),
    (UNIT, "[Service] ; limits\nExecStart=/x\nMemoryMax=1G\n", "; limits\n[Service]\nExecStart=/x\nMemoryMax=1G\n"),
    (UNIT, f"{SERVICE}OOMPolicy=Kill\n", f"{SERVICE}OOMPolicy=kill\n"),
    (UNIT, f"{SERVICE}MemoryMax=2GB\r\nRestart=no\r\n", f"{SERVICE}MemoryMax=2G\r\nRestart=no\r\n"),
    (UNIT, "[Service]\r\nExecStart=/x\r\nMemoryMax=1G # cap\r\n", "[Service]\r\nExecStart=/x\r\n# cap\r\nMemoryMax=1G\r\n"),
    (
        UNIT,
        "[Service]\r\nExecStart=/x\r\n# oomconf: ignore[tiny-limit] was small once\r\nMemoryMax=2G\r\n",
        "[Service]\r\nExecStart=/x\r\nMemoryMax=2G\r\n",
    ),
    ("etc/sysctl.d/90-vm.conf", "vm.swappiness = 10# low\r\n", "# low\r\nvm.swappiness = 10\r\n"),
    (UNIT, f"{SERVICE}OOMScoreAdjust=-2000\n", None),
    (UNIT, f"{SERVICE}# oomconf: ignore[tiny-limit] was small once\nMemoryMax=2G\n", f"{SERVICE}MemoryMax=2G\n"),
    (
        UNIT,
        f"{SERVICE}Environment=PG_OOM_ADJUST_FILE=proc/self/oom_score_adj\n",
        f"{SERVICE}Environment=PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj\n",
    ),
    ("etc/sysctl.d/90-vm.conf", "vm.swappiness = 10# low\n", "# low\nvm.swappiness = 10\n"),
    (
        "compose.yaml",
        "services:\n  a:\n    image: x  # the app\n    mem_limt:   512m # cap\n    scale: 2\n",
        "services:\n  a:\n    image: x  # the app\n    mem_limit:   512m # cap\n    scale: 2\n",
    ),
    ("compose.yaml", "services:\n  a:\n    image: x\n    memory: 512m\n", None),
    ("compose.yaml", "services:\n  a:\n    image: x\n    mem_limit: '512Mi'\n", "services:\n  a:\n    image: x\n    mem_limit: '512m'\n"),
    (
        "compose.yaml",
        "services:\n  a:\n    image: x\n    mem_limit: 512m  # oomconf: ignore[tiny-limit] why\n",
        "services:\n  a:\n    image: x\n    mem_limit: 512m\n",
    ),
    (
        "etc/cron.d/report",
        "0 3 * * * root systemd-run --scope -p MemoryMax=50% /usr/bin/report\n",
        "0 3 * * * root systemd-run --scope -p MemoryMax=50\\% /usr/bin/report\n",
    ),
]


@pytest.mark.parametrize(("path", "before", "after"), FIXES)
def test_a_fix_changes_what_is_wrong_and_nothing_else(path: str, before: str, after: str | None) -> None:
    texts = {path: before}
    assert fix(texts, lint(texts), lint).texts == ({} if after is None else {path: after})


RAW = [case for rule in rules.discover() for case in cases(rule) if not case.is_spec and case.verdict == "bad"]


@pytest.mark.parametrize("case", RAW, ids=[case.id for case in RAW])
def test_a_fix_makes_its_finding_vanish_and_adds_none(case: Case) -> None:
    before = lint(case.files)
    fixed = fix(case.files, before, lint)
    after = lint({**case.files, **fixed.texts})
    kinds = Counter((one.rule, one.at.path, one.object) for one in before)
    assert not Counter((one.rule, one.at.path, one.object) for one in after) - kinds
    assert len(after) <= len(before) - len(fixed.findings)
    assert bool(fixed.texts) == bool(fixed.findings)


def test_enough_of_the_examples_can_be_fixed() -> None:
    fixable = {one.rule for case in RAW for one in fix(case.files, lint(case.files), lint).findings}
    assert {
        "ignored-value",
        "unknown-key",
        "deprecated-key",
        "comment-is-value",
        "percent-in-crontab",
        "postgresql-oom-adjust-file",
    } <= fixable


def test_a_fix_that_would_uncover_something_else_is_not_made() -> None:
    texts = {UNIT: f"{SERVICE}MemoryMax=1GB\nMemoryHigh=2G\n"}
    found = lint(texts)
    assert [one.rule for one in found if one.fix] == ["ignored-value"]
    fixed = fix(texts, found, lint)
    assert fixed.texts == {}
    assert [one.rule for one in fixed.left] == ["ignored-value"]


@given(
    st.text("ab\n", max_size=30),
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 8), st.integers(0, 5), st.text("xy", max_size=3)), max_size=5),
)
def test_edits_are_made_as_on_the_characters_themselves(text: str, raw: list[tuple[int, int, int, str]]) -> None:
    lines = text.split("\n")
    edits: list[Edit] = []
    spans: list[tuple[int, int, str]] = []
    for line, column, length, new in raw:
        if line <= len(lines) and column + length <= len(lines[line - 1]) + 1:
            start = sum(len(one) + 1 for one in lines[: line - 1]) + column - 1
            spans.append((start, start + length, new))
            edits.append(Edit(Location("x", line, column, line, column + length), new))
    spans.sort()
    if any(one[1] > other[0] for one, other in pairwise(spans)):
        assert edited(text, edits) is None
        return
    expected = list(text)
    for start, end, new in reversed(spans):
        expected[start:end] = new
    assert edited(text, edits) == "".join(expected)


def test_an_edit_outside_of_the_text_or_on_other_words_is_refused() -> None:
    assert edited("abc\n", [Edit(Location("x", 3, 1, 3, 1), "y")]) is None
    assert edited("abc\n", [Edit(Location("x", 1, 2, 1, 9), "y")]) is None
    assert edited("abc\n", [Edit(Location("x", 1, 1, 1, 2), "y", "b")]) is None


def test_odd_line_ends_are_left_alone() -> None:
    texts = {UNIT: f"{SERVICE}MemoryMax=2GB\rRestart=no\n"}
    found = [
        Finding("ignored-value", Severity.ERROR, "web", Location(UNIT, 3, 11, 3, 14), "x", fix=(Edit(Location(UNIT, 3, 11, 3, 14), "2G"),))
    ]
    assert fix(texts, found, lambda _: []).texts == {}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    unit = tmp_path / UNIT
    unit.parent.mkdir(parents=True)
    unit.write_text(f"{SERVICE}MemoryMax=2GB\n", "utf-8")
    unit.chmod(0o640)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_diff_changes_nothing_and_its_patch_does_what_fix_does(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", ".", "--diff"]) == 1
    shown = capsys.readouterr()
    assert (tree / UNIT).read_text("utf-8").endswith("2GB\n")
    assert "1 finding in 1 file would be fixed" in shown.err
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    subprocess.run(["git", "apply", "-p1"], input=shown.out, text=True, check=True, cwd=tree)
    patched = (tree / UNIT).read_text("utf-8")
    (tree / UNIT).write_text(f"{SERVICE}MemoryMax=2GB\n", "utf-8")
    assert main(["lint", ".", "--fix"]) == 0
    assert (tree / UNIT).read_text("utf-8") == patched == f"{SERVICE}MemoryMax=2G\n"
    assert "fixed 1 finding in 1 file" in capsys.readouterr().err
    assert main(["lint", ".", "--diff"]) == 0


def test_fix_keeps_the_mode_and_goes_through_links(tree: Path) -> None:
    link = tree / "etc/systemd/system/web.service.d"
    (tree / "shared.conf").write_text("[Service]\nMemoryMax=1GB\n", "utf-8")
    link.mkdir()
    (link / "limits.conf").symlink_to(tree / "shared.conf")
    main(["lint", UNIT, str(link / "limits.conf"), "--fix"])
    assert (tree / UNIT).stat().st_mode & 0o777 == 0o640
    assert (link / "limits.conf").is_symlink()
    assert (tree / "shared.conf").read_text("utf-8") == "[Service]\nMemoryMax=1G\n"
    assert not list(tree.glob(".oomconf*"))


def test_a_file_in_another_encoding_is_left_alone(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / UNIT).write_bytes(f"{SERVICE}MemoryMax=2GB\n".encode("utf-16"))
    before = (tree / UNIT).read_bytes()
    assert main(["lint", ".", "--fix"]) == 1
    assert (tree / UNIT).read_bytes() == before
    assert "left alone" in capsys.readouterr().err


def test_what_is_accepted_is_not_fixed(tree: Path) -> None:
    text = f"{SERVICE}# oomconf: ignore[ignored-value] a template\nMemoryMax=2GB\n"
    (tree / UNIT).write_text(text, "utf-8")
    assert main(["lint", ".", "--fix"]) == 0
    assert (tree / UNIT).read_text("utf-8") == text


def test_what_a_fix_would_uncover_is_said(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "compose.yaml").write_text("services:\n  a:\n    image: x\n    mem_limt: 64g\n    memswap_limit: 64g\n", "utf-8")
    assert main(["lint", "compose.yaml", "--diff", "--host-ram", "16G", "--select", "unknown-key,limit-above-ram"]) == 0
    said = "  compose.yaml:4:5: unknown-key: then 'a may use 64G, but the machine has 16G of RAM' [limit-above-ram]\n"
    assert capsys.readouterr().err.endswith(f"1 left alone:\n{said}")


def test_nothing_is_judged_twice_where_there_is_nothing_to_fix(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from oomconf.cli import _lint

    (tree / UNIT).write_text(f"{SERVICE}MemoryMax=2G\n", "utf-8")
    calls: list[int] = []
    judge = _lint.lint_raw
    monkeypatch.setattr(_lint, "lint_raw", lambda *given, **named: calls.append(1) or judge(*given, **named))
    assert main(["lint", ".", "--fix"]) == 0
    assert len(calls) == 1
    (tree / UNIT).write_text(f"{SERVICE}MemoryMax=2GB\n", "utf-8")
    assert main(["lint", ".", "--fix"]) == 0
    assert len(calls) > 2


INNOCENT = {
    "a shell's quotes over lines": ("x.sh", '#!/bin/sh\necho "[Service]\nMemoryMax=1GB" > /etc/systemd/system/b.service.d/x.conf\n'),
    "cloud-init's escapes": (
        "user-data.yaml",
        (
            "#cloud-config\nwrite_files:\n  - path: /etc/systemd/system/app.service\n"
            '    content: "[Service]\\nExecStart=/bin/app\\nMemoryMax=1GB\\n"\n'
            '  - path: /etc/motd\n    content: "welcome to the app server, all of you\\n"\n'
        ),
    ),
    "Ansible's escapes": (
        "play.yml",
        (
            "- hosts: all\n  tasks:\n    - copy:\n        dest: /etc/systemd/system/app.service\n"
            '        content: "[Service]\\nExecStart=/bin/app\\nMemoryMax=1GB\\n"\n'
            '    - debug:\n        msg: "this is an innocent long line"\n'
        ),
    ),
    "printf's escapes": (
        "y.sh",
        "#!/bin/sh\nprintf '[Service]\\nMemoryMax=1GB\\n' > /etc/systemd/system/b.service.d/x.conf\necho this is an innocent long line of text here\n",
    ),
    "MemoryLimit= beside MemoryMax=": ("a.service", "[Service]\nExecStart=/bin/a\nMemoryMax=2G\nMemoryLimit=1G\n"),
}


@pytest.mark.parametrize("name", INNOCENT)
def test_a_fix_changes_nothing_but_what_its_finding_is_of(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a text is put together from quoted words, places are near and not exact: then nothing is written, and it is said."""
    monkeypatch.chdir(tmp_path)
    path, text = INNOCENT[name]
    Path(path).write_text(text, "utf-8")
    main(["lint", path])
    assert "1 error" in (said := capsys.readouterr()).err or "1 warning" in said.err
    main(["lint", path, "--fix"])
    assert Path(path).read_text("utf-8") in (text, text.replace("MemoryMax=1GB", "MemoryMax=1G"))
    assert "fixed 1" not in capsys.readouterr().err or "MemoryMax=1GB" not in Path(path).read_text("utf-8")


def test_a_fix_that_leaves_its_finding_is_not_made() -> None:
    at = Location("a", 1, 1, 1, 4)
    finding = Finding("r", Severity.ERROR, "o", at, "m", fix=(Edit(at, "new"),))
    done = fix({"a": "old text"}, [finding], lambda _: [finding])
    assert done.texts == {}
    assert done.left == [finding]


@pytest.mark.parametrize(
    ("name", "line"), [("a shell's quotes over lines", 3), ("cloud-init's escapes", 4), ("Ansible's escapes", 5), ("printf's escapes", 2)]
)
def test_a_text_of_several_lines_is_found_where_it_stands(name: str, line: int) -> None:
    path, text = INNOCENT[name]
    assert [one.at.line for one in lint({path: text}) if one.rule == "ignored-value"] == [line]


UNTOUCHED = [
    (UNIT, f"{SERVICE}MemoryMax=1GB # oomconf: ignore[ignored-value] why\n"),
    (UNIT, f"{SERVICE}MemoryMax=2G\nMemoyMax=1G\n"),
    (f"{UNIT}.d/10.conf", "[Service]\nMemoryLimit=1G\n"),
]


@pytest.mark.parametrize(("path", "text"), UNTOUCHED, ids=[text for _, text in UNTOUCHED])
def test_no_fix_chooses_between_limits_or_makes_an_ignore_hold(path: str, text: str) -> None:
    found = lint({path: text})
    assert found
    assert fix({path: text}, found, lint).texts == {}


def test_what_a_later_round_mends_is_not_left_alone() -> None:
    texts = {UNIT: f"{SERVICE}MemoyMax=1GB # cap\n"}
    done = fix(texts, lint(texts), lint)
    assert done.texts == {UNIT: f"{SERVICE}# cap\nMemoryMax=1G\n"}
    assert done.left == []


def test_a_file_that_cannot_be_written_back_is_named() -> None:
    texts = {UNIT: "[Service]\nExecStart=/usr/bin/web a\x0cb\nMemoyMax=1G\n"}
    assert [one.rule for one in fix(texts, lint(texts), lint).left] == ["unknown-key"]
