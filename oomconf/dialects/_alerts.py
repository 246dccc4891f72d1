"""What an alert is, with the series that prove it; and the alerts about a machine as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from oomconf.dialects._promql import matchers, series
from oomconf.dialects._watched import PRESSURE, STALL, SWAP_USED, SWAPPED_PAGES, WHOLE, Watch

INSTANCE: Final = (("instance", "host-1"),)
ON: Final = "{{ $labels.instance }}"
SHARE: Final = "{{ $value | humanizePercentage }}"


@dataclass(frozen=True, slots=True)
class Values:
    """One input series in three courses: it never fires, it fires by a hair, and it begins to fire in one step."""

    series: str
    below: str
    above: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule, and its proof."""

    name: str
    expr: str
    minutes: int
    """How long it must hold."""
    severity: Literal["critical", "warning", "info"]
    summary: str
    description: str
    run: str
    labels: tuple[tuple[str, str], ...] = ()
    """Set by the rule, beside the severity."""
    found: tuple[tuple[str, str], ...] = INSTANCE
    """Labels that its result has from the series."""
    values: tuple[Values, ...]
    shown: tuple[str, str] = ("", "")
    """What `SHARE` prints at the end of the second course and of the third."""
    lag: int = 0
    """Minutes after the step until the expression holds."""
    begins: int = 15
    """The minute of the step."""
    others: tuple[tuple[tuple[tuple[str, str], ...], Values], ...] = ()
    """More series that it must find each by itself, with the labels of the result."""

    @property
    def ends(self) -> int:
        """The minute at which the first two courses are looked at."""
        return self.begins + self.lag + self.minutes + 20


@dataclass(frozen=True, slots=True)
class Course:
    """Makes the values of a series for an alert that holds for so many minutes."""

    minutes: int
    begins: int = 15
    length: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", self.begins + self.minutes + 60)

    def gauge(self, name: str, labels: Mapping[str, str], below: float, above: float, step: float) -> Values:
        """Stay at a value; in the third course move from the first to the last."""
        flat = "{0:g}+0x{1}".format
        return Values(
            series(name, labels),
            flat(below, self.length),
            flat(above, self.length),
            f"{flat(below, self.begins - 1)} {flat(step, self.length)}",
        )

    def counter(self, name: str, labels: Mapping[str, str], below: float, above: float, step: float) -> Values:
        """Grow by so much a minute; in the third course not at all until the step."""
        grow = "{0:g}+{1:g}x{2}".format
        return Values(
            series(name, labels),
            grow(0, below, self.length),
            grow(0, above, self.length),
            f"{grow(0, 0, self.begins - 1)} {grow(step, step, self.length)}",
        )

    def kill(self, name: str, labels: Mapping[str, str]) -> Values:
        """Stay at a count; one more just before it is looked at, and three more at the step."""
        late = self.begins + self.minutes + 15
        return Values(
            series(name, labels),
            f"7+0x{self.length}",
            f"7+0x{late} 8+0x60",
            f"7+0x{self.begins - 1} 10+0x{self.length}",
        )


def decimal(parts: int) -> str:
    """Write thousandths of a percent as a share of one."""
    whole, rest = divmod(parts, WHOLE)
    return f"{whole}.{rest:05d}".rstrip("0").rstrip(".")


def percent(parts: float) -> str:
    """Write them as Prometheus does a percentage (humanizePercentage)."""
    return f"{parts * 100 / WHOLE:.4g}%"


def readable(parts: int) -> str:
    """Write them for reading."""
    return f"{parts * 100 / WHOLE:g} %"


