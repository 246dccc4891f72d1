"""promtool takes the rules, their generated tests pass, and no rule can be broken without a test that fails."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import generated
import pytest
import yaml
from consumers import folder, promtool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oomconf
from oomconf import metrics
from oomconf.dialect import Mapped
from oomconf.dialects import _promql
from oomconf.policy import Fleet, Policy
from oomconf.renderer import render
from oomconf.templating import Templates

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/oomconf.yaml"))
RULES, TESTS = "oomconf.rules.yaml", "oomconf.rules.test.yaml"
STRICT = """
version: 1
hosts: {h: {ram: 8G, swap: 1G, sysctl: {set: {vm.overcommit_memory: 2}}}}
services:
  hostile: {protect: critical, memory: {max: 1G, swap_max: 0}, systemd: {unit: 'a\\x2db:c.service'}}
  many: {protect: high, memory: {max: 1G, swap_max: 0}, systemd: {unit: m@.service}}
monitoring: {ram_used: 1.5%}
"""
EVERYTHING = """
version: 1
hosts:
  h: {ram: 8G, swap: 1G}
  node: {ram: 8G, swap: 0, kubelet: {systemReserved: 1Gi}}
services:
  unit: {host: h, protect: critical, memory: {max: 1G, swap_max: 0}, systemd: {unit: 'a\\x2db:c.service'}}
  many: {host: h, protect: high, memory: {max: 1G, swap_max: 0}, systemd: {unit: m@.service}}
  box: {host: h, protect: high, memory: {max: 1G, swap_max: 0}, docker: {name: box, image: box}}
  two: {host: h, protect: high, memory: {max: 1G, swap_max: 0}, docker: {name: two, image: box}}
  made: {host: h, protect: high, memory: {max: 1G, swap_max: 0}, compose: {file: c.yaml, service: made}}
  pods: {host: h, protect: high, memory: {max: 1G, swap_max: 0}, quadlet: {unit: pods.container}}
  pod: {host: node, protect: high, memory: {max: 1Gi}, kubernetes: {workload: Deployment/p, container: c, requests: {memory: 1Gi}}}
