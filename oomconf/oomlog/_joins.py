"""Lines that a mail, a terminal or a pager has broken, put together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final

from oomconf.oomlog import _grammar, _table
from oomconf.oomlog._transport import Part

__all__ = ["joined"]

_MOST: Final = 8
"""Into how many pieces a line can be broken; a zone of Mem-Info takes six of a mail's width."""
_COMM: Final = 15


class _Reader:
    """Parts with a look ahead."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = iter(parts)
        self._ahead: list[Part] = []

    def next(self) -> Part | None:
        if self._ahead:
            return self._ahead.pop(0)
        return next(self._parts, None)

    def peek(self, index: int) -> Part | None:
        while len(self._ahead) <= index:
            part = next(self._parts, None)
            if part is None:
                return None
            self._ahead.append(part)
        return self._ahead[index]

    def drop(self, count: int) -> None:
        del self._ahead[:count]


def joined(parts: Iterable[Part]) -> Iterator[Part]:
    """Give whole records: what is known to be incomplete is tried with the lines below it, until the grammar has it whole.

    A line with a carrier's mark is never the rest of another. Where the break stood (at a blank or within a word) is not known, so
    both are tried. What never becomes whole is given as it stands, and what is below it too.
    """
    reader = _Reader(parts)
    columns: tuple[str, ...] | None = None
    while (part := reader.next()) is not None:
        if part.framed and part.text and ((following := reader.peek(0)) is None or following.framed):
            whole = part
        else:
            whole, taken = _mend(part, reader, columns)
            reader.drop(taken)
        if whole.text.startswith("[") and (found := _table.heading(whole.text)) is not None:
            columns = found
        yield whole


def _mend(part: Part, reader: _Reader, columns: tuple[str, ...] | None) -> tuple[Part, int]:
    text = part.text
    if part.framed and not text.strip():
        following = reader.peek(0)
        if following is None or following.framed or not following.text.strip():
            return part, 0
        reader.drop(1)
        text = following.text
        part = part._replace(text=text)
    state = _state(text, columns)
    if state is None:
        return part, 0
    pieces = list(_rest(part, reader))
    if state:
        return _name_end(part, pieces, columns)
    if text.startswith("Node "):
        return (part._replace(text=_plain(text, pieces)), len(pieces)) if part.framed else (part, 0)
    for count in range(1, len(pieces) + 1):
        if (found := _fit(text, pieces[:count], columns)) is not None:
            whole = part._replace(text=found)
            more, taken = _name_end(whole, pieces[count:], columns)
            return more, count + taken
    return _damaged(part, text, pieces)


def _damaged(part: Part, text: str, pieces: list[str]) -> tuple[Part, int]:
    """What cannot be made whole is joined until it can be read at all; in a log with carriers' marks what is unmarked belongs to it."""
    if _grammar.read(text) is not None:
        return part, 0
    for count in range(1, len(pieces) + 1):
        if _grammar.read(_plain(text, pieces[:count])) is not None:
            count = len(pieces) if part.framed else count  # noqa: PLW2901
            return part._replace(text=_plain(text, pieces[:count])), count
    return part, 0


def _rest(part: Part, reader: _Reader) -> Iterator[str]:
    """The lines below that may be the rest of a record."""
    for index in range(_MOST - 1):
        following = reader.peek(index)
        if following is None or following.framed or not following.text.strip() or _grammar.starts(following.text):
            return
        if following.source != part.source and following.source is not None:
            return
        yield following.text


def _state(text: str, columns: tuple[str, ...] | None) -> bool | None:
    """Whether a record is whole; None if it is none that could be broken."""
    if text.startswith("["):
        if _table.heading_starts(text):
            return _table.heading(text) is not None
        return _table.row_is_whole(text, columns)
    return _grammar.complete(text)


def _fit(text: str, pieces: list[str], columns: tuple[str, ...] | None) -> str | None:
    """Join so that the grammar has it whole; the commoner kind of break first."""
    # a summary has no blanks but within names: it breaks in the middle of words
    order = ("", " ") if text.startswith("oom-kill:") else (" ", "")
    choices = [
        ("",) if before.endswith(" ") or after.startswith(" ") else order for before, after in zip([text, *pieces], pieces, strict=False)
    ]
    if sum(len(choice) > 1 for choice in choices) > 4:  # noqa: PLR2004
        choices = [choice[:1] for choice in choices]
    for marks in product(*choices):
        found = text + "".join(mark + piece for mark, piece in zip(marks, pieces, strict=True))
        if _state(found.rstrip(), columns):
            return found.rstrip()
    return None


def _name_end(part: Part, pieces: list[str], columns: tuple[str, ...] | None) -> tuple[Part, int]:
    """A row that is whole may still have its name broken: what stands alone below is its end, if both are no longer than a name."""
    if not part.framed or not pieces or (row := _table.row(part.text, columns)) is None:
        return part, 0
    piece = pieces[0]
    if " " in piece or len(piece) + len(row.name) > _COMM:
        return part, 0
    return part._replace(text=part.text + piece), 1


def _plain(text: str, pieces: list[str]) -> str:
    return " ".join(piece.strip() for piece in (text, *pieces))
