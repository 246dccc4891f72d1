"""An explanation for a terminal: each setting in force, the line that set it, those it beat, and what limits it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.explanation import Bound, Explained, Explanation, Line
from oomconf.explanation.said import written_words
from oomconf.quantity import INFINITY, human, roughly
from oomconf.reports._terminal import Paper, wrapped
from oomconf.safe import clean

__all__ = ["render"]

_PROMISES: Final = ("memory_min", "memory_low")
_INDENT: Final = "      "
_LONGEST: Final = 100
_FATES: Final = {"beaten": "over", "ignored": "ignored:", "asked": "the spec:"}


def render(found: Explanation, paper: Paper) -> str:
    """Write one thing: what is said of it first, the defaults in a line at the end."""
    lines = [paper.paint(clean(found.name), "bold") + (f": {clean(found.state)}" if found.state else "")]
    if found.kind == "unit" and found.files:
        lines.append("  its files, the later over the earlier:")
        lines += [f"    {clean(path)}" for path in found.files]
    for note in found.notes:
        lines += wrapped(paper.paint(clean(note), "yellow"), paper, first="  ! ", rest="    ")
    told = [one for one in found.settings if one.is_said or found.kind == "sysctl"]
    for one in told:
        lines += _setting(one, paper)
    quiet = [f"{one.word} {clean(written_words(one.field, one.value))}" for one in found.settings if one not in told]
    if quiet:
        lines += wrapped(f"nobody set, so the default: {', '.join(quiet)}", paper, first="  ", rest="    ")
    for text in found.unseen:
        lines += wrapped(f"not seen: {clean(text)}", paper, first="  ", rest="    ")
    if found.kind == "sysctl" and found.files:
        lines += wrapped(f"read in this order: {', '.join(clean(path) for path in found.files)}", paper, first="  ", rest="    ")
    text = "".join(f"{line}\n" for line in lines)
    return text if paper.unicode else text.encode("ascii", "backslashreplace").decode("ascii")


def _setting(one: Explained, paper: Paper) -> Iterator[str]:
    value = paper.paint(clean(written_words(one.field, one.value)), "bold")
    winner = next((line for line in one.lines if line.fate == "wins"), None)
    yield f"  {one.word} {value}"
    if winner is not None:
        yield f"{_INDENT}{_line(winner, paper)}"
    if one.by:
        yield from wrapped(clean(one.by), paper, first=_INDENT, rest=f"{_INDENT}  ")
    for line in one.lines:
        if line is not winner:
            yield f"{_INDENT}{_FATES.get(line.fate, '')} {_line(line, paper)}"
            if line.why:
                yield from wrapped(clean(line.why), paper, first=f"{_INDENT}  ", rest=f"{_INDENT}  ")
    if one.bound is not None:
        yield from wrapped(_bound(one, one.bound), paper, first=_INDENT, rest=f"{_INDENT}  ")
    for note in one.notes:
        yield from wrapped(paper.paint(clean(note), "yellow"), paper, first=f"{_INDENT}! ", rest=f"{_INDENT}  ")


def _line(line: Line, paper: Paper) -> str:
    text = line.text if len(line.text) <= _LONGEST else f"{line.text[:_LONGEST]}…"
    return f"{paper.paint(clean(str(line.at)), 'cyan')}  {clean(text)}"


def _bound(one: Explained, bound: Bound) -> str:
    if one.field in _PROMISES:
        return _promise(one, bound)
    words = []
    own = isinstance(one.value, int) and one.value <= bound.value
    if not own:
        where = f" ({bound.at})" if bound.at is not None else ""
        words.append(f"{bound.by} limits it to {_size(bound.value)}{where}")
    if bound.used is not None:
        words.append(f"{roughly(bound.used)} used")
    if bound.room is not None:
        words.append(f"{roughly(bound.room)} left" + (f", for {bound.room_by} is full then" if bound.room_by else ""))
    return clean("; ".join(words)) or f"{_size(bound.value)} in all"


def _promise(one: Explained, bound: Bound) -> str:
    claim = bound.room if bound.room is not None else 0
    used = "" if bound.used is None else f" of the {roughly(bound.used)} that it uses"
    if bound.by:
        return clean(
            f"protects {roughly(bound.value)}{used} when the host runs short: {bound.by} has too little {one.word} for {roughly(claim)}"
        )
    return f"protects {roughly(min(bound.value, bound.used if bound.used is not None else INFINITY))}{used} when the host runs short"


def _size(value: int) -> str:
    return human(value)
