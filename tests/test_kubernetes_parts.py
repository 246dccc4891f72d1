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
        ("values.yaml", "volumeClaimTemplate:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storge: 30Gi}}\n"),
        ("values.yaml", "db:\n  volumeClaimTemplates:\n  - spec:\n      resources: {limits: {Storage: 30Gi}}\n"),
        ("values.yaml", "persistence:\n  resources: {requests: {storage: 30Gi}}\n"),
        ("values.yaml", "worker:\n  resources: {limits: {memory: 1Gi, storage: 1Gi}}\n"),
        ("values.yaml", "worker:\n  resources: {limits: {memory: null}, requests: {memory: 1Gi}}\n"),
        ("values.yaml", "worker:\n  resources: {limits: {FILLED_BY_VALIDATOR: 1, memory: 1.2Gi}}\n"),
    ],
)
def test_values_that_say_nothing_wrong_and_other_files_are_left_alone(path: str, text: str) -> None:
    assert found(path, text) == []


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("storage:\n  resources: {limits: {memory: 512m}}\n", [("ignored-value", 2, 32)]),
        ("worker:\n  resources: {limits: {MEMORY: 1Gi}}\n", [("unknown-key", 2, 24)]),
        ("worker:\n  resources: {limits: {memroy: 1Gi}}\n", [("unknown-key", 2, 24)]),
    ],
)
def test_what_looks_like_storage_or_a_placeholder_is_judged_where_it_is_none(text: str, columns: list[tuple[str, int, int]]) -> None:
    assert [one for one in found("values.yaml", text) if one[0] != "tiny-limit"] == columns


STREAM = """\
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}}
  {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}, "spec": {"containers": [
    {"name": "c", "resources": {"limits": {"memory": "1GB"}}}]}} {"apiVersion": "v1", "kind": "Pod",
"metadata": {"name": "d"}, "spec": {"containers": [{"name": "e", "resources": {"limits": {"memory": "2GB"}}}]}}
"""


def test_json_objects_one_behind_the_other_are_a_stream_with_its_places() -> None:
    assert found("pods.json", STREAM) == [("ignored-value", 3, 54), ("ignored-value", 4, 101)]
    assert [rule for rule, *_ in found("pods.json", STREAM + "]")] == ["not-yaml"]


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


BAD = "[{name: a, image: x, resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}}]"
POD = f"{{containers: {BAD}}}"
TEMPLATE = f"{{template: {{spec: {POD}}}}}"


@pytest.mark.parametrize(
    ("kind", "rest", "name"),
    [
        ("v1 Pod", f"spec: {POD}", "x"),
        ("v1 PodTemplate", f"template: {{spec: {POD}}}", "x"),
        ("batch/v1 CronJob", f"spec: {{jobTemplate: {{spec: {TEMPLATE}}}}}", "x"),
        ("argoproj.io/v1alpha1 Rollout", f"spec: {TEMPLATE}", "x"),
        ("apps.openshift.io/v1 DeploymentConfig", f"spec: {TEMPLATE}", "x"),
        ("serving.knative.dev/v1 Service", f"spec: {TEMPLATE}", "x"),
        ("keda.sh/v1alpha1 ScaledJob", f"spec: {{jobTargetRef: {TEMPLATE}}}", "x"),
        ("jobset.x-k8s.io/v1alpha2 JobSet", f"spec: {{replicatedJobs: [{{name: w, template: {{spec: {TEMPLATE}}}}}]}}", "x/w"),
        ("leaderworkerset.x-k8s.io/v1 LeaderWorkerSet", f"spec: {{leaderWorkerTemplate: {{workerTemplate: {{spec: {POD}}}}}}}", "x/worker"),
        ("ray.io/v1 RayCluster", f"spec: {{headGroupSpec: {TEMPLATE}}}", "x/head"),
        ("ray.io/v1 RayJob", f"spec: {{rayClusterSpec: {{workerGroupSpecs: [{{groupName: gpu, {TEMPLATE[1:]}]}}}}", "x/gpu"),
        ("kubeflow.org/v1 PyTorchJob", f"spec: {{pytorchReplicaSpecs: {{Worker: {TEMPLATE}}}}}", "x/Worker"),
        ("batch.volcano.sh/v1alpha1 Job", f"spec: {{tasks: [{{name: t, {TEMPLATE[1:]}]}}", "x/t"),
        ("argoproj.io/v1alpha1 Workflow", f"spec: {{templates: [{{name: s, container: {BAD[1:-1]}}}]}}", "x/s"),
        ("argoproj.io/v1alpha1 CronWorkflow", f"spec: {{workflowSpec: {{templates: [{{name: s, sidecars: {BAD}}}]}}}}", "x/s"),
    ],
)
def test_the_pods_of_every_kind_are_found(kind: str, rest: str, name: str) -> None:
    version, word = kind.split()
    report = lint_raw([Document("x.yaml", f"apiVersion: {version}\nkind: {word}\nmetadata: {{name: x}}\n{rest}\n")], NoSources())
    assert [(one.rule, one.object) for one in report.findings if one.rule == "request-above-limit"] == [
        ("request-above-limit", f"{word}/default/{name}/a")
    ]


