"""Words of a POSIX shell: the one way in which a value goes into a script, and the simple way back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from oomconf.location import Location

_SAFE: Final = re.compile(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")


def word(text: str) -> str:
    """Quote one word (POSIX.1 Shell Command Language, 2.2): single quotes, in which nothing is special but themselves."""
    if "\0" in text:
        raise ValueError("a shell word cannot hold NUL")
    return text if _SAFE.fullmatch(text) else "'" + text.replace("'", "'\"'\"'") + "'"


def comment(text: str) -> str:
    """Make a text safe behind `# `: control characters and line ends become blanks."""
    return "".join(mark if mark.isprintable() else " " for mark in text)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command with its place; `known` is false where the shell would expand something in it."""

    text: str
    at: Location
    known: bool = True


@dataclass(slots=True)
class _Scanner:
    text: str
    path: str
    index: int = 0
    line: int = 1
    column: int = 1

    def step(self) -> str:
        mark = self.text[self.index]
        self.index += 1
        if mark == "\n":
            self.line += 1
            self.column = 1
        else:
            self.column += 1
        return mark

    def peek(self, ahead: int = 0) -> str:
        at = self.index + ahead
        return self.text[at] if at < len(self.text) else ""


def commands(text: str, path: str) -> Iterator[list[Word]]:
    """Give simple commands as lists of words; expansions stay unexpanded, here-documents are read as commands. Never raises."""
    scan = _Scanner(text, path)
    command: list[Word] = []
    while scan.index < len(text):
        mark = scan.peek()
        if mark == "\\" and scan.peek(1) == "\n":
            scan.step()
            scan.step()
        elif mark in " \t\r":
            scan.step()
        elif mark == "#":
            while scan.index < len(text) and scan.peek() != "\n":
                scan.step()
        elif mark in "\n;&|()<>":
            scan.step()
            if command:
                yield command
            command = []
        else:
            command.append(_word(scan))
    if command:
        yield command


def _word(scan: _Scanner) -> Word:
    line, column = scan.line, scan.column
    out: list[str] = []
    known = True
    while scan.index < len(scan.text) and scan.peek() not in " \t\r\n;&|()<>":
        mark = scan.step()
        if mark == "'":
            while scan.index < len(scan.text) and scan.peek() != "'":
                out.append(scan.step())
            if scan.index < len(scan.text):
                scan.step()
        elif mark == '"':
            known = _double(scan, out) and known
        elif mark == "\\" and scan.index < len(scan.text):
            escaped = scan.step()
            out.append("" if escaped == "\n" else escaped)
        else:
            known = known and mark not in "$`*?["
            out.append(mark)
    return Word("".join(out), Location(scan.path, line, column, scan.line, scan.column), known)


def _double(scan: _Scanner, out: list[str]) -> bool:
    known = True
    while scan.index < len(scan.text) and scan.peek() != '"':
        mark = scan.step()
        if mark == "\\" and scan.peek() in ("$", "`", '"', "\\", "\n"):
            escaped = scan.step()
            out.append("" if escaped == "\n" else escaped)
        else:
            known = known and mark not in "$`"
            out.append(mark)
    if scan.index < len(scan.text):
        scan.step()
    return known
