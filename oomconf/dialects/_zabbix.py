"""Items and triggers of the Zabbix template, by the names of the export format of 7.0."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from oomconf.dialects._watched import NEAR, PRESSURE, STALL, SWAP_USED, SWAPPED_PAGES, WHOLE, Watch, Watched
from oomconf.metrics import (
    COMPLETE,
    CONTAINER_KILLS,
    DRIFTED,
    FILE,
    FOLDER,
    PENDING,
    STALE_AFTER,
    TIMESTAMP,
    UNIT_KILLS,
    UNIT_LIMIT,
    UNIT_WORKING_SET,
    Metric,
    audit_call,
)

TEMPLATE: Final = "oomconf memory by Zabbix agent"
_MEMINFO: Final = "vfs.file.contents[/proc/meminfo]"
_VMSTAT: Final = "vfs.file.contents[/proc/vmstat]"
_PSI: Final = "vfs.file.contents[/proc/pressure/memory]"
_AUDIT: Final = "vfs.file.contents[{$OOMCONF.TEXTFILE}]"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of preprocessing."""

    type: str
    parameters: tuple[str, ...]
    error: tuple[str, ...] = ()
    """error_handler, and its parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What the agent is asked, or what is made of another item."""

    key: str
    name: str
    value_type: str = "FLOAT"
    units: str = ""
    master: str = ""
    history: str = "7d"
    steps: tuple[Step, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A condition on items; `expression` has `/T/` for the template's own name."""

    name: str
    expression: str
    priority: str
    description: str

    @property
    def text(self) -> str:
        return self.expression.replace("/T/", f"/{TEMPLATE}/")


def uuid(*words: str) -> str:
    """Give an id that is always the same for the same words, and has the shape of a random one (RFC 9562, version 4)."""
    digits = hashlib.sha256("\0".join(("oomconf", *words)).encode()).hexdigest()[:32]
    return f"{digits[:12]}4{digits[13:16]}{'89ab'[int(digits[16], 16) % 4]}{digits[17:]}"


def parameter(text: str) -> str:
    """Quote a parameter of an item's key: only a quote needs an escape."""
    return '"' + text.replace('"', '\\"') + '"'


def share(parts: int) -> str:
    """Write thousandths of a percent as a number of percent."""
    return f"{parts * 100 / WHOLE:g}"


def macros(watch: Watch) -> list[tuple[str, str, str]]:
    """Give thresholds that a host may set otherwise."""
    return [
        ("{$OOMCONF.RAM.USED.MAX}", share(watch.ram_used), "Share of RAM in use that is a warning, in percent."),
        ("{$OOMCONF.RAM.USED.CRIT}", share(watch.ram_gone), "Share of RAM in use that is almost all, in percent."),
        ("{$OOMCONF.PSI.SOME.MAX}", share(PRESSURE), "Share of time in which some task waits for memory, in percent."),
        ("{$OOMCONF.PSI.FULL.MAX}", share(STALL), "Share of time in which all tasks wait for memory, in percent."),
        ("{$OOMCONF.SWAP.USED.MAX}", share(SWAP_USED), "Share of swap in use, in percent."),
        ("{$OOMCONF.SWAP.PAGES.MAX}", str(SWAPPED_PAGES), "Pages a second that go to swap or come back."),
        ("{$OOMCONF.COMMIT.MAX}", "90" if watch.strict else "100", "Memory promised to programs, in percent of what can be kept."),
        ("{$OOMCONF.LIMIT.MAX}", share(NEAR), "Share of its limit that a protected service may hold, in percent."),
        ("{$OOMCONF.AUDIT.AGE.MAX}", str(STALE_AFTER), "Seconds after which an audit is old."),
        ("{$OOMCONF.TEXTFILE}", f"{FOLDER}/{FILE}", "The file that oomconf audit leaves."),
    ]


def items(watch: Watch) -> Iterator[Item]:
    """Give every item, masters first."""
    percent = Step("JAVASCRIPT", ("return 100 - value;",))
    none = Step("CHECK_NOT_SUPPORTED", ("-1",), ("CUSTOM_VALUE", "100"))
    yield Item(key="vm.memory.size[available]", name="Memory available", value_type="UNSIGNED", units="B", description="MemAvailable.")
    yield Item(key="vm.memory.size[pavailable]", name="Memory available in percent", units="%")
    yield Item(key="oomconf.memory.used", name="Memory in use", units="%", master="vm.memory.size[pavailable]", steps=(percent,))
    yield Item(key="system.swap.size[,pfree]", name="Swap free", units="%", steps=(none,), description="100 where there is no swap.")
    yield Item(key="oomconf.swap.used", name="Swap in use", units="%", master="system.swap.size[,pfree]", steps=(percent,))
    for key, name in ((_MEMINFO, "meminfo"), (_VMSTAT, "vmstat"), (_PSI, "pressure"), (_AUDIT, "oomconf audit")):
        yield Item(key=key, name=f"Read {name}", value_type="TEXT", history="0")
    for word, name in (("CommitLimit", "limit"), ("Committed_AS", "used"), ("MemTotal", "ram"), ("SwapTotal", "swap")):
        read = Step("REGEX", (f"(?m)^{word}:\\s+([0-9]+)", "\\1"))
        steps = (read, Step("MULTIPLIER", ("1024",)))
        yield Item(key=f"oomconf.commit.{name}", name=f"{word} of meminfo", value_type="UNSIGNED", units="B", master=_MEMINFO, steps=steps)
    for word, name in (("pswpin", "Pages that come back from swap"), ("pswpout", "Pages that go to swap"), ("oom_kill", "OOM kills")):
        steps = (Step("REGEX", (f"(?m)^{word} ([0-9]+)", "\\1")), Step("CHANGE_PER_SECOND", ("",)))
        yield Item(key=f"oomconf.vmstat.{word}", name=f"{name} per second", master=_VMSTAT, steps=steps)
    for word in ("some", "full"):
        pressure = Step("REGEX", (f"(?m)^{word} avg10=[0-9.]+ avg60=([0-9.]+)", "\\1"))
        yield Item(key=f"oomconf.pressure.{word}", name=f"Memory pressure, {word}, avg60", units="%", master=_PSI, steps=(pressure,))
    yield _sample("oomconf.audit.time", "Time of the last audit", TIMESTAMP, value_type="UNSIGNED", units="unixtime")
    yield _sample("oomconf.audit.drifted", "Settings that differ from the spec", DRIFTED, value_type="UNSIGNED")
    yield _sample("oomconf.audit.complete", "Whether the last audit could look at everything", COMPLETE, value_type="UNSIGNED")
    yield _sample("oomconf.audit.pending", "Objects that wait for a restart", PENDING, function="sum", absent="0", value_type="UNSIGNED")
    change = Step("CHANGE_PER_SECOND", ("",))
    yield _sample("oomconf.audit.unit.kills", "OOM kills in units per second", UNIT_KILLS, function="sum", then=(change,))
    if has_containers(watch):
        yield _sample(
            "oomconf.audit.container.kills", "OOM kills in containers per second", CONTAINER_KILLS, function="sum", then=(change,)
        )
    for service in units_of(watch):
        for metric, what in ((UNIT_WORKING_SET, "working_set"), (UNIT_LIMIT, "limit")):
            key = f"oomconf.unit.{what}[{parameter(_unit(service))}]"
            yield _sample(
                key, f"{_unit(service)}: {what.replace('_', ' ')}", metric, "max", _braces(service), value_type="UNSIGNED", units="B"
            )


def has_containers(watch: Watch) -> bool:
    """Whether the audit counts kills of containers: of an engine's, or of pods."""
    return watch.containers or watch.kubernetes


def units_of(watch: Watch) -> list[Watched]:
    """Give the protected services whose metrics the audit leaves."""
    return [service for service in watch.services if service.kind == "unit"]


def _unit(service: Watched) -> str:
    return dict(service.equal).get("unit") or dict(service.like)["unit"]


def _braces(service: Watched) -> str:
    sign, text = ("=", dict(service.equal)["unit"]) if service.equal else ("=~", dict(service.like)["unit"])
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{unit{sign}"{escaped}"}}'


