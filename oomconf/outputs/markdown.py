"""Findings as a Markdown table, for a job's summary or a comment."""

from __future__ import annotations

from oomconf.finding import Severity
from oomconf.outputs._view import View
from oomconf.safe import markdown


def render(view: View) -> str:
    """Write a heading with the counts and a row a finding; what stands in the files cannot make links or markup."""
    found = view.report.findings
    counts = [(severity.word, sum(one.severity is severity for one in found)) for severity in reversed(Severity)]
    said = ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for word, number in counts if number) or "nothing found"
    lines = ["# oomconf lint", "", said, ""]
    if found:
        lines += ["| place | severity | rule | finding | help |", "| --- | --- | --- | --- | --- |"]
        cells = [(str(one.at) or one.object, one.severity.word, one.rule, one.message, one.help) for one in found]
        lines += [f"| {' | '.join(markdown(cell) for cell in row)} |" for row in cells]
    if view.report.not_checked:
        lines += ["", f"Not checked: {len(view.report.not_checked)}", ""]
        lines += [f"- {markdown(path)}: {markdown(reason)}" for path, reason in view.report.not_checked]
    return "\n".join(lines).rstrip("\n") + "\n"
