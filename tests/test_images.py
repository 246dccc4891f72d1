"""What a compose service has from the image that it builds and from its files of variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.api import lint_raw
from oomconf.dialect import Document, Mapped
from oomconf.dialects._image import image

COMPOSE = "services:\n  api:\n    build: REST\n    mem_limit: 512m\n"


def heaps(rest: str, files: dict[str, str]) -> list[tuple[str, int, int]]:
    files = {"compose.yaml": COMPOSE.replace("REST", rest), **files}
    documents = [Document(path, text) for path, text in files.items()]
    report = lint_raw(documents, Mapped(files), select=["heap-above-limit"])
    return [(one.at.path, one.at.line, one.at.column) for one in report.findings]


@pytest.mark.parametrize(
    ("dockerfile", "line", "column"),
    [
        ("FROM eclipse-temurin:21\nENV JAVA_TOOL_OPTIONS=-Xmx1g\n", 2, 5),
        ("FROM eclipse-temurin:21\nENV JAVA_TOOL_OPTIONS -Xms64m -Xmx1g\n", 2, 23),
        ("FROM x\nENV A=1 \\\n# comment\n    JAVA_TOOL_OPTIONS='-Xms64m -Xmx1g'\n", 4, 5),
        ('FROM x\nCMD ["java", "-Xmx1g", "-jar", "x.jar"]\n', 2, 14),
        ('FROM x\nENTRYPOINT ["java", \\\n  "-Xmx1g"]\nCMD ["-jar", "x.jar"]\n', 3, 3),
        ("FROM x\nCMD exec java -Xmx1g -jar x.jar\n", 2, 15),
        ("FROM x\nARG HEAP=1g\nENV JAVA_TOOL_OPTIONS=-Xmx${HEAP}\n", 3, 5),
        ("FROM x AS base\nENV JAVA_TOOL_OPTIONS=-Xmx1g\nFROM base\n", 2, 5),
        ("FROM node\nENV NODE_OPTIONS=--max-old-space-size=1024\n", 2, 5),
    ],
)
def test_a_heap_of_the_image_is_held_against_the_limit_of_the_service(dockerfile: str, line: int, column: int) -> None:
    assert heaps("api", {"api/Dockerfile": dockerfile}) == [("api/Dockerfile", line, column)]


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM x AS build\nENV JAVA_TOOL_OPTIONS=-Xmx1g\nFROM y\n",
        "FROM x\nENV JAVA_TOOL_OPTIONS=-Xmx1g\nENV JAVA_TOOL_OPTIONS=-Xmx64m\n",
        "FROM x\nRUN cat <<EOF\nENV JAVA_TOOL_OPTIONS=-Xmx1g\nEOF\n",
        'FROM x AS base\nCMD ["java", "-Xmx1g"]\nFROM base\nENTRYPOINT ["python"]\n',
        "FROM x\nENV JAVA_TOOL_OPTIONS=-Xmx${HEAP}\n",
        "FROM x\nRUN java -Xmx4g -jar build.jar\n",
        "ENV",
        "FROM\nCMD [\nENV \\\n",
    ],
)
def test_what_the_image_does_not_keep_is_not_held_against_it(dockerfile: str) -> None:
    assert heaps("api", {"api/Dockerfile": dockerfile}) == []


def test_the_service_overrides_its_image() -> None:
    files = {"api/Dockerfile": 'FROM x\nENV JAVA_TOOL_OPTIONS=-Xmx1g\nCMD ["java", "-Xmx1g"]\n'}
    assert heaps("api\n    environment: {JAVA_TOOL_OPTIONS: -Xmx64m}\n    command: java -jar x.jar", files) == []
    assert heaps("api\n    environment: {JAVA_TOOL_OPTIONS: -Xmx64m}\n    entrypoint: [java, -jar, x.jar]", files) == []


def test_context_file_target_and_arguments_are_the_builds() -> None:
    dockerfile = "FROM x AS small\nARG HEAP=64m\nENV JAVA_TOOL_OPTIONS=-Xmx${HEAP}\nFROM x\nENV JAVA_TOOL_OPTIONS=-Xmx2g\n"
    files = {"docker/api.Dockerfile": dockerfile}
    assert heaps("{context: docker, dockerfile: api.Dockerfile}", files) == [("docker/api.Dockerfile", 5, 5)]
    assert heaps("{context: docker, dockerfile: api.Dockerfile, target: small}", files) == []
    assert heaps("{context: docker, dockerfile: api.Dockerfile, target: small, args: [HEAP=1g]}", files) == [
        ("docker/api.Dockerfile", 3, 5)
    ]
    assert heaps("{context: 'https://example.com/x.git'}", {"Dockerfile": dockerfile}) == []


def test_a_file_of_variables_counts_and_the_environment_beats_it() -> None:
    files = {"java.env": "# heap\nJAVA_TOOL_OPTIONS=-Xmx1g\n"}
    assert heaps(".\n    env_file: java.env", files) == [("java.env", 2, 19)]
    assert heaps(".\n    env_file: [{path: java.env, required: false}]", files) == [("java.env", 2, 19)]
    assert heaps(".\n    env_file: [java.env]\n    environment: [JAVA_TOOL_OPTIONS=-Xmx64m]", files) == []


def test_an_image_without_a_stage_of_that_name_is_the_last_one() -> None:
    found = image(Document("Dockerfile", "FROM x\nENV A=1\n"), target="none")
    assert found.variables["A"][0] == "1"


PIECES = [
    "FROM x AS a",
    "FROM a",
    "ENV A=",
    "ENV A b",
    "ARG A",
    "CMD [",
    '"java", "-Xmx1g"]',
    "ENTRYPOINT ",
    "RUN <<E",
    "E",
    "\\",
    "\n",
    "# x",
    "'",
    '"',
    "$A",
    "${A:-b}",
    "$(",
    " ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.sampled_from(["", "a", "1"]))
def test_no_dockerfile_is_too_odd(text: str, target: str) -> None:
    found = image(Document("Dockerfile", text), target=target)
    for _, at in (*found.variables.values(), *found.entrypoint, *found.command):
        assert at.path == "Dockerfile"
        assert 1 <= at.line <= text.count("\n") + 1


def test_what_an_image_says_wrong_is_told_once_in_its_dockerfile() -> None:
    files = {"compose.yaml": COMPOSE.replace("REST", "api"), "api/Dockerfile": "FROM x\nENV GOMEMLIMIT=512M\n"}
    report = lint_raw([Document(path, text) for path, text in files.items()], Mapped(files), select=["ignored-value"])
    assert [(one.at.path, one.at.line) for one in report.findings] == [("api/Dockerfile", 2)]
