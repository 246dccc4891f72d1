"""Entries that readers of YAML share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from oomconf.dialect import Entry
from oomconf.dialects._yaml import Mapping, Node, YamlFault
from oomconf.location import Location


def unparsed(dialect: str, path: str, faults: Iterable[YamlFault]) -> Iterator[Entry]:
    """Make an entry of each fault that keeps a file from being read as YAML."""
    for fault in faults:
        at = Location(path, fault.line, fault.column, fault.end_line, fault.end_column)
        yield Entry(dialect, path, "", "", "", at, fault.message, fault.hint, "file")


def repeated(dialect: str, name: str, node: Node | None, fault: str) -> Iterator[Entry]:
    """Make an entry of each key that stands again in a mapping."""
    for key, _ in node.duplicates if isinstance(node, Mapping) else ():
        yield Entry(dialect, name, "repeated", key.text, "", key.at, fault, "keep one of them", "twice")
