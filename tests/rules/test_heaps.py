"""Heaps on both sides of what their memory holds."""

from __future__ import annotations

import pytest

from oomconf import rules
from oomconf.engine import lint
from oomconf.location import Location
from oomconf.placement import SystemdUnit
from oomconf.policy import Facts, Fleet, Policy, Process, Runtime, Setting, Workload
from oomconf.quantity import Percent, Size

MIB = 1 << 20
EVERY = [rule for rule in rules.discover() if "heap" in rule.id]


def found(*runtimes: Runtime, limit: int | None, processes: tuple[Process, ...] = (), ram: int | None = None) -> list[str]:
    workload = Workload(
        name="w",
        object="services.w",
        placement=SystemdUnit(unit="w.service"),
        memory_max=None if limit is None else Setting(Size(limit * MIB)),
        runtimes=runtimes,
        processes=processes,
    )
    facts = Facts(memory_total=None if ram is None else Setting(Size(ram * MIB)))
    report = lint(Fleet(policies=(Policy(name="h", facts=facts, workloads=(workload,)),)), EVERY)
    return [finding.rule for finding in report.findings]


def runtime(kind: str, mib: int | None = None, percent: int | None = None, knob: str = "-Xmx") -> Runtime:
    value = Size(mib * MIB) if mib is not None else Percent(percent * 100) if percent is not None else None
    return Runtime(kind=kind, at=Location("x", 1, 1, 1, 1), heap=None if value is None else Setting(value), knob=knob)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "heap", "limit", "expected"),
    [
        ("jvm", 1024, 1024, ["heap-above-limit"]),
        ("jvm", 1023, 1024, ["heap-above-limit"]),  # the JVM rounds up to 2 MiB
        ("jvm", 1020, 1024, ["heap-without-headroom"]),
        ("jvm", 900, 1024, ["heap-without-headroom"]),
        ("jvm", 896, 1024, []),
        ("jvm", 768, 1024, []),
        ("jvm", 15 * 1024, 16 * 1024, []),  # a gigabyte is enough for any code cache
        ("node", 900, 1024, ["heap-without-headroom"]),
        ("node", 896, 1024, []),
        ("go", 973, 1024, ["heap-without-headroom"]),
        ("go", 972, 1024, []),
        ("dotnet", 922, 1024, ["heap-without-headroom"]),
        ("dotnet", 921, 1024, []),
        ("other", 1023, 1024, []),
        ("other", 1024, 1024, ["heap-above-limit"]),
    ],
)
def test_a_size_is_judged_by_what_it_leaves(kind: str, heap: int, limit: int, expected: list[str]) -> None:
    assert found(runtime(kind, heap), limit=limit) == expected


@pytest.mark.parametrize(("percent", "limit", "expected"), [(80, 1024, []), (95, 1024, ["heap-without-headroom"]), (95, 200, [])])
def test_a_share_is_taken_as_the_jvm_takes_it(percent: int, limit: int, expected: list[str]) -> None:
    """Below about 250 MiB the JVM takes half, whatever MaxRAMPercentage says."""
    assert found(runtime("jvm", percent=percent), limit=limit) == expected


def test_ram_is_the_limit_where_there_is_none() -> None:
    assert found(runtime("jvm", 9000), limit=None, ram=8192) == ["heap-above-limit"]
    assert found(runtime("jvm", 8000), limit=None, ram=8192) == []
    assert found(runtime("jvm", 8000), limit=None) == []


def test_heaps_add_up_and_a_heap_that_nobody_knows_is_silent() -> None:
    assert found(runtime("jvm", 700), runtime("node", 400, knob="NODE_OPTIONS"), limit=1024) == ["several-heaps"]
    assert found(runtime("jvm", 600), runtime("node", 400, knob="NODE_OPTIONS"), limit=1024) == []
    assert found(runtime("jvm"), runtime("node", 400, knob="NODE_OPTIONS"), limit=1024) == []


@pytest.mark.parametrize(("parts", "expected"), [((4,), ["several-heaps"]), ((2,), []), ((1, 7), [])])
def test_like_processes_each_take_the_heap(parts: tuple[int, ...], expected: list[str]) -> None:
    processes = tuple(Process(name=f"p{number}", count=count) for number, count in enumerate(parts))
    assert found(runtime("node", 400), limit=1024, processes=processes) == expected
