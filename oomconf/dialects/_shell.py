"""Words of a POSIX shell: the one way in which a value goes into a script, and the simple way back."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from oomconf.dialects._templates import Expression, expression, has_expressions, is_templated
from oomconf.location import Location

__all__ = ["Command", "Redirection", "Word", "commands", "comment", "script", "word"]

_SAFE: Final = re.compile(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")
_BLANKS: Final = " \t\r"
_ENDS: Final = "\n;&|()"
_ALONE: Final = re.compile(r"[ \t\r]*\n")
_DEEPEST: Final = 40


def word(text: str) -> str:
    """Quote one word (POSIX.1 Shell Command Language, 2.2): single quotes, in which nothing is special but themselves.

    Raises ValueError for NUL, which no argument of a program can hold.
    """
    if "\0" in text:
        raise ValueError("a word of a command cannot hold a NUL")
    return text if _SAFE.fullmatch(text) else "'" + text.replace("'", "'\"'\"'") + "'"


def comment(text: str) -> str:
    """Make a text safe behind `# `: control characters and line ends become blanks."""
    return "".join(mark if mark.isprintable() else " " for mark in text)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command with its place; `known` is false where the shell would expand something in it, which stays as written."""

    text: str
    at: Location
    known: bool = True
    source: Location | None = None
    """Where a variable in it that is known is set."""


@dataclass(slots=True)
class Redirection:
    """A redirection of a command; of a here-document the body, its first line, and whether the shell expands it."""

    operator: str
    target: Word
    body: str = ""
    line: int = 0
    expands: bool = True


@dataclass(slots=True)
class Command:
    """A simple command: its words, its redirections, and what is piped into it."""

    words: list[Word] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)
    source: Command | None = None
    steered: bool = False
    """Whether a template decides which of its words are there."""


def commands(text: str, path: str) -> Iterator[list[Word]]:
    """Give the words alone of every command of a script that has any."""
    yield from (command.words for command in script(text, path) if command.words)


def script(text: str, path: str) -> Iterator[Command]:
    """Give the simple commands of a script, those inside `$(…)` before the command that they are part of.

    Quotes, escapes, joined lines and comments are the shell's. Nothing is expanded. Never raises.
    """
    scan = _Scan(text, path, has_expressions(text))
    while scan.index < len(text):
        scan.commands("", 0)
        scan.index += 1  # a closing sign that nothing opened
    yield from scan.found


