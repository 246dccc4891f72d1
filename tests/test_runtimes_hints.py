"""Heaps read from what environments and command lines say; a row a case."""

from __future__ import annotations

import importlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.quantity import INFINITY, Percent
from oomconf.runtimes import (
    SCRIPT_VARIABLES,
    Kind,
    effective,
    program,
    read_command,
    read_environment,
)
from oomconf.runtimes._words import JAVA, NODE, SHELL, Cutting, quote_java, quote_node, split

M = 1 << 20
G = 1 << 30
HEAPED: list[Kind] = ["jvm", "go", "node", "dotnet"]


READ = [
    ({"JAVA_TOOL_OPTIONS": "-Xms1g -Xmx2g"}, "jvm", 2 * G, None, False),
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g -Xmx2g"}, "jvm", 2 * G, None, False),
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g -XX:MaxHeapSize=512m"}, "jvm", 512 * M, None, False),
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g", "_JAVA_OPTIONS": "-Xmx3g"}, "jvm", 3 * G, None, False),
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g", "JDK_JAVA_OPTIONS": "-Xmx3g"}, "jvm", 3 * G, None, False),
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g", "_JAVA_OPTIONS": "-XX:MaxRAMPercentage=50"}, "jvm", G, None, False),
    ({"JAVA_OPTS": "'-Xmx512m'"}, "jvm", 512 * M, None, False),
    ({"JAVA_TOOL_OPTIONS": "\t-ea\n'-Xmx512m' "}, "jvm", 512 * M, None, False),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=75"}, "jvm", None, 7500, False),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=75.0"}, "jvm", None, 7500, False),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=075.559"}, "jvm", None, 7555, False),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=100.000"}, "jvm", None, 10000, False),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMFraction=3"}, "jvm", None, 3333, False),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=60 -XX:MaxRAMFraction=3"}, "jvm", None, 6000, False),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=0.75"}, "jvm", None, 75, True),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=75%"}, "jvm", None, None, True),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=75."}, "jvm", None, None, True),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=100.001"}, "jvm", None, None, True),
    ({"JAVA_TOOL_OPTIONS": "-XX:MaxRAMFraction=0"}, "jvm", None, None, True),
    ({"JAVA_TOOL_OPTIONS": "-Xmx0.5g"}, "jvm", None, None, True),
    ({"JAVA_TOOL_OPTIONS": "-Xmx512"}, "jvm", None, None, True),
    ({"JAVA_TOOL_OPTIONS": "-Xmx"}, "jvm", None, None, True),
    ({"JAVA_TOOL_OPTIONS": '-Dx="'}, "jvm", None, None, True),
    ({"JAVA_TOOL_OPTIONS": "-Xmx${HEAP}"}, "jvm", None, None, False),
    ({"GOMEMLIMIT": "900MiB"}, "go", 900 * M, None, False),
    ({"GOMEMLIMIT": "900M"}, "go", None, None, True),
    ({"GOMEMLIMIT": "$(LIMIT)"}, "go", None, None, False),
    ({"NODE_OPTIONS": "--max-old-space-size=512"}, "node", 512 * M, None, False),
    ({"NODE_OPTIONS": "--max_old_space_size=512"}, "node", 512 * M, None, False),
    ({"NODE_OPTIONS": "--max-old-space-size=512 --max_old_space_size=256"}, "node", 256 * M, None, False),
    ({"NODE_OPTIONS": '--title="a b" "--max-old-space-size=5"'}, "node", 5 * M, None, False),
    ({"NODE_OPTIONS": "--max-old-space-size-percentage=75"}, "node", None, 7500, False),
    ({"NODE_OPTIONS": "--max_old_space_size_percentage=62.5"}, "node", None, 6250, False),
    ({"NODE_OPTIONS": "--max-old-space-size-percentage=0"}, "node", None, None, True),
    ({"NODE_OPTIONS": "--max-old-space-size=512m"}, "node", None, None, True),
    ({"NODE_OPTIONS": "--max-old-space-size 512"}, "node", None, None, True),
    ({"NODE_OPTIONS": "--max-old-space-size=0"}, "node", None, None, True),
    ({"NODE_OPTIONS": "--max-old-space-size="}, "node", None, None, True),
    ({"NODE_OPTIONS": "--max-old-space-size=-1"}, "node", None, None, True),
    ({"NODE_OPTIONS": '--title="a'}, "node", None, None, True),
    ({"NODE_OPTIONS": "--max-old-space-size={{ heap }}"}, "node", None, None, False),
    ({"NODE_OPTIONS": "--max-old-space-size={{heap}}"}, "node", None, None, False),
    ({"DOTNET_GCHeapHardLimit": "0xC800000"}, "dotnet", 200 * M, None, False),
    ({"DOTNET_GCHeapHardLimit": "C800000"}, "dotnet", 200 * M, None, False),
    ({"COMPlus_GCHeapHardLimit": "C800000"}, "dotnet", 200 * M, None, False),
    ({"COMPlus_GCHeapHardLimit": "C800000", "DOTNET_GCHeapHardLimit": "6400000"}, "dotnet", 100 * M, None, False),
    ({"DOTNET_GCHeapHardLimitPercent": "32", "COMPlus_GCHeapHardLimit": "C800000"}, "dotnet", 200 * M, None, False),
    ({"DOTNET_GCHeapHardLimit": "200MB"}, "dotnet", None, None, True),
    ({"DOTNET_GCHeapHardLimitPercent": "75"}, "dotnet", None, None, True),
    ({"DOTNET_GCHeapHardLimitPercent": "0x4B"}, "dotnet", None, 7500, False),
    ({"MALLOC_ARENA_MAX": "two"}, "python", None, None, True),
]


