"""Findings as text: a first line that tools parse, the source line with a caret, the remedy."""

from __future__ import annotations

from collections import Counter
from typing import Final

from oomconf.engine import Report
from oomconf.finding import Finding, Severity
from oomconf.outputs._view import View
from oomconf.safe import clean

_COLOURS: Final = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
_WIDEST: Final = 160
_FACTS: Final = {"memory_total": ("RAM", "--host-ram"), "swap_total": ("swap", "--host-swap")}


def render(view: View) -> str:
    """Write each finding with its source line."""
    lines: dict[str, list[str]] = {}
    out: list[str] = []
    for finding in view.report.findings:
        out += _finding(finding, view, lines)
    return "".join(f"{line}\n" for line in out)


def summary(report: Report, rules: int, specs: int, files: int) -> str:
    """Say in a line what was found, and in further lines what was not looked at."""
    said = [_found(report, rules, specs, files)]
    if report.suppressed:
        said.append(f"{len(report.suppressed)} accepted with a reason")
    if report.known:
        said.append(f"{len(report.known)} in the baseline")
    if report.skipped:
        said.append(_lacking(report))
    if report.not_checked:
        said.append(f"not checked: {len(report.not_checked)} file{'' if len(report.not_checked) == 1 else 's'}")
        said += [f"  {path}: {reason}" for path, reason in report.not_checked[:20]]
        if len(report.not_checked) > 20:  # noqa: PLR2004
            said.append(f"  and {len(report.not_checked) - 20} more (--format json lists all)")
    return "".join(f"{line}\n" for line in said)


def _found(report: Report, rules: int, specs: int, files: int) -> str:
    if not specs and not files and not report.findings:
        return "nothing was looked at: no spec is here, and no file that a reader knows"
    count = {severity: sum(finding.severity is severity for finding in report.findings) for severity in Severity}
    found = ", ".join(f"{number} {severity.word}{'' if number == 1 else 's'}" for severity, number in reversed(count.items()) if number)
    on = " and ".join(_number(*one) for one in ((specs, "spec"), (files, "raw file")) if one[0] or (one[1] == "spec" and not files))
    return f"{found or 'nothing found'}: {_number(rules, 'rule')} on {on}"


def _lacking(report: Report) -> str:
    """Say which facts of the machine would let more rules speak, and how they are given."""
    known = {need: row for need, row in _FACTS.items() if need in report.lacking}
    what = " or ".join(row[0] for row in known.values())
    options = " and ".join(row[1] for row in known.values())
    want = "wants" if len(report.skipped) == 1 else "want"
    return f"not judged: {_number(len(report.skipped), 'rule')} {want} the machine's {what}: say {options}, or hosts in an oomconf.yaml"


def statistics(report: Report) -> str:
    """Count findings by rule, the most frequent first, then what rules passed over for lack of a fact."""
    count = Counter((one.rule, one.severity.word) for one in report.findings)
    width = len(str(max((*count.values(), *report.skipped.values()), default=0)))
    rows = sorted(count.items(), key=lambda row: (-row[1], row[0]))
    rows += [((rule, "skipped"), number) for rule, number in sorted(report.skipped.items())]
    return "".join(f"{number:>{width}}  {severity:<7}  {rule}\n" for (rule, severity), number in rows)


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _finding(finding: Finding, view: View, lines: dict[str, list[str]]) -> list[str]:
    word = finding.severity.word
    if view.colour:
        word = f"\x1b[1;{_COLOURS[finding.severity]}m{word}\x1b[0m"
    out = [f"{clean(str(finding.at) or finding.object)}: {word}: {clean(finding.message)} [{finding.rule}]"]
    at = finding.at
    if at.line and at.path in view.texts:
        source = lines.get(at.path)
        if source is None:
            source = lines[at.path] = view.texts[at.path].splitlines()
        if at.line <= len(source):
            out += _frame(source[at.line - 1], at.line, at.column, at.end_column if at.end_line == at.line else 0)
    if finding.help:
        out.append(f"  = help: {clean(finding.help)}")
    for related in finding.related:
        place = clean(str(related.at))
        out.append(f"  = note: {place}{': ' if place else ''}{clean(related.message)}")
    return out


def _frame(source: str, line: int, column: int, end: int) -> list[str]:
    start = max(0, column - 1 - _WIDEST // 2) if len(source) > _WIDEST else 0
    text = clean(source[start : start + _WIDEST], kept="\t")
    before = "".join("\t" if mark == "\t" else " " for mark in text[: column - 1 - start])
    width = min(max(1, end - column), max(1, len(text) - len(before)))
    gutter = " " * len(str(line))
    return [f"{gutter} |", f"{line} | {text}", f"{gutter} | {before}{'^' * width}"]
