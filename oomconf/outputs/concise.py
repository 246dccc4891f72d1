"""Findings one a line, for editors and grep."""

from __future__ import annotations

from oomconf.outputs._view import View
from oomconf.safe import clean


def render(view: View) -> str:
    """Write `path:line:column: severity: message [rule]`; control characters are shown, never sent."""
    return "".join(
        clean(f"{str(one.at) or one.object}: {one.severity.word}: {one.message} [{one.rule}]") + "\n" for one in view.report.findings
    )