def test_pods_of_one_object_are_not_added_up() -> None:
    text = f"apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {{name: x}}\nspec:\n  headGroupSpec: {TEMPLATE}\n  workerGroupSpecs: [{{groupName: g, replicas: 3, {TEMPLATE[1:]}]\n"
    report = lint_raw([Document("x.yaml", text)], NoSources(), select=["request-above-limit"])
    assert [one.object for one in report.findings] == ["RayCluster/default/x/head/a", "RayCluster/default/x/g/a"]


def test_resources_in_custom_objects_are_judged_where_a_container_gets_them() -> None:
    text = "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: p}\nspec: {resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}}\n"
    assert found("x.yaml", text, "request-above-limit") == [("request-above-limit", 4, 39)]
    text = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: p}\nspec: {values: {a: {resources: {limits: {memory: 512m}}}}}\n"
    assert found("x.yaml", text) == [("ignored-value", 4, 50)]


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: p}\nspec: {resources: {requests: {storage: 5Gi}}}\n",
        "apiVersion: x.example/v1\nkind: Store\nmetadata: {name: p}\nspec: {claim: {resources: {requests: {storage: 5Gi}}}}\n",
        "apiVersion: x.example/v1\nkind: Store\nmetadata: {name: p}\nspec: {resources: {limits: {cpu: 1, memory: 1Gi}, requests: {memory: 512Mi}}}\n",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: p}\nspec: {resources: {limits: {memory: what}}}\n",
    ],
)
def test_other_resources_are_left_alone(text: str) -> None:
    assert found("x.yaml", text) == []


@pytest.mark.parametrize("amount", ["2G", "500M", "1000000001", "0.5Gi", "1.5G"])
def test_a_request_of_the_very_limit_is_no_request_above_it(amount: str) -> None:
    ranges = f"apiVersion: v1\nkind: LimitRange\nmetadata: {{name: r}}\nspec: {{limits: [{{type: Container, min: {{memory: {amount}}}, max: {{memory: {amount}}}}}]}}\n---\n"
    pod = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x, namespace: default}}\nspec: {{containers: [{{name: a, image: x, resources: {{requests: {{cpu: 1, memory: {amount}}}, limits: {{cpu: 1, memory: {amount}}}}}}}]}}\n"
    assert found("x.yaml", ranges + pod) == []


@pytest.mark.parametrize(("policy", "rules"), [("Never", ["ignored-value"]), ("Always", []), ("OnFailure", [])])
def test_a_container_that_never_restarts_cannot_be_restarted_to_resize_it(policy: str, rules: list[str]) -> None:
    container = "{name: a, image: x, resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]}"
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {{restartPolicy: {policy}, containers: [{container}]}}\n"
    assert [row[0] for row in found("x.yaml", text, "ignored-value")] == rules
