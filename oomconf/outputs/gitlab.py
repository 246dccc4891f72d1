"""Findings as a GitLab code quality report."""

from __future__ import annotations

import json
from typing import Final

from oomconf.finding import Severity
from oomconf.outputs._view import View

_SEVERITY: Final = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "info"}


def render(view: View) -> str:
    """Write the array that GitLab takes as `artifacts:reports:codequality`; a finding without a line is on the first."""
    rows = [
        {
            "description": one.message + (f" ({one.help})" if one.help else ""),
            "check_name": one.rule,
            "fingerprint": one.fingerprint,
            "severity": _SEVERITY[one.severity],
            "location": {"path": one.at.path or one.object, "lines": {"begin": one.at.line or 1}},
        }
        for one in view.report.findings
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
