"""What an output is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oomconf.engine import Report
from oomconf.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A report, the texts that it speaks of by path, and what was run on what."""

    report: Report
    texts: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule[Any], ...] = ()
    specs: int = 0
    files: int = 0
    version: str = ""
    colour: bool = False


def clean(text: str, *, kept: str = "") -> str:
    """Show control characters instead of sending them to a terminal or a parser; those in `kept` stay."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() or mark in kept else _escaped(ord(mark)) for mark in text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"  # noqa: PLR2004
