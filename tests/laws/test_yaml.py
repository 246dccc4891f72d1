"""Laws of the YAML reader."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from oomconf.dialects._yaml import Limits, Mapping, Node, Scalar, Sequence, compose, decode, merged

SPEC = """\
%YAML 1.2
---
# a fleet
version: 1
defaults: &defaults
  memory: {swap_max: 0, "high": '80%'}
hosts:
  web:
    ram: 16G          # nominal
    swap: [{file: /swapfile, size: 4G}, *nothing]
services: !!map
  postgresql: &pg
    <<: *defaults
    host: [web, "p\\u00f6ol"]
    oom_score_adj: {value: -1000, reason: "keeps
      the 𝔘 data"}
    command: |
      exec postgres \\
        --shared-buffers=2G

    note: >-2
        folded
       text
    empty:
    ? explicit
    : - 1
      - - 2
  copy: *pg
...
---
second: document
""".replace("*nothing", "&nothing ~")
SIGNS = [
    *"-?:,[]{}#&*!|>'\"%@`\n\r\t \\\0\x85\u2028\ufeff𝔘",
    "<<: ",
    "---\n",
    "...\n",
    "- ",
    ": ",
    "? ",
    "&a ",
    "*a",
    "!!x ",
    "|2-\n",
    "{{ x }}",
]
yamlish = st.lists(
    st.one_of(st.sampled_from(SIGNS), st.text(max_size=3), st.sampled_from(SPEC.splitlines(keepends=True))), max_size=30
).map("".join)


def walk(node: Node | None) -> Iterator[Node]:
    """Every node and key once, parents first."""
    stack, seen = [node], set()
    while stack:
        here = stack.pop()
        if here is None or id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        if isinstance(here, Mapping):
            stack.extend([*here.values(), *here.keys_at.values(), *(part for pair in here.duplicates for part in pair)])
        elif isinstance(here, Sequence):
            stack.extend(here)


def cut(text: str, node: Node) -> str:
    """Give what stands in the span of a node."""
    lines = re.split("(?<=\n)|(?<=\r)(?!\n)", text)
    begin = sum(map(len, lines[: node.line - 1])) + node.column - 1
    end = sum(map(len, lines[: node.end_line - 1])) + node.end_column - 1
    return text[begin:end]


def sound(text: str) -> None:
    """A text ends in documents and at most one fault, and every span lies in the text and in its parent's."""
    documents, faults = compose(text)
    assert len(faults) <= 1
    text = text.lstrip("\ufeff")
    lines = len(re.findall("\r\n|\r|\n", text)) + 1
    for fault in faults:
        assert 1 <= fault.line <= fault.end_line <= lines
        assert fault.column >= 1
        assert fault.message
        assert fault.hint
    for document in documents:
        assert 1 <= document.line <= lines
        for node in walk(document.root):
            assert 1 <= node.line <= node.end_line <= lines
            assert (node.line, node.column) <= (node.end_line, node.end_column)
            held = cut(text, node)
            if isinstance(node, Mapping):
                merged(node)
                assert not node.flow or held[0] != "{" or held[-1] == "}"
            elif isinstance(node, Sequence):
                assert (held[0], held[-1]) == ("[", "]") if node.flow else held[0] == "-"
            elif node.style in ("'", '"'):
                assert held[0] == held[-1] == node.style
            elif node.style:
                assert held[0] == node.style
            elif node.line == node.end_line and not held.startswith("*") and not re.search("[\x85\u2028\u2029]", held):
                assert held == node.text


@given(st.one_of(st.text(), yamlish))
@example("\ufeff\ufeffa: b")
@example("a: 'x\u2028y'\u2029b: [c\x85]")
@example("{a: [b, c]: d}")
@example("[a: b, c]")
@example("? \n? a\n")
@example("a: 1\n?")
@example("[: x, : y]")
@example("a: [&x \ufeff]")
@example("[<<: {a: b}]")
@example("- |\n\n\n \n- >1\n\n")
def test_any_text_ends_in_documents_or_one_fault(text: str) -> None:
    sound(text)


@given(st.one_of(st.text(), yamlish))
def test_any_text_ends_so_without_libyaml(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "__with_libyaml__", False)
        documents, faults = compose(text)
    assert len(faults) <= 1
    assert all(fault.message and fault.hint for fault in faults)
    assert all(node.line >= 1 for document in documents for node in walk(document.root))


@given(
    st.one_of(
        st.binary(),
        yamlish.map(lambda text: text.encode("utf-8", "surrogatepass")),
        yamlish.map(lambda text: text.encode("utf-16", "replace")),
    )
)
def test_any_bytes_are_decoded_or_one_fault(data: bytes) -> None:
    text, fault = decode(data)
    assert (text is None) is (fault is not None)
    if text is not None:
        compose(text)
    if fault is not None:
        assert fault.line >= 1
        assert fault.column >= 1


words = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff\u2028\u2029"), max_size=8)
values = st.recursive(
    st.one_of(
        words, st.sampled_from(["yes", "0777", "1e9", "null", "~", "=", "a: b", "a #b", "two\nlines\n", " lead", "trail ", "\n\nx\n"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=20,
)


def plain(node: Node | None) -> Any:
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node]
    return "" if node is None else node.text


@given(
    st.lists(values, min_size=1, max_size=3),
    st.sampled_from([None, True, False]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([20, 80, 10_000]),
    st.booleans(),
)
def test_documents_say_what_was_dumped_and_what_pyyaml_loads(
    data: list[Any], flow: bool | None, breaks: str, width: int, unicode: bool
) -> None:
    text = yaml.dump_all(
        data, Dumper=yaml.CSafeDumper, default_flow_style=flow, line_break=breaks, width=width, allow_unicode=unicode, sort_keys=False
    )
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", breaks)
    documents, faults = compose(text)
    assert faults == []
    ours = [plain(document.root) for document in documents]
    assert ours == list(yaml.load_all(text, Loader=yaml.CBaseLoader))
    assert ours == data
    sound(text)


@given(st.lists(words, min_size=1, max_size=5), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["", "\ufeff"]))
def test_a_quoted_word_is_found_at_its_place(items: list[str], breaks: str, mark: str) -> None:
    quoted = ["'" + item.replace("'", "''") + "'" for item in items]
    text = mark + breaks.join(f"- # {'é' * index}{breaks}{' ' * (index + 1)}{word}" for index, word in enumerate(quoted))
    documents, faults = compose(text)
    assert faults == []
    tree = documents[0].root
    assert isinstance(tree, Sequence)
    assert [cut(text.lstrip("\ufeff"), node) for node in tree] == quoted
    assert [(node.line, node.column) for node in tree] == [(2 * index + 2, index + 2) for index in range(len(items))]


def test_the_realistic_spec_itself_is_read_whole() -> None:
    sound(SPEC)
    documents, faults = compose(SPEC)
    assert faults == []
    assert len(documents) == 2
    first = documents[0].root
    assert isinstance(first, Mapping)
    services = first["services"]
    assert isinstance(services, Mapping)
    assert services["copy"] is services["postgresql"]


@pytest.mark.parametrize("seed", range(8))
def test_thousands_of_mutations_of_a_spec_end_in_documents_or_one_fault(seed: int) -> None:
    luck = random.Random(seed)
    for _ in range(300):
        text = SPEC
        for _ in range(luck.randint(1, 4)):
            begin = luck.randrange(len(text) + 1)
            end = min(len(text), begin + luck.choice((0, 0, 1, 1, 2, 8, 40)))
            text = text[:begin] + luck.choice((*SIGNS, "", "", text[end : end + 20])) + text[end:]
        sound(text)


@given(yamlish, st.integers(0, 12), st.integers(0, 6), st.integers(0, 12))
def test_tight_limits_only_ever_add_a_fault(text: str, nodes: int, depth: int, aliases: int) -> None:
    free, _ = compose(text)
    tight, faults = compose(text, limits=Limits(max_nodes=nodes, max_depth=depth, max_aliases=aliases))
    assert len(faults) <= 1
    assert len(tight) <= len(free)
    assert [plain(document.root) for document in tight] == [plain(document.root) for document in free[: len(tight)]]
    assert all(isinstance(document.root, Scalar | Mapping | Sequence | None) for document in tight)
