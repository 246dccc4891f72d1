"""Parts of manifests: resources in Helm values, JSON patches, and the patches inside of a kustomization."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Accepted, Document, Nested
from oomconf.dialects._nested import written_in
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.dialects.kubernetes.nodes import inside, text

__all__ = ["accepted", "blocks", "is_operations", "operations", "patches"]

_IGNORE: Final = "oomconf/ignore."
_MOST: Final = 10_000
_SECTIONS: Final = ("limits", "requests", "limit", "request")
_OF_CLAIMS: Final = ("accessModes", "storageClassName", "volumeMode")
_CLAIMS: Final = re.compile(r"volumeclaim|(?:^|[.\]])(?:storage|persistence)", re.IGNORECASE)
_OPERATIONS: Final = ("add", "replace", "test")


def accepted(thing: Mapping, kind: str) -> Iterator[Accepted]:
    """Give what the annotations `oomconf/ignore.RULE: REASON` of an object, and of its pod template, accept."""
    namespace = text(inside(thing, "metadata", "namespace")) or "default"
    name = text(inside(thing, "metadata", "name"))
    for way in (("metadata",), ("spec", "template", "metadata"), ("spec", "jobTemplate", "spec", "template", "metadata")):
        said = inside(thing, *way, "annotations")
        if not isinstance(said, Mapping):
            continue
        for key, value in said.items():
            if key.startswith(_IGNORE) and isinstance(value, Scalar):
                where = f"{kind}/{namespace}" if kind in ("LimitRange", "ResourceQuota") else f"{kind}/{namespace}/{name}"
                yield Accepted(key.removeprefix(_IGNORE), value.text.strip(), f"{where}*", said.keys_at[key].at)


def blocks(root: Node | None) -> Iterator[tuple[str, Mapping]]:
    """Give every `resources` map of values with the keys that lead to it, joined by dots; not those of a claim for a volume."""
    stack: list[tuple[str, Node]] = [] if root is None else [("", root)]
    seen = 0
    while stack and seen < _MOST:
        place, node = stack.pop()
        seen += 1
        if isinstance(node, Sequence):
            stack += [(f"{place}[{number}]", item) for number, item in reversed(list(enumerate(node)))]
        for key, value in reversed(list(node.items())) if isinstance(node, Mapping) else ():
            if key == "resources" and isinstance(value, Mapping) and any(name in value for name in _SECTIONS):
                if not _is_claim(place, node, value):
                    yield place, value
            else:
                stack.append((f"{place}.{key}" if place else key, value))


def _is_claim(place: str, beside: Node, resources: Mapping) -> bool:
    """Whether resources are those of a PersistentVolumeClaim: by the keys beside them, by what they name, or by the keys above."""
    if isinstance(beside, Mapping) and any(key in beside for key in _OF_CLAIMS):
        return True
    names = {name for section in ("limits", "requests") for name in _keys(resources.get(section))}
    return not names & {"memory", "cpu"} and ("storage" in names or _CLAIMS.search(place) is not None)


def _keys(node: Node | None) -> Iterator[str]:
    yield from node if isinstance(node, Mapping) else ()


def is_operations(root: Sequence) -> bool:
    """Whether a list is a JSON patch."""
    return bool(root) and all(isinstance(item, Mapping) and "op" in item and "path" in item for item in root)


def operations(root: Sequence) -> Iterator[tuple[str, Scalar]]:
    """Give the amounts of memory that a JSON patch sets, each with its path."""
    for item in root:
        way, value = text(inside(item, "path")), inside(item, "value")
        if text(inside(item, "op")) not in _OPERATIONS:
            continue
        if way.endswith(("/limits/memory", "/requests/memory")) and isinstance(value, Scalar):
            yield way, value
        elif way.endswith("/resources"):
            for section in ("limits", "requests"):
                amount = inside(value, section, "memory")
                if isinstance(amount, Scalar):
                    yield f"{way}/{section}/memory", amount


def patches(root: Node | None, document: Document) -> Iterator[Nested]:
    """Give the patches that stand in a kustomization itself."""
    lines = document.text.split("\n")
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        items = inside(root, key)
        for item in items if isinstance(items, Sequence) else ():
            patch = item if isinstance(item, Scalar) else inside(item, "patch")
            if isinstance(patch, Scalar) and "\n" in patch.text:
                yield written_in("patch.yaml", patch, lines)
