"""A loop over libyaml's events that builds placed nodes: no recursion, bounded in depth, nodes and aliases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from operator import length_hint
from typing import Any, Final

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from oomconf.dialects._yaml.faults import Lines, Stop, YamlFault, template_hint
from oomconf.dialects._yaml.nodes import Mapping, Node, Scalar, Sequence

__all__ = ["Composer", "Document", "Limits"]

_BLOCK: Final = frozenset("|>")
_SPECIAL: Final = frozenset(("|", ">", None))
_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_BLANKS: Final = " \t\n\r\x85\u2028\u2029"
_BREAKS: Final = "\n\r\x85\u2028\u2029"
_PROPERTIES: Final = re.compile(r"(?:&[A-Za-z0-9_-]+|!(?:<[^>]*>|[^\s,\[\]{}]*)|[ \t\n\r\x85\u2028\u2029]+|#[^\n\r]*)*")
_INDICATOR: Final = re.compile(r"[|>][-+0-9]*")
_PREFIX: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a text may cost: its UTF-8 bytes, nesting, nodes of all its documents, and nodes that aliases add to a document."""

    max_bytes: int = 16 << 20
    max_depth: int = 200
    max_nodes: int = 2_000_000
    max_aliases: int = 400_000


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a stream and its first line; the root of an empty one is None."""

    root: Node | None
    line: int
    has_duplicates: bool = False
    has_merges: bool = False
    """Whether a key `<<` stands anywhere in it."""


class Composer:
    """Builds the documents of one text; raises Stop, or what the parser raises."""

    __slots__ = ("_anchors", "_closed", "_duplicated", "_left", "_limits", "_lines", "_merging", "_path", "_shared", "_text")

    def __init__(self, text: str, path: str, lines: Lines, limits: Limits) -> None:
        self._text = text
        self._path = path
        self._lines = lines
        self._limits = limits
        self._left = limits.max_nodes

    def documents(self, get_event: Callable[[], Any]) -> Iterator[Document]:
        """Yield each document as it is complete."""
        for event in iter(get_event, None):
            if type(event) is not DocumentStartEvent:
                continue
            begin: Any = event
            self._anchors: dict[str, Node | None] = {}  # None for a collection not yet complete
            self._closed: list[Mapping | Sequence] = []  # each behind all that it holds
            self._shared = self._duplicated = self._merging = False
            root: Any = self._document(get_event, begin)
            self._settle()
            empty = isinstance(root, Scalar) and not root.text and root.is_plain and root.tag is None and not self._anchors
            yield Document(None if empty else root, begin.start_mark.line + 1, self._duplicated, self._merging)

    def _document(self, get_event: Callable[[], Any], event: Any) -> Node:  # noqa: ANN401
        new, path, depth = object.__new__, self._path, self._limits.max_depth
        flat: list[Node] = []  # items, or keys and values in turn, of the collection that is open
        append = flat.append
        above: list[tuple[list[Node], Any]] = []
        end: Any = event.end_mark
        ticks = repeat(None, self._left)
        for _ in ticks:
            event = get_event()
            kind = type(event)
            if kind is ScalarEvent:
                node = new(Scalar)
                node.text = text = event.value
                node.style = style = event.style
                node.tag = None
                node.path = path
                node.beat = ()
                node.start = event.start_mark
                last, node.end = end, event.end_mark
                if not text or style in _SPECIAL or event.tag is not None or event.anchor is not None:
                    self._mend(node, event, last)
                end = node.end
                append(node)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if len(above) >= depth:
                    raise self._stop(event, f"nested deeper than {depth} levels", "make it flatter")
                if event.anchor is not None:
                    self._anchors[event.anchor] = None
                end = event.end_mark
                above.append((flat, event))
                flat = []
                append = flat.append
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                items = flat
                flat, begin = above.pop()
                append = flat.append
                if begin.flow_style:
                    end = event.end_mark
                if above and len(flat) % 2 == 0 and type(above[-1][1]) is MappingStartEvent:
                    raise self._no_key(begin)
                append(self._mapping(items, begin, end) if kind is MappingEndEvent else self._sequence(items, begin, end))
            elif kind is AliasEvent:
                end = event.end_mark
                is_key = bool(above) and len(flat) % 2 == 0 and type(above[-1][1]) is MappingStartEvent
                append(self._alias(event, is_key))
            else:
                self._left = length_hint(ticks)
                return flat[0]
        raise self._stop(event, f"more than {self._limits.max_nodes} values", "split the file into smaller ones")

    def _mapping(self, items: list[Any], begin: Any, end: Any) -> Mapping:  # noqa: ANN401
        node = Mapping.__new__(Mapping)
        keys = items[::2]
        words = [key.text for key in keys]
        node.update(zip(words, items[1::2], strict=True))
        node.keys_at = dict(zip(words, keys, strict=True))
        node.duplicates = []
        if "<<" in node:
            self._merging = True
        if len(node) != len(words):
            self._duplicated = True
            node.clear()
            node.keys_at.clear()
            for word, key, value in zip(words, keys, items[1::2], strict=True):
                if word in node:
                    node.duplicates.append((key, value))
                else:
                    node[word] = value
                    node.keys_at[word] = key
        self._finish(node, begin, end)
        return node

    def _sequence(self, items: list[Node], begin: Any, end: Any) -> Sequence:  # noqa: ANN401
        node = Sequence.__new__(Sequence)
        node.extend(items)
        self._finish(node, begin, end)
        return node

    def _finish(self, node: Mapping | Sequence, begin: Any, end: Any) -> None:  # noqa: ANN401
        node.path = self._path
        node.flow = begin.flow_style
        node.tag = None
        node.start = begin.start_mark
        node.end = end
        if begin.anchor is not None or begin.tag is not None:
            node.start = self._lines.spot(self._properties(node, begin))
        self._closed.append(node)

    def _alias(self, event: Any, is_key: bool) -> Node:  # noqa: ANN401
        """Give the node that an alias names; as a key it is a copy in the alias' place."""
        name = event.anchor
        self._shared = True
        if name not in self._anchors:
            raise self._stop(event, f"'*{name}' has no anchor '&{name}' before it", "write the anchor first, or quote the value")
        found = self._anchors[name]
        if found is None:
            raise self._stop(event, f"'*{name}' stands inside what it repeats", "no value can hold itself: remove the alias")
        if not is_key:
            return found
        if not isinstance(found, Scalar):
            raise self._no_key(event)
        return Scalar(found.text, found.style, found.tag, path=self._path, start=event.start_mark, end=event.end_mark)

    def _no_key(self, event: Any) -> Stop:  # noqa: ANN401
        hint = template_hint(self._text, event.start_mark.index) or "write the key as text"
        return self._stop(event, "only text can be a key", hint)

    def _properties(self, node: Node, event: Any) -> int:  # noqa: ANN401
        """Note anchor and tag; give the offset of the value behind them."""
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        tag = event.tag
        if tag is not None:
            node.tag = "!!" + tag[len(_PREFIX) :] if tag.startswith(_PREFIX) else tag
        behind = _PROPERTIES.match(self._text, event.start_mark.index)
        return behind.end() if behind is not None else int(event.start_mark.index)

    def _mend(self, node: Scalar, event: Any, last: Any) -> None:  # noqa: ANN401
        """Correct the span of a scalar where the parser's is not that of the text: behind properties, in blocks, and of nothing."""
        offset = event.start_mark.index
        node.style = event.style or ""  # PyYAML's own parser says None
        if event.anchor is not None or event.tag is not None:
            offset = self._properties(node, event)
            node.start = self._lines.spot(offset) if node.text or node.style else node.end
        elif not node.text and not node.style and (node.start.column == 0 or self._text[offset - 1 : offset] not in (":", "-", "?")):
            node.start = node.end = last  # nothing was written, not even a ':', and the mark is that of the next token
        if node.style in _BLOCK:
            node.end = self._lines.spot(offset + _block_length(self._text[offset : event.end_mark.index], node.text))

    def _settle(self) -> None:
        """Refuse a document whose aliases make it too large or too deep when written out, and merges of what has no keys."""
        if "<<" in self._text:
            for node in self._closed:
                if isinstance(node, Mapping) and "<<" in node and node.keys_at["<<"].is_plain:
                    self._mergeable(node["<<"])
        if not self._shared:
            return
        measured: dict[int, tuple[int, int]] = {}
        budget = self._limits.max_nodes - self._left + self._limits.max_aliases
        for node in self._closed:
            size, levels = 1, 1
            children = [*node.values(), *(value for _, value in node.duplicates)] if isinstance(node, Mapping) else node
            for child in children:
                inner, below = (1, 0) if isinstance(child, Scalar) else measured[id(child)]
                size += inner
                levels = max(levels, below + 1)
            if size > budget:
                raise self._stop_at(node, f"aliases expand to more than {self._limits.max_aliases} nodes", "write out what is meant, once")
            if levels > self._limits.max_depth:
                raise self._stop_at(node, f"aliases nest deeper than {self._limits.max_depth} levels", "make it flatter")
            measured[id(node)] = size, levels

    def _mergeable(self, node: Node) -> None:
        wrong = [item for item in node if not isinstance(item, Mapping)] if isinstance(node, Sequence) else [node]
        if wrong and not isinstance(wrong[0], Mapping):
            raise self._stop_at(wrong[0], "'<<' merges mappings, and this is none", "name an anchor of a mapping, or a list of them")

    def _stop(self, event: Any, message: str, hint: str) -> Stop:  # noqa: ANN401
        return Stop(self._lines.fault(event.start_mark.index, message, hint, length=max(1, event.end_mark.index - event.start_mark.index)))

    def _stop_at(self, node: Node, message: str, hint: str) -> Stop:
        return Stop(YamlFault(message, node.line, node.column, node.end_line, node.end_column, hint))


def _block_length(source: str, text: str) -> int:
    """Count the characters of a block scalar from its `|` to the end of its last line of content (YAML 1.1 §9.1.1, §9.3)."""
    header = _INDICATOR.match(source)
    shortest = header.end() if header is not None else 1
    if text.rstrip(_BREAKS)[-1:] not in (" ", "\t", ""):
        return len(source.rstrip(_BLANKS))
    content = text.lstrip(_BREAKS)
    begin = _BREAK.search(source)
    if not content or begin is None:
        return shortest
    skipped, first = len(text) - len(content), begin.end()
    for _ in range(skipped):
        blank = _BREAK.search(source, first)
        first = blank.end() if blank is not None else first
    line = source[first:]
    own = len(line) - len(line.lstrip(" ")) - (len(content) - len(content.lstrip(" ")))
    end = len(source)
    while end > first:
        start = max(source.rfind(char, 0, end) for char in _BREAKS) + 1
        if end - start > own:
            return end
        end = start - (2 if source[:start].endswith("\r\n") else 1)
    return shortest
