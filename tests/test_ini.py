"""The unit-file grammar: what systemd takes from a text, line by line (src/shared/conf-parser.c)."""

from __future__ import annotations

import pytest
from unit_files import FATAL, GRAMMAR, HEAD

from oomconf.dialects import _ini

SECTIONS = frozenset({"Unit", "Service", "Install"})


def taken(parsed: _ini.Parsed) -> list[tuple[str, str]]:
    return [(one.key, one.value) for one in parsed.assignments if not one.fault and one.section == "Service"][1:]


@pytest.mark.parametrize(("body", "expected", "fault"), GRAMMAR)
def test_a_line_says_what_systemd_takes_from_it(body: str, expected: list[tuple[str, str]], fault: str) -> None:
    parsed = _ini.parse("web.service", HEAD + body, SECTIONS)
    assert taken(parsed) == expected
    assert bool(parsed.faults) == bool(fault)
    assert all(fault in one.message for one in parsed.faults)
    assert parsed.fatal is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\0", "\n\r", "\n\0", "\r\n\0"])
def test_every_end_of_line_ends_a_line(end: str) -> None:
    text = (HEAD + "MemoryMax=1G\nMemoryHigh=2G\n").replace("\n", end)
    assert taken(_ini.parse("web.service", text, SECTIONS)) == [("MemoryMax", "1G"), ("MemoryHigh", "2G")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\ufeff" + HEAD + "MemoryMax=1G\n", [("MemoryMax", "1G")]),
        ("\ufeff# comment=1\n" + HEAD + "MemoryMax=1G\n", [("MemoryMax", "1G")]),
        (HEAD + "\ufeffMemoryMax=1G\n", [("MemoryMax", "1G")]),
        ("\ufeff" + HEAD + "\ufeffMemoryMax=1G\n", [("\ufeffMemoryMax", "1G")]),
    ],
)
def test_the_first_byte_order_mark_at_the_start_of_a_line_is_skipped(text: str, expected: list[tuple[str, str]]) -> None:
    assert taken(_ini.parse("web.service", text, SECTIONS)) == expected


@pytest.mark.parametrize(("body", "message"), [*FATAL, ("Environment=X=caf\udce9\nMemoryMax=1G\n", "not UTF-8")], ids=range(len(FATAL) + 1))
def test_after_a_fatal_line_nothing_counts(body: str, message: str) -> None:
    parsed = _ini.parse("web.service", HEAD + body, SECTIONS)
    assert parsed.fatal is not None
    assert message in parsed.fatal.message
    assert [one for one in parsed.assignments if one.key == "MemoryMax" and not one.fault] == []


def test_a_line_of_almost_a_mebibyte_is_read() -> None:
    line = "Environment=" + "x" * (2**20 - 1 - len("Environment="))
    assert _ini.parse("web.service", f"[Service]\n{line}\n").fatal is None
    assert _ini.parse("web.service", f"[Service]\n{line}x\n").fatal is not None


@pytest.mark.parametrize(
    ("text", "excuse", "messages"),
    [
        ("MemoryMax=1G\n", "before any section", 0),
        ("[Foo]\nMemoryMax=1G\n", "[Foo]", 1),
        ("[service]\nMemoryMax=1G\n", "[service]", 1),
        ("[ Service ]\nMemoryMax=1G\n", "[ Service ]", 1),
        ("[X-Foo]\nMemoryMax=1G\n", "[X-Foo]", 0),
        ("[Service]\n[X-Foo]\nMemoryMax=1G\n[Foo]\nMemoryMax=2G\n", "Foo]", 1),
    ],
)
def test_what_stands_in_no_known_section_is_passed_over_with_the_reason(text: str, excuse: str, messages: int) -> None:
    parsed = _ini.parse("web.service", text, SECTIONS)
    assert all(excuse in one.fault for one in parsed.assignments)
    assert len(parsed.faults) == messages


def test_places_are_those_of_an_editor() -> None:
    text = "[Service]\n  MemoryMax =  1G \r\nMemoryHigh=\\\n   2G\nMemoryLow=\n"
    high_max, high, low = _ini.parse("a/web.service", text).assignments
    assert high_max.at == ("a/web.service", 2, 16, 2, 18)
    assert high_max.key_at == ("a/web.service", 2, 3, 2, 12)
    assert high.at == ("a/web.service", 4, 4, 4, 6)
    assert high.key_at == ("a/web.service", 3, 1, 3, 11)
    assert low.at == ("a/web.service", 5, 1, 5, 10)


def test_a_value_over_several_lines_spans_them() -> None:
    (one,) = _ini.parse("web.service", "[Service]\nMemoryMax=1G \\\nMemoryLow=2G\n").assignments
    assert (one.value, one.at) == ("1G  MemoryLow=2G", ("web.service", 2, 11, 3, 13))


def test_a_lone_carriage_return_and_a_nul_keep_columns_honest() -> None:
    first, second, third = _ini.parse("x", "[S]\rA=1\0B=2\nC=3").assignments
    assert [one.at[1:3] for one in (first, second, third)] == [(2, 3), (2, 7), (3, 3)]


def test_an_empty_file_masks() -> None:
    assert _ini.parse("x", "").empty
    assert not _ini.parse("x", "\n").empty


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("A=1 B=2", ["A=1", "B=2"]),
        ('"A=b c" D', ["A=b c", "D"]),
        ("A='b c'd", ["A=b cd"]),
        (r'"a\"b\\c" x\x41\n', ['a"b\\c', "xA\n"]),
        (r"\101 \u00e9 \s", ["A", "é", " "]),
        ('"50%%"', ["50%"]),
        ('A=1 "B=2', ["A=1"]),
        ("", []),
        ('""', [""]),
        (r"\q", [r"\q"]),
    ],
)
def test_words_are_split_as_systemd_does(value: str, expected: list[str]) -> None:
    assert [word.text for word in _ini.words(value)] == expected


@pytest.mark.parametrize(
    "text", ["plain", "two words", 'quo"te', "back\\slash\\", "50% %h %%", "$HOME ${X} `id` $(id)", "'", "-Xmx1g ü", ""]
)
def test_quoting_is_undone_by_splitting(text: str) -> None:
    assert [word.text for word in _ini.words(_ini.quote(text))] == [text]
    assert [word.text for word in _ini.words(_ini.environment("NAME", text))] == [f"NAME={text}"]


@pytest.mark.parametrize("text", ["a\nb", "\0", "\x7f", "\t", "\ud800", "\ufffe", "a\u2028b"])
def test_what_a_unit_file_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        _ini.quote(text)


def test_a_command_keeps_its_dollars_and_percents() -> None:
    assert _ini.exec_words(["/bin/sh", "-c", "echo $HOME 50%; true", ";"]) == '/bin/sh -c "echo $$HOME 50%%; true" ";"'


def test_a_comment_stays_on_its_line() -> None:
    assert _ini.comment("a\nMemoryMax=1\r\0é") == "a?MemoryMax=1??é"
