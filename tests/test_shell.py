"""Words of a shell, both ways, as the shells on this machine take them."""

from __future__ import annotations

import subprocess

import pytest
from consumers import folder
from hypothesis import given
from hypothesis import strategies as st

from oomconf.dialects._shell import commands, comment, word
from oomconf.dialects._templates import is_templated

# script, the words of each command in it
SCRIPTS: list[tuple[str, list[list[str]]]] = [
    ("docker run -m 512m nginx", [["docker", "run", "-m", "512m", "nginx"]]),
    ("a b\nc d;e&f|g&&h||i", [["a", "b"], ["c", "d"], ["e"], ["f"], ["g"], ["h"], ["i"]]),
    ("a \\\n  b \\\n\tc", [["a", "b", "c"]]),
    ("a\\\nb", [["ab"]]),
    ("a 'b c'd \"e f\"\\ g ''", [["a", "b cd", "e f g", ""]]),
    ('a "b\\"c\\\\d\\x\\\ne"', [["a", 'b"c\\d\\xe']]),
    ("# docker run x\na # b\nc#d", [["a"], ["c#d"]]),
    ("a <in >out 2>/dev/null 2>&1 b &>all c >>x d", [["a", "b", "c", "d"]]),
    ("a2>b", [["a2"]]),
    ("cat <<'END' | wc\ndocker run x\nEND\nafter", [["cat"], ["wc"], ["after"]]),
    ("cat <<-END\n\tdocker run x\n\tEND\nafter", [["cat"], ["after"]]),
    ("cat <<A <<B\n1\nA\n2\nB\nafter", [["cat"], ["after"]]),
    ("id=$(docker run -d x)", [["docker", "run", "-d", "x"], ["id=$(docker run -d x)"]]),
    ("a `b c` d", [["b", "c"], ["a", "`b c`", "d"]]),
    ('a "$(b "c d")" e', [["b", "c d"], ["a", '$(b "c d")', "e"]]),
    ("a ${B:-'}'} c", [["a", "${B:-'}'}", "c"]]),
    ("(a; b) && { c; }", [["a"], ["b"], ["{", "c"], ["}"]]),
    ("a) b", [["a"], ["b"]]),
    ("diff <(a b) <(c)", [["diff"], ["a", "b"], ["c"]]),
    ("a '", [["a", ""]]),
    ("a\r\nb", [["a"], ["b"]]),
]


@pytest.mark.parametrize(("script", "expected"), SCRIPTS)
def test_a_script_is_cut_into_the_words_of_its_commands(script: str, expected: list[list[str]]) -> None:
    assert [[one.text for one in command] for command in commands(script, "x.sh")] == expected


TEMPLATES: list[tuple[str, list[list[str]]]] = [
    ("a {{ b | c }} d", [["a", "{{ b | c }}", "d"]]),
    ("a '{{ b['c'] }}' d", [["a", "{{ b['c'] }}", "d"]]),
    ('a "{{ b("c") }}" d', [["a", '{{ b("c") }}', "d"]]),
    ("a <%= b %> c > <%= d %>/e", [["a", "<%= b %>", "c"]]),
    ("a {% if b %}-m {{ c }}{% endif %} d", [["a", "-m", "{{ c }}", "d"]]),
    ("a {% if b %}c{% else %}d{% endif %} e", [["a", "cd", "e"]]),
    ("{% if b %}\na \\\n{%- if c %}\n  -m {{ c }} \\\n{%- endif %}\n  d\n{% endif %}\ne", [["a", "-m", "{{ c }}", "d"], ["e"]]),
    ("{{- if .Values.b }}\na {{ .Values.c }}\n{{- end }}\nd", [["a", "{{ .Values.c }}"], ["d"]]),
    ("a {{ b\nc", [["a", "{{", "b"], ["c"]]),
]


