"""Bars, tables and wrapped text for a terminal of any width and encoding."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Paper", "bar", "cut", "table", "wrapped"]

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_HIDDEN: Final = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What the output may use."""

    colour: bool = False
    unicode: bool = True
    width: int = 100

    def paint(self, text: str, colour: str) -> str:
        """Colour a text where colours are shown."""
        return f"\x1b[{_HIDDEN[colour]}m{text}\x1b[0m" if self.colour and text else text


def cut(text: str, width: int) -> str:
    """Shorten a text in its middle, where paths are alike."""
    if len(text) <= width:
        return text
    left = (width - 1) // 2
    return f"{text[:left]}…{text[len(text) - (width - 1 - left) :]}"


def bar(share: float, width: int, *, unicode: bool = True) -> str:
    """Draw a share of 0 to 1 in `width` cells, in eighths where the terminal has them; something is never nothing."""
    share = min(1.0, max(0.0, share))
    if not unicode:
        full = max(round(share * width), 1 if share > 0 else 0)
        return "#" * full + "." * (width - full)
    eighths = max(round(share * width * 8), 1 if share > 0 else 0)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), indent: str = "    ") -> list[str]:
    """Align columns, those of `right` to their right; the last is not padded."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines: list[str] = []
    for row in rows:
        cells = [cell.rjust(widths[index]) if index in right else cell.ljust(widths[index]) for index, cell in enumerate(row)]
        lines.append(f"{indent}{'  '.join(cells)}".rstrip())
    return lines


def wrapped(text: str, paper: Paper, *, first: str = "    ", rest: str = "    ") -> list[str]:
    """Break a sentence into lines of the paper's width."""
    return textwrap.wrap(
        text, paper.width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    ) or [first.rstrip()]
