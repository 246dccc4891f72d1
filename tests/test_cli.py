"""The command line: exit codes, streams, and the tree that is written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from called import BROKEN, SPEC, WRONG, environment, filled

from oomconf.cli import VERBS, main
from oomconf.host import tree as host_tree


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return filled(tmp_path)


# argv, exit code, part of stdout, part of stderr
ROWS = [
    (["--version"], 0, "oomconf ", ""),
    (["--help"], 0, "usage: oomconf VERB", ""),
    ([], 2, "", "usage: oomconf VERB"),
    (["lnit"], 2, "", "did you mean 'lint'?"),
    (["check", "good.yaml"], 0, "", "fine: 1 service on 1 host"),
    (["check", "wrong.yaml"], 0, "", "fine"),
    (["check", "broken.yaml"], 2, "broken.yaml:4:57: error", "1 problem"),
    (["check", "missing.yaml"], 2, "", "missing.yaml: no such file"),
    (["check", "folder"], 2, "", "folder: is a "),
    (["check", "latin.yaml"], 2, "", "latin.yaml:2:6: the byte 0xe9"),
    (["check", "large.yaml"], 2, "", "are more than the 16777216 that are read"),
    (["check", "--format", "json", "broken.yaml"], 2, '"rule": "invalid-spec"', ""),
    (["check"], 2, "", "usage"),
    (["lint", "good.yaml"], 0, "", "nothing found"),
    (["lint", "wrong.yaml"], 1, "[limit-above-ram]", "1 error"),
    (["lint", "wrong.yaml", "--ignore", "limit-above-ram"], 0, "", "nothing found"),
    (["lint", "wrong.yaml", "--select", "no-swap"], 0, "", "nothing found"),
    (["lint", "wrong.yaml", "--fail-on", "never"], 0, "limit-above-ram", ""),
    (["lint", "wrong.yaml", "--select", "limit-above-rum"], 2, "", "did you mean 'limit-above-ram'?"),
    (["lint", "broken.yaml"], 1, "[invalid-spec]", "1 error"),
    (["lint", "missing.yaml"], 2, "", "no such file"),
    (["lint", "missing.yaml", "--allow-partial"], 0, "", "no such file"),
    (["lint", "good.yaml", "--output", "json=-"], 2, "", "say --format json for standard output"),
    (["lint", "folder"], 0, "", "nothing was looked at: no spec is here, and no file that a reader knows\n"),
    (["lint", "README.md"], 0, "", "not checked: 1 file"),
    (["lint", "latin.yaml"], 2, "", "0xe9"),
    (["render", "good.yaml", "--target", "sysctl"], 2, "", "nothing to render"),
    (["render", "good.yaml", "--target", "sistemd"], 2, "", "there is no target 'sistemd'"),
    (["render", "good.yaml", "--host", "wbe"], 2, "", "there is no host 'wbe'"),
    (["render", "good.yaml", "--target", "systemd"], 2, "", "do not fit on standard output"),
    (["render", "good.yaml", "--target", "systemd-run"], 0, "systemd-run", "ledger"),
    (["render", "good.yaml", "--check"], 2, "", "--out DIR"),
    (["render", "wrong.yaml", "--out", "out"], 1, "", "nothing is written"),
    (["render", "wrong.yaml", "--out", "out", "--no-lint"], 0, "", "created"),
    (["render", "broken.yaml", "--out", "out"], 2, "", "nothing is rendered"),
    (["render", "good.yaml", "--templates", "missing", "--out", "out"], 2, "", "missing"),
    (["rule", "limit-above-ram"], 0, "severity: error", ""),
    (["rule", "limit-above-rum"], 2, "", "did you mean 'limit-above-ram'?"),
    (["rule"], 0, "limit-above-ram", ""),
    (["rule", "--all"], 0, "# swap-unlimited", ""),
    (["schema"], 0, "https://json-schema.org/draft/2020-12/schema", ""),
    (["schema", "x"], 2, "", "takes no argument"),
]


@pytest.mark.parametrize(("argv", "code", "out", "err"), ROWS, ids=[" ".join(row[0]) or "nothing" for row in ROWS])
def test_a_call(argv: list[str], code: int, out: str, err: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == code
    shown = capsys.readouterr()
    assert out in shown.out
    assert err in shown.err
    assert "Traceback" not in shown.err
    assert code == 0 or not (here / "out").exists()


@pytest.mark.parametrize("verb", ["check", "lint", "render", "rule", "schema"])
def test_every_verb_tells_its_options(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert f"usage: oomconf {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("rule", "schema", "completion")])
def test_every_verb_that_judges_or_writes_tells_its_exit_codes(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([verb, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    codes = re.findall(r"(?:[:;] |^)(\d+) ", told[told.lower().index("exit codes: ") :])
    assert codes == sorted(codes, key=int)
    assert {"0", "2"} <= set(codes)
    # these can put a file that cannot be written
    assert ("3" in codes) is (verb not in ("check", "simulate", "diagnose", "explain"))


def test_what_facts_are_missing_is_said_once_and_how_they_are_given(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.service").write_text("[Service]\nExecStart=/a\nMemoryMax=1G\n")
    rules = "limit-above-ram,high-without-swap"
    lacking = {
        (): "2 rules want the machine's RAM or swap: say --host-ram and --host-swap, or hosts in an oomconf.yaml",
        ("--host-ram", "8G"): "1 rule wants the machine's swap: say --host-swap, or hosts in an oomconf.yaml",
        ("--host-swap", "0"): "1 rule wants the machine's RAM: say --host-ram, or hosts in an oomconf.yaml",
    }
    for given, said in lacking.items():
        assert main(["lint", "a.service", "--select", rules, *given]) == 0
        assert capsys.readouterr().err == f"nothing found: 2 rules on 1 raw file\nnot judged: {said}\n"
    assert main(["lint", "a.service", "--select", rules, "--host-ram", "8G", "--host-swap=0"]) == 0
    assert "not judged" not in capsys.readouterr().err
    assert main(["lint", "a.service", "--select", rules, "--statistics"]) == 0
    assert "1  skipped  high-without-swap\n1  skipped  limit-above-ram\n" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_a_path_that_is_not_there_is_all_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "nope"]) == 2
    assert capsys.readouterr().err == "oomconf: nope: no such file or folder\n"


def test_findings_as_json_have_the_promised_shape(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "wrong.yaml", "README.md", "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["version"] == 1
    (finding,) = data["findings"]
    assert set(finding) == {
        "rule", "severity", "path", "object", "line", "column", "end_line", "end_column", "message", "help", "related", "fix", "fingerprint",
    }  # fmt: skip
    assert (finding["path"], finding["line"], finding["column"], finding["object"]) == ("wrong.yaml", 4, 23, "services.api")
    assert data["not_checked"][0]["path"] == "README.md"
    assert data["summary"]["errors"] == 1


def test_a_fingerprint_does_not_move_with_its_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prints = []
    for text in (WRONG, "# a comment\n\n" + WRONG):
        (here / "wrong.yaml").write_text(text)
        main(["lint", "wrong.yaml", "--format", "json"])
        prints.append([finding["fingerprint"] for finding in json.loads(capsys.readouterr().out)["findings"]])
    assert prints[0] == prints[1] != []


def test_an_ignore_with_a_reason_lets_render_pass(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "wrong.yaml").write_text(
        WRONG + 'lint: {ignore: [{rule: limit-above-ram, where: services.api, reason: "doubled next week"}]}\n'
    )
    assert main(["render", "wrong.yaml", "--out", "out"]) == 0
    (here / "inline.yaml").write_text(WRONG.replace("  api:", "  # oomconf: ignore[limit-above-ram] doubled next week\n  api:"))
    assert main(["lint", "inline.yaml"]) == 0
    assert "1 accepted with a reason" in capsys.readouterr().err


def test_strict_makes_inexact_values_errors(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "docker.yaml").write_text(
        "version: 1\nhosts: {h: {ram: 8G, swap: 0}}\nservices: {a: {memory: {max: 1G, min: 0}, slice: s.slice, docker: {name: ab}}}\nslices: {s.slice: {}}\n"
    )
    assert main(["render", "docker.yaml", "--out", "out"]) == 0
    assert main(["render", "docker.yaml", "--out", "out2", "--strict"]) == 1
    assert "docker cannot say memory.min" in capsys.readouterr().err


def test_a_second_render_changes_nothing_and_check_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "good.yaml", "--out", "out", "--check"]) == 1
    assert main(["render", "good.yaml", "--out", "out"]) == 0
    stamps = {path: path.stat().st_mtime_ns for path in (here / "out").rglob("*")}
    assert main(["render", "good.yaml", "--out", "out"]) == 0
    assert {path: path.stat().st_mtime_ns for path in (here / "out").rglob("*")} == stamps
    assert main(["render", "good.yaml", "--out", "out", "--check"]) == 0
    (here / "good.yaml").write_text(SPEC.replace("max: 2G", "max: 3G"))
    capsys.readouterr()
    assert main(["render", "good.yaml", "--out", "out", "--diff", "--target", "systemd"]) == 1
    shown = capsys.readouterr()
    assert "-MemoryMax=2G\n+MemoryMax=3G\n" in shown.out
    assert {path: path.stat().st_mtime_ns for path in (here / "out").rglob("*")} == stamps


def test_stale_files_go_and_foreign_ones_stay(here: Path) -> None:
    two = SPEC + "  web: {memory: {max: 1G, swap_max: 0}, systemd: {unit: web.service}}\n"
    (here / "two.yaml").write_text(two)
    assert main(["render", "two.yaml", "--out", "out"]) == 0
    units = here / "out/web/root/etc/systemd/system"
    (units / "mine.conf").write_text("mine\n")
    assert main(["render", "good.yaml", "--out", "out"]) == 0
    assert not (units / "web.service.d").exists()
    assert (units / "mine.conf").read_text() == "mine\n"
    assert (units / "api.service.d/60-oomconf.conf").exists()


def test_a_narrowed_render_leaves_the_files_of_the_others(here: Path) -> None:
    assert main(["render", "good.yaml", "--out", "out"]) == 0
    before = sorted(str(path) for path in (here / "out").rglob("*"))
    assert main(["render", "good.yaml", "--out", "out", "--target", "systemd-run"]) == 0
    assert sorted(str(path) for path in (here / "out").rglob("*")) == before


def test_a_stale_file_that_somebody_changed_is_left_and_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "good.yaml", "--out", "out"]) == 0
    changed = here / "out/web/root/etc/systemd/system/api.service.d/60-oomconf.conf"
    changed.write_text("mine now\n")
    (here / "good.yaml").write_text(SPEC.replace("api.service", "other.service"))
    assert main(["render", "good.yaml", "--out", "out"]) == 0
    assert changed.read_text() == "mine now\n"
    assert "changed by hand" in capsys.readouterr().err


def test_a_foreign_file_in_the_way_stops_everything(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = here / "out/web/root/etc/systemd/system/api.service.d/60-oomconf.conf"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine\n")
    assert main(["render", "good.yaml", "--out", "out"]) == 3
    assert "not oomconf's files" in capsys.readouterr().err
    assert [path.name for path in (here / "out").rglob("*") if path.is_file()] == ["60-oomconf.conf"]


def test_nothing_is_written_through_a_link(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "elsewhere").mkdir()
    (here / "out").mkdir()
    (here / "out/web").symlink_to(here / "elsewhere")
    assert main(["render", "good.yaml", "--out", "out"]) == 3
    assert list((here / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("number", range(1, 8))
def test_a_failed_render_leaves_the_directory_as_it_was(number: int, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The n-th replacement of a file fails, as on a full disk."""
    assert main(["render", "good.yaml", "--out", "out"]) == 0
    before = {path: path.read_bytes() for path in (here / "out").rglob("*") if path.is_file()}
    (here / "good.yaml").write_text(
        SPEC.replace("max: 2G", "max: 3G").replace("unit: api", "unit: new")
        + "  b: {memory: {max: 1G, swap_max: 0}, systemd: {unit: b.service}}\n"
    )
    calls = 0
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == number:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(host_tree.Path, "replace", replace)
    code = main(["render", "good.yaml", "--out", "out"])
    monkeypatch.undo()
    os.chdir(here)
    after = {path: path.read_bytes() for path in (here / "out").rglob("*") if path.is_file()}
    assert code in (0, 3)
    if code == 3:
        assert after == before
        assert main(["render", "good.yaml", "--out", "out"]) == 0
    assert main(["render", "good.yaml", "--out", "out", "--check"]) == 0


