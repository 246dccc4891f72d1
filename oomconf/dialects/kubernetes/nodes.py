"""Ways through manifests."""

from __future__ import annotations

from oomconf.dialects._yaml import Mapping, Node, Scalar

__all__ = ["inside", "text"]


def inside(node: Node | None, *keys: str) -> Node | None:
    """Walk down mappings by keys; None where the way ends."""
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def text(node: Node | None) -> str:
    """The text of a scalar; empty for anything else."""
    return node.text if isinstance(node, Scalar) else ""