@dataclass(slots=True)
class _Scan:
    text: str
    path: str
    is_template: bool = False
    index: int = 0
    found: list[Command] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    waiting: list[Redirection] = field(default_factory=list)
    """Here-documents that begin with the next line."""

    def peek(self, length: int = 1) -> str:
        return self.text[self.index : self.index + length]

    def commands(self, closing: str, depth: int) -> None:
        """Read commands up to the sign that closes them, which stays."""
        command = Command()
        while self.index < len(self.text):
            mark = self.peek()
            if mark == closing and closing:
                break
            if mark in _BLANKS:
                self.index += 1
            elif self.peek(2) == "\\\n":
                self.index += 2
            elif mark == "#":
                self._to_line_end()
            elif self.is_template and (found := self._expression()) is not None and found.is_control:
                self._control(command, found.end)
            elif (mark in "<>" and self._expression() is None) or self.peek(2) == "&>":
                self._redirection(command, closing, depth)
            elif mark in _ENDS:
                self.index += 1
                piped = mark == "|" and self.peek() != "|" and self.text[self.index - 2 : self.index - 1] != "|"
                command = Command(source=self._ended(command) if piped else self._dropped(command))
                if mark == "\n":
                    self._here_documents()
            else:
                command.words.append(self._word(closing, depth))
        self._ended(command)

    def _expression(self) -> Expression | None:
        return expression(self.text, self.index) if self.is_template else None

    def _control(self, command: Command, end: int) -> None:
        """Step over `{% if … %}` between words; on a line of its own in a command its line's end goes with it, as in Jinja."""
        begin = self.index
        command.steered = command.steered or bool(command.words)
        alone = _ALONE.match(self.text, end)
        if command.words and alone is not None and not self.text[self.text.rfind("\n", 0, begin) + 1 : begin].strip():
            end = alone.end()
        self.index = end

    def _ended(self, command: Command) -> Command | None:
        if command.steered:
            command.words = [replace(one, known=False) for one in command.words]
        if command.words or command.redirections:
            self.found.append(command)
            return command
        return command.source  # `a |` at the end of a line

    def _dropped(self, command: Command) -> Command | None:
        ended = self._ended(command)
        return None if ended is command else ended

    def _to_line_end(self) -> None:
        end = self.text.find("\n", self.index)
        self.index = len(self.text) if end < 0 else end

    def _redirection(self, command: Command, closing: str, depth: int) -> None:
        words = command.words
        stream = ""
        if words and words[-1].text.isdigit() and self._place(self.index) == words[-1].at[3:]:
            stream = words.pop().text
        start = self.index
        while self.peek() and self.peek() in "<>&|-":
            self.index += 1
        operator = self.text[start : self.index]
        while self.peek() and self.peek() in _BLANKS:
            self.index += 1
        mark = self.peek()
        if not mark or mark in _ENDS or mark == closing:  # process substitution is read as a subshell
            return
        begin = self.index
        target = self._word(closing, depth)
        found = Redirection(stream.lstrip("1") + operator, target, expands=not set("'\"\\") & set(self.text[begin : self.index]))
        command.redirections.append(found)
        if operator in ("<<", "<<-"):
            self.waiting.append(found)

    def _here_documents(self) -> None:
        for one in self.waiting:
            one.line = self._place(self.index)[0]
            begin = self.index
            while self.index < len(self.text):
                start = self.index
                self._to_line_end()
                line = self.text[start : self.index]
                self.index += 1
                if (line.lstrip("\t") if one.operator.endswith("-") else line).rstrip("\r") == one.target.text:
                    one.body = self.text[begin:start]
                    break
        self.waiting = []

    def _word(self, closing: str, depth: int) -> Word:
        start = self.index
        out: list[str] = []
        known = True
        while self.index < len(self.text):
            mark = self.peek()
            if self.is_template and (found := self._expression()) is not None:  # what only steers is no part of the word
                out.append("" if found.is_control else self.text[self.index : found.end])
                self.index, known = found.end, False
                continue
            if mark in _BLANKS or mark in _ENDS or mark in "<>" or (mark == closing and closing):
                break
            if mark == "'":
                out.append(self._single())
            elif mark == '"':
                known = self._double(out, depth) and known
            elif mark == "\\":
                out.append("" if self.peek(2) == "\\\n" else self.text[self.index + 1 : self.index + 2])
                self.index += 2
            elif mark in "$`":
                out.append(self._expansion(depth))
                known = False
            else:
                known = known and mark not in "*?["
                out.append(mark)
                self.index += 1
        self.index = min(self.index, len(self.text))
        text = "".join(out)
        known = known and not is_templated(text)
        return Word(text, Location(self.path, *self._place(start), *self._place(self.index)), known)

    def _single(self) -> str:
        """Step over `'…'`, and give what stands in it; a quote in an expression of a template does not end it."""
        start = self.index + 1
        end = self.text.find("'", start)
        self.index = len(self.text) if end < 0 else end
        if self.is_template:
            self.index = start
            while self.index < len(self.text) and self.peek() != "'":
                found = self._expression()
                self.index = self.index + 1 if found is None else found.end
        self.index += 1
        return self.text[start : self.index - 1]

    def _double(self, out: list[str], depth: int) -> bool:
        known = True
        self.index += 1
        while self.index < len(self.text) and self.peek() != '"':
            mark = self.peek()
            if self.is_template and (found := self._expression()) is not None:
                out.append(self.text[self.index : found.end])
                self.index, known = found.end, False
            elif mark == "\\" and self.peek(2)[1:] in ("$", "`", '"', "\\", "\n"):
                out.append(self.peek(2)[1:].strip("\n"))
                self.index += 2
            elif mark in "$`":
                out.append(self._expansion(depth))
                known = False
            else:
                out.append(mark)
                self.index += 1
        self.index += 1
        return known

    def _expansion(self, depth: int) -> str:
        """Step over `$…` or a backquote, reading the commands in it; gives it as written."""
        start = self.index
        if depth < _DEEPEST and (self.peek(2) == "$(" or self.peek() == "`"):
            closing = "`" if self.peek() == "`" else ")"
            self.index += 1 if closing == "`" else 2
            self.commands(closing, depth + 1)
            self.index += 1
        elif self.peek(2) == "${":
            self._braces()
        else:
            self.index += 1
        self.index = min(self.index, len(self.text))
        return self.text[start : self.index]

    def _braces(self) -> None:
        level = 0
        while self.index < len(self.text):
            mark = self.peek()
            level += {"{": 1, "}": -1}.get(mark, 0)
            if mark in "'\"":
                end = self.text.find(mark, self.index + 1)
                self.index = len(self.text) if end < 0 else end + 1
            else:
                self.index += 2 if mark == "\\" else 1
            if mark == "}" and level == 0:
                return

    def _place(self, index: int) -> tuple[int, int]:
        if not self.starts:
            self.starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        line = bisect_right(self.starts, index)
        return line, index - self.starts[line - 1] + 1
