"""Alerts on services: near their limits, killed, evicted; and on the audit that says whether limits are in force."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Final, Literal

from oomconf.dialects._alerts import INSTANCE, ON, SHARE, Alert, Course, Values, decimal, percent, readable, selector
from oomconf.dialects._promql import literal, matchers, regex, series, string
from oomconf.dialects._watched import NEAR, WHOLE, Watch, Watched
from oomconf.metrics import (
    COMPLETE,
    CONTAINER_KILLS,
    DRIFT,
    PENDING,
    STALE_AFTER,
    TIMESTAMP,
    UNIT_KILLS,
    UNIT_LIMIT,
    UNIT_WORKING_SET,
    audit_call,
)

_DIAGNOSE: Final = "oomconf diagnose, on the host: who died, why that process, and what to change"
_RUN: Final = "on the host: systemctl status oomconf-audit.timer oomconf-audit.service; by hand: " + audit_call("NAME")
_POD: Final = "namespace, pod, container"
_BY: Final = {
    "unit": "{{ $labels.unit }} on " + ON,
    "container": "{{ $labels.name }} on " + ON,
    "pod": "{{ $labels.namespace }}/{{ $labels.pod }}/{{ $labels.container }}",
}


def near_limit(service: Watched) -> Alert:
    """A protected service is near the limit that is in force for it."""
    course, labels = Course(10), dict(service.example)
    equal, like = dict(service.equal), dict(service.like)
    found = service.example if service.kind == "pod" else (*service.example, *INSTANCE)
    mine, more = {**dict(found)}, (WHOLE - NEAR) // 2
    other = {**mine, next(iter(labels)): "another"}
    if service.kind == "pod":
        used, limit = "container_memory_working_set_bytes", "kube_pod_container_resource_limits"
        left = f"max by ({_POD}) ({selector(used, equal, like)})"
        expr = f"{left} / on ({_POD}) max by ({_POD}) ({selector(limit, {**equal, 'resource': 'memory'}, like)})"
        limited: dict[str, str] = {"resource": "memory", "unit": "byte"}
    elif service.kind == "container":
        used, limit, limited = "container_memory_working_set_bytes", "container_spec_memory_limit_bytes", {}
        expr = f"{selector(used, equal, like)} / ({selector(limit, equal, like)} > 0)"
    else:
        used, limit, limited = UNIT_WORKING_SET.name, UNIT_LIMIT.name, {}
        expr = f"{selector(used, equal, like)} / ({selector(limit, equal, like)} > 0)"
    shown = "{{ $labels." + ("container_label_com_docker_compose_service" if "name" not in labels else "name") + " }} on " + ON
    who = shown if service.kind == "container" else _BY[service.kind]
    return Alert(
        name="OomconfNearLimit",
        expr=f"{expr} > {decimal(NEAR)}",
        minutes=10,
        severity="critical" if service.protect == "critical" else "warning",
        summary=f"{who} holds {SHARE} of its limit",
        description=literal(f"{service.object} is {service.protect}; the spec limits it to {service.limit}. ")
        + f"Above {readable(NEAR)} for ten minutes: at its limit it is killed, whatever its score.",
        run=literal(f"oomconf simulate SPEC --scenario {_word(service)}; oomconf audit for the limit in force"),
        labels=(("service", service.object),),
        found=found,
        values=(
            course.gauge(used, mine, NEAR - 1, NEAR + 1, NEAR + more),
            course.gauge(limit, {**mine, **limited}, WHOLE, WHOLE, WHOLE),
            course.gauge(used, other, WHOLE, WHOLE, WHOLE),
            course.gauge(limit, {**other, **limited}, WHOLE, WHOLE, WHOLE),
        ),
        shown=(percent(NEAR + 1), percent(NEAR + more)),
    )


def _word(service: Watched) -> str:
    return "max" if service.kind == "pod" else f"leak:{service.object.removeprefix('services.')}"


def of_services(watch: Watch) -> Iterator[Alert]:
    """Alerts by service, then those on kills of units and containers, protected or not."""
    yield from (near_limit(service) for service in watch.services)
    units = {_unit(service): dict(service.example)["unit"] for service in watch.services if service.kind == "unit"}
    yield from _kills("OomconfUnitOomKilled", UNIT_KILLS.name, "unit", units, "nginx.service")
    if watch.containers:
        names = dict(service.named for service in watch.services if service.named is not None)
        yield from _kills("OomconfContainerOomKilled", CONTAINER_KILLS.name, "container", names, "api")
    if watch.docker:
        yield _killed("OomconfContainerOomEvent", "container_oom_events_total", {"name": "api"}, 'name!="",container=""', "warning")


def _unit(service: Watched) -> str:
    return regex(dict(service.equal)["unit"]) if service.equal else dict(service.like)["unit"]


def _kills(name: str, metric: str, label: str, dear: Mapping[str, str], spare: str) -> Iterator[Alert]:
    """Alerts on kills; `dear` has the patterns of what is protected, each with a name that it matches."""
    if not dear:
        yield _killed(name, metric, {label: spare}, "", "warning")
        return
    pattern = string("|".join(sorted(dear)))
    first, *more = (dear[one] for one in sorted(dear))
    others = tuple(_proof(metric, {label: meant}) for meant in dict.fromkeys(more))
    yield replace(_killed(name, metric, {label: first}, f"{label}=~{pattern}", "critical"), others=others)
    yield _killed(name, metric, {label: _stranger(dear, spare)}, f"{label}!~{pattern}", "warning")


def _stranger(dear: Iterable[str], spare: str) -> str:
    """A name that none of the patterns matches."""
    whole = re.compile("|".join(dear))
    return next(name for number in count() if not whole.fullmatch(name := f"not-{spare}{number or ''}"))


def _proof(metric: str, labels: Mapping[str, str]) -> tuple[tuple[tuple[str, str], ...], Values]:
    found = {**labels, **dict(INSTANCE)}
    return tuple(found.items()), Course(0).kill(metric, found)


def _killed(name: str, metric: str, labels: dict[str, str], matching: str, severity: Literal["critical", "warning"]) -> Alert:
    found, values = _proof(metric, labels)
    who = next(iter(labels))
    return Alert(
        name=name,
        expr=f"increase({metric}{'{' + matching + '}' if matching else ''}[15m]) > 0",
        minutes=0,
        severity=severity,
        summary=f"the OOM killer ended a process of {{{{ $labels.{who} }}}} on {ON}",
        description="The count of kills rose within a quarter of an hour."
        + (" The spec protects this service, so it was its own limit, or everything else was gone." if severity == "critical" else ""),
        run=_DIAGNOSE,
        found=found,
        values=(values,),
    )


def of_audits() -> Iterator[Alert]:
    """Alerts on what an audit leaves, and on its absence."""
    yield _flag("OomconfDrift", DRIFT.name, {"object": "services.api", "setting": "memory_max"}, 15, "warning")
    yield _flag("OomconfPendingRestart", PENDING.name, {"object": "services.api"}, 6 * 60, "info")
    labels, course = dict(INSTANCE), Course(60)
    yield Alert(
        name="OomconfAuditIncomplete",
        expr=f"{COMPLETE.name} < 1",
        minutes=60,
        severity="warning",
        summary=f"the audit of {ON} could not look at everything",
        description="What it did not see is not known to be in force.",
        run="oomconf audit SPEC, on the host: it names what it could not read",
        values=(course.gauge(COMPLETE.name, labels, 1, 0, 0),),
    )
    course = Course(5)
    age = STALE_AFTER
    yield Alert(
        name="OomconfAuditStale",
        expr=f"time() - {TIMESTAMP.name} > {age}",
        minutes=5,
        severity="warning",
        summary=f"the last audit of {ON} is old",
        description=f"It ended more than {age // 3600} hours ago: drift and kills since then are not known.",
        run=_RUN,
        values=(
            Values(
                series(TIMESTAMP.name, labels),
                f"{-age + 1}+60x{course.length}",
                f"{-age - 1}+60x{course.length}",
                f"{-age + 1}+60x{course.begins - 1} {-age - 99}+60x{course.length}",
            ),
        ),
    )
    yield from _absent()


def _flag(name: str, metric: str, labels: dict[str, str], minutes: int, severity: Literal["warning", "info"]) -> Alert:
    found = {**labels, **dict(INSTANCE)}
    drift = name == "OomconfDrift"
    what = "{{ $labels.setting }} of {{ $labels.object }}" if drift else "{{ $labels.object }}"
    return Alert(
        name=name,
        expr=f"{metric} > 0",
        minutes=minutes,
        severity=severity,
        summary=f"{what} on {ON} differs from the spec" if drift else f"{what} on {ON} waits for a restart",
        description="A value in force is not the one that the spec says."
        if drift
        else "A changed value takes effect only when the service next starts, and it has not for six hours.",
        run="oomconf audit SPEC, on the host: the value, and where it comes from; oomconf-verify, there: what sets it right"
        if drift
        else "oomconf audit SPEC, on the host: which value waits; systemctl restart of the service applies it",
        found=tuple(found.items()),
        values=(Course(minutes).gauge(metric, found, 0, 1, 1),),
    )


def _absent() -> Iterator[Alert]:
    course, labels = Course(60), dict(INSTANCE)
    there = Values(series("up", labels), f"1+0x{course.length}", f"1+0x{course.length}", f"1+0x{course.length}")
    yield Alert(
        name="OomconfAuditMissing",
        expr=f"absent({TIMESTAMP.name})",
        minutes=60,
        severity="warning",
        summary="no host has an audit",
        description="No textfile of oomconf audit is scraped from any host: drift, kills of units and near limits are not known.",
        run="on each host: systemctl enable --now oomconf-audit.timer, or its cron line; by hand: " + audit_call("NAME"),
        found=(),
        values=(
            there,
            Values(series(TIMESTAMP.name, labels), f"1+0x{course.length}", f"_x{course.length}", f"1+0x{course.begins - 1} stale"),
        ),
    )
    course = Course(30, begins=130)
    yield Alert(
        name="OomconfAuditGone",
        expr=f"{TIMESTAMP.name} offset 2h unless {TIMESTAMP.name}",
        minutes=30,
        severity="warning",
        summary=f"the audit of {ON} is gone",
        description="Two hours ago this host had an audit, and now its textfile is not there.",
        run=_RUN,
        values=(
            Values(
                series(TIMESTAMP.name, labels), f"1+0x{course.length}", f"1+0x{course.begins - 1} stale", f"1+0x{course.begins - 1} stale"
            ),
        ),
        begins=course.begins,
    )


def of_kubernetes() -> Iterator[Alert]:
    """Alerts on pods and nodes, by kube-state-metrics, cAdvisor and the kubelet."""
    pod = {"namespace": "prod", "pod": "api-5d4f8c7b9-x2x7q", "container": "api"}
    restarts, reason = "kube_pod_container_status_restarts_total", "kube_pod_container_status_last_terminated_reason"
    course = Course(0)
    killed = {**pod, "reason": "OOMKilled"}
    error = {**pod, "container": "other"}
    yield Alert(
        name="OomconfPodOomKilled",
        # the reason stays until the next end, so that only a restart makes it news
        expr=f"increase({restarts}[10m]) > 0 and on ({_POD}) {reason}{matchers({'reason': 'OOMKilled'})} == 1",
        minutes=0,
        severity="warning",
        summary=f"{_BY['pod']} was killed at its limit and started again",
        description="Kubernetes says OOMKilled. The container's limit is too low for what it holds, or it leaks.",
        run="kubectl describe pod; oomconf diagnose, on the node; oomconf simulate SPEC",
        found=tuple(pod.items()),
        values=(
            course.kill(restarts, pod),
            course.gauge(reason, killed, 1, 1, 1),
            Values(series(restarts, error), f"0+1x{course.length}", f"0+1x{course.length}", f"0+1x{course.length}"),
            course.gauge(reason, {**error, "reason": "Error"}, 1, 1, 1),
        ),
    )
    yield Alert(
        name="OomconfPodOomEvent",
        expr=f'sum by ({_POD}) (increase(container_oom_events_total{{namespace!="",container!=""}}[10m])) > 0',
        minutes=0,
        severity="warning",
        summary=f"the OOM killer ended a process in {_BY['pod']}",
        description="cAdvisor read it in the kernel's log. If the container's first process lives, Kubernetes says nothing of it.",
        run=_DIAGNOSE,
        found=tuple(pod.items()),
        values=(course.kill("container_oom_events_total", {**pod, **dict(INSTANCE)}),),
    )
    yield Alert(
        name="OomconfEvicted",
        expr='increase(kubelet_evictions{eviction_signal=~"memory.available|allocatableMemory.available"}[15m]) > 0',
        minutes=0,
        severity="warning",
        summary=f"the kubelet on {ON} evicted a pod for lack of memory",
        description="First go pods that use more than they request, lower priority first.",
        run="kubectl get events -A --field-selector reason=Evicted; oomconf lint SPEC for requests below use",
        found=(("eviction_signal", "memory.available"), *INSTANCE),
        values=(course.kill("kubelet_evictions", {"eviction_signal": "memory.available", **dict(INSTANCE)}),),
    )
    node = {"node": "node-1", "condition": "MemoryPressure", "status": "true"}
    yield Alert(
        name="OomconfNodeMemoryPressure",
        expr='kube_node_status_condition{condition="MemoryPressure",status="true"} > 0',
        minutes=2,
        severity="critical",
        summary="{{ $labels.node }} is short of memory",
        description="The kubelet is below an eviction threshold: it evicts, and takes no BestEffort pods.",
        run="kubectl describe node; oomconf simulate SPEC",
        found=tuple(node.items()),
        values=(Course(2).gauge("kube_node_status_condition", node, 0, 1, 1),),
    )
