"""Documents of kinds that say nothing of memory are passed over, and nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.dialects._yaml import Mapping, Node, Scalar, compose
from oomconf.dialects.kubernetes.documents import manifests

SILENT = ("CustomResourceDefinition", "ConfigMap", "Secret", "Namespace")
PARTS = st.sampled_from([
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: |\n  kind: Pod\n  }\n".replace("{x: |\n  kind: Pod\n  }", "\n  x: |\n    kind: Pod\n    --- no marker\n"),
    "apiVersion: v1\nkind: Namespace # why\nmetadata: {name: é}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {containers: [{name: c, image: x}]}\n",
    "kind: Secret\nkind: Pod\n",
    "- kind: Secret\n- kind: Pod\n",
    "apiVersion: v1\nkind: Secret\r\nmetadata: {name: b}\r\n",
    "apiVersion: v1\nkind: Secret\ndata: [\n",
    "apiVersion: v1\nkind: Secret\ndata: \x01\n",
    "# nothing\n",
    "",
    "a: {{ x }}\n",
])  # fmt: skip
MARKERS = st.sampled_from(["---\n", "--- # next\n", "---\n---\n", "...\n---\n", "--- a: b\n"])
FILL = "# " + "x" * 600 + "\n"


def places(node: Node | None) -> object:
    if isinstance(node, Mapping):
        return node.at, [(key, node.keys_at[key].at, places(value)) for key, value in node.items()]
    return None if node is None else (node.at, node.text if isinstance(node, Scalar) else [places(one) for one in node])


def kind(node: Node | None) -> str:
    found = node.get("kind") if isinstance(node, Mapping) else None
    return found.text if isinstance(found, Scalar) else ""


@given(st.lists(st.tuples(MARKERS, PARTS), min_size=1, max_size=6), st.booleans())
def test_what_is_left_stands_where_it_stood(parts: list[tuple[str, str]], begins: bool) -> None:
    text = FILL + "".join(marker + part for marker, part in parts)[0 if begins else 4 :]
    whole, faults = compose(text, path="x")
    found, ours = manifests(text, "x")
    assert ours == faults
    speaking = [places(one.root) for one in whole if kind(one.root) not in SILENT and one.root is not None]
    assert [places(one.root) for one in found if kind(one.root) not in SILENT and one.root is not None] == speaking


@pytest.mark.parametrize("size", [200, 100_000])
def test_nesting_in_a_silent_document_is_still_refused(size: int) -> None:
    text = FILL + "kind: Pod\n---\nkind: ConfigMap\ndata: " + "[" * size + "\n"
    assert manifests(text, "x")[1] == compose(text, path="x")[1]
