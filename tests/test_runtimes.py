"""Heaps derived from limits, heaps read from what files say, and what a runtime takes by itself; a row a case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.quantity import INFINITY, Percent, Size
from oomconf.runtimes import (
    SCRIPT_VARIABLES,
    Hint,
    Kind,
    default_heap,
    effective,
    environment,
    heap_under,
    jvm_rounded,
    overhead,
    program,
    read_command,
    read_environment,
    share,
)
from oomconf.runtimes._words import JAVA, NODE, SHELL, Cutting, quote_java, quote_node, split

M = 1 << 20
G = 1 << 30
HEAPED: list[Kind] = ["jvm", "go", "node", "dotnet"]

# ── rendering ────────────────────────────────────────────────────────────────────────────────────────────────────────────

SAID = [
    ("jvm", G, Percent(7000), (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=70.0", G * 7 // 10),
    ("jvm", G, Percent(6650), (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=66.5", G * 665 // 1000),
    ("jvm", G, Percent(3333), (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=33.33", G * 3333 // 10000),
    ("jvm", G, Percent(2505), (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=25.05", G * 2505 // 10000),
    ("jvm", G, Percent(10000), (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=100.0", G),
    ("jvm", 256 * M, Percent(7000), (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=70.0", 256 * M * 7 // 10),
    ("jvm", 256 * M - 4096, Percent(7000), (), "JAVA_TOOL_OPTIONS", "-Xmx178m", 178 * M),
    ("jvm", 200 * M, Percent(7000), (), "JAVA_TOOL_OPTIONS", "-Xmx140m", 140 * M),
    ("jvm", 205 * M, Percent(7000), (), "JAVA_TOOL_OPTIONS", "-Xmx142m", 142 * M),
    ("jvm", 400 * M, Percent(3000), (), "JAVA_TOOL_OPTIONS", "-Xmx120m", 120 * M),
    ("jvm", 400 * M, None, (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=50.0", 200 * M),
    ("jvm", G, None, (), "JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=70.0", G * 7 // 10),
    ("jvm", G, Size(512 * M), ("-XX:+UseZGC",), "JAVA_TOOL_OPTIONS", "-XX:+UseZGC -Xmx512m", 512 * M),
    ("jvm", None, Size(701 * M + 512), (), "JAVA_TOOL_OPTIONS", "-Xmx701m", 701 * M),
    ("jvm", G, Percent(5000), ("-Xmx900m",), "JAVA_TOOL_OPTIONS", "-Xmx900m -Xmx512m", 512 * M),
    ("jvm", G, None, ("-Xmx300m", "-XX:+UseZGC"), "JAVA_TOOL_OPTIONS", "-Xmx300m -XX:+UseZGC", 300 * M),
    ("jvm", None, None, ("-XX:+UseZGC",), "JAVA_TOOL_OPTIONS", "-XX:+UseZGC", None),
    ("jvm", G, Size(64 * M), ("-Da=b c", "-Dd='", '-De="', "-Df='\""), "JAVA_TOOL_OPTIONS",
     """"-Da=b c" "-Dd='" '-De="' "-Df='"'"'"" -Xmx64m""", 64 * M),
    ("go", 512 * M, Percent(9000), (), "GOMEMLIMIT", "460MiB", 460 * M),
    ("go", G, None, (), "GOMEMLIMIT", "921MiB", 921 * M),
    ("node", 960 * M, Percent(7000), (), "NODE_OPTIONS", "--max-old-space-size=672", 672 * M),
    ("node", G, None, (), "NODE_OPTIONS", "--max-old-space-size=768", 768 * M),
    ("node", G, Size(600 * M), ("--title=a b",), "NODE_OPTIONS", '"--title=a b" --max-old-space-size=600', 600 * M),
    ("node", G, Size(600 * M), ('--title=a"b\\c',), "NODE_OPTIONS", '"--title=a\\"b\\\\c" --max-old-space-size=600', 600 * M),
    ("node", G, Size(600 * M), ("--title=a\\c",), "NODE_OPTIONS", "--title=a\\c --max-old-space-size=600", 600 * M),
    ("node", G, None, ("--max_old_space_size=300",), "NODE_OPTIONS", "--max_old_space_size=300", 300 * M),
    ("dotnet", 200 * M, Percent(10000), (), "DOTNET_GCHeapHardLimit", "0xC800000", 200 * M),
    ("dotnet", G, None, (), "DOTNET_GCHeapHardLimit", "0x30000000", 768 * M),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "limit", "heap", "options", "name", "value", "size"), SAID)
def test_a_heap_is_said_in_the_runtimes_own_words(
    kind: Kind, limit: int | None, heap: Size | Percent | None, options: tuple[str, ...], name: str, value: str, size: int | None
) -> None:
    made = environment(kind, memory_max=None if limit is None else Size(limit), heap=heap, options=options)
    assert made.faults == ()
    (variable,) = made.variables
    assert (variable.name, variable.value, variable.heap) == (name, value, size)
    assert variable.separator == (" " if kind in ("jvm", "node") else None)


def test_python_gets_arenas_and_the_others_only_where_they_are_said() -> None:
    def values(kind: Kind, arenas: int | None) -> list[tuple[str, str]]:
        made = environment(kind, memory_max=Size(G), heap=None, arenas=arenas)
        return [(variable.name, variable.value) for variable in made.variables]

    assert values("python", 4) == [("MALLOC_ARENA_MAX", "4")]
    assert values("python", None) == [("MALLOC_ARENA_MAX", "2")]
    assert values("go", 1) == [("GOMEMLIMIT", "921MiB"), ("MALLOC_ARENA_MAX", "1")]
    assert values("go", None) == [("GOMEMLIMIT", "921MiB")]


def test_an_old_dotnet_gets_the_prefix_that_it_reads_and_an_old_jdk_a_size() -> None:
    assert environment("dotnet", memory_max=Size(G), heap=None, version=5).variables[0].name == "COMPlus_GCHeapHardLimit"
    assert environment("dotnet", memory_max=Size(G), heap=None, version=6).variables[0].name == "DOTNET_GCHeapHardLimit"
    assert environment("jvm", memory_max=Size(G), heap=None, version=11).variables[0].value == "-Xmx716m"
    assert environment("jvm", memory_max=Size(G), heap=None, version=17).variables[0].value == "-XX:MaxRAMPercentage=70.0"


FAULTS = [
    ("jvm", None, Percent(7000), (), "the heap of 70% is a share of memory.max, which is not said or is infinity"),
    ("go", INFINITY, Percent(7000), (), "a share of memory.max"),
    ("node", None, None, (), "the heap is a share of memory.max"),
    ("jvm", G, INFINITY, (), "infinity is no bound"),
    ("jvm", G, Size(G + 1), (), "is more than memory.max of 1G"),
    ("jvm", G, Size(3 * M), (), "the heap of 3M is less than the 4M that java needs to start"),
    ("go", G, Size(0), (), "less than the 1M"),
    ("node", G, Size(2 * M), (), "less than the 4M that node needs"),
    ("dotnet", G, Size(0), (), "less than"),
    ("jvm", G, None, ("-Xmx2g",), "'-Xmx2g' is a heap of 2G, more than memory.max of 1G"),
    ("jvm", G, None, ("-Xmx0.5g",), "'0.5g' is refused by the JVM"),
    ("jvm", G, None, ("-XX:MaxRAMPercentage=75%",), "is no plain number of percent"),
    ("jvm", G, Percent(5000), ("-Xms600m",), "'-Xms600m' is more than the heap of 512M"),
    ("jvm", G, Percent(5000), ("-XX:InitialHeapSize=1g",), "is more than the heap"),
    ("jvm", G, None, ("app.jar",), "'app.jar' in JAVA_TOOL_OPTIONS is no option, and java does not start"),
    ("jvm", G, None, ("",), "'' in JAVA_TOOL_OPTIONS is no option"),
    ("jvm", G, None, ("-server",), "'-server' is refused in JAVA_TOOL_OPTIONS"),
    ("jvm", G, None, ("--add-opens",), "refused"),
    ("jvm", G, None, ("-Da=\0",), "null byte"),
    ("node", G, None, ("server.js",), "no option"),
    ("node", G, None, ("--max-heap-size=100",), "refused in NODE_OPTIONS"),
    ("node", G, None, ("--max-old-space-size=512m",), "no whole number of MiB"),
    ("go", G, None, ("-x",), "Go takes no options"),
    ("python", G, Size(G), (), "Python has no variable that bounds its heap"),
    ("other", G, Size(G), (), "no variable is known"),
]


@pytest.mark.parametrize(("kind", "limit", "heap", "options", "fault"), FAULTS)
def test_what_cannot_be_derived_says_why_and_gives_no_variable(
    kind: Kind, limit: int | None, heap: Size | Percent | None, options: tuple[str, ...], fault: str
) -> None:
    made = environment(kind, memory_max=None if limit is None else Size(limit), heap=heap, options=options)
    assert made.variables == ()
    assert fault in "; ".join(made.faults)


def test_no_number_of_arenas_below_one() -> None:
    assert environment("python", memory_max=None, heap=None, arenas=0).faults == ("0 is no number of arenas, which is at least 1",)


NOTES = [
    ("jvm", 200 * M, Percent(7000), (), None, "below 256M of memory.max the JVM ignores MaxRAMPercentage"),
    ("jvm", 400 * M, Percent(3000), (), None, "by a percentage the JVM takes no less than 126M"),
    ("jvm", G, Percent(7000), (), None, "need a JVM that reads cgroup v2"),
    ("jvm", G, Percent(7000), ("-Xmx800m",), None, "'-Xmx800m' among the options is beaten by the heap"),
    ("jvm", G, Percent(7000), (), 11, "not every JDK 11 reads the limit of cgroup v2"),
    ("jvm", G, Size(M * 100 + 1), (), None, "in whole MiB"),
    ("jvm", 64 * G, Size(34 * G), (), None, "references double in size"),
    ("node", 64 * M, None, (), 22, "V8 adds up to 48M of young generation to the heap of 48M, together more than memory.max of 64M"),
    ("node", 512 * M, None, (), 24, "up to 192M"),
]


@pytest.mark.parametrize(("kind", "limit", "heap", "options", "version", "note"), NOTES)
def test_what_the_reader_should_know_is_noted(
    kind: Kind, limit: int, heap: Size | Percent | None, options: tuple[str, ...], version: int | None, note: str
) -> None:
    assert note in "; ".join(environment(kind, memory_max=Size(limit), heap=heap, options=options, version=version).notes)


def test_what_is_plain_has_no_notes() -> None:
    assert environment("node", memory_max=Size(2 * G), heap=None).notes == ()
    assert environment("go", memory_max=Size(G), heap=None).notes == ()
    assert environment("jvm", memory_max=Size(64 * G), heap=Size(31 * G)).notes == ()


LIMITS = st.integers(16 * M, 1 << 40).map(Size)
HEAPS = st.one_of(st.none(), st.integers(2500, 10_000).map(Percent), st.integers(8 * M, 1 << 40).map(Size))


@given(kind=st.sampled_from(HEAPED), limit=LIMITS, heap=HEAPS)
def test_what_is_said_reads_back_and_stays_below_the_limit(kind: Kind, limit: Size, heap: Size | Percent | None) -> None:
    made = environment(kind, memory_max=limit, heap=heap)
    if isinstance(heap, Size) and heap > limit:
        assert made.variables == ()
        return
    (variable,) = made.variables
    assert variable.heap is not None
    assert 0 < variable.heap <= limit
    wanted = heap if isinstance(heap, Size) else (heap or share(kind, limit) or Percent(0)).of(limit, 1)
    assert wanted - 2 * M < variable.heap <= wanted
    (hint,) = read_environment({variable.name: variable.value})
    assert (hint.kind, hint.fault) == (kind, None)
    assert (hint.heap if hint.percent is None else hint.percent.of(limit, 1)) == variable.heap
    # and the runtime takes that, rounded up by the JVM
    assert heap_under(hint, limit) == (jvm_rounded(variable.heap) if kind == "jvm" else variable.heap)


@given(limit=LIMITS, percent=st.integers(2500, 10_000).map(Percent))
def test_a_jvm_given_a_share_never_takes_more_than_a_region_above_it(limit: Size, percent: Percent) -> None:
    (variable,) = environment("jvm", memory_max=limit, heap=percent).variables
    (hint,) = read_environment({variable.name: variable.value})
    taken = heap_under(hint, limit)
    assert taken is not None
    assert taken < percent.of(limit, 1) + max(2 * M, min(limit // 1024, 32 * M))


OPTION = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)


@given(options=st.lists(OPTION, max_size=4))
def test_options_are_kept_word_for_word(options: list[str]) -> None:
    for kind, prefix, cutting, ours in (("jvm", "-D", JAVA, "-Xmx64m"), ("node", "--title=", NODE, "--max-old-space-size=64")):
        given_words = tuple(prefix + text for text in options)
        made = environment(kind, memory_max=None, heap=Size(64 * M), options=given_words)  # type: ignore[arg-type]
        assert split(made.variables[0].value, cutting) == ((*given_words, ours), None)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

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


@pytest.mark.parametrize(("cutting", "text", "words", "fault"), CUT)
def test_each_reader_cuts_in_its_own_way(cutting: Cutting, text: str, words: tuple[str, ...], fault: str | None) -> None:
    assert split(text, cutting) == (words, fault)


def test_what_needs_no_quotes_gets_none() -> None:
    assert quote_java("-Da=b\\c") == quote_node("-Da=b\\c") == "-Da=b\\c"


# ── what runtimes take by themselves ─────────────────────────────────────────────────────────────────────────────────────

DEFAULTS = [
    ("jvm", 16, None, 8), ("jvm", 200, None, 100), ("jvm", 249, None, 126), ("jvm", 250, None, 126), ("jvm", 300, None, 126),
    ("jvm", 504, None, 126), ("jvm", 505, None, 128), ("jvm", 1024, 17, 256), ("jvm", 1024, 8, 256), ("jvm", 1024, 14, None),
    ("jvm", 102400, None, 25600), ("jvm", 131072, None, 30688), ("jvm", 1 << 20, None, 30688),
    ("node", 128, None, 256), ("node", 512, 20, 256), ("node", 1024, 24, 512), ("node", 8192, None, 2048), ("node", 15359, None, 2048),
    ("node", 15360, None, 4096), ("node", 1 << 20, None, 4096), ("node", 1024, 18, None),
    ("dotnet", 16, None, 20), ("dotnet", 1024, None, 768),
    ("go", 1024, None, None), ("python", 1024, None, None), ("other", 1024, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "limit", "version", "heap"), DEFAULTS)
def test_a_runtime_takes_its_own_share(kind: Kind, limit: int, version: int | None, heap: int | None) -> None:
    assert default_heap(kind, Size(limit * M), version=version) == (None if heap is None else heap * M)


def test_no_limit_gives_no_default() -> None:
    for kind in HEAPED:
        assert default_heap(kind, INFINITY) is None
        assert overhead(kind, INFINITY) == INFINITY


OVERHEADS = [("jvm", 1024, 256), ("jvm", 512, 128), ("jvm", 508, 254), ("node", 1024, 256), ("go", 1000, 100), ("dotnet", 1000, 200)]


@pytest.mark.parametrize(("kind", "limit", "room"), OVERHEADS)
def test_room_stays_outside_the_heap(kind: Kind, limit: int, room: int) -> None:
    assert overhead(kind, Size(limit * M)) == room * M


@given(kind=st.sampled_from(HEAPED), limit=LIMITS)
def test_the_heap_that_we_choose_leaves_the_room(kind: Kind, limit: Size) -> None:
    chosen = share(kind, limit)
    assert chosen is not None
    assert chosen.of(limit, 1) + overhead(kind, limit) <= limit


ROUNDED = [
    (2 * M, 2 * M),
    (2 * M + 1, 4 * M),
    (701 * M, 702 * M),
    (4097 * M, 4100 * M),
    (769658139443, 769671561216),
    (32764 * M, 32768 * M),
]


@pytest.mark.parametrize(("heap", "rounded"), ROUNDED)
def test_the_jvm_rounds_up(heap: int, rounded: int) -> None:
    assert jvm_rounded(heap) == rounded


# -XX:MaxRAM, MaxRAMPercentage, MinRAMPercentage and the MaxHeapSize that java 17 showed for them
SHARES = [
    (200, 7000, None, 100), (140, 9500, 9500, 134), (200, None, 7500, 126), (400, None, 2500, 100), (249, 7000, None, 126),
    (250, 7000, None, 176), (512, 7000, None, 360), (1024, 7000, None, 718), (102400, 3150, None, 32256), (64 * 1024, 7000, None, 45888),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "percent", "least", "heap"), SHARES)
def test_a_percentage_counts_as_the_jvm_counts_it(limit: int, percent: int | None, least: int | None, heap: int) -> None:
    hint = Hint(
        kind="jvm",
        knob="",
        text="",
        percent=None if percent is None else Percent(percent),
        min_percent=None if least is None else Percent(least),
    )
    assert heap_under(hint, Size(limit * M)) == heap * M
    assert heap_under(hint, INFINITY) is None
