"""Findings as JUnit XML: a suite for each file, a failed case for each finding."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from oomconf.finding import Finding
from oomconf.outputs._view import View
from oomconf.safe import clean


def render(view: View) -> str:
    """Write a report that is never empty: without findings it holds one case that passed."""
    files: dict[str, list[Finding]] = {}
    for finding in view.report.findings:
        files.setdefault(finding.at.path or finding.object, []).append(finding)
    total = len(view.report.findings)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="oomconf" tests="{max(total, 1)}" failures="{total}">']
    for path, findings in files.items():
        lines.append(f'  <testsuite name={_quoted(path)} tests="{len(findings)}" failures="{len(findings)}">')
        lines += [line for finding in findings for line in _case(finding)]
        lines.append("  </testsuite>")
    if not files:
        lines.append('  <testsuite name="oomconf" tests="1" failures="0">')
        lines += ['    <testcase name="lint" classname="oomconf"/>', "  </testsuite>"]
    return "\n".join([*lines, "</testsuites>", ""])


def _case(finding: Finding) -> list[str]:
    name = f"{finding.rule} {finding.at.line}:{finding.at.column} {finding.object}"
    about = f"{str(finding.at) or finding.object}: {finding.message}" + (f"; help: {finding.help}" if finding.help else "")
    return [
        f"    <testcase name={_quoted(name)} classname={_quoted(finding.at.path or finding.object)}>",
        f"      <failure type={_quoted(finding.severity.word)} message={_quoted(about)}/>",
        "    </testcase>",
    ]


def _quoted(text: str) -> str:
    """XML 1.0 has no control characters, not even escaped (§2.2)."""
    return quoteattr(clean(text))