def test_an_interrupted_render_is_named_and_finished(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "good.yaml", "--out", "out"]) == 0
    manifest = here / "out/oomconf.manifest.json"
    data = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**data, "pending": True}))
    (here / "out/.oomconf-stage-x").mkdir()
    assert main(["render", "good.yaml", "--out", "out", "--check"]) == 1
    assert "interrupted" in capsys.readouterr().err
    assert main(["render", "good.yaml", "--out", "out"]) == 0
    assert "pending" not in json.loads(manifest.read_text())
    assert not (here / "out/.oomconf-stage-x").exists()


def test_a_manifest_cannot_name_files_outside(here: Path) -> None:
    (here / "victim").write_text("keep me\n")
    (here / "out").mkdir()
    (here / "out/oomconf.manifest.json").write_text(
        '{"version": 1, "files": {"../victim": {"sha256": "x", "host": "web", "target": "systemd"}}}'
    )
    assert main(["render", "good.yaml", "--out", "out"]) == 3
    assert (here / "victim").exists()


def test_standard_input_and_several_files(here: Path) -> None:
    (here / "more.yaml").write_text("services: {api: {memory: {max: 3G}}}\n")
    assert main(["render", "good.yaml", "more.yaml", "--out", "out"]) == 0
    assert "MemoryMax=3G" in (here / "out/web/root/etc/systemd/system/api.service.d/60-oomconf.conf").read_text()
    done = subprocess.run(
        [sys.executable, "-m", "oomconf", "check", "-"], input=BROKEN, capture_output=True, text=True, check=False, env=environment()
    )
    assert done.returncode == 2
    assert "<stdin>:4:57" in done.stdout


