"""Unit files as systemd reads and takes them: every assignment with its place, and the quoting of words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from oomconf.location import Location

__all__ = ["Assignment", "Fault", "Parsed", "Word", "comment", "environment", "exec_words", "parse", "quote", "words"]

_BLANKS: Final = " \t\n\r"
_COMMENTS: Final = ("#", ";")
_BOM: Final = "\ufeff"
_LONGEST: Final = 1024 * 1024  # src/basic/def.h: LONG_LINE_MAX, in bytes
# src/basic/fileio.c, read_line_full(): each of them once, in any order up to a NUL, is one end of a line.
_END: Final = re.compile("\r\n\0?|\n\r\0?|\r\0|\n\0|[\r\n\0]")
_EDITORS_END: Final = re.compile("\r\n|\n|\r")
# src/basic/utf8.c, utf8_is_valid(): a byte that is no UTF-8 arrives here as a lone surrogate; noncharacters are refused too.
_NOT_UTF8: Final = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef" + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF)) + "]"
)
_UNSAFE_HEADER: Final = re.compile("[\x01-\x1f\"'\\\\\x7f]")  # src/basic/string-util.c, string_is_safe()


class Assignment(NamedTuple):
    """One `key=value` as systemd joins and strips it; `at` is the value, or the key where the value is empty."""

    section: str
    key: str
    value: str
    at: Location
    key_at: Location
    fault: str = ""
    """Why the line is passed over whatever it says; empty if it is looked at."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is no assignment and no header; after a fatal one nothing more is read, and a unit file does not load."""

    at: Location
    text: str
    message: str
    hint: str = ""
    fatal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a file says, in its order."""

    assignments: tuple[Assignment, ...] = ()
    faults: tuple[Fault, ...] = ()
    empty: bool = False
    """A file of no bytes, which masks the unit or drop-in of its name."""

    @property
    def fatal(self) -> Fault | None:
        """Where systemd stops reading, if it does."""
        return next((fault for fault in self.faults if fault.fatal), None)


def parse(path: str, text: str, sections: Container[str] | None = None) -> Parsed:
    """Read a unit file or drop-in as src/shared/conf-parser.c does; `sections` are those that its kind may have, all if None.

    file       = { line end } ; line = comment | header | assignment | blank
    end        = CR, LF, NUL, each at most once ; comment = blanks ("#" | ";") …
    header     = "[" name "]" ; assignment = key "=" value ; an odd row of "\\" at the very end joins the next line by a blank.
    Never raises; columns count code points, lines as editors do.
    """
    walk = _Walk(path, sections)
    for line in _logical(path, text):
        walk.take(line)
    return Parsed(assignments=tuple(walk.assignments), faults=tuple(walk.faults), empty=text == "")


class _Line(NamedTuple):
    """A line after continuation; each piece is (offset in the text, line, column of that offset)."""

    path: str
    text: str
    pieces: tuple[tuple[int, int, int], ...]
    overlong: bool = False

    def span(self, start: int, end: int) -> Location:
        """Place of text[start:end]."""
        if len(self.pieces) == 1:
            _, line, column = self.pieces[0]
            return Location(self.path, line, column + start, line, column + end)
        first = self._piece(start)
        last = self._piece(end - 1) if end > start else first
        return Location(self.path, first[1], first[2] + start - first[0], last[1], last[2] + end - last[0])

    def _piece(self, offset: int) -> tuple[int, int, int]:
        return self.pieces[max(bisect_right(self.pieces, offset, key=lambda piece: piece[0]) - 1, 0)]


def _physical(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each line as systemd cuts it, with the editor's line and column of its first character."""
    if "\0" not in text and text.count("\r") == text.count("\r\n"):
        for number, line in enumerate(text.split("\n"), 1):
            yield line.removesuffix("\r"), number, 1
        return
    starts = [0, *(match.end() for match in _EDITORS_END.finditer(text))]
    begin = 0
    for stop, after in (*(match.span() for match in _END.finditer(text)), (len(text), len(text))):
        index = bisect_right(starts, begin) - 1
        yield text[begin:stop], index + 1, begin - starts[index] + 1
        begin = after


def _logical(path: str, text: str) -> Iterator[_Line]:
    joined: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    length = size = 0
    bom_seen = False
    for raw, number, column in _physical(text):
        line, shift = raw, 0
        if len(raw) * 4 >= _LONGEST and _bytes(raw) >= _LONGEST:
            yield _Line(path, raw, ((0, number, column),), overlong=True)
            return
        if line.lstrip(_BLANKS).startswith(_COMMENTS):
            continue
        if not bom_seen and line.startswith(_BOM):
            bom_seen, line, shift = True, line[1:], 1
        if not joined and not line.endswith("\\"):
            yield _Line(path, line, ((0, number, column + shift),))
            continue
        pieces.append((length, number, column + shift))
        continues = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        joined.append(f"{line[:-1]} " if continues else line)
        length += len(line)
        size += _bytes(line)
        if size > _LONGEST:
            yield _Line(path, line, (pieces[-1],), overlong=True)
            return
        if not continues:
            yield _Line(path, "".join(joined), tuple(pieces))
            joined, pieces, length, size = [], [], 0, 0
    if joined:
        yield _Line(path, "".join(joined), tuple(pieces))


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


