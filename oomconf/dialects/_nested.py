"""Files inside of files: what a reader found in one, with the places that it has in the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from oomconf.dialect import Document, Nested, Reading
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.dialects._yaml.nodes import Spot
from oomconf.location import Location, moved

__all__ = ["is_rest", "origin", "relocate", "relocated", "written_in"]

_SECTIONED: Final = re.compile(r"(?:^|/)(?:systemd|containers/systemd)/")


def relocated(reading: Reading, origin: Location, spots: tuple[Location, ...] = ()) -> Reading:
    """Give every place in a reading of a text that begins at `origin` as a place of the file that holds it.

    Of a text that is put together, `spots` are the places of its keys and of its values.
    """

    def placed(at: Location) -> Location:
        return spots[at.column > 1] if spots else moved(at, origin)

    found: Reading = _relocated(reading, placed)
    return found


def _relocated(value: Any, placed: Callable[[Location], Location]) -> Any:  # noqa: ANN401
    if isinstance(value, Location):
        return placed(value)
    if is_dataclass(value) and not isinstance(value, type):
        found = {one.name: _relocated(getattr(value, one.name), placed) for one in fields(value)}
        return replace(value, **{name: new for name, new in found.items() if new is not getattr(value, name)})
    if isinstance(value, tuple):
        return tuple(_relocated(item, placed) for item in value) if value else value
    if isinstance(value, dict):
        return {key: _relocated(item, placed) for key, item in value.items()}
    return value


def relocate(root: Node, origin: Location) -> Node:
    """Give every node of a text that begins at `origin` its place in the file that holds it, and give the root."""
    stack: list[Node] = [root]
    done: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in done:
            continue
        done.add(id(node))
        at = moved(node.at, origin)
        node.path, node.start, node.end = at.path, Spot(-1, at.line - 1, at.column - 1), Spot(-1, at.end_line - 1, at.end_column - 1)
        if isinstance(node, Mapping):
            stack += [*node.values(), *node.keys_at.values()]
            stack += [part for pair in node.duplicates for part in pair]
        elif isinstance(node, Sequence):
            stack += node
    return root


def is_rest(path: str, text: str) -> bool:
    """Whether what is put into a file that is there begins inside of a section of it, which only that file says."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    return _SECTIONED.search(path) is not None and not first.startswith("[")


def written_in(path: str, scalar: Scalar, lines: list[str]) -> Nested:
    """Make a file of a value that holds its text; where the value's lines are not those of the file, it stands as a whole."""
    begin = origin(scalar, lines)
    if begin is None or (scalar.style != "|" and "\n" in scalar.text):
        return Nested(Document(path, scalar.text), scalar.at, spots=(scalar.at, scalar.at))
    return Nested(Document(path, scalar.text), begin)


def origin(scalar: Scalar, lines: list[str]) -> Location | None:
    """Where the first character of a value stands; None if its lines are not those of the file, as when they are folded."""
    at = scalar.at
    if scalar.style == "|":
        for number in range(at.line + 1, min(at.end_line, len(lines)) + 1):
            line = lines[number - 1]
            if line.strip():
                return Location(at.path, at.line + 1, len(line) - len(line.lstrip(" ")) + 1, at.line + 1, 1)
        return None
    if at.line != at.end_line:
        return None
    return at if scalar.is_plain else at._replace(column=at.column + 1)
