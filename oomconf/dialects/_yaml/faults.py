"""What is wrong with a YAML text, in our own words, at its place."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import yaml

from oomconf.dialects._yaml.nodes import Spot

__all__ = ["Lines", "Stop", "YamlFault", "forbidden_character", "refused", "template_hint"]

_UNREADABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""YAML 1.1 §5.1: what a stream may not hold unescaped."""

_LONGEST_KEY: Final = 1024  # libyaml: scanner.c, yaml_parser_stale_simple_keys()
_TAB: Final = ("a tab cannot indent YAML; use blanks", "replace the tab with two blanks a level")
_TEMPLATE: Final = "'{{' begins a template, which is no YAML before it is rendered: render it first, or quote the value"
_INDENT: Final = "mend the indentation: keys of one mapping and items of one list begin in the same column"

# What libyaml and PyYAML's own parser say (scanner.c, parser.c; scanner.py, parser.py) → message, hint, whether the place is where the
# construct began. `{char}` is the character met, `{since}` the line where the construct began, `{depth}` the deepest nesting read.
_WORDS: Final[tuple[tuple[str, str, str, bool], ...]] = (
    ("tab character", *_TAB, False),
    ("cannot start any token", "'{char}' cannot begin a plain value", "quote the value", False),
    ("unexpected ':'", "a ':' cannot stand here", "put a blank behind it, or quote the value", False),
    ("mapping values are not allowed", "a mapping cannot begin here", "quote a value that has ': ' in it, or mend the indentation", False),
    ("mapping keys are not allowed", "a key cannot begin here", "quote a value that begins with '? '", False),
    ("sequence entries are not allowed", "a list cannot begin here", "begin each item on a line of its own, below its key", False),
    (
        "could not find expected ':'",
        "the key has no ':' after it",
        "write 'key: value' on one line, the key in at most 1024 characters",
        True,
    ),
    ("indicator equal to 0", "'0' is no indentation", "say 1 to 9 after '|' or '>', or nothing", False),
    ("indicator in the range", "'0' is no indentation", "say 1 to 9 after '|' or '>', or nothing", False),
    ("unexpected document", "the quote is not closed before the document ends", "close it on the same line", True),
    ("unexpected end of stream", "the quote is not closed", "close it, or double a quote that belongs to the text", True),
    ("hexdecimal", "the escape lacks hexadecimal digits", "double the backslash, or use single quotes", False),
    ("escape sequence of", "the escape lacks hexadecimal digits", "double the backslash, or use single quotes", False),
    ("Unicode character escape", "the escape is no Unicode character", "double the backslash, or use single quotes", False),
    ("unknown escape character", "'\\{char}' is no escape", "double the backslash, or use single quotes", False),
    ("undefined tag handle", "the tag's handle is not declared", "write '!name', or quote the value", False),
    ("<document start>", "a value stands after the end of the document", "mend the indentation, or begin a document with '---'", False),
    ("',' or ']'", "expected ',' or ']' in the list opened in line {since}", "close the list, or quote the value", False),
    ("',' or '}'", "expected ',' or '}' in the mapping opened in line {since}", "close the mapping, or quote the value", False),
    ("node content", "a value is expected here, found '{char}'", "quote a value that begins with a sign of YAML", False),
    ("'-' indicator", "this does not belong to the list begun in line {since}", _INDENT, False),
    ("expected key", "this does not belong to the mapping begun in line {since}", _INDENT, False),
    ("<block end>", "this does not belong to what began in line {since}", _INDENT, False),
    ("incompatible", "this version of YAML is not known", "write '%YAML 1.2', or leave the line out", False),
    ("duplicate", "the directive stands twice", "remove one", False),
    ("maximum nesting depth", "nested deeper than {depth} levels", "make it flatter", False),  # libyaml stops by itself at 1000
)
_CONTEXTS: Final = (
    ("block scalar", "nothing may follow '|' or '>' on its line", "begin the text on the next line", False),
    ("directive", "this is no directive of YAML", "quote a value that begins with '%'", True),
    ("tag", "this is no tag of YAML", "quote a value that begins with '!'", True),
    ("anchor", "'&' lacks a name", "quote a value that begins with '&'", True),
    ("alias", "'*' lacks a name", "quote a value that begins with '*'", True),
)
_OTHERWISE: Final = ("", "this is no YAML", "quote the value, or mend the indentation", False)


