"""A spec as a tree of keys, each value with the place that it came from, and the YAML of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oomconf.dialects._yaml_write import quoted, scalar
from oomconf.location import Location

__all__ = ["Branch", "Leaf", "Pointer", "leaves", "lines", "merge", "prune", "removed"]

Pointer = tuple[str, ...]


@dataclass(slots=True)
class Leaf:
    """A value of the spec: a text that is written as it is, and where it was found."""

    text: str
    at: Location
    plain: bool = True
    """Whether YAML takes the text for what it is without quotes: numbers, sizes, words of the spec."""
    said: str = ""
    """What the consumer's own file says."""


Branch = dict[str, "Branch | Leaf"]


def lines(tree: Branch, above: Pointer = (), *, about: Mapping[Pointer, str] | None = None) -> Iterator[tuple[str, Pointer]]:
    """Give the lines of a tree in YAML, each with the keys that lead to it; `about` are comments, else the files of each object are one."""
    for key, value in tree.items():
        start = f"{'  ' * len(above)}{scalar(key)}:"
        way = (*above, key)
        said = "" if about is None else about.get(way, "")
        comment = f"  # {said}" if said else ""
        if isinstance(value, Leaf):
            yield f"{start} {value.text if value.plain else scalar(value.text)}{comment}", way
        elif value:
            found = origin(value) if len(above) == 1 and not said else ""
            yield f"{start}{f'  # {found}' if found else comment}", way
            yield from lines(value, way, about=about)
        else:
            yield f"{start} {{}}{comment}", way


def origin(tree: Branch) -> str:
    """Name the files that a branch came from, for a comment."""
    paths = dict.fromkeys(leaf.at.path for leaf in leaves(tree) if leaf.at.path)
    shown = ", ".join(quoted(path)[1:-1] for path in list(paths)[:3])
    return shown + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")  # noqa: PLR2004


def leaves(tree: Branch) -> Iterator[Leaf]:
    """Give all values of a tree."""
    for value in tree.values():
        if isinstance(value, Leaf):
            yield value
        else:
            yield from leaves(value)


def removed(tree: Branch, way: Pointer) -> Branch | Leaf | None:
    """Take a key out of a tree; gives what stood there."""
    for key in way[:-1]:
        below = tree.get(key)
        if below is None or isinstance(below, Leaf):
            return None
        tree = below
    return tree.pop(way[-1], None)


def merge(section: Branch, name: str, made: Branch) -> Iterator[tuple[str, Leaf]]:
    """Put a branch beside another of the same name; gives the values that find another one in their place."""
    below = section.get(name)
    if not isinstance(below, dict):
        section[name] = made
        return
    for key, value in made.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{way}", leaf) for way, leaf in merge(below, key, value))
        elif key not in below:
            below[key] = value
        elif isinstance(there := below[key], Leaf) and there.text != value.text:
            yield f"{name}.{key}", value


def prune(tree: Branch) -> None:
    """Take out branches that have lost all that they said."""
    for key, value in list(tree.items()):
        if isinstance(value, dict):
            prune(value)
            if not value:
                del tree[key]
