"""What is watched of a fleet: which services, by which labels, above which thresholds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import oomconf
from oomconf import metrics
from oomconf.dialects import _promql
from oomconf.dialects._alerts import decimal, percent
from oomconf.ledger import Status

HOST = "hosts: {h: {ram: 8G, swap: 0}}\n"


def output(tmp_path: Path, text: str, *targets: str, host: str = HOST) -> Any:
    path = tmp_path / "oomconf.yaml"
    path.write_text(f"version: 1\n{host}{text}", "utf-8")
    return oomconf.render(oomconf.load(path), target=targets or None)


def rules(tmp_path: Path, text: str, host: str = HOST) -> list[dict[str, Any]]:
    made = {artifact.path: artifact.text for artifact in output(tmp_path, text, "prometheus", host=host).artifacts}
    data = yaml.safe_load(made["monitoring/prometheus/oomconf.rules.yaml"])
    return [rule for group in data["groups"] for rule in group["rules"]]


def near(tmp_path: Path, service: str, host: str = HOST) -> list[dict[str, Any]]:
    return [rule for rule in rules(tmp_path, f"services:\n  s: {service}\n", host) if rule["alert"] == "OomconfNearLimit"]


def test_nothing_is_watched_unless_the_spec_or_the_call_asks(tmp_path: Path) -> None:
    assert not [one for one in output(tmp_path, "").artifacts if one.path.startswith("monitoring/")]
    asked = "monitoring: {targets: [prometheus]}\n"
    assert {one.target for one in output(tmp_path, asked).artifacts} >= {"prometheus"}
    assert output(tmp_path, "monitoring: {ram_used: 70%}\n").artifacts == ()


def test_the_threshold_is_the_specs(tmp_path: Path) -> None:
    def said(text: str) -> list[str]:
        return [rule["expr"].rpartition(" ")[2] for rule in rules(tmp_path, text) if rule["alert"].startswith("OomconfRam")]

    assert said("") == ["0.8", "0.9"]
    assert said("monitoring: {ram_used: 72.5%}\n") == ["0.725", "0.8625"]
    assert said("monitoring: {ram_used: 99.99%}\n") == ["0.9999", "0.99995"]


def test_what_an_alert_says_is_true_of_what_it_watches(tmp_path: Path) -> None:
    """MemAvailable counts what reclaim gives back; the audit says where a value comes from, and oomconf-verify what to do."""
    said = {rule["alert"]: rule["annotations"] for rule in rules(tmp_path, "")}
    assert (
        "More than 80 % of RAM is in use for 10 minutes, and cannot be had back without swapping" in said["OomconfRamUsed"]["description"]
    )
    assert "oomconf-verify, there: what sets it right" in said["OomconfDrift"]["runbook"]
    assert "systemctl restart" in said["OomconfPendingRestart"]["runbook"]


@pytest.mark.parametrize(
    ("service", "selector"),
    [
        ("{protect: high, memory: {max: 1G}, systemd: {unit: a.service}}", '{unit="a.service"}'),
        ("{protect: critical, memory: {max: 1G}, systemd: {unit: a@.service}}", '{unit=~"a@.+\\\\.service"}'),
        ("{oom_score_adj: -1, memory: {max: 1G}, quadlet: {unit: a.container}}", '{unit="a.service"}'),
        ("{protect: high, memory: {max: 1G}, docker: {name: api, image: a}}", '{name="api"}'),
        ("{protect: high, memory: {max: 1G}, compose: {file: c.yaml, service: a}}", '{container_label_com_docker_compose_service="a"}'),
        (
            "{protect: high, memory: {max: 1Gi}, kubernetes: {workload: StatefulSet/a.b, namespace: n, container: c}}",
            '{namespace="n",container="c",pod=~"a\\\\.b-[0-9]+"}',
        ),
    ],
)
def test_a_protected_service_is_watched_by_the_labels_of_its_metrics(tmp_path: Path, service: str, selector: str) -> None:
    (tmp_path / "c.yaml").write_text("services: {a: {image: a}}\n", "utf-8")
    (rule,) = near(tmp_path, service)
    assert selector in rule["expr"]
    assert rule["labels"]["service"] == "services.s"
    assert rule["labels"]["severity"] == ("critical" if "critical" in service else "warning")


@pytest.mark.parametrize(
    ("service", "killed", "others"),
    [
        ("{{{0}, compose: {{file: c.yaml, service: a.b}}}}", ["box-a.b-1", "my_box_a.b_12", "a.b", "mine-a.b"], ["axb", "box-a.b-c", "boxa.b", "a.b-1-2"]),
        ("{{{0}, quadlet: {{unit: w.container}}}}", ["systemd-w", "w"], ["systemd-w-2", "x-w"]),
        ("{{{0}, docker: {{name: ww, image: i}}}}", ["ww"], ["box-ww-1", "systemd-ww"]),
    ],
)  # fmt: skip
def test_a_kill_in_a_protected_container_is_critical_by_any_name_that_its_engine_gives_it(
    tmp_path: Path, service: str, killed: list[str], others: list[str]
) -> None:
    (tmp_path / "c.yaml").write_text("services: {a.b: {image: a}}\n", "utf-8")
    text = service.format("protect: high, memory: {max: 1G}")
    found = [rule for rule in rules(tmp_path, f"services:\n  s: {text}\n") if rule["alert"] == "OomconfContainerOomKilled"]
    said = {rule["labels"]["severity"]: re.search(r'container(?:=|!)~"([^"]*)"', rule["expr"]) for rule in found}
    assert said.keys() == {"critical", "warning"}
    for match in said.values():
        assert match is not None
        pattern = re.compile(match[1].replace("\\\\", "\\"))
        assert all(pattern.fullmatch(name) for name in killed)
        assert not any(pattern.fullmatch(name) for name in others)


def test_every_protected_service_has_its_own_proof_that_its_kill_is_critical(tmp_path: Path) -> None:
    """`not-api` would be the stranger of the tests, and is one of the protected here."""
    (tmp_path / "c.yaml").write_text("services: {api: {image: a}, db: {image: a}}\n", "utf-8")
    both = "\n".join(
        f"  {name}: {{protect: high, memory: {{max: 1G}}, compose: {{file: c.yaml, service: {name}}}}}" for name in ("api", "db")
    )
    made = output(
        tmp_path, f"services:\n{both}\n  u: {{protect: high, memory: {{max: 1G}}, quadlet: {{unit: u.container}}}}\n", "prometheus"
    )
    (tests,) = [yaml.safe_load(one.text)["tests"] for one in made.artifacts if one.path.endswith("rules.test.yaml")]
    raised = {
        str(alert["exp_labels"]["container"])
        for test in tests
        for look in test["alert_rule_test"]
        for alert in look["exp_alerts"]
        if look["alertname"] == "OomconfContainerOomKilled" and alert["exp_labels"]["severity"] == "critical"
    }
    assert raised == {"project-api-1", "project-db-1", "systemd-u"}
    spare = [test["input_series"][0]["series"] for test in tests if test["name"].startswith("OomconfContainerOomKilled warning")]
    assert {re.search(r'container="([^"]*)"', one)[1] for one in spare} == {"not-api1"}  # type: ignore[index]


def test_a_group_of_a_script_is_watched_by_its_path(tmp_path: Path) -> None:
    (rule,) = near(
        tmp_path, "{protect: high, memory: {max: 1G}, cgroup: {path: x/y, command: [/a]}}", "hosts: {h: {ram: 8G, swap: 0, systemd: 0}}\n"
    )
    assert f'unit="{metrics.cgroup_label("x/y", None)}"' in rule["expr"]
    assert metrics.cgroup_label("x/y", "d.service") == "d.service/x/y"


@pytest.mark.parametrize(
    ("service", "why"),
    [
        ("{protect: high, systemd: {unit: a.service}}", "has no limit to be near"),
        ("{protect: high, memory: {max: infinity}, systemd: {unit: a.service}}", "has no limit to be near"),
        ("{protect: high, memory: {max: 1G}, systemd: {unit: a.service, user: true}}", "a user's"),
    ],
)
def test_a_protected_service_without_a_rule_is_told(tmp_path: Path, service: str, why: str) -> None:
    made = output(tmp_path, f"services:\n  s: {service}\n", "prometheus")
    (text,) = [one.text for one in made.artifacts if one.path.endswith("rules.yaml")]
    assert re.search(rf"^# no rule of its own: services\.s: .*{re.escape(why)}", text, re.MULTILINE)
    cells = [cell for cell in made.ledger if cell.target == "prometheus"]
    assert [cell.status for cell in cells] == ([Status.IMPOSSIBLE] if "user" in service else [])


def test_a_service_that_may_die_is_not_watched(tmp_path: Path) -> None:
    assert near(tmp_path, "{protect: normal, memory: {max: 1G}, systemd: {unit: a.service}}") == []


def test_one_service_on_two_hosts_is_one_rule(tmp_path: Path) -> None:
    service = "{host: [a, b], protect: high, memory: {max: 1G}, overrides: {b: {memory: {max: 2G}}}, systemd: {unit: a.service}}"
    (rule,) = near(tmp_path, service, "hosts: {a: {ram: 8G, swap: 0}, b: {ram: 16G, swap: 0}}\n")
    assert "1G or 2G" in rule["annotations"]["description"]


def test_commit_is_held_against_what_the_kernel_enforces(tmp_path: Path) -> None:
    def said(host: str) -> str:
        return next(str(rule["expr"]) for rule in rules(tmp_path, "", host) if rule["alert"] == "OomconfCommitted")

    assert "CommitLimit" not in said(HOST)
    assert "CommitLimit" in said("hosts: {a: {ram: 8G, swap: 0, sysctl: {set: {vm.overcommit_memory: 2}}}}\n")
    assert "CommitLimit" not in said("hosts: {a: {ram: 8G, swap: 0, sysctl: {set: {vm.overcommit_memory: 2}}}, b: {ram: 8G, swap: 0}}\n")


@given(st.text())
def test_a_regular_expression_matches_its_text_alone(text: str) -> None:
    assert re.fullmatch(_promql.regex(text), text)
    assert not re.fullmatch(_promql.regex(text), f"{text}x")


@pytest.mark.parametrize("kind", ["Pod", "StatefulSet", "Deployment", "DaemonSet", "ReplicaSet", "Job", "CronJob"])
@pytest.mark.parametrize("name", ["a", "a.b-c", "x" * 60])
def test_the_pattern_of_pods_matches_its_example(kind: str, name: str) -> None:
    pattern, example = _promql.pods(kind, name)
    assert re.fullmatch(pattern, example)
    assert not re.fullmatch(pattern, f"other-{example}")


def test_shares_are_written_exactly() -> None:
    assert [decimal(parts) for parts in (80_000, 99_995, 100_000, 5, 0)] == ["0.8", "0.99995", "1", "0.00005", "0"]
    assert [percent(parts) for parts in (80_001, 90_000, 100_000)] == ["80%", "90%", "100%"]


def test_the_metrics_of_an_audit_are_written_in_the_text_format() -> None:
    text = metrics.exposition(
        {metrics.DRIFT: [(('services."a"\\', "memory_max"), 1)], metrics.TIMESTAMP: [((), 1.5)], metrics.UNIT_KILLS: []}
    )
    assert text.splitlines()[-1] == 'oomconf_drift{object="services.\\"a\\"\\\\",setting="memory_max"} 1'
    assert "oomconf_audit_timestamp_seconds 1.5\n" in text
    assert "oomconf_unit" not in text
    with pytest.raises(ValueError, match="zip"):
        metrics.exposition({metrics.DRIFT: [(("a",), 1)]})
