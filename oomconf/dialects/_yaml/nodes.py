"""The nodes of a YAML document: text with its place, not yet typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from oomconf.location import Location, Pointer
from oomconf.policy import Setting

__all__ = ["Mapping", "Mark", "Node", "Scalar", "Sequence", "Spot", "at_pointer", "location", "merged"]

_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))


class Mark(Protocol):
    """A point in a text; lines and columns count from 0, as the parser does."""

    @property
    def index(self) -> int: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Spot:
    """A mark that the parser did not make."""

    index: int
    line: int
    column: int


_NOWHERE: Final = Spot(-1, -1, -1)


class _Placed:
    """What has a span: lines and columns count from 1, in code points, the end is exclusive."""

    __slots__ = ()

    path: str
    tag: str | None
    """As written; `!!int` for YAML's own."""
    start: Mark
    end: Mark

    @property
    def line(self) -> int:
        return self.start.line + 1

    @property
    def column(self) -> int:
        return self.start.column + 1

    @property
    def end_line(self) -> int:
        return self.end.line + 1

    @property
    def end_column(self) -> int:
        return self.end.column + 1

    @property
    def at(self) -> Location:
        start, end = self.start, self.end
        return Location(self.path, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


class Scalar(_Placed):
    """A piece of text, decoded, with the style it was written in: '' for plain, `'`, `"`, `|` or `>`.

    A block scalar ends with its last line of content. `beat` holds what a merge of files overrode.
    """

    __slots__ = ("beat", "end", "path", "start", "style", "tag", "text")

    def __init__(
        self,
        text: str,
        style: str = "",
        tag: str | None = None,
        *,
        path: str = "",
        start: Mark = _NOWHERE,
        end: Mark = _NOWHERE,
        beat: tuple[Setting[Any], ...] = (),
    ) -> None:
        self.text = text
        self.style = style
        self.tag = tag
        self.path = path
        self.start = start
        self.end = end
        self.beat = beat

    def __repr__(self) -> str:
        return f"Scalar({self.text!r}, {self.style!r}, at={self.line}:{self.column})"

    @property
    def is_plain(self) -> bool:
        """Whether it was written without quotes, so that its consumer types it."""
        return self.style == ""

    @property
    def is_null(self) -> bool:
        """Whether consumers read it as null (YAML 1.2 §10.3.2)."""
        return self.text in _NULLS and self.style == "" and self.tag is None

    def with_beat(self, beat: tuple[Setting[Any], ...]) -> Scalar:
        """Copy it, with what it overrode."""
        return Scalar(self.text, self.style, self.tag, path=self.path, start=self.start, end=self.end, beat=beat)


class Mapping(_Placed, dict[str, "Node"]):
    """Keys, by their text, in the order written; of equal keys the first is here and the others are `duplicates`.

    `keys_at` has the keys themselves. The span of a block mapping ends with its last value.
    """

    __slots__ = ("duplicates", "end", "flow", "keys_at", "path", "start", "tag")

    def __init__(self, items: Iterable[tuple[str, Node]] | dict[str, Node] = ()) -> None:
        super().__init__(items)
        self.path = ""
        self.start = self.end = _NOWHERE
        self.flow = False
        self.tag = None
        self.keys_at: dict[str, Scalar] = {}
        self.duplicates: list[tuple[Scalar, Node]] = []

    @classmethod
    def empty_at(cls, scalar: Scalar) -> Mapping:
        """Make an empty mapping in the place of a scalar, such as the nothing behind `name:`."""
        new = cls()
        new.path, new.start, new.end = scalar.path, scalar.start, scalar.end
        return new

    def copy_with(self, items: dict[str, Node]) -> Mapping:
        """Make a mapping of other items in the same place, with the same keys' places."""
        new = Mapping(items)
        new.path, new.start, new.end, new.flow, new.tag = self.path, self.start, self.end, self.flow, self.tag
        new.keys_at = dict(self.keys_at)
        new.duplicates = list(self.duplicates)
        return new


class Sequence(_Placed, list["Node"]):
    """Items in order; the span of a block sequence ends with its last item."""

    __slots__ = ("end", "flow", "path", "start", "tag")

    def __init__(self, items: Iterable[Node] = ()) -> None:
        super().__init__(items)
        self.path = ""
        self.start = self.end = _NOWHERE
        self.flow = False
        self.tag = None

    def copy_with(self, items: Iterable[Node]) -> Sequence:
        """Make a sequence of other items in the same place."""
        new = Sequence(items)
        new.path, new.start, new.end, new.flow, new.tag = self.path, self.start, self.end, self.flow, self.tag
        return new


Node: TypeAlias = Scalar | Mapping | Sequence


def location(path: str, node: Node) -> Location:
    """Give the span of a node or key, in the file at `path`."""
    return Location(path, node.line, node.column, node.end_line, node.end_column)


def at_pointer(root: Node, pointer: Pointer, *, key: bool = False) -> Node:
    """Walk to the deepest node that exists on the way; with `key`, give the key under which it stands, if it stands under one."""
    node, under = root, root
    for step in pointer:
        child: Node | None = None
        if isinstance(node, Mapping):
            whole = node if str(step) in node else merged(node)
            child = whole.get(str(step))
            under = whole.keys_at.get(str(step), under) if child is not None else under
        elif isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node):
            under = child = node[step]
        if child is None:
            break
        node = child
    return under if key else node


def _sources(mapping: Mapping) -> list[Mapping]:
    """Give the mappings that its `<<` names, in order; a quoted `<<` is a key like others."""
    key, node = mapping.keys_at.get("<<"), mapping.get("<<")
    if node is None or (key is not None and not key.is_plain):
        return []
    if isinstance(node, Mapping):
        return [node]
    return [item for item in node if isinstance(item, Mapping)] if isinstance(node, Sequence) else []


def merged(mapping: Mapping) -> Mapping:
    """Give a mapping with the keys of its `<<` in place of it: own keys win, then the earlier of a list (yaml.org/type/merge.html).

    Shallow: values are the shared nodes, and a `<<` inside a value stays. Without `<<` it is the mapping itself.
    """
    key = mapping.keys_at.get("<<")
    if "<<" not in mapping or (key is not None and not key.is_plain):
        return mapping
    own = [name for name in mapping if name != "<<"]
    taken = set(own)
    items: dict[str, Node] = {}
    keys: dict[str, Scalar] = {}
    visited: set[int] = {id(mapping)}
    for name, value in mapping.items():
        if name != "<<":
            items[name] = value
            if name in mapping.keys_at:
                keys[name] = mapping.keys_at[name]
            continue
        stack = _sources(mapping)[::-1]
        while stack:
            source = stack.pop()
            if id(source) in visited:
                continue
            visited.add(id(source))
            for word, node in source.items():
                if word not in taken and (word != "<<" or not _sources(source)):
                    taken.add(word)
                    items[word] = node
                    if word in source.keys_at:
                        keys[word] = source.keys_at[word]
            stack.extend(_sources(source)[::-1])
    whole = mapping.copy_with(items)
    whole.keys_at = keys
    return whole
