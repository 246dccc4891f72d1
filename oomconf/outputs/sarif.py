"""Findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

from oomconf.finding import Finding, Related
from oomconf.location import Location, in_file, whole_file
from oomconf.outputs._view import View
from oomconf.rule import Rule

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(view: View) -> str:
    """Write one run: every rule that ran, every finding, accepted ones as suppressions, and what was not examined as notifications."""
    report = view.report
    index = {rule.id: number for number, rule in enumerate(view.rules)}
    elsewhere = next((path for path in view.texts if _place(whole_file(path))), "stdin")
    results = [_result(one, index, elsewhere) for one in report.findings]
    for accepted in report.suppressed:
        kind = "inSource" if accepted.silence.line is not None else "external"
        suppression = {"kind": kind, "justification": accepted.silence.reason}
        results.append({**_result(accepted.finding, index, elsewhere), "suppressions": [suppression]})
    run = {
        "tool": {"driver": {"name": "oomconf", "semanticVersion": view.version, "rules": [_rule(rule) for rule in view.rules]}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.crashed,
                "toolExecutionNotifications": [_notification(path, reason) for path, reason in report.not_checked],
            }
        ],
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule[Any]) -> dict[str, Any]:
    page = rule.page.replace("⟵", "  ← found here")
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": rule.severity.word},
    }


def _result(finding: Finding, index: dict[str, int], elsewhere: str) -> dict[str, Any]:
    """Make a result; `elsewhere` is the file of a finding that is in none, since code scanning refuses a result without one."""
    text = finding.message + (f"\nhelp: {finding.help}" if finding.help else "")
    for one in finding.related:
        text += "" if _place(one.at) else f"\nnote: {one.at}{': ' if str(one.at) else ''}{one.message}"
    result: dict[str, Any] = {"ruleId": finding.rule}
    if finding.rule in index:
        result["ruleIndex"] = index[finding.rule]
    result |= {"level": finding.severity.word, "message": {"text": text}}
    place = _place(finding.at) or _place(whole_file("stdin" if finding.at.path.startswith("<") else elsewhere))
    place["logicalLocations"] = [{"fullyQualifiedName": finding.object}]
    result["locations"] = [place]
    if finding.related:
        placed = [one for one in finding.related if _place(one.at)]
        result["relatedLocations"] = [_related(number, one) for number, one in enumerate(placed, 1)]
    if finding.fix:
        result["fixes"] = [_fix(finding)]
    result["partialFingerprints"] = {"oomconf/v1": finding.fingerprint}
    return result


def _fix(finding: Finding) -> dict[str, Any]:
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in finding.fix:
        at = edit.at
        region = {"startLine": at.line, "startColumn": at.column, "endLine": at.end_line, "endColumn": at.end_column}
        changes.setdefault(at.path, []).append({"deletedRegion": region, "insertedContent": {"text": edit.text}})
    rows = [{"artifactLocation": {"uri": _uri(path)}, "replacements": made} for path, made in changes.items()]
    return {"description": {"text": finding.help or "mend it"}, "artifactChanges": rows}


def _related(number: int, related: Related) -> dict[str, Any]:
    return {"id": number, **_place(related.at), "message": {"text": related.message}}


def _place(at: Location) -> dict[str, Any]:
    """A relative URI, as code scanning wants it; nothing where no file of the tree is meant."""
    if not in_file(at) or at.path.startswith("<"):
        return {}
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(at.path)}}
    if at.line:
        physical["region"] = {"startLine": at.line, "startColumn": at.column, "endLine": at.end_line, "endColumn": at.end_column}
    return {"physicalLocation": physical}


def _uri(path: str) -> str:
    """A first part with a colon would be a scheme (RFC 3986, 4.2): quote() escapes it."""
    escaped = quote(path, errors="surrogateescape")
    return f"file://{escaped}" if path.startswith("/") else escaped


def _notification(path: str, reason: str) -> dict[str, Any]:
    physical = {} if path.startswith("<") else {"locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(path)}}}]}
    return {"level": "note", "message": {"text": f"not checked: {reason}"}, **physical}
