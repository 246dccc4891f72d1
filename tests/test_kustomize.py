"""Overlays: what is judged is what kustomize builds, at the line that won."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomconf.api import lint_raw
from oomconf.dialect import Document, NoSources
from oomconf.dialects.kubernetes.kustomize import builds

BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  template:
    spec:
      containers:
        - name: api
          image: registry.example/api
          resources: {requests: {memory: 1Gi}}
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec: {template: {spec: {containers: [{name: api, resources: {limits: {memory: LIMIT}}}]}}}
"""
FILES = {"base/kustomization.yaml": "resources: [api.yaml]\n", "base/api.yaml": BASE}


def found(files: dict[str, str], *rules: str) -> list[tuple[str, str, int]]:
    report = lint_raw([Document(path, text) for path, text in files.items()], NoSources(), select=rules)
    return [(one.rule, one.at.path, one.at.line) for one in report.findings]


def overlay(limit: str, name: str = "prod") -> dict[str, str]:
    return {
        f"{name}/kustomization.yaml": "resources: [../base]\npatches: [{path: limit.yaml}]\n",
        f"{name}/limit.yaml": PATCH.replace("LIMIT", limit),
    }


def test_a_limit_of_an_overlay_is_held_against_the_request_of_the_base() -> None:
    assert found({**FILES, **overlay("512Mi")}, "request-above-limit") == [("request-above-limit", "base/api.yaml", 10)]
    assert not found({**FILES, **overlay("2Gi")}, "request-above-limit")


def test_a_base_alone_lacks_the_limit_that_every_overlay_gives_it() -> None:
    assert found(FILES, "no-limit") == [("no-limit", "base/api.yaml", 8)]
    assert not found({**FILES, **overlay("1Gi"), **overlay("2Gi", "dev")}, "no-limit")


def test_a_mistake_of_the_base_is_told_once_for_all_overlays_unless_they_mend_it() -> None:
    files = {**FILES, "base/api.yaml": BASE.replace("requests: {memory: 1Gi}", "limits: {memory: 512m}")}
    assert found({**files, **overlay("1Gi")}, "ignored-value") == []
    both = {
        **files,
        "a/kustomization.yaml": "namespace: a\nresources: [../base]\n",
        "b/kustomization.yaml": "resources: [../base]\nnamespace: b\n",
    }
    assert found(both, "ignored-value") == [("ignored-value", "base/api.yaml", 10)]


def test_a_quota_of_the_overlay_meets_the_workloads_that_it_gives_its_namespace() -> None:
    quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {limits.memory: 4Gi}}\n"
    files = {**FILES, "prod/kustomization.yaml": "namespace: prod\nresources: [../base, quota.yaml]\n", "prod/quota.yaml": quota}
    assert [row[0] for row in found(files, "quota-without-limits")] == ["quota-without-limits"]
    files["prod/kustomization.yaml"] += "patches: [{patch: '" + PATCH.replace("LIMIT", "1Gi").replace("\n", "\n\n  ") + "'}]\n"
    assert not found(files, "quota-without-limits")


def test_a_patch_of_what_is_not_in_the_tree_is_judged_by_itself() -> None:
    remote = {"prod/kustomization.yaml": "resources: ['https://example.com/base']\npatches: [{path: limit.yaml}]\n"}
    files = {**overlay("512m"), **remote}
    assert found(files, "ignored-value") == [("ignored-value", "prod/limit.yaml", 4)]
    inline = {
        "prod/kustomization.yaml": "patches:\n  - patch: |\n"
        + "".join(f"      {line}\n" for line in PATCH.replace("LIMIT", "1g").splitlines())
    }
    assert found(inline, "ignored-value") == [("ignored-value", "prod/kustomization.yaml", 6)]


def test_a_component_that_nobody_uses_is_judged_by_itself() -> None:
    files = {**overlay("512m", "oomconf")}
    files["oomconf/kustomization.yaml"] = "kind: Component\npatches: [{path: limit.yaml}]\n"
    assert found(files, "ignored-value") == [("ignored-value", "oomconf/limit.yaml", 4)]
    files |= {**FILES, "prod/kustomization.yaml": "resources: [../base]\ncomponents: [../oomconf]\n"}
    assert found(files, "ignored-value") == [("ignored-value", "oomconf/limit.yaml", 4)]


def test_a_finding_of_the_overlay_is_accepted_by_the_annotation_of_the_base() -> None:
    said = BASE.replace("{name: api}", "{name: api, annotations: {oomconf/ignore.request-above-limit: measured}}", 1)
    assert not found({**FILES, "base/api.yaml": said, **overlay("512Mi")}, "request-above-limit")


def test_what_beat_the_base_is_named_beside() -> None:
    files = {**FILES, "base/api.yaml": BASE.replace("requests", "limits")}
    documents = [Document(path, text) for path, text in {**files, **overlay("16Ei")}.items()]
    assert builds(documents).taken == frozenset((*files, "prod/kustomization.yaml", "prod/limit.yaml"))


@pytest.mark.parametrize(
    "files",
    [
        {"kustomization.yaml": "resources: [.]\n"},
        {"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"},
        {"kustomization.yaml": "resources: {a: b}\npatches: [3, {path: [x]}, {patch: {}}]\ncomponents: [.]\n"},
        {"kustomization.yaml": "- a\n"},
        {"kustomization.yaml": "resources: [../../../../etc/passwd, '', '\0']\n".replace("\0", "x")},
        {
            "kustomization.yaml": "resources: [x.yaml]\npatches: [{patch: '[{op: add, path: /a/b/c, value: 1}]', target: {name: '('}}]\n",
            "x.yaml": BASE,
        },
    ],
)
def test_what_is_no_kustomization_is_survived(files: dict[str, str]) -> None:
    assert isinstance(found(files, "ignored-value"), list)


def test_overlays_that_multiply_end() -> None:
    files = {f"{n}/kustomization.yaml": f"resources: [../{n + 1}, ../{n + 1}, ../{n + 1}]\n" for n in range(30)}
    files["30/kustomization.yaml"] = "resources: [x.yaml]\n"
    files["30/x.yaml"] = BASE.replace("1Gi", "1g")
    begin = time.process_time()
    assert [row[0] for row in found(files, "ignored-value")] == ["ignored-value"]
    assert time.process_time() - begin < 5  # 3^30 builds would not end at all


KEYS = st.sampled_from(
    [
        "resources",
        "patches",
        "patch",
        "path",
        "target",
        "components",
        "$patch",
        "op",
        "value",
        "name",
        "metadata",
        "spec",
        "a.json",
        "kind",
        "replicas",
    ]
)
WORDS = st.sampled_from(
    ["../b", "x.yaml", "p.yaml", "", ".", "delete", "replace", "add", "/spec/0", "/", "Deployment", "api", "namespace", ".*|a", "null"]
)
TREES = st.recursive(WORDS | st.none(), lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4), max_leaves=20)


@given(TREES, TREES, TREES)
def test_no_tree_is_too_odd(top: object, below: object, patch: object) -> None:
    patched = patch if isinstance(patch, dict) else {"patch": patch}
    first = {
        "resources": ["x.yaml", "../b"],
        "patches": [{"path": "p.yaml"}, {"patch": json.dumps(patch), "target": {"kind": "Deployment"}}],
    }
    files = {
        "a/kustomization.yaml": json.dumps({**first, **top} if isinstance(top, dict) else top),
        "a/p.yaml": json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}, **patched}),
        "a/x.yaml": BASE,
        "b/kustomization.yaml": json.dumps(below),
    }
    assert builds([Document(path, text) for path, text in files.items()]).taken <= set(files)
