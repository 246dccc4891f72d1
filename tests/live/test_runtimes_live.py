"""Runtimes as oracles: java and node take the heap that oomconf's environment gives them, and postgres reads sizes as we do."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from oomconf.quantity import Percent, Size
from oomconf.runtimes import default_heap, environment, heap_under, jvm_rounded, read_command, read_environment
from oomconf.runtimes._words import JAVA, NODE, quote_java, quote_node, split

# skipped with a reason also where CI is set: .ci/run does not bring these runtimes
pytestmark = pytest.mark.live

M = 1 << 20
G = 1 << 30
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="java is not installed")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
needs_postgres = pytest.mark.skipif(
    shutil.which("postgres") is None or os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="postgres or setpriv is not installed, or this is not root, who can become somebody whom postgres accepts",
)


def ask(argv: list[str], variables: dict[str, str]) -> tuple[int, str]:
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "JAVA_HOME", "NVM_DIR")}
    run = subprocess.run(argv, env={**inherited, **variables}, capture_output=True, text=True, check=False, timeout=60)
    return run.returncode, run.stdout + run.stderr


def java(variables: dict[str, str], *flags: str) -> int | None:
    """Give the MaxHeapSize that java shows; None where it does not start."""
    code, said = ask(["java", *flags, "-XX:+PrintFlagsFinal", "-version"], variables)
    return int(next(line.split()[3] for line in said.splitlines() if " MaxHeapSize " in line)) if code == 0 else None


def node(variables: dict[str, str], *flags: str) -> int | None:
    """Give V8's limit of the heap, young generation included; None where node does not start."""
    code, said = ask(["node", *flags, "-p", "require('v8').getHeapStatistics().heap_size_limit"], variables)
    return int(said.strip().splitlines()[-1]) if code == 0 else None


GIVEN = [
    (16 * M, None), (100 * M, None), (200 * M, Percent(7000)), (256 * M - 4096, Percent(7000)), (256 * M, Percent(7000)),
    (256 * M, Percent(5000)), (400 * M, Percent(3000)), (512 * M, None), (G, None), (G, Percent(3333)), (3 * G, None), (17 * G, None),
    (100 * G, Percent(3150)), (1024 * G, None), (G, Size(700 * M)), (G, Size(701 * M)), (8 * G, Size(4097 * M)), (64 * G, Size(34 * G)),
]  # fmt: skip


@needs_java
@pytest.mark.parametrize(("limit", "heap"), GIVEN)
def test_java_takes_the_heap_that_it_is_given(limit: int, heap: Size | Percent | None) -> None:
    made = environment("jvm", memory_max=Size(limit), heap=heap)
    (variable,) = made.variables
    assert variable.heap is not None
    # -XX:MaxRAM stands for the limit; G1 is what java takes with two CPUs and 1792 MiB
    shown = java({variable.name: variable.value}, f"-XX:MaxRAM={limit}", "-XX:+UseG1GC")
    assert shown == jvm_rounded(variable.heap)
    if heap is None and limit < 256 * M:
        assert shown == variable.heap


@needs_java
@pytest.mark.parametrize("limit", [16, 64, 200, 249, 250, 252, 300, 504, 505, 520, 1024, 3072, 17 * 1024])
def test_java_takes_by_itself_what_we_say(limit: int) -> None:
    assert java({}, f"-XX:MaxRAM={limit}m", "-XX:+UseG1GC") == default_heap("jvm", Size(limit * M))


@needs_java
@pytest.mark.parametrize(
    ("limit", "options"),
    [
        (200, "-XX:MaxRAMPercentage=75"), (200, "-XX:MinRAMPercentage=75"), (140, "-XX:MinRAMPercentage=95 -XX:MaxRAMPercentage=95"),
        (400, "-XX:MinRAMPercentage=25"), (1024, "-XX:MaxRAMPercentage=0.75"), (1024, "-XX:MaxRAMFraction=2"),
        (1024, "-XX:MaxRAMFraction=2 -XX:MaxRAMPercentage=75"), (1024, "-Xmx64m -XX:MaxRAMPercentage=75"), (1024, "-Xmx64m -Xmx96m"),
        (1024, "-Xmx128m -XX:MaxHeapSize=64m"), (1024, "'-Xmx64m'"), (1024, "\t-ea -Xmx0x40m"),
    ],
)  # fmt: skip
def test_java_takes_what_we_read(limit: int, options: str) -> None:
    variables = {"JAVA_TOOL_OPTIONS": options}
    (hint,) = read_environment(variables)
    assert java(variables, f"-XX:MaxRAM={limit}m") == heap_under(hint, Size(limit * M))


