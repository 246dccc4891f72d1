"""The journal's export format: entries of KEY=VALUE lines, ended by a blank one (systemd.io: Journal Export Formats)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from oomconf.oomlog._transport import Part, journal

__all__ = ["exported"]

_FIRST: Final = re.compile(r"^__(?:CURSOR|REALTIME_TIMESTAMP)=")
_FIELD: Final = re.compile(r"^([A-Z_][A-Z0-9_]{0,63})=(.*)$", re.DOTALL)
_BINARY: Final = re.compile(r"^[A-Z_][A-Z0-9_]{0,63}$")
_KEPT: Final = frozenset({"MESSAGE", "SYSLOG_IDENTIFIER", "_TRANSPORT", "_HOSTNAME", "__REALTIME_TIMESTAMP"})


def exported(numbered: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str] | Part]:
    """Turn entries of the export format into parts; lines of any other format are given as they are.

    An entry begins with its cursor or stamp. Of a field that is no plain text, such as a message of several lines, what can be read as
    text is taken.
    """
    fields: dict[str, str] | None = None
    begin = 0
    binary = ""
    for number, line in numbered:
        if fields is None:
            if not line.startswith("__") or not _FIRST.match(line):
                yield number, line
                continue
            fields, begin = {}, number
        if not line:
            yield journal(dict(fields), begin)
            fields, binary = None, ""
        elif match := _FIELD.match(line):
            if match[1] in _KEPT:
                fields[match[1]] = match[2]
                if match[1] == "MESSAGE":
                    begin = number
            binary = ""
        elif _BINARY.match(line):
            binary = line if line in _KEPT else "-"
        elif binary == "MESSAGE":
            # eight bytes of length stand in front of the first line
            text = re.sub(r"^(?:\\x[0-9a-f]{2}|[\x00-\x1f]|[^\x00]\x00*){0,8}?\x00{4,7}", "", line) if "MESSAGE" not in fields else line
            fields["MESSAGE"] = text if "MESSAGE" not in fields else f"{fields['MESSAGE']}\n{text}"
    if fields:
        yield journal(fields, begin)