@dataclass(frozen=True, slots=True)
class YamlFault:
    """Why a stream ends here; lines and columns count from 1, in code points, the end is exclusive."""

    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    hint: str = ""


class Stop(Exception):  # noqa: N818 -- carries a fault out of the loop and never leaves this package
    """Ends a stream."""

    def __init__(self, fault: YamlFault) -> None:
        self.fault = fault


class Lines:
    """Turns offsets of a text into line and column; CR LF, LF and CR end a line, as in editors."""

    __slots__ = ("_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []

    def place(self, offset: int) -> tuple[int, int]:
        """Give line and column, from 1, of the character at an offset."""
        if not self._starts:
            text = self._text
            if "\r" in text:
                text = text.replace("\r\n", " \n").replace("\r", "\n")
            self._starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        line = bisect_right(self._starts, offset, hi=len(self._starts) - 1)
        return line, offset - self._starts[line - 1] + 1

    def spot(self, offset: int) -> Spot:
        """Give the mark of an offset."""
        line, column = self.place(offset)
        return Spot(offset, line - 1, column - 1)

    def fault(self, offset: int, message: str, hint: str, *, length: int = 1) -> YamlFault:
        """Make a fault that spans `length` characters of a line."""
        line, column = self.place(offset)
        return YamlFault(message, line, column, line, column + length, hint)


def forbidden_character(text: str, lines: Lines, begin: int = 0) -> YamlFault | None:
    """Name the first character that YAML does not take; None if there is none. The text stands at `begin` of the lines."""
    found = _UNREADABLE.search(text)
    if found is None:
        return None
    char, offset = found.group(), begin + found.start()
    if char == "\0":
        return lines.fault(offset, "a NUL byte is no text", "save the file as UTF-8 text")
    escape = f'"\\x{ord(char):02X}"' if ord(char) <= 0xFF else f'"\\u{ord(char):04X}"'  # noqa: PLR2004
    return lines.fault(offset, f"the character U+{ord(char):04X} cannot stand in YAML", f"remove it, or write {escape} in double quotes")


def refused(error: Exception, text: str, lines: Lines, depth: int) -> YamlFault:
    """Say in our words why the parser stopped."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return forbidden_character(text, lines) or lines.fault(0, *_OTHERWISE[1:3])
    problem, context = str(error.problem or ""), str(error.context or "")
    mark: Any = error.problem_mark or error.context_mark
    began: Any = error.context_mark or mark
    if mark is None:
        return lines.fault(0, *_OTHERWISE[1:3])
    offset = min(mark.index, len(text))
    char = text[offset : offset + 1]
    if "unknown escape" in problem and char == "\\":
        char = text[offset + 1 : offset + 2]
    words = next((row for row in _WORDS if row[0] in problem), None) or next((row for row in _CONTEXTS if row[0] in context), _OTHERWISE)
    _, message, hint, at_start = words
    if char == "\t" and "cannot start any token" in problem:
        message, hint = _TAB
    if at_start:
        offset = min(began.index, len(text))
    met = char if char.strip() else "the end of the text" if offset == len(text) else "the end of the line"
    since = lines.place(min(began.index, len(text)))[0]
    message = message.replace("'{char}'", f"'{met}'" if met == char else met).replace("{char}", met).replace("{since}", str(since))
    message = message.replace("{depth}", str(depth))
    if "mapping values" in problem and lines.place(offset)[1] > _LONGEST_KEY:
        message, hint = f"a key takes at most {_LONGEST_KEY} characters, on one line", "shorten the key, or quote the value"
    return lines.fault(offset, message, template_hint(text, offset) or hint)


def template_hint(text: str, offset: int) -> str:
    """Explain a template's braces, if the line around an offset has them."""
    before, behind = text[:offset].rpartition("\n")[2], text[offset:].partition("\n")[0]
    return _TEMPLATE if "{{" in before + behind else ""