@pytest.mark.parametrize(("variables", "kind", "heap", "percent", "faulty"), READ, ids=[str(row[0]) for row in READ])
def test_a_heap_in_the_environment_is_read(
    variables: dict[str, str], kind: str, heap: int | None, percent: int | None, faulty: bool
) -> None:
    (hint,) = read_environment(variables)
    assert (hint.kind, hint.heap, hint.percent) == (kind, heap, None if percent is None else Percent(percent))
    assert (hint.fault is not None) == faulty
    assert hint.knob in variables
    assert hint.text in variables[hint.knob].replace('"', "").replace("'", "") or hint.text == variables[hint.knob]


@pytest.mark.parametrize(
    "variables",
    [
        {}, {"GOMEMLIMIT": "off"}, {"GOMEMLIMIT": ""}, {"NODE_OPTIONS": "--inspect"}, {"JAVA_TOOL_OPTIONS": ""}, {"PATH": "-Xmx1g"},
        {"DOTNET_GCHeapHardLimit": "0"}, {"DOTNET_GCHeapHardLimitPercent": "0"}, {"JAVA_TOOL_OPTIONS": "-Xms1g -Dx=-Xmx1g"},
        {"NODE_OPTIONS": "--title=--max-old-space-size=5"}, {"dotnet_gcheaphardlimit": "1"}, {"JAVA_TOOL_OPTIONS": "-mx1g"},
    ],
)  # fmt: skip
def test_other_variables_say_nothing(variables: dict[str, str]) -> None:
    assert read_environment(variables) == ()


def test_arenas_are_read_and_one_bad_word_does_not_hide_the_heap() -> None:
    (hint,) = read_environment({"MALLOC_ARENA_MAX": "2"})
    assert (hint.kind, hint.knob, hint.arenas, hint.heap, hint.fault) == ("python", "MALLOC_ARENA_MAX", 2, None, None)
    good, bad = read_environment({"JAVA_TOOL_OPTIONS": "-Xmx1mb -Xmx1g"})
    assert (good.heap, good.fault, bad.text, bad.heap) == (G, None, "-Xmx1mb", None)
    assert bad.fault == "'1mb' is refused by the JVM, which does not start"


def test_java_variables_of_scripts_are_named_one_by_one_in_a_fixed_order() -> None:
    hints = read_environment(dict.fromkeys(reversed(SCRIPT_VARIABLES), "-Xmx1g"))
    assert tuple(hint.knob for hint in hints) == SCRIPT_VARIABLES


