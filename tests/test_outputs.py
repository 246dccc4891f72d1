"""Findings in every form: each is read back by a parser of that form, and hostile names and texts stay data."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft7Validator

from oomconf import outputs
from oomconf.cli import main
from oomconf.engine import Report, Suppressed, stamped
from oomconf.finding import Finding, Related, Severity
from oomconf.location import NOWHERE, Location, whole_file
from oomconf.outputs._view import View
from oomconf.rules import discover
from oomconf.silences import Silence

EVIL = 'a,b:%0A::error::x\n| [l](javascript:1) <b>&"\x1b[31m\udcff'
FINDINGS = (
    Finding(
        "limit-above-ram",
        Severity.ERROR,
        "a",
        Location("dir x/a:b.yaml", 3, 2, 3, 9),
        EVIL,
        EVIL,
        (Related(whole_file("--host-ram"), "r"),),
    ),
    Finding("no-swap", Severity.NOTE, "host", whole_file("--host-swap"), "host has no swap"),
    Finding("unknown-key", Severity.WARNING, EVIL, Location(f"b/{EVIL}", 1, 1, 2, 4), "m"),
)


@pytest.fixture
def view() -> View:
    found = tuple(stamped(FINDINGS))
    accepted = Suppressed(found[0], Silence("limit-above-ram", EVIL, Location("x", 1, 1, 1, 2), line=2))
    report = Report(found, (accepted,), {}, (), ((EVIL, "why"), ("<stdin>", "why")))
    return View(report=report, rules=tuple(discover()), files=2, version="0.1.0")


@pytest.mark.parametrize("name", outputs.NAMES)
def test_no_output_sends_control_characters_and_all_are_utf_8(name: str, view: View) -> None:
    text = outputs.write(name, view)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    assert text.encode()
    assert text.endswith("\n")


@pytest.mark.parametrize("name", outputs.NAMES)
def test_a_report_of_nothing_is_valid(name: str) -> None:
    text = outputs.write(name, View(report=Report()))
    if name in ("json", "sarif", "gitlab"):
        assert json.loads(text) is not None
    if name == "junit":
        assert ET.fromstring(text).get("failures") == "0"


def test_a_line_of_concise_is_a_finding(view: View) -> None:
    assert len(outputs.write("concise", view).splitlines()) == len(FINDINGS)


def test_a_workflow_command_says_what_the_runner_unescapes(view: View) -> None:
    lines = outputs.write("github", view).splitlines()
    assert len(lines) == len(FINDINGS)
    commands = [re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line) for line in lines]
    assert all(commands)
    said = [dict(pair.split("=", 1) for pair in match[2].split(",")) for match in commands if match]
    said = [{key: unescaped(value) for key, value in one.items()} for one in said]
    placed = next(one for one in said if one["title"].endswith("limit-above-ram"))
    assert (placed["file"], placed["line"], placed["col"], placed["endColumn"]) == ("dir x/a:b.yaml", "3", "2", "9")
    assert "col" not in next(one for one in said if one["title"].endswith("unknown-key"))
    assert "file" not in next(one for one in said if one["title"].endswith("no-swap"))


def unescaped(text: str) -> str:
    for mark, char in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(mark, char)
    return text


def test_gitlab_gets_what_its_report_needs(view: View) -> None:
    rows = json.loads(outputs.write("gitlab", view))
    assert {row["severity"] for row in rows} <= {"info", "minor", "major", "critical", "blocker"}
    assert len({row["fingerprint"] for row in rows}) == len(FINDINGS)
    assert all(row["location"]["path"] and row["location"]["lines"]["begin"] >= 1 and row["description"] for row in rows)


def test_junit_is_xml_with_a_failure_for_each_finding(view: View) -> None:
    root = ET.fromstring(outputs.write("junit", view))
    assert len(root.findall(".//failure")) == int(root.get("failures") or 0) == len(FINDINGS)
    assert {suite.get("tests") for suite in root} == {"1"}


def test_markdown_has_a_row_for_each_finding_and_no_markup_of_theirs(view: View) -> None:
    rows = [line for line in outputs.write("markdown", view).splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(FINDINGS)
    for row in rows:
        bare = re.sub(r"\\.", "", row)
        assert bare.count("|") == 6
        assert not set("<[`*") & set(bare)


def test_sarif_has_relative_uris_places_and_suppressions(view: View) -> None:
    (run,) = json.loads(outputs.write("sarif", view))["runs"]
    result = next(one for one in run["results"] if one["ruleId"] == "limit-above-ram")
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "dir%20x/a%3Ab.yaml"
    assert physical["region"] == {"startLine": 3, "startColumn": 2, "endLine": 3, "endColumn": 9}
    assert result["relatedLocations"] == []
    assert result["message"]["text"].endswith("\nnote: --host-ram: r")
    assert all("physicalLocation" in place for one in run["results"] for place in one["locations"])
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "limit-above-ram"
    assert [one["suppressions"][0]["kind"] for one in run["results"] if "suppressions" in one] == ["inSource"]


KUBELET = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 50\n"


@pytest.mark.parametrize("name", outputs.NAMES)
def test_what_only_an_option_says_stands_at_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kubelet-config.yaml").write_text(KUBELET)
    assert main(["lint", "--host-swap", "2G", "--format", name]) == 1
    text = capsys.readouterr().out
    if name == "sarif":
        (result,) = json.loads(text)["runs"][0]["results"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "kubelet-config.yaml"
        assert [one["physicalLocation"]["artifactLocation"]["uri"] for one in result["relatedLocations"]] == ["kubelet-config.yaml"]
    elif name == "json":
        (finding,) = json.loads(text)["findings"]
        assert [one["path"] for one in (finding, *finding["related"])] == ["kubelet-config.yaml", "--host-swap", "kubelet-config.yaml"]
    elif name == "gitlab":
        assert [one["location"]["path"] for one in json.loads(text)] == ["kubelet-config.yaml"]
    else:
        assert "kubelet-config.yaml" in text
        assert ": : " not in text


def test_sarif_of_standard_input_has_a_place_of_its_own() -> None:
    found = (Finding("no-swap", Severity.NOTE, "host", Location("<stdin>", 2, 1, 2, 3), "m"),)
    (run,) = json.loads(outputs.write("sarif", View(report=Report(found), texts={"a.service": "", "<stdin>": ""})))["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "stdin"}}


def test_a_note_without_a_place_has_no_colon_for_it() -> None:
    found = Finding("no-swap", Severity.NOTE, "host", whole_file("a"), "m", related=(Related(NOWHERE, "unless it is said"),))
    view = View(report=Report((found,)))
    assert "  = note: unless it is said\n" in outputs.write("text", view)
    assert json.loads(outputs.write("json", view))["findings"][0]["related"][0]["path"] is None


def test_sarif_is_valid_by_its_own_schema(view: View) -> None:
    path = os.environ.get("OOMCONF_SARIF_SCHEMA")
    if not path:
        pytest.skip("OOMCONF_SARIF_SCHEMA names no sarif-schema-2.1.0.json of OASIS")
    validator = Draft7Validator(json.loads(Path(path).read_text("utf-8")))
    for one in (view, View(report=Report())):
        assert not [error.message for error in validator.iter_errors(json.loads(outputs.write("sarif", one)))]


def test_several_outputs_are_written_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (tmp_path / "a.service").write_text("[Service]\nMemoryMax=2GB\n")
    assert main(["lint", "--output", "sarif=out.sarif", "--output=junit=out.xml"]) == 1
    assert capsys.readouterr().out.startswith("::error file=a.service,line=2,")
    assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"
    assert ET.parse(tmp_path / "out.xml").getroot().get("failures") == "1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.service", "out.sarif", "out.xml"]
    assert main(["lint", "--output", "sarf=x"]) == 2
    assert "FORMAT=FILE" in capsys.readouterr().err
    assert main(["lint", "--output", "sarif=no/such/folder"]) == 3
