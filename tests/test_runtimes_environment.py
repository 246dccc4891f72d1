"""Heaps derived from limits, in each runtime's own words; a row a case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.quantity import INFINITY, Percent, Size
from oomconf.runtimes import (
    Kind,
    environment,
    heap_under,
    jvm_rounded,
    read_environment,
    share,
)
from oomconf.runtimes._words import JAVA, NODE, split

M = 1 << 20
G = 1 << 30
HEAPED: list[Kind] = ["jvm", "go", "node", "dotnet"]


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