def test_both_percentages_count_together_also_from_two_variables() -> None:
    (hint,) = read_environment({"_JAVA_OPTIONS": "-XX:MinRAMPercentage=80", "JAVA_TOOL_OPTIONS": "-XX:MaxRAMPercentage=60"})
    assert (hint.percent, hint.min_percent) == (Percent(6000), Percent(8000))


COMMANDS = [
    ("java -Xmx2g -jar a.jar", "jvm", "-Xmx", 2 * G),
    ("/usr/bin/java -mx64m Main", "jvm", "-mx", 64 * M),
    ("java -XX:MaxHeapSize=64m Main", "jvm", "-XX:MaxHeapSize", 64 * M),
    ("java -cp a.jar -Xmx2g Main", "jvm", "-Xmx", 2 * G),
    ("java @args -Xmx2g -m mod/Main", "jvm", "-Xmx", 2 * G),
    ("-Xmx2g -jar a.jar", "jvm", "-Xmx", 2 * G),
    ("tini -- java -Xmx2g -jar a.jar", "jvm", "-Xmx", 2 * G),
    ("sh -c 'cd /app && exec java -Xmx2g -jar a.jar'", "jvm", "-Xmx", 2 * G),
    ("bash -lc 'sh -c \"java -Xmx2g -jar a.jar\"'", "jvm", "-Xmx", 2 * G),
    ("env JAVA_TOOL_OPTIONS=-Xmx2g ./run", "jvm", "JAVA_TOOL_OPTIONS", 2 * G),
    ("sh -c 'GOMEMLIMIT=2GiB ./server'", "go", "GOMEMLIMIT", 2 * G),
    ("node --max-old-space-size=4096 a.js", "node", "--max-old-space-size", 4096 * M),
    ("node -r ./hook.js --max_old_space_size=4096 a.js", "node", "--max-old-space-size", 4096 * M),
    ("redis-server --maxmemory 2gb", "other", "maxmemory", 2 * G),
    ("redis-server /etc/redis.conf '--maxmemory 2gb'", "other", "maxmemory", 2 * G),
    ("valkey-server --MaxMemory 512m", "other", "maxmemory", 512_000_000),
    ("--maxmemory 512MB", "other", "maxmemory", 512 * M),
    ("postgres -c shared_buffers=4GB", "other", "shared_buffers", 4 * G),
    ("postgres -cshared_buffers=16384", "other", "shared_buffers", 128 * M),
    ("postgres --shared-buffers=0.1GB", "other", "shared_buffers", 102 * M),
    ("postgres -B 1000", "other", "shared_buffers", 8192000),
    ("-c max_connections=9 -c 'shared_buffers = 1.5 GB'", "other", "shared_buffers", 1536 * M),
    ("memcached -m 1024", "other", "memcached -m", G),
    ("memcached -m1024m", "other", "memcached -m", G),
    ("docker-entrypoint.sh memcached --memory-limit=64", "other", "memcached -m", 64 * M),
    ("mariadbd --innodb-buffer-pool-size=1G", "other", "innodb_buffer_pool_size", G),
    ("mysqld --innodb_buffer_pool_size 512Mi", "other", "innodb_buffer_pool_size", 512 * M),
    ("mongod --wiredTigerCacheSizeGB 1.5", "other", "wiredTigerCacheSizeGB", 1536 * M),
]


@pytest.mark.parametrize(("line", "kind", "knob", "heap"), COMMANDS, ids=[row[0] for row in COMMANDS])
def test_a_heap_on_the_command_line_is_read(line: str, kind: str, knob: str, heap: int | None) -> None:
    words, _ = split(line, SHELL)
    (hint,) = read_command(words)
    assert (hint.kind, hint.knob, hint.heap) == (kind, knob, heap)
    assert (hint.fault is None) == (heap is not None)


