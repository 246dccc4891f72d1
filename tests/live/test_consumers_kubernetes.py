"""Kubernetes as an oracle: schemas for keys, the decoder for quantities, kustomize for patches."""

from __future__ import annotations

import pytest
from consumers import Refused, kubernetes

pytestmark = pytest.mark.live("kubernetes")

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: prod}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
      - name: api
        image: registry.example/api:1.4
        resources: {limits: {memory: 1.5Gi}, requests: {memory: 512Mi}}
"""
RANGE = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: l}\nspec: {limits: [{type: Container, default: {memory: 0.5Gi}}]}\n"
QUOTA = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {limits.memory: 2048Mi}}\n"
AUTOSCALER = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: api, apiVersion: apps/v1}}
"""
NETWORK = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n}\nspec: {podSelector: {}}\n"


@pytest.mark.parametrize("text", [DEPLOYMENT, RANGE, QUOTA, AUTOSCALER, NETWORK, f"{RANGE}---\n{QUOTA}---\n{DEPLOYMENT}"])
def test_a_good_manifest_has_no_errors(text: str) -> None:
    assert kubernetes.schema_errors(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            DEPLOYMENT.replace("limits:", "limit:"),
            "Deployment/api: spec.template.spec.containers.0.resources: Additional properties are not allowed",
        ),
        (DEPLOYMENT.replace("name: api\n        image", "image"), "'name' is a required property"),
        (DEPLOYMENT.replace("memory: 512Mi", "memory: [512Mi]"), "spec.template.spec.containers.0.resources.requests.memory: "),
        (RANGE.replace("default:", "defaults:"), "LimitRange/l: spec.limits.0: Additional properties"),
        (QUOTA.replace("hard:", "hards:"), "ResourceQuota/q: spec: Additional properties"),
        (QUOTA.replace("ResourceQuota", "ResourceQuotum"), "ResourceQuotum/q: no schema for v1 ResourceQuotum"),
        (
            f"apiVersion: v1\nkind: List\nitems:\n- {QUOTA.replace('hard', 'hards').replace(chr(10), chr(10) + '  ')}",
            "ResourceQuota/q: spec: ",
        ),
    ],
)
def test_a_wrong_key_is_named_with_its_path(text: str, message: str) -> None:
    assert any(message in line for line in kubernetes.schema_errors(text)), kubernetes.schema_errors(text)


def test_all_errors_are_reported_not_the_first() -> None:
    assert len(kubernetes.schema_errors(DEPLOYMENT.replace("limits:", "limit:").replace("selector:", "selectors:"))) == 3


def test_an_older_release_has_its_own_schema() -> None:
    pod_level = DEPLOYMENT.replace("      containers:", "      resources: {limits: {memory: 1Gi}}\n      containers:")
    assert kubernetes.schema_errors(pod_level) == []
    assert kubernetes.schema_errors(pod_level, version="1.30") != []


def test_quantities_come_back_canonical() -> None:
    deployment, limits, quota = kubernetes.canonical(f"{DEPLOYMENT}---\n{RANGE}---\n{QUOTA}")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {"limits": {"memory": "1536Mi"}, "requests": {"memory": "512Mi"}}
    assert limits["spec"]["limits"][0]["default"] == {"memory": "512Mi"}
    assert quota["spec"]["hard"] == {"limits.memory": "2Gi"}
    assert "env" not in container


@pytest.mark.parametrize("text", [DEPLOYMENT.replace("1.5Gi", "512MB"), RANGE.replace("0.5Gi", "1g"), QUOTA.replace("2048Mi", "2 Gi")])
def test_a_bad_quantity_is_refused(text: str) -> None:
    assert kubernetes.schema_errors(text) == [], "the schema alone cannot tell"
    with pytest.raises(Refused, match="quantities must match the regular expression"):
        kubernetes.canonical(text)


def test_many_quantities_in_one_go() -> None:
    assert kubernetes.quantities(["1024Mi", "1G", 1073741824, "1e3", "500m", "0"]) == ["1Gi", "1G", "1073741824", "1k", "500m", "0"]


def test_kustomize_merges_a_component_by_container_name() -> None:
    patch = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api, namespace: prod}\n"
        "spec: {template: {spec: {containers: [{name: api, resources: {limits: {memory: 2Gi}}}]}}}\n"
    )
    (merged,) = kubernetes.kustomize(
        {
            "app/kustomization.yaml": "resources: [deployment.yaml]\ncomponents: [../oomconf]\n",
            "app/deployment.yaml": DEPLOYMENT,
            "oomconf/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: api.yaml}]\n",
            "oomconf/api.yaml": patch,
        },
        "app",
    )
    (container,) = merged["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["resources"]["limits"], container["resources"]["requests"]) == (
        "registry.example/api:1.4",
        {"memory": "2Gi"},
        {"memory": "512Mi"},
    )


def test_kustomize_refuses_a_patch_without_its_object() -> None:
    files = {"kustomization.yaml": "resources: [q.yaml]\npatches: [{path: p.yaml}]\n", "q.yaml": QUOTA, "p.yaml": DEPLOYMENT}
    with pytest.raises(Refused, match="no matches for Id Deployment"):
        kubernetes.kustomize(files)
