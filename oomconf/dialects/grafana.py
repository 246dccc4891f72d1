"""Grafana: a dashboard that shows what the alerts of Prometheus watch."""

from __future__ import annotations

import json
from typing import Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects._alerts import decimal
from oomconf.dialects._common import header
from oomconf.dialects._watched import NEAR, PRESSURE, SWAP_USED, SWAPPED_PAGES, watch
from oomconf.ledger import Artifact, Book, Rendering
from oomconf.metrics import DRIFT, PENDING, TIMESTAMP, UNIT_KILLS, UNIT_LIMIT, UNIT_WORKING_SET
from oomconf.policy import Policy

PATH: Final = "grafana/oomconf.dashboard.json"
_HOST: Final = '{instance=~"$instance"}'
_POD: Final = "namespace, pod, container"
_WIDE: Final = 12
_HIGH: Final = 8

Row = tuple[str, str, str, str, tuple[tuple[str, str], ...]]
"""Title, unit, threshold or nothing, what it shows, and expressions with their legends."""


def wanted(policy: Policy) -> bool:
    """Whether a spec asks for it: it goes with the rules."""
    return policy.monitoring is not None and policy.monitoring.names("prometheus")


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write one dashboard for all hosts."""
    found = watch(policy, needs.fleet, Book("grafana"))
    rows = [*_machines(decimal(found.ram_used), strict=found.strict), *_services(), *(_pods() if found.kubernetes else [])]
    text = needs.templates.render(
        "grafana/dashboard.json.j2",
        header=json.dumps(header(policy.source, [policy.object])),
        panels=[_panel(number, row) for number, row in enumerate(rows)],
    )
    return Rendering(artifacts=(Artifact(path=PATH, text=text, objects=(policy.object,)),))


def _panel(number: int, row: Row) -> dict[str, object]:
    title, unit, threshold, about, expressions = row
    return {
        "id": str(number + 1),
        "title": json.dumps(title),
        "unit": json.dumps(unit),
        "threshold": threshold,
        "about": json.dumps(about),
        "x": str(number % 2 * _WIDE),
        "y": str(number // 2 * _HIGH),
        "targets": [
            {"id": json.dumps(chr(ord("A") + index)), "expr": json.dumps(expr), "legend": json.dumps(legend)}
            for index, (expr, legend) in enumerate(expressions)
        ],
    }


def _machines(ram_used: str, *, strict: bool) -> list[Row]:
    used = f"1 - node_memory_MemAvailable_bytes{_HOST} / node_memory_MemTotal_bytes{_HOST}"
    swap = f"1 - node_memory_SwapFree_bytes{_HOST} / node_memory_SwapTotal_bytes{_HOST}"
    whole = f"(node_memory_MemTotal_bytes{_HOST} + node_memory_SwapTotal_bytes{_HOST})"
    kept = f"node_memory_CommitLimit_bytes{_HOST}" if strict else whole
    on = "{{instance}}"
    return [
        ("RAM in use", "percentunit", ram_used, "MemTotal less MemAvailable", ((used, on),)),
        ("RAM available", "bytes", "", "MemAvailable", ((f"node_memory_MemAvailable_bytes{_HOST}", on),)),
        (
            "Pressure",
            "percentunit",
            decimal(PRESSURE),
            "share of time in which some task, or all at once, wait for memory (PSI)",
            (
                (f"rate(node_pressure_memory_waiting_seconds_total{_HOST}[5m])", f"{on} some"),
                (f"rate(node_pressure_memory_stalled_seconds_total{_HOST}[5m])", f"{on} all"),
            ),
        ),
        ("Swap in use", "percentunit", decimal(SWAP_USED), "nothing where there is no swap", ((swap, on),)),
        (
            "Swapping",
            "short",
            str(SWAPPED_PAGES),
            "pages a second, in and out",
            ((f"rate(node_vmstat_pswpin{_HOST}[5m])", f"{on} in"), (f"rate(node_vmstat_pswpout{_HOST}[5m])", f"{on} out")),
        ),
        (
            "Promised",
            "percentunit",
            decimal(90_000 if strict else 100_000),
            "Committed_AS of the commit limit" if strict else "Committed_AS of RAM and swap",
            ((f"node_memory_Committed_AS_bytes{_HOST} / {kept}", on),),
        ),
        ("OOM kills", "short", "", "within ten minutes", ((f"increase(node_vmstat_oom_kill{_HOST}[10m])", on),)),
    ]


def _services() -> list[Row]:
    unit = f"{UNIT_WORKING_SET.name}{_HOST} / ({UNIT_LIMIT.name}{_HOST} > 0)"
    matching = '{instance=~"$instance",name!=""}'
    box = f"container_memory_working_set_bytes{matching} / (container_spec_memory_limit_bytes{matching} > 0)"
    return [
        ("Units: share of the limit", "percentunit", decimal(NEAR), "by the last oomconf audit", ((unit, "{{unit}} {{instance}}"),)),
        ("Containers: share of the limit", "percentunit", decimal(NEAR), "by cAdvisor", ((box, "{{name}} {{instance}}"),)),
        ("OOM kills in units", "short", "", "within an hour", ((f"increase({UNIT_KILLS.name}{_HOST}[1h])", "{{unit}} {{instance}}"),)),
        (
            "Drift",
            "short",
            "",
            "values in force that differ from the spec, or wait for a restart",
            (
                (f"sum by (instance) ({DRIFT.name}{_HOST})", "{{instance}} differs"),
                (f"sum by (instance) ({PENDING.name}{_HOST})", "{{instance}} waits"),
            ),
        ),
        ("Age of the last audit", "s", "", "", ((f"time() - {TIMESTAMP.name}{_HOST}", "{{instance}}"),)),
    ]


def _pods() -> list[Row]:
    used = f'max by ({_POD}) (container_memory_working_set_bytes{{namespace!="",container!=""}})'
    limit = f'max by ({_POD}) (kube_pod_container_resource_limits{{resource="memory"}})'
    killed = f"increase(kube_pod_container_status_restarts_total[10m]) > 0 and on ({_POD}) "
    killed += 'kube_pod_container_status_last_terminated_reason{reason="OOMKilled"} == 1'
    name = "{{namespace}}/{{pod}}/{{container}}"
    return [
        (
            "Pods: share of the limit, the ten nearest",
            "percentunit",
            decimal(NEAR),
            "",
            ((f"topk(10, {used} / on ({_POD}) {limit})", name),),
        ),
        ("Pods killed at their limit", "short", "", "restarts after OOMKilled within ten minutes", ((killed, name),)),
    ]


DIALECT: Final = Dialect(
    name="grafana",
    family="prometheus",
    summary="monitoring/grafana: a dashboard for what the rules of prometheus watch",
    scope="fleet",
    render=render,
    wanted=wanted,
    proven="promtool parses every expression; no server",
)
