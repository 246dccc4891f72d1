"""What oomconf raises.

OomconfError            could not do the job; the message says what to mend
├── LoadError           a spec has problems: `findings` names each with its place
├── InputError          an input cannot be found, read or decoded
├── CallError           the call itself is wrong: an unknown target, host or rule
├── TemplateError       a template is missing or names what it is not given
├── RefusedError        the rules refuse to render: `findings` says why
└── WriteError          the output directory could not be written; it is as it was
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oomconf.finding import Finding

__all__ = ["CallError", "InputError", "LoadError", "OomconfError", "RefusedError", "TemplateError", "WriteError"]


class OomconfError(Exception):
    """The root of all that oomconf raises; anything else that escapes is a bug."""


class _FindingsError(OomconfError):
    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        first = self.findings[0] if self.findings else None
        more = len(self.findings) - 1
        super().__init__((f"{first.at}: {first.message}" if first else "refused") + (f" (and {more} more)" if more > 0 else ""))


class LoadError(_FindingsError):
    """A spec is not valid."""


class RefusedError(_FindingsError):
    """Rules of severity error speak against rendering."""


class InputError(OomconfError):
    """An input cannot be found, read or decoded."""


class CallError(OomconfError):
    """The call names something that does not exist or does not fit."""


class WriteError(OomconfError):
    """The output directory could not be written."""


class TemplateError(OomconfError):
    """A template is missing or refers to a value that it is not given."""

    def __init__(self, template: str, line: int | None, message: str) -> None:
        self.template: str = template
        self.line: int | None = line
        super().__init__(f"template {template}{f', line {line}' if line else ''}: {message}")
