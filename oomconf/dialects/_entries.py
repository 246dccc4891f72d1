"""Entries that readers of YAML share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from oomconf.dialect import Entry
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence, YamlFault
from oomconf.location import Location

__all__ = ["doubled", "repeated", "unparsed"]


def unparsed(dialect: str, path: str, faults: Iterable[YamlFault]) -> Iterator[Entry]:
    """Make an entry of each fault that keeps a file from being read as YAML."""
    for fault in faults:
        at = Location(path, fault.line, fault.column, fault.end_line, fault.end_column)
        yield Entry(dialect, path, "", "", "", at, fault.message, fault.hint, "file")


def repeated(dialect: str, name: str, node: Node | None, fault: str) -> Iterator[Entry]:
    """Make an entry of each key that stands again in a mapping."""
    for key, _ in node.duplicates if isinstance(node, Mapping) else ():
        yield Entry(dialect, name, "repeated", key.text, "", key.at, fault, "keep one of them", "twice")


def doubled(root: Node | None) -> Iterator[tuple[tuple[str, ...], Mapping]]:
    """Give each mapping in which a key stands again, with the keys that lead to it."""
    stack: list[tuple[tuple[str, ...], Node]] = [] if root is None else [((), root)]
    seen: set[int] = set()
    while stack:
        way, node = stack.pop()
        if id(node) in seen or isinstance(node, Scalar):
            continue
        seen.add(id(node))
        if isinstance(node, Sequence):
            stack += [((*way, str(number)), item) for number, item in reversed(list(enumerate(node)))]
            continue
        if node.duplicates:
            yield way, node
        children = [*node.items(), *((key.text, value) for key, value in node.duplicates)]
        stack += [((*way, key), value) for key, value in reversed(children)]