@dataclass(slots=True)
class _Walk:
    path: str
    sections: Container[str] | None
    assignments: list[Assignment] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    section: str | None = None
    excuse: str = "stands before any section, and is passed over"
    stopped: str = ""
    skips: bool = False
    """Whether the section is for other programs, so that systemd passes over it on purpose."""

    def take(self, line: _Line) -> None:
        text = line.text.strip(_BLANKS)
        if not text:
            return
        start = len(line.text) - len(line.text.lstrip(_BLANKS))
        at = line.span(start, start + len(text))
        if line.overlong:
            self._stop(at, text[:80], "the line is longer than the 1 MiB that systemd reads", "split the value over several assignments")
        elif _NOT_UTF8.search(text) is not None:
            self._stop(at, text, "the line is not UTF-8", "save the file as UTF-8")
        elif text.startswith("["):
            self._header(text, at)
        else:
            self._assign(line, text, start, at)

    def _stop(self, at: Location, text: str, message: str, hint: str) -> None:
        if not self.stopped:
            self.faults.append(Fault(at, text, f"{message}: systemd reads no further", hint, fatal=True))
            self.stopped = f"stands behind line {at.line}, at which systemd stops reading"

    def _header(self, text: str, at: Location) -> None:
        name = text[1:-1]
        if not text.endswith("]") or text == "[":
            hint = "comments need a line of their own" if "]" in text else "close it with ']' at the end of the line"
            self._stop(at, text, f"the section header '{text}' does not end in ']'", hint)
        elif _UNSAFE_HEADER.search(name) is not None:
            self._stop(at, text, f"the section header {text!r} has quotes, backslashes or control characters", "write the bare name")
        elif self.sections is None or name in self.sections:
            self.section, self.skips = name, False
        else:
            self.section = None
            self.skips = name.startswith("X-")
            self.excuse = f"stands in [{name}], a section that systemd does not know here, and is passed over"
            if not self.skips:
                near = name.strip(" \t").capitalize()
                hint = f"write [{near}]" if near in self.sections else ""
                self.faults.append(Fault(at, text, f"systemd knows no section [{name}] here and passes over what stands in it", hint))

    def _assign(self, line: _Line, text: str, start: int, at: Location) -> None:
        if self.skips and not self.stopped:
            return
        left, equals, right = text.partition("=")
        key, value = left.rstrip(_BLANKS), right.strip(_BLANKS)
        if not equals:
            if self.section is not None and not self.stopped:
                self.faults.append(Fault(at, text, f"'{text[:80]}' has no '=' and is passed over", "write KEY=VALUE"))
            return
        if not key:
            if self.section is not None and not self.stopped:
                self.faults.append(Fault(at, text, f"'{text[:80]}' has no key before its '=' and is passed over", "write KEY=VALUE"))
            return
        key_at = line.span(start, start + len(key))
        begin = start + len(left) + 1 + len(right) - len(right.lstrip(_BLANKS))
        value_at = line.span(begin, begin + len(value)) if value else key_at
        fault = self.stopped or (self.excuse if self.section is None else "")
        self.assignments.append(Assignment(self.section or "", key, value, value_at, key_at, fault))


# ── words: Environment=, Exec*= ──────────────────────────────────────────────────────────────────────────────────────────


class Word(NamedTuple):
    """A word of a value after unquoting, and where it stands in the value."""

    text: str
    start: int
    end: int


_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'", "s": " "}
_NUMBERED: Final = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-3][0-7]{2})")


def words(value: str) -> tuple[Word, ...]:
    """Split a value into words as systemd does where it unquotes (src/basic/extract-word.c); stops at a quote that is not closed.

    Blanks part words; quotes may stand anywhere; C escapes hold inside and outside of them, unknown ones stay as they are. `%%` is `%`.
    """
    found: list[Word] = []
    place = 0
    while place < len(value):
        if value[place] in _BLANKS:
            place += 1
            continue
        text, end = _word(value, place)
        if text is None:
            break
        found.append(Word(text.replace("%%", "%"), place, end))
        place = end
    return tuple(found)


def _word(value: str, place: int) -> tuple[str | None, int]:
    made: list[str] = []
    quoted = ""
    while place < len(value):
        char = value[place]
        if char == "\\":
            text, place = _escape(value, place + 1)
            made.append(text)
            continue
        if quoted:
            if char == quoted:
                quoted = ""
            else:
                made.append(char)
        elif char in "'\"":
            quoted = char
        elif char in _BLANKS:
            break
        else:
            made.append(char)
        place += 1
    return (None if quoted else "".join(made)), place


def _escape(value: str, place: int) -> tuple[str, int]:
    if place < len(value) and value[place] in _ESCAPES:
        return _ESCAPES[value[place]], place + 1
    match = _NUMBERED.match(value, place)
    if match is None:
        return "\\", place
    code = int(match[1] or match[2] or match[3], 16) if match[4] is None else int(match[4], 8)
    return (chr(code) if 0 < code <= 0x10FFFF else ""), match.end()  # noqa: PLR2004


_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:=,@+-]+")


def quote(text: str) -> str:
    """Quote a word for keys that unquote and expand specifiers (Environment=, Exec*=); raises ValueError where no unit file can say it."""
    if not text.isprintable() or _NOT_UTF8.search(text) is not None:
        raise ValueError(f"{text[:80]!r} has characters that a unit file cannot hold")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def environment(name: str, value: str) -> str:
    """Write `"NAME=value"` for Environment= (systemd.exec(5)); raises ValueError as `quote`."""
    return quote(f"{name}={value}")


def exec_words(command: Iterable[str]) -> str:
    """Write a command for Exec*= (systemd.service(5)): `$` and `%` lose their meaning; raises ValueError as `quote`."""
    return " ".join(word if _PLAIN.fullmatch(word) else quote(word).replace("$", "$$") for word in command)


def comment(text: str) -> str:
    """Make a text fit for one line of a comment: what would end the line becomes '?'."""
    return "".join(char if char.isprintable() else "?" for char in text)
