"""Crontabs: the commands of their lines (crontab(5))."""

from __future__ import annotations

import re
from typing import Final

from oomconf.dialect import Document, Entry
from oomconf.dialects._commands import steps
from oomconf.dialects.script.says import Said
from oomconf.location import Location

__all__ = ["crontab"]

_WHEN: Final = re.compile(r"[ \t]*(?:@\w+|(?:[\d*,/A-Za-z~-]+[ \t]+){4}[\d*,/A-Za-z~-]+)[ \t]+")
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]*\$?[ \t]+")
_PERCENT: Final = re.compile(r"(?<!\\)%")
_CUT: Final = re.compile(r"(?:[Mm]emory|[Ss]wap)\w*=?\s*[\"']?[0-9.]+$")


def crontab(document: Document, said: Said) -> None:
    """Take the commands of all lines; what stands behind a bare `%` is not part of one."""
    said.timed = True
    system = re.search(r"(?:^|/)(?:etc/crontab|cron\.d/[^/]+)$", document.path) is not None
    rows: list[str] = []
    for number, line in enumerate(document.text.split("\n"), 1):
        when = None if line.lstrip().startswith("#") else _WHEN.match(line)
        if when is None:
            rows.append("")
            continue
        start = when.end()
        user = _USER.match(line, start) if system else None
        start = start if user is None else user.end()
        cut = _PERCENT.search(line, start)
        end = len(line) if cut is None else cut.start()
        if cut is not None and _CUT.search(line[start:end]):
            at = Location(document.path, number, end + 1, number, end + 2)
            said.entries.append(Entry("script", said.name, "crontab", "%", "%", at))
        rows.append(" " * start + line[start:end])
    for step in steps("\n".join(rows), document.path):
        said.take(step)
