"""Entries that readers of YAML share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from oomconf.dialect import Entry
from oomconf.dialects._yaml import YamlFault
from oomconf.location import Location

MARKS = ("{{", "{%", "<%", "${", "$(")
"""Signs of a value that something else puts in before its consumer sees it."""


def unparsed(dialect: str, path: str, faults: Iterable[YamlFault]) -> Iterator[Entry]:
    """Make an entry of each fault that keeps a file from being read as YAML."""
    for fault in faults:
        at = Location(path, fault.line, fault.column, fault.end_line, fault.end_column)
        yield Entry(dialect, path, "", "", "", at, fault.message, fault.hint, "file")


def is_filled_in(text: str) -> bool:
    """Whether a value is a template's, and so unknown here."""
    return any(mark in text for mark in MARKS)
