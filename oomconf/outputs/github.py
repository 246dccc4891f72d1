"""Findings as workflow commands of GitHub Actions, which show them beside the lines of a pull request."""

from __future__ import annotations

from typing import Final

from oomconf.finding import Finding, Severity
from oomconf.location import in_file
from oomconf.outputs._view import View
from oomconf.safe import clean

_COMMAND: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(view: View) -> str:
    """Write a command a finding (actions/toolkit: packages/core/src/command.ts: escapeData(), escapeProperty())."""
    return "".join(f"{_one(finding)}\n" for finding in view.report.findings)


def _one(finding: Finding) -> str:
    at = finding.at
    said: dict[str, object] = {"file": at.path} if in_file(at) and not at.path.startswith("<") else {}
    if said and at.line:
        said |= {"line": at.line, "endLine": at.end_line}
        if at.line == at.end_line:  # columns of several lines are refused
            said |= {"col": at.column, "endColumn": at.end_column}
    said["title"] = f"oomconf: {finding.rule}"
    words = ",".join(f"{key}={_property(str(value))}" for key, value in said.items())
    message = finding.message + (f"\nhelp: {finding.help}" if finding.help else "")
    return f"::{_COMMAND[finding.severity]} {words}::{_data(message)}"


def _data(text: str) -> str:
    return clean(text, kept="\r\n").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
