"""The metrics that an audit leaves for node_exporter's textfile collector: what writes them and what watches them take them from here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

FILE: Final = "oomconf.prom"
"""The file's name in the collector's folder; it is renamed into place, since half a file is a failed scrape."""
FOLDER: Final = "/var/lib/prometheus/node-exporter"
"""The collector's folder, as Debian's prometheus-node-exporter has it."""
SPEC: Final = "/etc/oomconf/oomconf.yaml"
"""Where the spec is on each host."""
PROGRAM: Final = "/usr/local/bin/oomconf"
EVERY: Final = 15 * 60
"""Seconds from one audit to the next: kills are looked for in a quarter of an hour, and an audit that is missed is no old one yet."""
STALE_AFTER: Final = 3 * 3600
"""Seconds after which an audit is called old: whatever runs it must do so more often."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name, type, label names in order, and what it says."""

    name: str
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    help: str


TIMESTAMP: Final = Metric("oomconf_audit_timestamp_seconds", "gauge", (), "When the last audit ended, in seconds since 1970.")
COMPLETE: Final = Metric(
    "oomconf_audit_complete",
    "gauge",
    (),
    "1 if the last audit could read all it reads and every value that a host can tell, else 0; values that no host tells do not count.",
)
DRIFT: Final = Metric("oomconf_drift", "gauge", ("object", "setting"), "1 where a value in force differs from the spec, else 0.")
DRIFTED: Final = Metric("oomconf_drifted_settings", "gauge", (), "How many values in force differ from the spec.")
PENDING: Final = Metric(
    "oomconf_pending_restart", "gauge", ("object",), "1 where a value takes effect only when the service next starts, else 0."
)
UNIT_KILLS: Final = Metric(
    "oomconf_unit_oom_kills_total",
    "counter",
    ("unit",),
    "Processes of the unit that the OOM killer ended (oom_kill of memory.events, less what units below it count); 0 is written too.",
)
UNIT_WORKING_SET: Final = Metric(
    "oomconf_unit_memory_working_set_bytes", "gauge", ("unit",), "memory.current of the unit without inactive_file, over all its processes."
)
UNIT_LIMIT: Final = Metric("oomconf_unit_memory_limit_bytes", "gauge", ("unit",), "memory.max of the unit; left out if there is none.")
CONTAINER_KILLS: Final = Metric(
    "oomconf_container_oom_kills_total",
    "counter",
    ("container",),
    "Processes of the container that the OOM killer ended (oom_kill of memory.events); 0 is written too.",
)

AUDIT: Final = (TIMESTAMP, COMPLETE, DRIFT, DRIFTED, PENDING, UNIT_KILLS, UNIT_WORKING_SET, UNIT_LIMIT, CONTAINER_KILLS)
"""All of them, in the order of the file. `unit` is the unit's name, `nginx.service`; of a group that a script makes its path,
`/oomconf/gateway`, behind the unit that delegates it if there is one."""


def audit_call(host: str, program: str = "oomconf") -> str:
    """Give the command that leaves the metrics of a host of the spec."""
    return f"{program} audit {SPEC} --host {host} --format prometheus --output {FOLDER}/{FILE}"


def cgroup_label(path: str, delegated_by: str | None) -> str:
    """Give the `unit` label of a group that a script makes."""
    return f"{delegated_by or ''}/{path}"


def exposition(samples: Mapping[Metric, Iterable[tuple[tuple[str, ...], float]]]) -> str:
    """Write samples, label values in the order of the metric's labels, in the text format of Prometheus; a metric without any is left out.

    Grammar: `name { label = "value" , … } value`, values with `\\\\`, `\\"` and `\\n` escaped (Prometheus exposition format 0.0.4).
    """
    lines: list[str] = []
    for metric in AUDIT:
        rows = list(samples.get(metric, ()))
        if rows:
            lines += [f"# HELP {metric.name} {_escaped(metric.help)}", f"# TYPE {metric.name} {metric.kind}"]
        for values, number in rows:
            pairs = [f'{label}="{_quoted(value)}"' for label, value in zip(metric.labels, values, strict=True)]
            lines.append(f"{metric.name}{'{' + ','.join(pairs) + '}' if pairs else ''} {_number(number)}")
    return "".join(f"{line}\n" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