REFUSED = [
    "-Xmx0.5g", "-Xmx512mb", "-Xmx512", "-Xmx0", "-Xmx", "-XX:MaxHeapSize=1m", "-XX:MaxRAMPercentage=75%", "-XX:MaxRAMPercentage=101",
    "-XX:MaxRAMPercentage=75.", "-XX:MaxRAMPercentage=.5", "-XX:MaxRAMPercentage=", "-Dx='", "-Xmx1mb -Xmx1g", "-Xms2g -Xmx1g",
    "-XX:MaxDirectMemorySize=1gb",
]  # fmt: skip


@needs_java
@pytest.mark.parametrize("options", REFUSED)
def test_java_does_not_start_where_we_say_so(options: str) -> None:
    assert java({"JAVA_TOOL_OPTIONS": options}) is None
    assert any(hint.fault is not None for hint in read_environment({"JAVA_TOOL_OPTIONS": options}))


@needs_java
@pytest.mark.parametrize("option", ["-server", "-cp", "-jar", "-mx64m", "foo", "--add-opens", "-version", "@x", "--class-path=/x", "-J-ea"])
def test_java_refuses_the_options_that_we_refuse(option: str) -> None:
    assert environment("jvm", memory_max=Size(G), heap=None, options=(option,)).faults
    assert java({"JAVA_TOOL_OPTIONS": option}) is None


@needs_java
def test_java_takes_the_options_that_we_take() -> None:
    options = ("-ea", "-Xint", "-Xss1m", "--enable-preview", "--add-opens=java.base/java.lang=ALL-UNNAMED", "-XX:+UseSerialGC", "-Xms64m")
    (variable,) = environment("jvm", memory_max=Size(G), heap=Percent(5000), options=options).variables
    assert java({variable.name: variable.value}, "-XX:MaxRAM=1g") == 512 * M


@needs_java
def test_java_cuts_what_we_quote() -> None:
    for text in ("a b", "a'b", 'a"b', "a'b\"c d", "\\", "a\\ b", "ä", "'", '"', ""):
        value = quote_java(f"-Dfoo={text}")
        assert split(value, JAVA) == ((f"-Dfoo={text}",), None)
        _, said = ask(
            ["java", "-XshowSettings:properties", "-Dfile.encoding=UTF-8", "-version"], {"JAVA_TOOL_OPTIONS": value, "LC_ALL": "C.UTF-8"}
        )
        assert f"    foo = {text}\n" in said


@needs_java
def test_the_strongest_of_javas_variables_wins() -> None:
    everywhere = {"_JAVA_OPTIONS": "-Xmx64m", "JDK_JAVA_OPTIONS": "-Xmx96m", "JAVA_TOOL_OPTIONS": "-Xmx128m"}
    while everywhere:
        (hint,) = read_environment(everywhere)
        assert hint.knob == next(iter(everywhere))
        assert java(everywhere) == hint.heap
        command = java(everywhere, "-Xmx32m")
        assert command == (hint.heap if hint.knob == "_JAVA_OPTIONS" else 32 * M)
        del everywhere[hint.knob]


@needs_node
@pytest.mark.parametrize("limit", [16 * M, 128 * M, 200 * M + 1, G, 3 * G, 1024 * G])
def test_node_takes_the_heap_that_it_is_given(limit: int) -> None:
    (variable,) = environment("node", memory_max=Size(limit), heap=None).variables
    shown = node({variable.name: variable.value})
    assert shown is not None
    assert variable.heap is not None
    # the young generation comes on top
    assert shown - variable.heap in (48 * M, 192 * M)


