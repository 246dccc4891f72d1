"""Findings as JSON, version 1; it only grows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from oomconf.finding import Finding, Severity
from oomconf.fixes import line_starts, offsets, with_ends_of
from oomconf.ledger import Cell
from oomconf.location import Location
from oomconf.outputs._view import View
from oomconf.quantity import INFINITY


def render(view: View) -> str:
    """Write a report whole."""
    report = view.report
    data = {
        "version": 1,
        "findings": [_finding(finding, view.texts) for finding in report.findings],
        "suppressed": [
            {**_finding(one.finding, view.texts), "reason": one.silence.reason, "by": _place(one.silence.at)} for one in report.suppressed
        ],
        "not_checked": [{"path": path, "reason": reason} for path, reason in report.not_checked],
        "summary": {
            **{f"{severity.word}s": sum(finding.severity is severity for finding in report.findings) for severity in reversed(Severity)},
            "suppressed": len(report.suppressed),
            "baseline": len(report.known),
            "rules": len(view.rules),
            "specs": view.specs,
            "files": view.files,
            "skipped": report.skipped,
            "crashed": [rule for rule, _ in report.crashed],
        },
    }
    return _dump(data)


def ledger(cells: tuple[Cell, ...]) -> str:
    """Write a ledger whole."""
    rows = [
        {
            "object": cell.object,
            "identity": cell.identity,
            "field": cell.field,
            "target": cell.target,
            "status": cell.status.value,
            "value": _value(cell.setting.value),
            "note": cell.note,
            **_place(cell.setting.at),
        }
        for cell in cells
    ]
    return _dump({"version": 1, "ledger": rows})


def _dump(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _value(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return "infinity" if value == INFINITY else int(value)
    return value if isinstance(value, str | bool | None) else str(value)


def _place(at: Location) -> dict[str, Any]:
    return {"path": at.path or None, "line": at.line or None, "column": at.column or None}


def _fix(finding: Finding, texts: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """Edits as offsets in code points; the end is exclusive."""
    rows: list[dict[str, Any]] = []
    for edit in finding.fix:
        text = texts.get(edit.at.path)
        span = None if text is None else offsets(edit.at, line_starts(text), len(text))
        if span is None:
            return None
        rows.append({"path": edit.at.path, "start": span[0], "end": span[1], "text": with_ends_of(text or "", edit.text)})
    return rows


def _finding(finding: Finding, texts: Mapping[str, str]) -> dict[str, Any]:
    at = finding.at
    return {
        "rule": finding.rule,
        "severity": finding.severity.word,
        "path": at.path,
        "object": finding.object,
        "line": at.line or None,
        "column": at.column or None,
        "end_line": at.end_line or None,
        "end_column": at.end_column or None,
        "message": finding.message,
        "help": finding.help,
        "related": [{**_place(related.at), "message": related.message} for related in finding.related],
        "fix": _fix(finding, texts) if finding.fix else None,
        "fingerprint": finding.fingerprint,
    }
