"""A baseline holds what was, whatever its line, and lets nothing new pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf import baseline
from oomconf.cli import main
from oomconf.engine import Report
from oomconf.errors import InputError
from oomconf.finding import Finding, Severity
from oomconf.location import Location

FINDINGS = st.lists(
    st.builds(
        lambda rule, path, thing, line: Finding(rule, Severity.ERROR, thing, Location(path, line, 1, line, 2), "m"),
        st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]), st.text(max_size=2), st.integers(1, 9),
    ),
    max_size=12,
)  # fmt: skip


@given(FINDINGS, FINDINGS)
def test_what_a_baseline_holds_is_gone_and_what_came_is_counted(old: list[Finding], new: list[Finding]) -> None:
    known = baseline.load("b", baseline.dump(old))
    assert baseline.apart(Report(tuple(old)), known).findings == ()
    both = baseline.apart(Report((*old, *new)), known)
    assert len(both.findings) == len(new)
    assert sorted(map(str, (*both.findings, *both.known))) == sorted(map(str, (*old, *new)))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{"path": 1}]}', "[" * 100000]
)
def test_what_is_no_baseline_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        baseline.load("b", text)


def test_a_run_against_a_baseline_fails_on_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    unit = tmp_path / "a.service"
    unit.write_text("[Service]\nMemoryMax=2GB\n")
    assert main(["lint", "--write-baseline", "known.json"]) == 0
    assert main(["lint", "absent", ".", "--write-baseline", "other.json"]) == 2
    unit.write_text("# a line more\n[Service]\nMemoryMax=2GB\n")
    assert main(["lint", "--baseline", "known.json"]) == 0
    assert "1 in the baseline" in capsys.readouterr().err
    unit.write_text("[Service]\nMemoryMax=2GB\nMemoryHigh=1GB\n")
    assert main(["lint", "--baseline", "known.json"]) == 1
    assert main(["lint", "--baseline", "absent.json"]) == 2