def test_a_bug_says_how_its_traceback_is_had(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def crash(*_: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("oomconf.cli.check.load", crash)
    assert main(["check", "good.yaml"]) == 70
    assert "run the same again with --debug behind it and report what it prints" in capsys.readouterr().err
    with pytest.raises(KeyError):
        main(["check", "good.yaml", "--debug"])
    assert main(["--help"]) == 0
    assert "--debug" in capsys.readouterr().out


def test_a_crashing_rule_is_named_after_the_others_have_reported(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from oomconf import rules

    broken = rules.find("swap-assumed")
    assert broken is not None

    def check(*_: object) -> None:
        raise ZeroDivisionError("a slip")

    real = rules.find
    monkeypatch.setattr(rules, "find", lambda name: replace(broken, check=check) if name == "swap-assumed" else real(name))
    assert main(["lint", "wrong.yaml"]) == 70
    shown = capsys.readouterr()
    assert "limit-above-ram" in shown.out
    assert "the rule swap-assumed crashed" in shown.err


def test_colour_is_for_terminals_only(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["lint", "wrong.yaml"])
    assert "\x1b" not in capsys.readouterr().out


def test_control_characters_of_a_spec_never_reach_the_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "evil.yaml").write_text('version: 1\nhosts: {"\\e[31mx": {}}\nservices: {"a\\u202eb": {}}\n')
    main(["check", "evil.yaml"])
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert "\u202e" not in shown.out + shown.err


def test_an_included_file_and_what_was_rendered_are_not_called_unchecked(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oomconf.yaml").write_text("version: 1\ninclude: [compose.yaml]\nhosts: {h: {ram: 8G, swap: 1G}}\n")
    (tmp_path / "compose.yaml").write_text("services:\n  a: {memory: {max: 1G, swap_max: 0}, systemd: {unit: a.service}}\n")
    assert main(["render", "oomconf.yaml", "--out", "out"]) == 0
    capsys.readouterr()
    assert main(["lint", ".", "--format", "json"]) == 0
    passed = {row["path"]: row["reason"] for row in json.loads(capsys.readouterr().out)["not_checked"]}
    assert "compose.yaml" not in passed
    assert "out/oomconf.manifest.json" not in passed
    assert passed["out/h/root/etc/systemd/system/a.service.d/60-oomconf.conf"].startswith("rendered by oomconf")


def test_a_refused_spec_s_findings_have_fingerprints(tmp_path, capsys) -> None:
    (tmp_path / "oomconf.yaml").write_text("version: 1\nhosts: {h: {ram: 8GB}}\n")
    assert main(["lint", str(tmp_path / "oomconf.yaml"), "--format", "json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert len(finding["fingerprint"]) == 32
