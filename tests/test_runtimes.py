"""Heaps derived from limits, and heaps read from what files say."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.quantity import INFINITY, Percent, Size
from oomconf.runtimes import default_heap, environment, overhead, read_command, read_environment

M = 1 << 20
G = 1 << 30


SAID = [
    ("jvm", G, Percent(7000), (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=70.0", G * 7 // 10),
    ("jvm", G, Percent(6650), (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=66.5", G * 665 // 1000),
    ("jvm", G, Percent(10000), (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=100.0", G),
    ("jvm", 200 * M, Percent(7000), (), "JAVA_TOOL_OPTIONS", "-Xmx140m", 140 * M),
    ("jvm", G, Size(512 * M), ("-XX:+UseZGC",), "JAVA_TOOL_OPTIONS", "-XX:+UseZGC -Xmx512m", 512 * M),
    ("jvm", 400 * M, None, (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=50.0", 200 * M),
    ("go", 512 * M, Percent(9000), (), "GOMEMLIMIT", "460MiB", 460 * M),
    ("go", G, None, (), "GOMEMLIMIT", "921MiB", 921 * M),
    ("node", 960 * M, Percent(7000), (), "NODE_OPTIONS", "--max-old-space-size=672", 672 * M),
    ("node", G, Size(600 * M), ("--enable-source-maps",), "NODE_OPTIONS", "--enable-source-maps --max-old-space-size=600", 600 * M),
    ("dotnet", 200 * M * 4 // 3, Percent(7500), (), "DOTNET_GCHeapHardLimit", "0xC700000", 199 * M),
]


@pytest.mark.parametrize(("kind", "limit", "heap", "options", "name", "value", "size"), SAID)
def test_a_heap_is_said_in_the_runtimes_own_words(kind, limit, heap, options, name, value, size) -> None:
    made = environment(kind, memory_max=Size(limit), heap=heap, options=options)
    (variable,) = made.variables
    assert (variable.name, variable.value.upper(), variable.heap) == (name, value.upper(), size)


def test_a_share_of_no_limit_is_a_fault() -> None:
    for limit in (None, INFINITY):
        made = environment("jvm", memory_max=limit, heap=Percent(7000))
        assert not made.variables
        assert "no memory.max" in made.faults[0]


def test_python_gets_its_arenas() -> None:
    assert environment("python", memory_max=None, heap=None, arenas=2).variables[0].value == "2"


READ = [
    ({"JAVA_TOOL_OPTIONS": "-Xms1g -Xmx2g"}, "jvm", Size(2 * G), None, False),
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g -Xmx2g"}, "jvm", Size(2 * G), None, False),
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g", "_JAVA_OPTIONS": "-Xmx3g"}, "jvm", Size(3 * G), None, False),
    ({"JAVA_OPTS": "'-Xmx512m'"}, "jvm", Size(512 * M), None, False),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=75"}, "jvm", None, Percent(7500), False),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=0.75"}, "jvm", None, Percent(75), True),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=75%"}, "jvm", None, None, True),
    ({"JAVA_TOOL_OPTIONS": "-Xmx0.5g"}, "jvm", None, None, True),
    ({"GOMEMLIMIT": "900MiB"}, "go", Size(900 * M), None, False),
    ({"GOMEMLIMIT": "900M"}, "go", None, None, True),
    ({"NODE_OPTIONS": "--max-old-space-size=512"}, "node", Size(512 * M), None, False),
    ({"NODE_OPTIONS": "--max_old_space_size=512"}, "node", Size(512 * M), None, False),
    ({"NODE_OPTIONS": "--max-old-space-size-percentage=75"}, "node", None, Percent(7500), False),
    ({"DOTNET_GCHeapHardLimit": "0xC800000"}, "dotnet", Size(200 * M), None, False),
    ({"DOTNET_GCHeapHardLimitPercent": "75"}, "dotnet", None, None, True),
    ({"DOTNET_GCHeapHardLimitPercent": "0x4B"}, "dotnet", None, Percent(7500), False),
]


@pytest.mark.parametrize(("variables", "kind", "heap", "percent", "faulty"), READ)
def test_a_heap_in_the_environment_is_read(variables, kind, heap, percent, faulty) -> None:
    (hint,) = read_environment(variables)
    assert (hint.kind, hint.heap, hint.percent, bool(hint.fault)) == (kind, heap, percent, faulty)


@pytest.mark.parametrize(
    "variables", [{}, {"GOMEMLIMIT": "off"}, {"NODE_OPTIONS": "--inspect"}, {"JAVA_TOOL_OPTIONS": ""}, {"PATH": "-Xmx1g"}]
)
def test_other_variables_say_nothing(variables) -> None:
    assert read_environment(variables) == ()


COMMANDS = [
    (["java", "-Xmx2g", "-jar", "a.jar"], "jvm", 2 * G),
    (["node", "--max-old-space-size=4096", "a.js"], "node", 4096 * M),
    (["redis-server", "--maxmemory", "2gb"], "redis", 2 * G),
    (["valkey-server", "--maxmemory", "512m"], "redis", 512_000_000),
    (["postgres", "-c", "shared_buffers=4GB"], "postgresql", 4 * G),
    (["postgres", "-c", "shared_buffers=16384"], "postgresql", 128 * M),
]


@pytest.mark.parametrize(("line", "kind", "heap"), COMMANDS)
def test_a_heap_on_the_command_line_is_read(line, kind, heap) -> None:
    (hint,) = read_command(line)
    assert (hint.kind, hint.heap) == (kind, heap)


DEFAULTS = [
    ("jvm", 200, 100),
    ("jvm", 300, 126),
    ("jvm", 1024, 256),
    ("node", 128, 256),
    ("node", 1024, 512),
    ("node", 8192, 2048),
    ("node", 16384, 4096),
]


@pytest.mark.parametrize(("kind", "limit", "heap"), DEFAULTS)
def test_a_runtime_takes_its_own_share(kind, limit, heap) -> None:
    assert default_heap(kind, Size(limit * M)) == heap * M


@given(
    kind=st.sampled_from(["jvm", "go", "node", "dotnet"]),
    limit=st.integers(16 * M, 1 << 40),
    share=st.integers(1000, 10_000),
)
def test_what_is_said_reads_back(kind, limit, share) -> None:
    made = environment(kind, memory_max=Size(limit), heap=Percent(share))
    (variable,) = made.variables
    assert variable.heap is not None
    assert 0 < variable.heap <= limit
    (hint,) = read_environment({variable.name: variable.value})
    read = hint.heap if hint.percent is None else Size(limit * hint.percent.permyriad // 10_000)
    assert read == variable.heap
    assert 0 < overhead(kind, Size(limit)) < limit


@given(
    st.dictionaries(
        st.sampled_from(["JAVA_TOOL_OPTIONS", "GOMEMLIMIT", "NODE_OPTIONS", "DOTNET_GCHeapHardLimit", "DOTNET_GCHeapHardLimitPercent"]),
        st.text(),
    )
)
def test_no_text_is_too_odd_to_read(variables) -> None:
    read_environment(variables)
    read_command([word for text in variables.values() for word in text.split(" ")])


@pytest.mark.live
@pytest.mark.skipif(shutil.which("java") is None, reason="no java here")
@pytest.mark.parametrize("limit", [300 * M, G, 3 * G])
def test_java_understands_the_same_heap(limit) -> None:
    (variable,) = environment("jvm", memory_max=Size(limit), heap=Percent(7000)).variables
    shown = subprocess.run(
        ["java", f"-XX:MaxRAM={limit}", "-XX:+PrintFlagsFinal", "-version"],
        env={"PATH": "/usr/bin:/bin", variable.name: variable.value},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    heap = int(next(line for line in shown.splitlines() if " MaxHeapSize " in line).split()[3])
    # java aligns the heap up to 2 MiB
    assert variable.heap is not None
    assert 0 <= heap - variable.heap <= 2 * M


@pytest.mark.live
@pytest.mark.skipif(shutil.which("node") is None, reason="no node here")
def test_node_understands_the_same_heap() -> None:
    (variable,) = environment("node", memory_max=Size(G), heap=Percent(7000)).variables
    shown = subprocess.run(
        ["node", "-p", "require('v8').getHeapStatistics().heap_size_limit"],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", variable.name: variable.value},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert variable.heap is not None
    # the young generation comes on top: 48 MiB before Node.js 24, 192 since
    assert int(shown) - variable.heap in (48 * M, 192 * M)