BROKEN = [
    (["java", "-jar", "a.jar", "-Xmx2g"], "'-Xmx2g' stands behind 'a.jar' and goes to that program, not to java"),
    (["java", "Main", "x", "-XX:MaxRAMPercentage=75"], "behind 'Main'"),
    (["node", "server.js", "--max-old-space-size=4096"], "stands behind 'server.js' and goes to that program, not to node"),
    (["node", "--max-old-space-size", "4096", "a.js"], "has no '=' and value"),
    (["redis-server", "--maxmemory", "512MiB"], "'512MiB' is no size to Redis"),
    (["redis-server", "--maxmemory", "50%"], "no size to Redis"),
    (["redis-server", "--maxmemory"], "'' is no size to Redis"),
    (["postgres", "-c", "shared_buffers=512m"], "'512m' is no shared_buffers to PostgreSQL"),
    (["postgres", "-c", "shared_buffers=100kB"], "'100kB' is not between 128 kB and 8 TB"),
    (["postgres", "-c", "shared_buffers=-1"], "not between"),
    (["memcached", "-m", "1g"], "'1g' is read by memcached as 1 MiB"),
    (["memcached", "-m", "big"], "as 0 MiB"),
    (["mariadbd", "--innodb-buffer-pool-size=50%"], "no size to MariaDB"),
    (["mongod", "--wiredTigerCacheSizeGB=1G"], "no number of GB"),
]


@pytest.mark.parametrize(("words", "fault"), BROKEN)
def test_what_its_program_refuses_or_misreads_says_so(words: list[str], fault: str) -> None:
    (hint,) = read_command(words)
    assert hint.fault is not None
    assert fault in hint.fault


@pytest.mark.parametrize(
    ("words", "image", "fault"),
    [
        (["-m", "1g"], "memcached:1.6", "'1g' is read by memcached as 1 MiB"),
        (["--maxmemory", "512MiB"], "docker.io/library/redis@sha256:0", "no size to Redis"),
        (["-c", "shared_buffers=256mb"], "postgres", "no shared_buffers"),
        (["--maxmemory", "512MiB"], "", None),
        (["--maxmemory", "512MiB"], "registry.example/dragonfly", None),
        (["run.sh", "--maxmemory", "512MiB"], "redis", None),
        (["mocha", "--max-old-space-size", "512"], "", None),
    ],
)
def test_flags_are_judged_only_where_their_program_is_certain(words: list[str], image: str, fault: str | None) -> None:
    (hint,) = read_command(words, image=image)
    assert (hint.fault is None) == (fault is None)
    assert (fault or "") in (hint.fault or "")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("-Xms2g -Xmx1g", "'-Xms2g' is more than '-Xmx1g', and java does not start"),
        ("-Xms1g -Xmx512m -XX:InitialHeapSize=1g", None),
        ("-Xmx1g -Xms2g -Xms512m", None),
        ("-Xms1g -Xmx1g", None),
        ("-Xms2g -XX:MaxRAMPercentage=50", None),
        ("-Xms2g -Xmx$HEAP", None),
        ("-Xmsbig -Xmx1g", None),
    ],
)
def test_a_heap_that_begins_above_its_end_is_refused(options: str, fault: str | None) -> None:
    for hints in (read_environment({"JAVA_TOOL_OPTIONS": options}), read_command(["java", *options.split(), "Main"])):
        assert [hint.fault for hint in hints if hint.fault is not None] == ([] if fault is None else [fault])


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ("-XX:MaxDirectMemorySize=1g -XX:MaxDirectMemorySize=512m", [512 * M]),
        ("-XX:MaxDirectMemorySize=0", []),
        ("-XX:MaxDirectMemorySize=$D", []),
        ("-XX:MaxDirectMemorySize=1gb", [None]),
    ],
)
def test_direct_buffers_are_read_beside_the_heap(options: str, sizes: list[int | None]) -> None:
    for hints in (read_environment({"JAVA_OPTS": f"-Xmx1g {options}"}), read_command(["java", "-Xmx1g", *options.split(), "Main"])):
        assert [hint.heap for hint in hints] == [G, *sizes]


