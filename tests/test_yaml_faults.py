"""The YAML reader: faults in our words, guards, odd bytes and real files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from oomconf.dialects._yaml import Limits, Mapping, Scalar, Sequence, YamlFault, compose, decode


def fault(text: str, **limits: int) -> YamlFault:
    documents, faults = compose(text, limits=Limits(**limits))
    assert documents == []
    assert len(faults) == 1
    return faults[0]


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

TAB = "a tab cannot indent YAML; use blanks"


FAULTS: list[tuple[str, int, int, str]] = [
    ("a:\n\tb: 1", 2, 1, TAB),
    ("\ta: 1", 1, 1, TAB),
    ("a:\r\n  b: 1\r\n\tc: 2", 3, 1, TAB),
    ("a: |\n\tx\n", 2, 1, TAB),
    ("a: @x", 1, 4, "'@' cannot begin a plain value"),
    ("a: `x`", 1, 4, "'`' cannot begin a plain value"),
    ("a: b: c", 1, 5, "a mapping cannot begin here"),
    ("a: 1\n  b: 2", 2, 4, "a mapping cannot begin here"),
    ("a: - b", 1, 4, "a list cannot begin here"),
    ("a: 1\nb\nc: 2", 2, 1, "the key has no ':' after it"),
    ("a: 'x\nb: 1", 1, 4, "the quote is not closed"),
    ('a: "x', 1, 4, "the quote is not closed"),
    ("a: 'x\n---\ny'", 1, 4, "the quote is not closed before the document ends"),
    ('a: "\\q"', 1, 5, "'\\q' is no escape"),
    ('a: "\\x1"', 1, 7, "the escape lacks hexadecimal digits"),
    ("a: [1, 2\nb: 1", 2, 2, "expected ',' or ']' in the list opened in line 1"),
    ("a: {b: 1\nc: 1\n]", 2, 2, "expected ',' or '}' in the mapping opened in line 1"),
    ("a: ]", 1, 4, "a value is expected here, found ']'"),
    ("- a\nb: 1", 2, 1, "this does not belong to the list begun in line 1"),
    ("a: 1\n- b", 2, 1, "this does not belong to the mapping begun in line 1"),
    ("a: |x\n  b", 1, 5, "nothing may follow '|' or '>' on its line"),
    ("a: |0\n  b", 1, 5, "'0' is no indentation"),
    ("a: *x", 1, 4, "'*x' has no anchor '&x' before it"),
    ("&a [*a]", 1, 5, "'*a' stands inside what it repeats"),
    ("a: &a\n  b: {c: *a}", 2, 10, "'*a' stands inside what it repeats"),
    ("&a x: [&a {b: *a}]", 1, 15, "'*a' stands inside what it repeats"),
    ("{a: 1}: 2", 1, 1, "only text can be a key"),
    ("? [a]\n: b", 1, 3, "only text can be a key"),
    ("a: &x [1]\n*x : 2", 2, 1, "only text can be a key"),
    ("a: {{ .Values.x }}", 1, 5, "only text can be a key"),
    ("a: {? [b] : 1}", 1, 7, "only text can be a key"),
    ("<<: 3", 1, 5, "'<<' merges mappings, and this is none"),
    ("x: &x {}\ny: {<<: [*x, z]}", 2, 14, "'<<' merges mappings, and this is none"),
    ("a: \0", 1, 4, "a NUL byte is no text"),
    ("# \x07", 1, 3, "the character U+0007 cannot stand in YAML"),
    ("a: \ud800", 1, 4, "the character U+D800 cannot stand in YAML"),
    ("a: !x!y z", 1, 4, "the tag's handle is not declared"),
    ("a: & x", 1, 4, "'&' lacks a name"),
    ("%YAML 3.0\n---\na", 1, 1, "this version of YAML is not known"),
    ("k" * 1100 + ": 1", 1, 1101, "a key takes at most 1024 characters, on one line"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), FAULTS)
def test_what_is_wrong_is_one_fault_in_our_words_at_its_place(text: str, line: int, column: int, message: str) -> None:
    found = fault(text)
    assert (found.message, found.line, found.column) == (message, line, column)
    assert found.hint
    assert (found.end_line, found.end_column) > (found.line, found.column)


@pytest.mark.parametrize(("text", "line", "message"), [(text, line, message) for text, line, _, message in FAULTS])
def test_without_libyaml_the_fault_is_in_our_words_too(text: str, line: int, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    found = fault(text)
    assert found.line == line
    assert found.message in {message, f"this does not belong to what began in line {found.line - 1}"}


def test_an_anchor_ends_with_its_document(parser: str) -> None:
    documents, faults = compose("--- &x 1\n--- *x")
    assert (len(documents), [(f.message, f.line, f.column) for f in faults]) == (1, [("'*x' has no anchor '&x' before it", 2, 5)])


@pytest.mark.parametrize("text", ["a: {{ x }}", "{{- if x }}\na: 1", "a: 1\n  {{ x }}: 2", "a: {{ x }}-{{ y }}"])
def test_a_template_is_called_a_template(parser: str, text: str) -> None:
    assert "template" in fault(text).hint


def test_documents_before_a_fault_stay(parser: str) -> None:
    documents, faults = compose("a: 1\n---\nb: 2\n---\nc: [\n---\nd: 4\n")
    assert [list(d.root) for d in documents if isinstance(d.root, Mapping)] == [["a"], ["b"]]
    assert len(faults) == 1
    assert faults[0].line >= 5


# ── guards ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000, "? " * 100_000, "[\n" * 100_000, "[" * 100_000 + "]" * 100_000]
)
def test_nesting_beyond_the_limit_is_a_fault(text: str) -> None:
    assert fault(text).message == "nested deeper than 200 levels"


def test_nesting_up_to_the_limit_is_fine(parser: str) -> None:
    assert compose("[" * 200 + "]" * 200)[1] == []
    assert fault("[" * 201 + "]" * 201).column == 201


def test_a_text_beyond_the_size_is_refused_unread() -> None:
    assert fault("a: " + "x" * (50 << 20)).message == f"{(50 << 20) + 3} bytes are more than the 16777216 that are read"
    assert fault("a: é", max_bytes=4).message == "5 bytes are more than the 4 that are read"
    assert compose("a: é", limits=Limits(max_bytes=5))[1] == []
    assert decode(b"x" * 9, limits=Limits(max_bytes=8))[1] is not None


@pytest.mark.parametrize("text", ["[a, b, c, d]", "a\n---\nb\n---\nc\n---\nd", "[[], []]", "a: b\nc: d", "---\n---\n---\n---\n---\n"])
def test_more_values_than_the_limit_are_a_fault_whatever_their_shape(text: str) -> None:
    for most in range(6):
        _, faults = compose(text, limits=Limits(max_nodes=most))
        assert [f.message for f in faults] == [f"more than {most} values"]
    assert compose(text, limits=Limits(max_nodes=20))[1] == []


def test_a_bomb_of_aliases_is_refused(parser: str) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    found = fault("\n".join(rows))
    assert (found.message, found.line) == ("aliases expand to more than 400000 nodes", 6)


def test_aliases_that_nest_too_deep_are_refused() -> None:
    rows = ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{y: *a{n - 1}}}" for n in range(1, 5000))]
    assert fault("\n".join(rows)).message == "aliases nest deeper than 200 levels"
    assert compose("\n".join(rows[:190]))[1] == []


def test_aliases_within_reason_are_fine() -> None:
    text = "x: &x {a: 1, b: [1, 2, 3]}\n" + "".join(f"s{n}: {{<<: *x, y: *x}}\n" for n in range(2000))
    assert compose(text)[1] == []


def test_too_many_tag_directives_are_refused() -> None:
    text = "".join(f"%TAG !a{n}! x\n" for n in range(100_000)) + "--- a\n"
    assert fault(text).message == "more than 256 %TAG directives"


# ── bytes ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("a: é𝔘".encode(), "a: é𝔘"),
        (b"\xef\xbb\xbfa: b", "a: b"),
        ("a: é𝔘".encode("utf-16"), "a: é𝔘"),
        (b"\xfe\xff" + "a: é𝔘".encode("utf-16-be"), "a: é𝔘"),
    ],
)
def test_utf8_and_marked_utf16_are_decoded(data: bytes, text: str) -> None:
    assert decode(data) == (text, None)


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"a: 1\nb\xc3\xa9: \xff", 2, 5, "the byte 0xff is not UTF-8"),
        (b"\xef\xbb\xbfa: \xe9t\xe9", 1, 4, "the byte 0xe9 is not UTF-8"),
        (b"a: 1\r\nb: \xed\xa0\x80", 2, 4, "the byte 0xed is not UTF-8"),
        (b"\xff\xfea\0:\0 \0\n\0b", 2, 1, "the byte 0x62 is not UTF-16"),
        (b"a: 1\nb: x\0y", 2, 5, "a NUL byte is no text"),
        ("a: 1".encode("utf-16-le"), 1, 2, "a NUL byte is no text"),
        ("a: 1".encode("utf-32"), 1, 1, "a NUL byte is no text"),
    ],
)
def test_a_bad_byte_is_a_fault_at_its_place(data: bytes, line: int, column: int, message: str) -> None:
    text, found = decode(data)
    assert text is None
    assert found is not None
    assert (found.message, found.line, found.column) == (message, line, column)
    assert found.hint


# ── real files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_real_files_are_read_as_pyyaml_reads_them() -> None:
    corpus = os.environ.get("OOMCONF_CORPUS")
    if not corpus:
        pytest.skip("OOMCONF_CORPUS names no folder of real files")
    read = 0
    for file in sorted(path for path in Path(corpus).rglob("*") if path.suffix in {".yaml", ".yml"}):
        text, _ = decode(file.read_bytes())
        assert text is not None, file
        documents, faults = compose(text, path=str(file))
        try:
            nodes = list(yaml.compose_all(text, Loader=yaml.CLoader))
        except yaml.YAMLError:
            assert len(faults) == 1, file
            continue
        if faults:
            assert faults[0].message == "only text can be a key", file
            continue
        assert len(documents) == len(nodes), file
        for document, node in zip(documents, nodes, strict=True):
            assert alike(document.root, node), file
        read += 1
    assert read > 0


def alike(ours: Any, theirs: Any) -> bool:
    if ours is None:
        return isinstance(theirs, yaml.ScalarNode) and theirs.value == ""
    if isinstance(ours, Scalar):
        return isinstance(theirs, yaml.ScalarNode) and ours.text == theirs.value
    if isinstance(ours, Sequence):
        return len(ours) == len(theirs.value) and all(alike(a, b) for a, b in zip(ours, theirs.value, strict=True))
    first: dict[str, Any] = {}
    for key, value in theirs.value:
        first.setdefault(key.value, value)
    return list(ours) == list(first) and all(alike(ours[key], value) for key, value in first.items())
