"""Entries that take several lines: the journal's export format, `-o verbose`, `-o json-pretty`, and `dmesg --json`."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Final

from oomconf.oomlog._transport import KERNEL, Part, journal

__all__ = ["exported"]

_FIRST: Final = re.compile(r"^__(?:CURSOR|REALTIME_TIMESTAMP)=")
_FIELD: Final = re.compile(r"^([A-Z_][A-Z0-9_]{0,63})=(.*)$", re.DOTALL)
_BINARY: Final = re.compile(r"^[A-Z_][A-Z0-9_]{0,63}$")
_KEPT: Final = frozenset({"MESSAGE", "SYSLOG_IDENTIFIER", "_TRANSPORT", "_HOSTNAME", "__REALTIME_TIMESTAMP"})
_VERBOSE: Final = re.compile(r"^\S{2,5} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \S+) \[s=[0-9a-f]+;")
_INDENTED: Final = re.compile(r"^ {4}([A-Z_][A-Z0-9_]{0,63})=(.*)$", re.DOTALL)
_OPENS: Final = frozenset({"{", "},{", "}, {"})
_CLOSES: Final = frozenset({"}", "},", "},{", "}, {", "}]", "} ]"})
_MEMBER: Final = re.compile(r'^"([A-Za-z_][A-Za-z0-9_]{0,63})"\s*:\s*(.*?),?$', re.DOTALL)
_WANTED: Final = _KEPT | {"msg", "pri", "time"}


def exported(numbered: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str] | Part]:
    """Turn entries of several lines into parts; lines of any other format are given as they are.

    Of a field that is no plain text, such as a message of several lines, what can be read as text is taken
    (systemd.io: Journal Export Formats; journalctl(1)).
    """
    entry: _Entry | None = None
    for number, line in numbered:
        text = line.strip()
        if entry is not None and entry.ends(line, text):
            yield entry.part()
            entry = None
            if not text or text in ("}", "},", "}]", "} ]"):
                continue
        if entry is not None:
            entry.take(number, line, text)
            continue
        entry = _begun(number, line, text)
        if entry is None:
            yield number, line
    if entry is not None:
        yield entry.part()


class _Entry(ABC):
    """An entry while its lines come in."""

    def __init__(self, number: int, at: str | None = None) -> None:
        self.fields: dict[str, Any] = {}
        self.number = number
        self.at = at

    def ends(self, line: str, text: str) -> bool:  # noqa: ARG002
        return not text

    @abstractmethod
    def take(self, number: int, line: str, text: str) -> None:
        """Take a line of it, as it stands and without the blanks around it."""

    def put(self, key: str, value: object, number: int) -> None:
        self.fields[key] = value
        if key in ("MESSAGE", "msg"):
            self.number = number

    def part(self) -> Part:
        if "msg" in self.fields and "MESSAGE" not in self.fields:
            at = self.fields.get("time")
            return Part(str(self.fields["msg"]), self.number, None if at is None else str(at), None, KERNEL, True)
        found = journal(self.fields, self.number)
        return found if found.at is not None or self.at is None else found._replace(at=self.at)


class _Export(_Entry):
    binary = ""

    def take(self, number: int, line: str, text: str) -> None:  # noqa: ARG002
        if match := _FIELD.match(line):
            if match[1] in _KEPT:
                self.put(match[1], match[2], number)
            self.binary = ""
        elif _BINARY.match(line):
            self.binary = line if line in _KEPT else "-"
        elif self.binary == "MESSAGE":
            said = self.fields.get("MESSAGE")
            # eight bytes of length stand in front of the first line
            first = re.sub(r"^(?:\\x[0-9a-f]{2}|[\x00-\x1f]|[^\x00]\x00*){0,8}?\x00{4,7}", "", line) if said is None else line
            self.fields["MESSAGE"] = first if said is None else f"{said}\n{first}"


class _Verbose(_Entry):
    def ends(self, line: str, text: str) -> bool:
        return not text or not line.startswith(" ")

    def take(self, number: int, line: str, text: str) -> None:  # noqa: ARG002
        if (match := _INDENTED.match(line)) and match[1] in _KEPT:
            self.put(match[1], match[2], number)


class _Pretty(_Entry):
    def ends(self, line: str, text: str) -> bool:  # noqa: ARG002
        return text in _CLOSES or (text.startswith("{") and text.endswith(("}", "},")))

    def take(self, number: int, line: str, text: str) -> None:  # noqa: ARG002
        match = _MEMBER.match(text)
        if match is None or match[1] not in _WANTED:
            return
        try:
            self.put(match[1], json.loads(match[2]), number)
        except (ValueError, RecursionError):
            return


def _begun(number: int, line: str, text: str) -> _Entry | None:
    if line.startswith("__") and _FIRST.match(line):
        entry: _Entry = _Export(number)
        entry.take(number, line, text)
        return entry
    if text in _OPENS:
        return _Pretty(number)
    if "[s=" in line[:80] and (match := _VERBOSE.match(line)):
        return _Verbose(number, match[1])
    return None
