"""Places in documents."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["NOWHERE", "Location", "Pointer", "in_file", "moved", "whole_file"]


class Location(NamedTuple):
    """A span of a document: lines and columns count from 1, columns in code points, the end is exclusive; line 0 is 'the whole file'."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path


NOWHERE: Final = Location("", 0, 0, 0, 0)
"""The place of what no document says."""

Pointer = tuple[str | int, ...]
"""Keys and indices from the root of a document to a node."""


def moved(at: Location, origin: Location) -> Location:
    """Give the place in an outer text of a place in a text that begins at `origin` and whose lines all begin in that column."""
    if not at.line:
        return origin
    line, column = origin.line - 1, origin.column - 1
    return Location(origin.path, at.line + line, at.column + column, at.end_line + line, at.end_column + column)


def in_file(at: Location) -> bool:
    """Whether a place is in a document; not if it is an option of the call, or nowhere."""
    return bool(at.path) and not at.path.startswith("--")


def whole_file(path: str) -> Location:
    """Point at a document as such, where no line is to blame."""
    return Location(path, 0, 0, 0, 0)
