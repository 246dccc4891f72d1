"""What stands around manifests: values of charts, JSON patches, patches inside of a kustomization."""

from __future__ import annotations

import pytest

from oomconf.api import lint_raw
from oomconf.dialect import Document, NoSources


def found(path: str, text: str, *rules: str) -> list[tuple[str, int, int]]:
    report = lint_raw([Document(path, text)], NoSources(), select=rules)
    return [(one.rule, one.at.line, one.at.column) for one in report.findings]


VALUES = """\
image: {repository: registry.example/api}
resources: {}
worker:
  resources:
    requests: {memory: 2Gi}
    limits: {memory: 1Gi}
proxies:
  - name: a
    resources: {limits: {memory: 512m}}
controller: {resources: {limit: {memory: 1Gi}}}
"""


@pytest.mark.parametrize("path", ["charts/api/values.yaml", "values-prod.yaml", "prod.values.yml"])
def test_resources_in_values_are_judged_at_any_depth(path: str) -> None:
    assert found(path, VALUES) == [("request-above-limit", 5, 24), ("ignored-value", 9, 34), ("unknown-key", 10, 26)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("values.yaml", "resources: {}\n"),
        ("values.yaml", "replicas: 2\n"),
        ("values.yaml", "resources: {limits: {memory: '{{ .Values.memory }}'}}\n"),
        ("config.yaml", VALUES),
        ("values.yaml", "worker: {resources: {limits: {memory: 1Gi}}}\n"),
    ],
)
def test_values_that_say_nothing_wrong_and_other_files_are_left_alone(path: str, text: str) -> None:
    assert found(path, text) == []


def test_values_are_no_part_of_the_cluster_beside_them() -> None:
    documents = [
        Document("chart/values.yaml", "resources: {limits: {memory: 64Mi}}\n"),
        Document(
            "chart/limits.yaml",
            "apiVersion: v1\nkind: LimitRange\nmetadata: {name: x, namespace: default}\n"
            "spec: {limits: [{type: Container, min: {memory: 1Gi}}]}\n",
        ),
    ]
    assert not lint_raw(documents, NoSources()).findings


def test_a_json_patch_is_judged() -> None:
    text = "- op: replace\n  path: /spec/template/spec/containers/0/resources/limits/memory\n  value: 512m\n"
    assert found("overlay/patch.yaml", text) == [("ignored-value", 3, 10)]
    text = '[{"op": "add", "path": "/spec/containers/0/resources", "value": {"limits": {"memory": "1GB"}}}]\n'
    assert found("overlay/patch.json", text) == [("ignored-value", 1, 87)]


KUSTOMIZATION = """\
resources: [../base]
patches:
  - target: {kind: Deployment}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/resources/requests/memory
        value: 1g
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: api}
      spec:
        template:
          spec:
            containers:
              - name: api
                resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}
"""


def test_patches_inside_of_a_kustomization_are_judged_where_they_stand() -> None:
    assert found("overlay/kustomization.yaml", KUSTOMIZATION) == [("ignored-value", 7, 16), ("request-above-limit", 17, 48)]


def test_a_patch_is_never_told_that_it_lacks_a_limit() -> None:
    text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {template: {spec: {containers: [{name: api, env: []}]}}}\n"
    assert found("overlay/patch.yaml", text) == []