@needs_node
@pytest.mark.parametrize(
    "options",
    ["--max-old-space-size=100", "--max_old_space_size=100", "--max-old_space-size=+100", "--max-old-space-size=007",
     '"--max-old-space-size=64"',
     "--max-old-space-size=100 --max_old_space_size=200", '--title="a\\" b" --max-old-space-size=100'],
)  # fmt: skip
def test_node_takes_what_we_read(options: str) -> None:
    (hint,) = read_environment({"NODE_OPTIONS": options})
    shown = node({"NODE_OPTIONS": options})
    assert shown is not None
    assert hint.heap is not None
    assert shown - hint.heap in (48 * M, 192 * M)


@needs_node
@pytest.mark.parametrize("options", ["--max-old-space-size=512m", "--max-old-space-size=0.5", "--max-old-space-size 512", '--title="a'])
def test_node_does_not_start_where_we_say_so(options: str) -> None:
    assert node({"NODE_OPTIONS": options}) is None
    assert any(hint.fault is not None for hint in read_environment({"NODE_OPTIONS": options}))


@needs_node
@pytest.mark.parametrize("options", ["--max-old-space-size=0", "--max-old-space-size="])
def test_node_ignores_what_we_say_it_ignores(options: str) -> None:
    assert node({"NODE_OPTIONS": options}) == node({})
    (hint,) = read_environment({"NODE_OPTIONS": options})
    assert hint.fault is not None
    assert "is ignored by V8" in hint.fault


@needs_node
def test_nodes_command_line_beats_its_variable_but_not_behind_the_program(tmp_path: Path) -> None:
    program = tmp_path / "heap.js"
    program.write_text("console.log(require('v8').getHeapStatistics().heap_size_limit)", encoding="utf-8")
    before, behind = ["node", "--max-old-space-size=100", str(program)], ["node", str(program), "--max-old-space-size=100"]
    limits = [int(ask(argv, {"NODE_OPTIONS": "--max-old-space-size=300"})[1]) // M for argv in (before, behind)]
    assert limits[0] + 200 == limits[1]
    assert [hint.fault is None for argv in (before, behind) for hint in read_command(argv)] == [True, False]


@needs_node
def test_node_cuts_what_we_quote() -> None:
    for text in ("a b", "a'b", 'a"b', "a\\b", 'a\\"b c', "\\"):
        value = quote_node(f"--title={text}")
        assert split(value, NODE) == ((f"--title={text}",), None)
        assert ask(["node", "-p", "process.title"], {"NODE_OPTIONS": value})[1] == f"{text}\n"


@needs_node
def test_node_refuses_the_options_that_we_refuse() -> None:
    for option in ("--max-heap-size=100", "--eval", "--", "--version"):
        assert environment("node", memory_max=Size(G), heap=None, options=(option,)).faults
        assert node({"NODE_OPTIONS": option}) is None


BUFFERS = [
    "500", "64", "128kB", "1.5GB", "1 GB", "1e3", "0x100", "0.5GB", " 1GB", "1GB ", "1TB", "+5MB", "10000000B", "131072B", ".5GB", "1e-1GB",
    "0.1GB", "0.3TB", "1000.4kB", "010MB", "16", "15", "16kB", "100kB", "512m", "512mb", "-1", "099MB", "9999TB", "1MiB", "", "1G",
    "1..5GB",
]  # fmt: skip


@needs_postgres
def test_postgres_reads_shared_buffers_as_we_do() -> None:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        data.chmod(0o700)
        (data / "postgresql.conf").touch()
        for path in (data, data / "postgresql.conf"):
            os.chown(path, 65534, 65534)
        for text in BUFFERS:
            command = ["postgres", "-D", name, "-c", f"shared_buffers={text}", "-C", "shared_buffers"]
            code, said = ask(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command], {})
            (hint,) = read_command(command)
            if code == 0:
                assert (text, hint.heap) == (text, int(said.split()[0]) * 8192)
            else:
                assert hint.fault is not None, text
