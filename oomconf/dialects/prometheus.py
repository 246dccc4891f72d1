"""Prometheus: alert rules for what a spec protects, and unit tests that promtool runs over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects._alerts import Alert, expanded, of_machines
from oomconf.dialects._alerts_services import of_audits, of_kubernetes, of_services
from oomconf.dialects._common import header
from oomconf.dialects._shell import comment
from oomconf.dialects._watched import Watch, watch
from oomconf.dialects._yaml_write import quoted, scalar
from oomconf.ledger import Artifact, Book, Rendering
from oomconf.policy import Policy

RULES: Final = "prometheus/oomconf.rules.yaml"
TESTS: Final = "prometheus/oomconf.rules.test.yaml"


def wanted(policy: Policy) -> bool:
    """Whether a spec asks for it."""
    return policy.monitoring is not None and policy.monitoring.names("prometheus")


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write the rules of all hosts, which no spec tells apart by instance, and their tests."""
    book = Book("prometheus")
    found = watch(policy, needs.fleet, book)
    groups = [(name, alerts) for name, alerts in alerts_of(found) if alerts]
    about = header(policy.source, [policy.object])
    rules = needs.templates.render(
        "prometheus/rules.yaml.j2",
        header=about,
        passed=[comment(f"{thing}: {why}") for thing, why in found.passed],
        groups=[{"name": scalar(name), "rules": [_rule(alert) for alert in alerts]} for name, alerts in groups],
    )
    tests = needs.templates.render(
        "prometheus/rules.test.yaml.j2",
        header=about,
        tests=[test for _, alerts in groups for alert in alerts for test in _tests(alert)],
    )
    artifacts = (
        Artifact(path=RULES, text=rules, objects=(policy.object,)),
        Artifact(path=TESTS, text=tests, objects=(policy.object,)),
    )
    return Rendering(artifacts=artifacts, ledger=tuple(book.cells))


def alerts_of(found: Watch) -> Iterator[tuple[str, list[Alert]]]:
    """Give the groups of rules."""
    yield "oomconf-machines", list(of_machines(found))
    yield "oomconf-services", list(of_services(found))
    yield "oomconf-audit", list(of_audits())
    yield "oomconf-kubernetes", list(of_kubernetes()) if found.kubernetes else []


def _rule(alert: Alert) -> dict[str, object]:
    return {
        "name": scalar(alert.name),
        "expr": quoted(alert.expr),
        "minutes": str(alert.minutes),
        "labels": _pairs({"severity": alert.severity, **dict(alert.labels)}),
        "annotations": _pairs({"summary": alert.summary, "description": alert.description, "runbook": alert.run}),
    }


def _pairs(given: dict[str, str]) -> list[str]:
    return [f"{key}: {quoted(value)}" for key, value in given.items()]


def _tests(alert: Alert) -> Iterator[dict[str, object]]:
    found = dict(alert.found)
    what = dict(alert.labels).get("service", "") or found.get("unit", "") or found.get("container", "")
    title = " ".join(word for word in (alert.name, alert.severity, what) if word)
    begin = alert.begins + alert.lag + alert.minutes
    yield _test(f"{title}: just below", alert, [row.below for row in alert.values], [(alert.ends, None)])
    yield _test(f"{title}: just above", alert, [row.above for row in alert.values], [(alert.ends, alert.shown[0])])
    yield _test(
        f"{title}: after {alert.minutes} minutes", alert, [row.step for row in alert.values], [(begin - 1, None), (begin, alert.shown[1])]
    )
    for labels, values in alert.others:
        also = replace(alert, found=labels, values=(values,))
        yield _test(f"{title}: also {labels[0][1]}", also, [values.above], [(alert.ends, alert.shown[0])])


def _test(name: str, alert: Alert, values: list[str], looks: list[tuple[int, str | None]]) -> dict[str, object]:
    return {
        "name": quoted(name),
        "series": [{"series": quoted(row.series), "values": quoted(value)} for row, value in zip(alert.values, values, strict=True)],
        "looks": [
            {"minute": str(minute), "name": scalar(alert.name), "alert": None if shown is None else _expected(alert, shown)}
            for minute, shown in looks
        ],
    }


def _expected(alert: Alert, shown: str) -> dict[str, object]:
    labels = {**dict(alert.found), "severity": alert.severity, **dict(alert.labels)}
    texts = {"summary": alert.summary, "description": alert.description, "runbook": alert.run}
    return {"labels": _pairs(labels), "annotations": _pairs({key: expanded(text, labels, shown) for key, text in texts.items()})}


DIALECT: Final = Dialect(
    name="prometheus",
    summary="monitoring/prometheus: alert rules, and unit tests for promtool",
    scope="fleet",
    render=render,
    wanted=wanted,
    proven="promtool check rules, promtool test rules, and rules broken on purpose",
)