"""
MADE = {"strict": STRICT, "everything": EVERYTHING}


def of(output: Any) -> dict[str, str]:
    return {path.name: artifact.text for artifact in output.artifacts if (path := Path(artifact.path)).parent.name == "prometheus"}


@functools.cache
def files(example: str) -> dict[str, str]:
    if example in EXAMPLES:
        return of(oomconf.render(oomconf.load(ROOT / "examples" / example / "oomconf.yaml"), target=["prometheus"]))
    with folder({"oomconf.yaml": MADE[example], "c.yaml": "services: {made: {image: a}}\n"}) as root:
        return of(oomconf.render(oomconf.load(root / "oomconf.yaml"), target=["prometheus"]))


@pytest.mark.live("promtool")
@pytest.mark.parametrize("example", [*EXAMPLES, *MADE])
def test_the_rules_are_taken_and_their_tests_pass(example: str) -> None:
    made = files(example)
    assert promtool.check_rules({RULES: made[RULES]}) > 10
    assert promtool.failing(made, TESTS) == []


@pytest.mark.live("promtool")
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(generated.docker(), generated.compose(), generated.quadlet(), generated.kubernetes()))
def test_the_tests_of_any_policy_pass(policy: Policy) -> None:
    dialect = next(one for one in oomconf.api.targets(["prometheus"]) if one.name == "prometheus")  # type: ignore[attr-defined]
    made = of(render(Fleet(policies=(policy,)), (dialect,), Templates(), Mapped({}), named=True))
    assert promtool.failing(made, TESTS) == []


def rule_name(rule: dict[str, Any]) -> str:
    return f"{rule['alert']} {rule['labels']['severity']}"


def every_rule(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in data["groups"] for rule in group["rules"]]


def last_number(change: Callable[[float], float]) -> Callable[[dict[str, Any]], None]:
    def broken(rule: dict[str, Any]) -> None:
        found = re.fullmatch(r"(.*[<>] )([\d.]+)", rule["expr"])
        if found and found[1].endswith("< "):  # a flag, 0 or 1: there is nothing a little below 1
            rule["expr"] = f"{found[1]}{5 if change(1) > 1 else 0}"
        elif found:
            rule["expr"] = f"{found[1]}{change(float(found[2]))!r}"
        elif "== 1" in rule["expr"]:
            rule["expr"] = rule["expr"].replace("== 1", f"== {change(1)!r}")
        else:  # without a number there is nothing to be wrong by a little
            rule["expr"] = "vector(1) > 2" if change(1) > 1 else "vector(1)"

    return broken


def comparator(rule: dict[str, Any]) -> None:
    if re.search(r"[<>] [\d.]+$", rule["expr"]):
        rule["expr"] = re.sub(r"([<>])( [\d.]+)$", lambda found: {"<": ">", ">": "<"}[found[1]] + found[2], rule["expr"])
    elif "== 1" in rule["expr"]:
        rule["expr"] = rule["expr"].replace("== 1", "!= 1")
    elif "unless" in rule["expr"]:
        rule["expr"] = rule["expr"].replace(" unless ", " and ")
    else:
        rule["expr"] = rule["expr"].replace("absent(", "present_over_time(").replace(")", "[1m])")


def metric(which: int) -> Callable[[dict[str, Any]], None]:
    def broken(rule: dict[str, Any]) -> None:
        found = list(re.finditer(r"\b(?:node|kube|kubelet|container|oomconf)_(?:\w+)(?=[{\[ )/]|$)", rule["expr"]))
        one = found[which % len(found)]
        rule["expr"] = f"{rule['expr'][: one.start()]}{one[0]}_x{rule['expr'][one.end() :]}"

    return broken


def held(by: int) -> Callable[[dict[str, Any]], None]:
    def broken(rule: dict[str, Any]) -> None:
        minutes = int(rule["for"].removesuffix("m")) + by
        rule["for"] = f"{max(minutes, 0)}m"

    return broken


def label(rule: dict[str, Any]) -> None:
    rule["labels"]["severity"] += "x"


# of a rule that holds for no time at all, a shorter one is the same
BREAKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "a threshold a little higher": last_number(lambda value: value * 1.01 if value > 0 else 5),
    "a threshold a little lower": last_number(lambda value: value * 0.99 if value > 0 else -1),
    "the comparison turned": comparator,
    "the first metric misspelt": metric(0),
    "the last metric misspelt": metric(-1),
    "for a minute longer": held(1),
    "for a minute less": held(-1),
    "another severity": label,
}


@pytest.mark.live("promtool")
@pytest.mark.parametrize(
    ("example", "how"),
    [*(("everything", how) for how in BREAKS), ("strict", "a threshold a little higher"), ("strict", "the comparison turned")],
)
def test_a_broken_rule_fails_a_test_of_its_own(example: str, how: str) -> None:
    made = files(example)
    data = yaml.safe_load(made[RULES])
    broken = copy.deepcopy(data)
    for rule in every_rule(broken):
        BREAKS[how](rule)
    changed = [before for before, after in zip(every_rule(data), every_rule(broken), strict=True) if before != after]
    assert changed == [rule for rule in every_rule(data) if "less" not in how or rule["for"] != "0m"]
    failed = promtool.failing({RULES: yaml.safe_dump(broken), TESTS: made[TESTS]}, TESTS)
    for rule in changed:
        start = f"{rule_name(rule)} {rule['labels'].get('service', '')}".rstrip()
        assert any(name.startswith(start) for name in failed), f"{how}: {rule['expr']}"


@pytest.mark.live("promtool")
@pytest.mark.parametrize(
    ("pattern", "container"), [("(.+[-_])?made([-_][0-9]+)?", "project-made-1"), ("(systemd-)?pods", "systemd-pods"), ("two", "two")]
)
def test_a_protected_container_that_the_rule_forgets_fails_its_test(pattern: str, container: str) -> None:
    made = files("everything")
    forgetful = made[RULES].replace(f"|{pattern}", "").replace(f"{pattern}|", "")
    assert forgetful != made[RULES]
    assert any(container in name for name in promtool.failing({**made, RULES: forgetful}, TESTS))


HOSTILE = ['"', "\\", "a\nb", "{{ x }}", "é", "\u2028", "\x7f", "a'b", "$1", "#", "😀", ".*"]


@pytest.mark.live("promtool")
@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_reaches_prometheus_as_it_was(text: str) -> None:
    """The series of the test has the text itself, and the rule must meet it, by equality and by the regular expression."""
    for matcher in (_promql.matchers({"a": text}), _promql.matchers({}, {"a": _promql.regex(text)})):
        rule = {"alert": "A", "expr": f"m{matcher} > 0", "annotations": {"summary": _promql.literal(text)}}
        look = {"eval_time": "1m", "alertname": "A", "exp_alerts": [{"exp_labels": {"a": text}, "exp_annotations": {"summary": text}}]}
        test = {
            "name": "t",
            "interval": "1m",
            "input_series": [{"series": _promql.series("m", {"a": text}), "values": "1+0x5"}],
            "alert_rule_test": [look],
        }
        made = {
            RULES: yaml.safe_dump({"groups": [{"name": "g", "rules": [rule]}]}, allow_unicode=True),
            TESTS: yaml.safe_dump({"rule_files": [RULES], "evaluation_interval": "1m", "tests": [test]}, allow_unicode=True),
        }
        assert promtool.failing(made, TESTS) == []


@pytest.mark.live("promtool")
def test_the_metrics_of_an_audit_are_well_named_and_well_written() -> None:
    one: dict[metrics.Metric, list[tuple[tuple[str, ...], float]]] = {
        metric: [(tuple(f'{label} "\\ {text}' for label in metric.labels), 1.5)] for metric in metrics.AUDIT for text in HOSTILE[:1]
    }
    assert promtool.check_metrics(metrics.exposition(one)) == []