@pytest.mark.parametrize(("script", "expected"), TEMPLATES)
def test_an_expression_of_a_template_is_no_more_than_a_part_of_a_word(script: str, expected: list[list[str]]) -> None:
    assert [[one.text for one in command] for command in commands(script, "x.sh")] == expected


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("a", True),
        ("$a", False),
        ("'$a'", True),
        ('"$a"', False),
        ("`a`", False),
        ("*.c", False),
        ("'*'", True),
        ("\\$a", True),
        ("a=b", True),
        ("{{ a }}", False),
        ("'{{ a }}'", False),
        ("@A@", False),
        ("x%A_B%", False),
        ("<%= a %>", False),
        ("{% if a %}b{% endif %}", False),
        ("{% if a %} b", False),
        ("a@b", True),
        ("+%H%M%S", True),
    ],
)
def test_a_word_is_known_where_the_shell_expands_nothing(text: str, known: bool) -> None:
    ((*_, last),) = [command for command in commands(f"x {text}", "x.sh") if command[0].text == "x"]
    assert last.known is known


def test_words_carry_their_places() -> None:
    (command,) = commands("a \\\n  'b c' \\\n  d", "x.sh")
    assert [tuple(one.at) for one in command] == [("x.sh", 1, 1, 1, 2), ("x.sh", 2, 3, 2, 8), ("x.sh", 3, 3, 3, 4)]


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(texts, min_size=1))
def test_words_that_are_quoted_read_back(words: list[str]) -> None:
    (command,) = commands(" ".join(word(one) for one in words), "x.sh")
    assert [one.text for one in command] == words
    assert all(one.known or is_templated(one.text) for one in command)


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(["$(", "`", '"', "'", "\\", "\n", "<<", "A", " ", "${", "}", ")", ">", "&", "#"])).map("".join)
    )
)
def test_no_text_is_too_odd(text: str) -> None:
    for command in commands(text, "x.sh"):
        assert command


@pytest.mark.parametrize("text", ["$(" * 50_000, "`" * 50_000, '"$(' * 20_000, "${" * 50_000, "a <<b\n" * 20_000, ")" * 50_000])
def test_deep_nesting_does_no_harm(text: str) -> None:
    list(commands(text, "x.sh"))


def test_a_nul_is_no_word() -> None:
    with pytest.raises(ValueError, match="NUL"):
        word("a\0b")


@given(st.text())
def test_a_comment_is_one_line(text: str) -> None:
    assert comment(text).isprintable()


@pytest.mark.live("shell")
@pytest.mark.parametrize("shell", [["sh"], ["dash"], ["busybox", "sh"]], ids=["sh", "dash", "busybox"])
def test_the_shells_take_quoted_words_as_they_were(shell: list[str]) -> None:
    @given(st.lists(texts, min_size=1, max_size=4))
    def law(words: list[str]) -> None:
        line = "printf '%s\\0' " + " ".join(word(one) for one in words)
        shown = subprocess.run([*shell, "-c", line], capture_output=True, check=True).stdout
        assert shown.decode().split("\0")[:-1] == words

    law()


@pytest.mark.live("shell")
@pytest.mark.parametrize(
    ("script", "expected"), [row for row in SCRIPTS if not any(mark in row[0] for mark in ("<(", "a)", "a '", "$(", "`", "&>", "\r", "${"))]
)
def test_the_shell_runs_the_same_words(script: str, expected: list[list[str]]) -> None:
    """Every command is a script that says its words; the shell's own keywords are no commands."""
    names = {one[0] for one in expected} | {"wc", "cat", "docker", "}"}
    # each into a file of its own: those of a pipeline run at the same time
    say = '#!/bin/sh\nprintf \'%s\\037\' "${0##*/}" "$@" >"$LOG.$$"\n'
    with folder({**{name: say for name in names if name.isalnum()}, "in": ""}) as bin_:
        for name in names:
            if name.isalnum():
                (bin_ / name).chmod(0o755)
        log = bin_ / "log"
        subprocess.run(
            ["sh"],
            input=script + "\nwait\n",
            text=True,
            cwd=bin_,
            env={"PATH": f"{bin_}:/usr/bin:/bin", "LOG": str(log)},
            capture_output=True,
            check=False,
            timeout=20,
        )
        ran = [said.read_text().split("\x1f")[:-1] for said in bin_.glob("log.*")]
    assert ran or not expected
    for line in ran:
        assert line in [one[1:] if one[0] == "{" else one for one in expected]
    assert ran
