"""The YAML reader: nodes, places and merges."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from oomconf.dialects._yaml import Mapping, Scalar, Sequence, at_pointer, compose, location, merged
from oomconf.location import Location


def root(text: str) -> Any:
    documents, faults = compose(text, path="a.yaml")
    assert faults == []
    assert len(documents) == 1
    return documents[0].root


def span(node: Any) -> tuple[int, int, int, int]:
    return node.line, node.column, node.end_line, node.end_column


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("[1.2.3.4, 001:db8::]", ["1.2.3.4", "001:db8::"]),
        ("[a:, b::, 'c:']", ["a:", "b::", "c:"]),
        ("[a::?, b]", ["a::?", "b"]),
    ],
)
def test_a_colon_may_end_a_plain_value_in_brackets_as_in_go(text: str, items: list[str]) -> None:
    node = root(f"key: {text}\nother: 1")
    assert [item.text for item in node["key"]] == items
    assert span(node["key"][0]) == (1, 7, 1, 7 + len(items[0]))
    assert span(node["other"]) == (2, 8, 2, 9)


# ── nodes ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "value", "style", "tag"),
    [
        ("512m", "512m", "", None),
        ("yes", "yes", "", None),
        ("0777", "0777", "", None),
        ("1_000", "1_000", "", None),
        ("12:30", "12:30", "", None),
        ("1e9", "1e9", "", None),
        ("=", "=", "", None),
        ("'512m'", "512m", "'", None),
        ('"a\\tb"', "a\tb", '"', None),
        ("|\n  a\n  b\n", "a\nb\n", "|", None),
        (">-\n  a\n  b\n", "a b", ">", None),
        ("!!str 1", "1", "", "!!str"),
        ("!reset null", "null", "", "!reset"),
        ("!<tag:yaml.org,2002:int> 1", "1", "", "!!int"),
        ("!override", "", "", "!override"),
    ],
)
def test_scalars_stay_text_with_style_and_tag(parser: str, text: str, value: str, style: str, tag: str | None) -> None:
    node = root(f"key: {text}")["key"]
    assert type(node) is Scalar
    assert (node.text, node.style, node.tag, node.path, node.beat) == (value, style, tag, "a.yaml", ())
    assert node.is_plain is (style == "")


@pytest.mark.parametrize(
    ("text", "null"),
    [
        ("", True),
        ("~", True),
        ("null", True),
        ("Null", True),
        ("NULL", True),
        ("nULL", False),
        ("''", False),
        ('"null"', False),
        ("!x", False),
    ],
)
def test_null_is_what_consumers_take_for_null(parser: str, text: str, null: bool) -> None:
    assert root(f"a: {text}\n")["a"].is_null is null


def test_of_equal_keys_the_first_wins_and_the_others_are_listed(parser: str) -> None:
    node = root("a: 1\nb: 2\na: 3\n'a': {c: 4}\n")
    assert list(node) == ["a", "b"]
    assert node["a"].text == "1"
    assert span(node.keys_at["a"]) == (1, 1, 1, 2)
    assert [(key.text, key.line, key.style) for key, _ in node.duplicates] == [("a", 3, ""), ("a", 4, "'")]
    assert node.duplicates[1][1]["c"].text == "4"


def test_an_alias_is_the_node_it_names(parser: str) -> None:
    node = root("a: &x {m: 1}\nb: *x\nc: [*x]\n&k d: 1\n")
    assert node["b"] is node["a"]
    assert node["c"][0] is node["a"]
    keys = root("- &k d\n- *k : 1\n")[1]
    assert list(keys) == ["d"]
    assert span(keys.keys_at["d"]) == (2, 3, 2, 5)


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        ("", []),
        ("# only a comment\n", []),
        ("---\n", [(None, 1)]),
        ("---\n...\n---\n# nothing\n---\nx\n", [(None, 1), (None, 3), ("x", 5)]),
        ("a\n--- b\n---\nc", [("a", 1), ("b", 2), ("c", 3)]),
        ("k: |\n  ---\n  x\n", [({"k"}, 1)]),
        ("\n\n%YAML 1.2\n---\nx", [("x", 3)]),
        ("''", [("", 1)]),
    ],
)
def test_documents_have_a_root_and_a_first_line(parser: str, text: str, roots: list[Any]) -> None:
    documents, faults = compose(text)
    assert faults == []
    seen = [d.root.text if isinstance(d.root, Scalar) else set(d.root) if isinstance(d.root, Mapping) else d.root for d in documents]
    assert list(zip(seen, [d.line for d in documents], strict=True)) == roots


def test_collections_know_flow_from_block_and_copies_keep_their_place(parser: str) -> None:
    node = root("a: {b: 1}\nc:\n  - !!set {d}\n")
    assert (node.flow, node["a"].flow, node["c"].flow, node["c"][0].tag) == (False, True, False, "!!set")
    copy = node.copy_with({"c": node["c"]})
    assert (copy.at, copy.keys_at, list(copy)) == (node.at, node.keys_at, ["c"])
    assert node["c"].copy_with([]).at == node["c"].at
    assert Mapping.empty_at(node["a"]["b"]).at == node["a"]["b"].at
    assert (Mapping().at, Sequence().at, Scalar("x").at) == (Location("", 0, 0, 0, 0),) * 3


def test_a_scalar_with_what_it_beat_is_a_copy() -> None:
    node = root("a: &x !t 'v'")["a"]
    copy = node.with_beat(("old",))
    assert (copy.text, copy.style, copy.tag, copy.at, copy.beat) == ("v", "'", "!t", node.at, ("old",))
    assert node.beat == ()


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "pointer", "where"),
    [
        ("a: b", ("a",), (1, 4, 1, 5)),
        ("\ufeffa: b", ("a",), (1, 4, 1, 5)),
        ("# é𝔘\n𝔘𝔘: 'é𝔘' # x", ("𝔘𝔘",), (2, 5, 2, 9)),
        ("a: 1\r\nb: 2\r\n", ("b",), (2, 4, 2, 5)),
        ("a: 1\rb: 2\r", ("b",), (2, 4, 2, 5)),
        ("# \x85 \u2028 \u2029\nb: 2\n", ("b",), (2, 4, 2, 5)),
        ("a: 'x \u2028 y'\nb: 2\n", ("a",), (1, 4, 1, 11)),
        ("a: 'x \u2028 y'\nb: 2\n", ("b",), (2, 4, 2, 5)),
        ("a: one\n  two\nb: 1", ("a",), (1, 4, 2, 6)),
        ("a: &x !t v", ("a",), (1, 10, 1, 11)),
        ("a: !t\n  # why\n  v", ("a",), (3, 3, 3, 4)),
        ("a: &x \xa0v", ("a",), (1, 7, 1, 9)),
        ("a: &x {b: 1}", ("a",), (1, 7, 1, 13)),
        ("a: &x\n  b: 1\n\n# c\nd: 1", ("a",), (2, 3, 2, 7)),
        ("a:\n  - 1\n  - 2  # c\n\n\nb: 1", ("a",), (2, 3, 3, 6)),
        ("a: [1,\n 2 ]", ("a",), (1, 4, 2, 5)),
        ("a:\n  - &x q\nb:\n  - *x\n\nc: 1", ("b",), (4, 3, 4, 7)),
        ("a:", ("a",), (1, 3, 1, 3)),
        ("a:   # c\nb: 1", ("a",), (1, 3, 1, 3)),
        ("a:\n-\n- x", ("a", 0), (2, 2, 2, 2)),
        ("? a\n\n\nb: 1", ("a",), (1, 4, 1, 4)),
        ("{a , b: 1}", ("a",), (1, 3, 1, 3)),
        ("a: &x\nb: 1", ("a",), (1, 6, 1, 6)),
        ("a: |\n  x\n  y\n\n\nb: 1", ("a",), (1, 4, 3, 4)),
        ("a: |+\n  x\n\n\nb: 1", ("a",), (1, 4, 2, 4)),
        ("a: |-\r\n  x\r\n\r\nb: 1", ("a",), (1, 4, 2, 4)),
        ("a: >\n  x\n\n  y  \n# c\nb: 1", ("a",), (1, 4, 4, 6)),
        ("a: |\n  x\n      \n   \nb: 1", ("a",), (1, 4, 4, 4)),
        ("a: |2\n    x\n   \n  \n \nb: 1", ("a",), (1, 4, 3, 4)),
        ("a: |\n\n\n  x \nb: 1", ("a",), (1, 4, 4, 5)),
        ("a: |  # c\n\nb: 1", ("a",), (1, 4, 1, 5)),
        ("a: &x !t |-\n  x\nb: 1", ("a",), (1, 10, 2, 4)),
        ("- |\n x\n# c\n   # d\n- y", (0,), (1, 3, 2, 3)),
    ],
)
def test_spans_are_those_of_the_text(text: str, pointer: tuple[str | int, ...], where: tuple[int, int, int, int]) -> None:
    assert span(at_pointer(root(text), pointer)) == where


def test_a_location_is_the_span_in_a_file() -> None:
    node = root("a: [b]")
    assert location("x", node["a"]) == Location("x", 1, 4, 1, 7)
    assert node.keys_at["a"].at == Location("a.yaml", 1, 1, 1, 2)


def test_a_pointer_leads_to_the_deepest_node_there_is() -> None:
    tree = root("base: &b {max: 1G}\napi:\n  memory: {<<: *b, low: 1M}\n  hosts: [x, y]\n8: z\n")
    assert at_pointer(tree, ()) is tree
    assert at_pointer(tree, ("api", "hosts", 1)).text == "y"  # type: ignore[union-attr]
    assert at_pointer(tree, ("api", "hosts", 7)) is tree["api"]["hosts"]
    assert at_pointer(tree, ("api", "hosts", "x")) is tree["api"]["hosts"]
    assert at_pointer(tree, ("api", "nothing", "at", "all")) is tree["api"]
    assert at_pointer(tree, ("api", "memory", "max")) is tree["base"]["max"]
    assert at_pointer(tree, (8,)).text == "z"  # type: ignore[union-attr]
    assert span(at_pointer(tree, ("api", "memory", "low"), key=True)) == (3, 20, 3, 23)
    assert span(at_pointer(tree, ("api", "hosts"), key=True)) == (4, 3, 4, 8)


# ── merges ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3, c: 4}",
        "x: &x {a: 1, b: 2}\ny: {b: 3, <<: *x}",
        "x: &x {a: 1}\nz: &z {a: 2, b: 5}\ny: {<<: [*x, *z]}",
        "x: &x {a: 1}\nz: &z {<<: *x, b: 5}\nw: &w {a: 9, d: 1}\ny: {<<: [*z, *w], c: 1}",
        "y: {<<: {}, a: 1}",
        "y: {<<: [], a: 1}",
    ],
)
def test_merged_gives_what_pyyaml_merges(parser: str, text: str) -> None:
    whole = merged(root(text)["y"])
    expected = yaml.safe_load(text)["y"]
    assert {key: node.text for key, node in whole.items()} == {key: str(value) for key, value in expected.items()}  # type: ignore[union-attr]
    assert set(whole.keys_at) == set(whole)


def test_the_first_of_a_list_of_merges_wins_with_its_own_keys_before_its_merged_ones(parser: str) -> None:
    # Docker Compose 2 gives A=5 too; PyYAML from 6.0.4 gives 1, because it has written out `z` with both keys by then
    whole = merged(root("x: &x {a: 1}\nz: &z {<<: *x, a: 5}\ny: {<<: [*z, *x, {e: 1}]}")["y"])
    assert {key: node.text for key, node in whole.items()} == {"a": "5", "e": "1"}  # type: ignore[union-attr]


def test_merge_is_shallow_and_leaves_the_tree_alone() -> None:
    tree = root("x: &x {m: {a: 1}}\ny: {<<: *x, n: 1}\nz: {'<<': q}\n")
    assert merged(tree["y"])["m"] is tree["x"]["m"]
    assert list(tree["y"]) == ["<<", "n"]
    assert merged(tree["x"]) is tree["x"]
    assert merged(tree["z"]) is tree["z"]
    assert list(merged(tree["y"])) == ["m", "n"]


def test_a_long_chain_of_merges_is_followed_without_recursion() -> None:
    node = Mapping({"k": Scalar("0")})
    for number in range(5000):
        node = Mapping({"<<": node, f"k{number}": Scalar("1")})
    assert len(merged(node)) == 5001