def _sample(
    key: str,
    name: str,
    metric: Metric,
    function: str = "",
    braces: str = "",
    *,
    value_type: str = "FLOAT",
    units: str = "",
    absent: str = "",
    then: tuple[Step, ...] = (),
) -> Item:
    """Read a metric out of the audit's file; `absent` is what holds where the file has none of it."""
    parameters = (f"{metric.name}{braces}", "function", function) if function else (f"{metric.name}{braces}", "value", "")
    steps = (Step("PROMETHEUS_PATTERN", parameters, ("CUSTOM_VALUE", absent) if absent else ()), *then)
    return Item(key=key, name=name, value_type=value_type, units=units, master=_AUDIT, steps=steps, description=metric.help)


def triggers(watch: Watch) -> Iterator[Trigger]:
    """Give every trigger."""
    audit = "Run oomconf audit SPEC on the host."
    by_hand = f"by hand: {audit_call('NAME')}"
    start = f"On the host: systemctl enable --now oomconf-audit.timer, or its cron line; {by_hand}"
    look = f"On the host: systemctl status oomconf-audit.timer oomconf-audit.service; {by_hand}"
    drift = "Run oomconf audit SPEC on the host for where the value comes from, and oomconf-verify for what sets it right."
    diagnose = "Run oomconf diagnose on the host: who died, why that process, and what to change."
    log = "See /var/log/oomconf-memory.log on the host for who grows; oomconf simulate SPEC tells who dies next."
    rows = (
        ("More RAM in use than {$OOMCONF.RAM.USED.MAX}%", "min(/T/oomconf.memory.used,10m)>{$OOMCONF.RAM.USED.MAX}", "WARNING", log),
        ("RAM is almost gone", "min(/T/oomconf.memory.used,2m)>{$OOMCONF.RAM.USED.CRIT}", "HIGH", log),
        ("Some tasks wait for memory", "min(/T/oomconf.pressure.some,10m)>{$OOMCONF.PSI.SOME.MAX}", "WARNING", log),
        ("All tasks wait for memory at once", "min(/T/oomconf.pressure.full,5m)>{$OOMCONF.PSI.FULL.MAX}", "HIGH", log),
        ("Much of the swap is in use", "min(/T/oomconf.swap.used,30m)>{$OOMCONF.SWAP.USED.MAX}", "WARNING", log),
        (
            "The machine swaps all the time",
            "avg(/T/oomconf.vmstat.pswpin,10m)+avg(/T/oomconf.vmstat.pswpout,10m)>{$OOMCONF.SWAP.PAGES.MAX}",
            "WARNING",
            log,
        ),
        ("More memory is promised than can be kept", _commit(strict=watch.strict), "HIGH" if watch.strict else "WARNING", audit),
        ("The OOM killer ended a process", "max(/T/oomconf.vmstat.oom_kill,15m)>0", "WARNING", diagnose),
        ("The OOM killer ended a process of a unit", "max(/T/oomconf.audit.unit.kills,15m)>0", "AVERAGE", diagnose),
        *(
            (("The OOM killer ended a process of a container", "max(/T/oomconf.audit.container.kills,15m)>0", "AVERAGE", diagnose),)
            if has_containers(watch)
            else ()
        ),
        ("Settings differ from the spec", "min(/T/oomconf.audit.drifted,15m)>0", "WARNING", drift),
        (
            "A changed value waits for a restart",
            "min(/T/oomconf.audit.pending,6h)>0",
            "INFO",
            "Run oomconf audit SPEC on the host for which value waits; systemctl restart of the service applies it.",
        ),
        (
            "The audit could not look at everything",
            "max(/T/oomconf.audit.complete,1h)<1",
            "WARNING",
            f"{audit} It names what it could not read.",
        ),
        ("The last audit is old", "now()-last(/T/oomconf.audit.time)>{$OOMCONF.AUDIT.AGE.MAX}", "WARNING", look),
        # of a file that is not there no item has a value, and every other trigger on the audit is silent
        ("There is no audit", "nodata(/T/oomconf.audit.time,1h)=1", "WARNING", start),
    )
    for name, expression, priority, description in rows:
        yield Trigger(name=name, expression=expression, priority=priority, description=description)
    for service in units_of(watch):
        used, limit = (f"last(/T/oomconf.unit.{what}[{parameter(_unit(service))}])" for what in ("working_set", "limit"))
        yield Trigger(
            name=f"{_unit(service)} is near its limit",
            expression=f"{limit}>0 and 100*{used}/{limit}>{{$OOMCONF.LIMIT.MAX}}",
            priority="HIGH" if service.protect == "critical" else "WARNING",
            description=f"{service.object} is {service.protect}; the spec limits it to {service.limit}. {audit}",
        )


def _commit(*, strict: bool) -> str:
    whole = "last(/T/oomconf.commit.limit)" if strict else "(last(/T/oomconf.commit.ram)+last(/T/oomconf.commit.swap))"
    return f"100*min(/T/oomconf.commit.used,10m)/{whole}>{{$OOMCONF.COMMIT.MAX}}"
