"""Heaps that containers take from ConfigMaps beside them."""

from __future__ import annotations

import pytest

from oomconf.api import lint_raw
from oomconf.dialect import Document, Mapped

POD = """apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: web
      image: registry.example/web
      resources: {limits: {memory: 1Gi}}
"""
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\ndata:\n  JAVA_TOOL_OPTIONS: -Xmx4g\n"
ALL = "      envFrom: [{configMapRef: {name: cfg}}]\n"
ONE = "      env: [{name: JAVA_TOOL_OPTIONS, valueFrom: {configMapKeyRef: {name: cfg, key: JAVA_TOOL_OPTIONS}}}]\n"


def found(**files: str) -> list[tuple[str, str, int]]:
    named = {f"k8s/{name}.yaml": text for name, text in files.items()}
    report = lint_raw([Document(path, text) for path, text in named.items()], Mapped(named), select=["heap-above-limit", "ignored-value"])
    return [(one.rule, one.at.path, one.at.line) for one in report.findings]


@pytest.mark.parametrize("taken", [ALL, ONE])
def test_a_heap_of_a_config_map_is_held_against_the_limit_of_the_container(taken: str) -> None:
    assert found(pod=POD + taken, map=MAP) == [("heap-above-limit", "k8s/map.yaml", 5)]
    assert found(pod=POD + taken + "---\n" + MAP) == [("heap-above-limit", "k8s/pod.yaml", 15)]
    assert found(pod=POD + taken, map=MAP.replace("-Xmx4g", "-Xmx4gb")) == [("ignored-value", "k8s/map.yaml", 5)]
    base = {"kustomization": "kind: Kustomization\nresources: [pod.yaml, map.yaml]\n", "pod": POD + taken, "map": MAP}
    assert found(**base) == [("heap-above-limit", "k8s/map.yaml", 5)]


@pytest.mark.parametrize(
    ("pod", "other"),
    [
        (POD, MAP),
        (POD + ALL.replace("cfg", "other"), MAP),
        (POD + ALL, MAP.replace("{name: cfg}", "{name: cfg, namespace: prod}")),
        (POD + ALL, MAP + "---\n" + MAP),
        (POD + ALL.replace("{configMapRef", "{prefix: X_, configMapRef"), MAP),
        (POD + ALL + "      env: [{name: JAVA_TOOL_OPTIONS, value: -Xmx512m}]\n", MAP),
        (POD + ONE.replace("key: JAVA", "key: X"), MAP),
    ],
)
def test_a_config_map_that_the_container_does_not_take_is_none_of_its(pod: str, other: str) -> None:
    assert found(pod=pod, map=other) == []