@pytest.mark.parametrize(
    ("variables", "image", "heap"),
    [
        ({"MEMORY": "4G"}, "itzg/minecraft-server:java21", 4 * G),
        ({"MEMORY": "4G", "MAX_MEMORY": "2G"}, "docker.io/itzg/minecraft-server", 2 * G),
        ({"MEMORY": ""}, "itzg/minecraft-server", None),
        ({"MEMORY": "4G"}, "registry.example/minecraft-server", None),
        ({"MAX_HEAP_SIZE": "4G"}, "cassandra:5", 4 * G),
        ({"MAX_HEAP_SIZE": "4G"}, "registry.example/api", None),
        ({"SOLR_HEAP": "4g"}, "registry.example/search", 4 * G),
        ({"SOLR_HEAP": "1024"}, "mailcow/solr", None),
        ({"INSTALL4J_ADD_VM_PARAMS": "-Xms1g -Xmx4g"}, "", 4 * G),
    ],
)
def test_a_product_s_own_variable_counts_in_its_image(variables: dict[str, str], image: str, heap: int | None) -> None:
    hints = effective(read_environment(variables, image=image))
    assert [hint.heap for hint in hints] == ([] if heap is None else [heap])


def test_quotes_are_the_start_script_s_own_affair() -> None:
    assert read_environment({"JAVA_OPTS": "-Dx='a"}) == ()
    (hint,) = read_environment({"JDK_JAVA_OPTIONS": "-Dx='a"})
    assert hint.fault == "JDK_JAVA_OPTIONS has an unmatched ', and java does not start"


@pytest.mark.parametrize(
    "line",
    [
        "", "java -jar a.jar", "java -cp a.jar Main --jvm -Xmx2g -Xms1g", "ls -m 5", "python -m venv", "redis-server --maxmemory 0",
        "redis-server --maxmemory-policy allkeys-lru", "psql -c shared_buffers", "sh -c", "psql -c 'show shared_buffers = 1'", "sh -c ';;'",
        "java -jar a.jar -Xms1g", "echo shared_buffers=1GB",
    ],
)  # fmt: skip
def test_other_commands_say_nothing(line: str) -> None:
    assert read_command(split(line, SHELL)[0]) == ()


def test_a_program_is_known_behind_its_wrappers() -> None:
    assert program(["/usr/bin/env", "tini", "--", "/opt/jdk/bin/java", "-jar", "a.jar"]) == "java"
    assert program(["nodejs", "a.js"]) == "node"
    assert program(["./serve"]) is None


EFFECTIVE = [
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g"}, "java -Xmx2g -jar a.jar", True, ["-Xmx2g"]),
    ({"JDK_JAVA_OPTIONS": "-Xmx1g"}, "java -Xmx2g -jar a.jar", True, ["-Xmx2g"]),
    ({"_JAVA_OPTIONS": "-Xmx1g"}, "java -Xmx2g -jar a.jar", True, ["-Xmx1g"]),
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g"}, "java -XX:MaxRAMPercentage=50 -jar a.jar", True, ["-Xmx1g"]),
    ({"JAVA_OPTS": "-Xmx1g", "JAVA_TOOL_OPTIONS": "-Xmx3g"}, "catalina.sh run", True, ["-Xmx1g"]),
    ({"JAVA_OPTS": "-Xmx1g", "JAVA_TOOL_OPTIONS": "-Xmx3g"}, "java -jar a.jar", False, ["-Xmx3g"]),
    ({"JAVA_OPTS": "-Xmx1g"}, "java -Xmx2g -jar a.jar", True, ["-Xmx2g"]),
    ({"NODE_OPTIONS": "--max-old-space-size=300"}, "node --max-old-space-size=100 a.js", True, ["--max-old-space-size=100"]),
    ({"GOMEMLIMIT": "1G"}, "serve", True, []),
    ({"JAVA_TOOL_OPTIONS": "-Xmx1g", "MALLOC_ARENA_MAX": "2"}, "java -jar a.jar -Xmx4g", True, ["-Xmx1g", "2"]),
    ({}, "sh -c 'redis-server --maxmemory 1gb & memcached -m 64'", True, ["--maxmemory 1gb", "-m 64"]),
]