def expanded(text: str, labels: Mapping[str, str], shown: str) -> str:
    """Give what Prometheus makes of an annotation."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels.get(found[1], ""), text)
    return text.replace(SHARE, shown).replace('{{ "{{" }}', "{{")


def of_machines(watch: Watch) -> Iterator[Alert]:
    """Alerts on what node_exporter tells of every machine."""
    yield _ram("OomconfRamUsed", watch.ram_used, 10, "warning")
    yield _ram("OomconfRamNearlyGone", watch.ram_gone, 2, "critical")
    yield _pressure(
        "OomconfMemoryPressure",
        "waiting",
        PRESSURE,
        10,
        "warning",
        "some tasks on {0} wait for memory {1} of the time: reclaim does not keep up",
    )
    yield _pressure(
        "OomconfMemoryStalled",
        "stalled",
        STALL,
        5,
        "critical",
        "all tasks on {0} wait for memory at once {1} of the time: the machine stands still",
    )
    yield _swap_used()
    yield _swapping()
    yield _committed(strict=watch.strict)
    course = Course(0)
    yield Alert(
        name="OomconfOomKill",
        expr="increase(node_vmstat_oom_kill[10m]) > 0",
        minutes=0,
        severity="warning",
        summary=f"the OOM killer ended a process on {ON}",
        description="The kernel's counter of OOM kills rose within ten minutes, by a limit or by the machine's own shortage.",
        run="oomconf diagnose, on the host: who died, why that process, and what to change",
        values=(course.kill("node_vmstat_oom_kill", dict(INSTANCE)),),
    )


def _ram(name: str, parts: int, minutes: int, severity: Literal["critical", "warning"]) -> Alert:
    course, labels = Course(minutes), dict(INSTANCE)
    over = (parts + WHOLE) // 2 + 1
    return Alert(
        name=name,
        expr=f"1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes > {decimal(parts)}",
        minutes=minutes,
        severity=severity,
        summary=f"{ON} has {SHARE} of its RAM in use",
        description=f"More than {readable(parts)} of RAM is in use for {minutes} minutes, and cannot be had back without swapping "
        "(MemTotal less MemAvailable).",
        run="oomconf simulate SPEC: who dies next; on the host: tail /var/log/oomconf-memory.log, oomconf audit",
        values=(
            course.gauge("node_memory_MemAvailable_bytes", labels, WHOLE - parts + 1, WHOLE - parts - 1, WHOLE - over),
            course.gauge("node_memory_MemTotal_bytes", labels, WHOLE, WHOLE, WHOLE),
        ),
        shown=(percent(parts + 1), percent(over)),
    )


def _pressure(name: str, metric: str, parts: int, minutes: int, severity: Literal["critical", "warning"], summary: str) -> Alert:
    course, second = Course(minutes), 60 / WHOLE
    return Alert(
        name=name,
        expr=f"rate(node_pressure_memory_{metric}_seconds_total[5m]) > {decimal(parts)}",
        minutes=minutes,
        severity=severity,
        summary=summary.format(ON, SHARE),
        description=f"Pressure stall information (PSI) is above {readable(parts)} for {minutes} minutes.",
        run="on the host: tail /var/log/oomconf-memory.log for who grows; oomconf audit for limits not in force",
        values=(
            course.counter(
                f"node_pressure_memory_{metric}_seconds_total",
                dict(INSTANCE),
                (parts - 10) * second,
                (parts + 10) * second,
                0.9 * WHOLE * second,
            ),
        ),
        shown=(percent(parts + 10), percent(0.9 * WHOLE)),
        lag=0,
    )


def _swap_used() -> Alert:
    course, labels = Course(30), dict(INSTANCE)
    return Alert(
        name="OomconfSwapUsed",
        expr=f"1 - node_memory_SwapFree_bytes / node_memory_SwapTotal_bytes > {decimal(SWAP_USED)}",
        minutes=30,
        severity="warning",
        summary=f"{ON} has {SHARE} of its swap in use",
        description="When swap is full, the next shortage is a kill.",
        run="on the host: tail /var/log/oomconf-memory.log for who is in swap; oomconf simulate SPEC --scenario no-swap",
        values=(
            course.gauge("node_memory_SwapFree_bytes", labels, WHOLE - SWAP_USED + 1, WHOLE - SWAP_USED - 1, WHOLE // 10),
            course.gauge("node_memory_SwapTotal_bytes", labels, WHOLE, WHOLE, WHOLE),
        ),
        shown=(percent(SWAP_USED + 1), percent(0.9 * WHOLE)),
    )


def _swapping() -> Alert:
    course, labels, pages = Course(10), dict(INSTANCE), SWAPPED_PAGES * 60
    return Alert(
        name="OomconfSwapping",
        expr=f"rate(node_vmstat_pswpin[5m]) + rate(node_vmstat_pswpout[5m]) > {SWAPPED_PAGES}",
        minutes=10,
        severity="warning",
        summary=f"{ON} swaps all the time",
        description=f"More than {SWAPPED_PAGES} pages a second go to swap or come back for ten minutes.",
        run="on the host: tail /var/log/oomconf-memory.log for who is in swap; oomconf audit for swap limits not in force",
        values=(
            course.counter("node_vmstat_pswpin", labels, pages / 2 - 60, pages / 2 + 60, pages * 8),
            course.counter("node_vmstat_pswpout", labels, pages / 2 - 60, pages / 2 + 60, pages * 8),
        ),
    )


def _committed(*, strict: bool) -> Alert:
    course, labels = Course(10 if strict else 30), dict(INSTANCE)
    parts = 90_000 if strict else WHOLE
    over = parts * 105 // 100
    values = [course.gauge("node_memory_Committed_AS_bytes", labels, parts - 1, parts + 1, over)]
    if strict:
        values.append(course.gauge("node_memory_CommitLimit_bytes", labels, WHOLE, WHOLE, WHOLE))
    else:
        values.append(course.gauge("node_memory_MemTotal_bytes", labels, WHOLE - 20_000, WHOLE - 20_000, WHOLE - 20_000))
        values.append(course.gauge("node_memory_SwapTotal_bytes", labels, 20_000, 20_000, 20_000))
    whole = "node_memory_CommitLimit_bytes" if strict else "(node_memory_MemTotal_bytes + node_memory_SwapTotal_bytes)"
    return Alert(
        name="OomconfCommitted",
        expr=f"node_memory_Committed_AS_bytes / {whole} > {decimal(parts)}",
        minutes=course.minutes,
        severity="critical" if strict else "warning",
        summary=f"{ON} has promised {SHARE} of " + ("its commit limit" if strict else "its RAM and swap"),
        description="Beyond the limit the kernel refuses memory: fork and malloc fail (vm.overcommit_memory is 2)."
        if strict
        else "Programs were promised more than RAM and swap hold; if they use it, somebody dies.",
        run="oomconf lint SPEC; on the host: grep Commit /proc/meminfo, oomconf audit",
        values=tuple(values),
        shown=(percent(parts + 1), percent(over)),
    )


def selector(metric: str, equal: Mapping[str, str], like: Mapping[str, str] | None = None) -> str:
    """Write a metric with the labels that it must have."""
    return f"{metric}{matchers(equal, like)}"
