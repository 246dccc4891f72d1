"""Findings that a repository had when it began: counted by file, rule and object, never by line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from oomconf.engine import Report
from oomconf.errors import InputError
from oomconf.finding import Finding

__all__ = ["Baseline", "apart", "dump", "load"]

Baseline = Counter[tuple[str, str, str]]
"""How many findings of a path, rule and object are known."""

_KEYS: Final = ("path", "rule", "object")


def load(path: str, text: str) -> Baseline:
    """Read a baseline; raises InputError for what `dump` does not write."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no baseline: {error}") from None
    rows = data.get("findings") if isinstance(data, dict) and data.get("version") == 1 else None
    if not isinstance(rows, list):
        raise InputError(f"{path}: is no baseline of version 1; --write-baseline writes one")
    found: Baseline = Counter()
    for row in rows:
        if not _is_row(row):
            raise InputError(f"{path}: {str(row)[:80]} is no row of a baseline; --write-baseline writes it anew")
        found[row["path"], row["rule"], row["object"]] += row["count"]
    return found


def _is_row(row: Any) -> bool:  # noqa: ANN401
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in _KEYS):
        return False
    count = row.get("count")
    return isinstance(count, int) and not isinstance(count, bool) and count > 0


def dump(findings: Iterable[Finding]) -> str:
    """Write what is found now, in order of path, rule and object."""
    count = Counter(_key(finding) for finding in findings)
    rows = [{**dict(zip(_KEYS, key, strict=True)), "count": number} for key, number in sorted(count.items())]
    return json.dumps({"version": 1, "findings": rows}, indent=2) + "\n"


def apart(report: Report, known: Baseline) -> Report:
    """Take known findings out of a report, of each key the first ones up to its count; the others are new."""
    left = Counter(known)
    fresh: list[Finding] = []
    old: list[Finding] = []
    for finding in report.findings:
        key = _key(finding)
        (old if left[key] > 0 else fresh).append(finding)
        left[key] -= 1
    return replace(report, findings=tuple(fresh), known=tuple(old))


def _key(finding: Finding) -> tuple[str, str, str]:
    return (finding.at.path, finding.rule, finding.object)