@pytest.mark.parametrize(("variables", "line", "scripts", "texts"), EFFECTIVE)
def test_the_hint_that_counts_is_found(variables: dict[str, str], line: str, scripts: bool, texts: list[str]) -> None:
    hints = (*read_environment(variables), *read_command(split(line, SHELL)[0]))
    assert [hint.text for hint in effective(hints, scripts=scripts)] == texts


TEXTS = st.text(st.sampled_from(" -XmxXX:MaxRAMPercentage=--max_old_space_size='\"\\\n\t0123456789.%gGMiBk$;&|c"), max_size=60)


@given(st.dictionaries(st.sampled_from(["JAVA_TOOL_OPTIONS", "GOMEMLIMIT", "NODE_OPTIONS", "DOTNET_GCHeapHardLimit", "JAVA_OPTS"]), TEXTS))
def test_no_text_is_too_odd_to_read(variables: dict[str, str]) -> None:
    for hint in (*read_environment(variables), *read_command([word for text in variables.values() for word in ("sh", "-c", text)])):
        assert hint.text or hint.fault is not None


@given(
    st.sampled_from(["-Xmx", "-XX:MaxRAMPercentage=", "--max-old-space-size=", "-cshared_buffers=", "--maxmemory "]), st.text(max_size=40)
)
def test_no_value_is_too_odd_to_read(flag: str, value: str) -> None:
    for hint in read_command([flag + value]):
        assert hint.heap is None or 0 <= hint.heap <= INFINITY


CUT = [
    (JAVA, "a  'b c'\"d\" e\\ f", ("a", "b cd", "e\\", "f"), None),
    (JAVA, "'' x", ("", "x"), None),
    (JAVA, "a\n\tb", ("a", "b"), None),
    (JAVA, "a 'b c", ("a",), "has an unmatched '"),
    (NODE, "'a b'", ("'a", "b'"), None),
    (NODE, '"" a"b c"d', ("ab cd",), None),
    (NODE, 'a\\b "c\\"d\\e"', ("a\\b", 'c"de'), None),
    (NODE, '"a\\', (), "ends with a backslash that escapes nothing"),
    (NODE, "a\tb", ("a\tb",), None),
    (SHELL, 'a\\ b \'c\\d\' "e\\"f"', ("a b", "c\\d", 'e"f'), None),
]


WORDS = (
    "java", "node", "-Xmx1g", "-mx1g", "-XX:MaxRAMPercentage=50", "-XX:MinRAMPercentage=5", "-XX:MaxRAMFraction=2", "-jar", "x.jar", "-XX:",
    "--max-old-space-size=64", "--max_old_space_size", "redis-server", "--maxmemory", "--MAXMEMORY 1gb", "1gb", "postgres", "postmaster", "-B",
    "-c", "shared_buffers=1GB", "--shared-buffers=1GB", "mysqld", "--innodb-buffer-pool-size=1G", "mongod", "--wiredTigerCacheSizeGB", "2",
    "memcached", "-m", "-m64", "--memory-limit=64", "dotnet", "sh", "bash", "JAVA_OPTS=-Xmx1g", "GOMEMLIMIT=1GiB", "MALLOC_ARENA_MAX=2",
    "DOTNET_GCHeapHardLimit=0x100", "NODE_OPTIONS=--max-old-space-size=1", "sh -c 'java -Xmx1g'", "exec java -Xmx1g; true", "env", "a", "",
)  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_a_command_that_is_passed_over_unread_says_nothing(words: list[str]) -> None:
    module = importlib.import_module("oomconf.runtimes._command")
    short = read_command(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MAY_SAY", re.compile(""))
        assert read_command(words) == short


@pytest.mark.parametrize(("cutting", "text", "words", "fault"), CUT)
def test_each_reader_cuts_in_its_own_way(cutting: Cutting, text: str, words: tuple[str, ...], fault: str | None) -> None:
    assert split(text, cutting) == (words, fault)


def test_what_needs_no_quotes_gets_none() -> None:
    assert quote_java("-Da=b\\c") == quote_node("-Da=b\\c") == "-Da=b\\c"
