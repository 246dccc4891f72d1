"""Fixes: edits of findings put into texts, kept only where linting again shows that they help."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from oomconf.finding import Edit, Finding
from oomconf.location import Location

__all__ = ["Fixed", "edited", "fix", "line_starts", "offsets", "with_ends_of"]

_ROUNDS: Final = 5
_TRIES: Final = 20
_ODD_BREAKS: Final = re.compile("\r(?!\n)|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_Lint = Callable[[Mapping[str, str]], Iterable[Finding]]


@dataclass(slots=True)
class Fixed:
    """Texts that changed, by path, and the findings that are gone with it."""

    texts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)
    """Findings whose fix was not made: it overlapped with others, something else stands at its place, or would be found then."""
    uncovered: dict[Finding, list[Finding]] = field(default_factory=dict)
    """What would be found then, by what was left."""


def edited(text: str, edits: Iterable[Edit]) -> str | None:
    """Make all edits; None if two overlap, a place is not in the text, or something else stands there than was seen.

    What is put in has the text's own line ends.
    """
    starts = line_starts(text)
    spans: list[tuple[int, int, str]] = []
    for edit in edits:
        span = offsets(edit.at, starts, len(text))
        if span is None:
            return None
        start, end = span
        part = text[start:end]
        # quotes stay, unless they are what is wrong
        quoted = len(part) > 1 and part[0] in "\"'" and part[-1] == part[0] and part != edit.old
        if edit.old and not _stands(edit.old, part, quoted=quoted):
            return None
        spans.append((start + quoted, end - quoted, with_ends_of(text, edit.text)))
    out: list[str] = []
    last = 0
    for start, end, new in sorted(spans):
        if start < last:
            return None
        out += [text[last:start], new]
        last = end
    return "".join([*out, text[last:]])


def _stands(old: str, part: str, *, quoted: bool) -> bool:
    """Whether a part of a text is what was seen there, with or without its quotes."""
    here, seen = part.replace("\r\n", "\n"), old.replace("\r\n", "\n")
    return here == seen or (quoted and here[1:-1] == seen)


def with_ends_of(text: str, new: str) -> str:
    """Give a new part the line ends that most lines of a text have."""
    if "\n" not in new or 2 * text.count("\r\n") <= text.count("\n"):
        return new
    return new.replace("\r\n", "\n").replace("\n", "\r\n")


def line_starts(text: str) -> list[int]:
    """Give the offset of each line, in code points."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def offsets(at: Location, starts: list[int], size: int) -> tuple[int, int] | None:
    """Give the span of a place in a text of that size, in code points; None if it is not in it."""
    if not 1 <= at.line <= len(starts) or not at.line <= at.end_line <= len(starts) + 1:
        return None
    start = starts[at.line - 1] + at.column - 1
    end = (starts[at.end_line - 1] if at.end_line <= len(starts) else size) + at.end_column - 1
    return (start, end) if 0 <= start <= end <= size else None


def fix(texts: Mapping[str, str], findings: Iterable[Finding], lint: _Lint) -> Fixed:
    """Make the fixes that findings carry in these texts, and those that come to light by them, where nothing new is found in the end.

    `lint` gives the findings of texts by path; those that are silenced or in a baseline are not to be among `findings`.
    """
    sure = {path: text for path, text in texts.items() if _ODD_BREAKS.search(text) is None}
    before = list(findings)
    banned: list[Finding] = []
    uncovered: dict[Finding, list[Finding]] = {}
    made, taken, worse, found = _settled(sure, texts, before, banned, lint)
    for tries in range(_TRIES):
        if not worse:
            break
        paths = {one.at.path for one in worse}
        culprits = [one for one in taken if {edit.at.path for edit in one.fix} & paths]
        culprits = taken if not culprits or tries == _TRIES - 1 else culprits[:1]
        banned += culprits
        uncovered |= dict.fromkeys(culprits, worse)
        made, taken, worse, found = _settled(sure, texts, before, banned, lint)
    for one in banned[: _TRIES if len(banned) > 1 else 0]:
        again = _settled(sure, texts, before, [other for other in banned if other is not one], lint)
        if again[2]:
            uncovered[one] = again[2]
        else:
            made, taken, worse, found = again
            banned = [other for other in banned if other is not one]
    if worse:
        return Fixed(left=[one for one in before if one.fix], uncovered=uncovered)
    still = {_told(one) for one in found}
    left = [one for one in before if one.fix and one not in taken and _told(one) in still]
    return Fixed({path: text for path, text in made.items() if text != texts[path]}, taken, left, uncovered)


def _settled(
    sure: Mapping[str, str], texts: Mapping[str, str], before: list[Finding], banned: Iterable[Finding], lint: _Lint
) -> tuple[dict[str, str], list[Finding], list[Finding], list[Finding]]:
    """Make fixes until none is left; gives the texts, what was mended of `before`, what was not there then, and all that is found."""
    now = dict(sure)
    unwanted = set(banned)
    mended: list[Finding] = []
    found = before
    for number in range(_ROUNDS):
        wanted = [one for one in found if one.fix and one not in unwanted and all(edit.at.path in now for edit in one.fix)]
        made, taken = _round(now, wanted)
        if not taken:
            break
        mended += [] if number else taken
        now |= made
        found = list(lint({**texts, **now}))
    worse = [*_worse(before, found), *_still(mended, before, found)] if mended else []
    return {path: text for path, text in now.items() if text != texts[path]}, mended, worse, found


def _round(now: Mapping[str, str], wanted: Iterable[Finding]) -> tuple[dict[str, str], list[Finding]]:
    """Take as many fixes as do not overlap."""
    edits: dict[str, list[Edit]] = {}
    made: dict[str, str] = {}
    taken: list[Finding] = []
    for one in wanted:
        tried: dict[str, list[Edit]] = {}
        for edit in one.fix:
            tried.setdefault(edit.at.path, list(edits.get(edit.at.path, []))).append(edit)
        results = {path: edited(now[path], dict.fromkeys(every)) for path, every in tried.items()}
        texts = {path: text for path, text in results.items() if text is not None}
        if len(texts) == len(results):
            edits |= tried
            made |= texts
            taken.append(one)
    return made, taken


def _told(one: Finding) -> tuple[str, str, str, str]:
    """What a finding says, wherever its line has moved to."""
    return one.rule, one.at.path, one.object, one.message


def _still(mended: Iterable[Finding], before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """Findings that are there as often as before, though they were mended: what was changed is not what they spoke of."""
    was, now = (Counter(map(_told, found)) for found in (before, after))
    return [one for one in mended if now[_told(one)] >= was[_told(one)]]


def _worse(before: Iterable[Finding], after: Iterable[Finding]) -> list[Finding]:
    """Findings that were not there: of a rule that says more of an object than it did; lines may move."""
    old = Counter((one.rule, one.at.path, one.object) for one in before)
    known = {_told(one) for one in before}
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for one in after:
        groups.setdefault((one.rule, one.at.path, one.object), []).append(one)
    worse: list[Finding] = []
    for group, found in groups.items():
        if len(found) > old[group]:
            worse += [one for one in found if _told(one) not in known] or found[old[group] :]
    return worse
