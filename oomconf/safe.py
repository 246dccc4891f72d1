"""What others wrote, made safe to show: on a terminal, and in Markdown."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["clean", "markdown"]

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|!~&@])")


def clean(text: str, *, kept: str = "") -> str:
    """Show control characters, direction marks and lone surrogates as escapes instead of sending them on; those in `kept` stay."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() or mark in kept else _escaped(ord(mark)) for mark in text)


def markdown(text: str) -> str:
    """Escape what Markdown and HTML would read as markup, and what `clean` does."""
    return _SPECIAL.sub(r"\\\1", clean(text))


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004
