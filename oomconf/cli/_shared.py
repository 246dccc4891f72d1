"""What the verbs share: colours, the printing of findings, the collector."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from oomconf import outputs
from oomconf.api import Spec, attempt, attempt_resolve
from oomconf.cli import EXIT_FINDINGS, EXIT_FINE
from oomconf.cli._plain import colours, complain, named, paper
from oomconf.engine import Report
from oomconf.finding import Finding, Severity
from oomconf.host.files import Disk
from oomconf.outputs._view import View
from oomconf.policy import Fleet

__all__ = ["colours", "complain", "exit_code", "load", "named", "paper", "refused", "show"]


def show(findings: Sequence[Finding], disk: Disk, stream: TextIO) -> None:
    """Print findings with their source lines."""
    texts = {document.path: document.text for document in disk.documents()}
    stream.write(outputs.write("text", View(report=Report(tuple(findings)), texts=texts, colour=colours(stream))))


def load(paths: tuple[str, ...], disk: Disk) -> tuple[Spec | None, Fleet | None, tuple[Finding, ...]]:
    """Load and resolve; the spec is None if it cannot be rendered, and the findings say why."""
    spec, findings = attempt(paths, disk)
    if spec is None:
        return None, None, findings
    fleet, impossible = attempt_resolve(spec)
    if impossible:
        return None, None, (*findings, *impossible)
    return spec, fleet, findings


def refused(findings: Sequence[Finding], disk: Disk) -> int:
    """Tell why a spec cannot be used; gives the exit code."""
    show(findings, disk, sys.stderr)
    return complain(f"{len(findings)} problem{'' if len(findings) == 1 else 's'} in the spec")


def exit_code(findings: Sequence[Finding], fail_on: str) -> int:
    """1 if a finding is at or above the level; `never` is never reached."""
    level = {"error": Severity.ERROR, "warning": Severity.WARNING, "note": Severity.NOTE}.get(fail_on)
    return EXIT_FINDINGS if level is not None and any(finding.severity >= level for finding in findings) else EXIT_FINE
