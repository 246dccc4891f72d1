"""Ways through manifests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence

__all__ = ["inside", "objects", "text"]

_MOST_OBJECTS: Final = 100_000


def inside(node: Node | None, *keys: str) -> Node | None:
    """Walk down mappings by keys; None where the way ends."""
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def text(node: Node | None) -> str:
    """The text of a scalar; empty for anything else."""
    return node.text if isinstance(node, Scalar) else ""


def objects(root: Node | None) -> Iterator[Mapping]:
    """Give the objects of a document, those of lists too."""
    stack: list[Node] = [] if root is None else [root]
    count = 0
    while stack and count < _MOST_OBJECTS:
        node = stack.pop()
        count += 1
        if isinstance(node, Sequence):
            stack.extend(reversed(node))
        elif isinstance(node, Mapping) and "kind" in node and "apiVersion" in node:
            items = node.get("items")
            if text(node["kind"]).endswith("List") and isinstance(items, Sequence):
                stack.extend(reversed(items))
            else:
                yield node
