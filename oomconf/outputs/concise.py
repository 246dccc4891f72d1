"""Findings one a line, for editors and grep."""

from __future__ import annotations

from oomconf.outputs._view import View


def render(view: View) -> str:
    """Write `path:line:column: severity: message [rule]`; control characters are shown, never sent."""
    return "".join(
        _clean(f"{str(one.at) or one.object}: {one.severity.word}: {one.message} [{one.rule}]") + "\n" for one in view.report.findings
    )


def _clean(text: str) -> str:
    return text if text.isprintable() else "".join(mark if mark.isprintable() else f"\\x{ord(mark):02x}" for mark in text)
