"""Where the pods of an object are: the API's own kinds and the custom ones that hold whole pod specs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.dialects.kubernetes.nodes import inside, text

__all__ = ["Pod", "is_custom", "pods"]

_TEMPLATE: Final = (("", "spec.template.spec"),)
_RAY: Final = (("head", "headGroupSpec.template.spec"), ("", "workerGroupSpecs.*.template.spec"))
# Kind → the ways to its pod specs, each with what tells the pod from its siblings; `*` is every item, which then names it
_WAYS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "Pod": (("", "spec"),),
    "PodTemplate": (("", "template.spec"),),
    "CronJob": (("", "spec.jobTemplate.spec.template.spec"),),
    "Revision": (("", "spec"),),
    "ScaledJob": (("", "spec.jobTargetRef.template.spec"),),
    "JobSet": (("", "spec.replicatedJobs.*.template.spec.template.spec"),),
    "LeaderWorkerSet": (
        ("leader", "spec.leaderWorkerTemplate.leaderTemplate.spec"),
        ("worker", "spec.leaderWorkerTemplate.workerTemplate.spec"),
    ),
    "RayCluster": tuple((name, f"spec.{way}") for name, way in _RAY),
    "RayJob": tuple((name, f"spec.rayClusterSpec.{way}") for name, way in _RAY),
    "RayService": tuple((name, f"spec.rayClusterConfig.{way}") for name, way in _RAY),
    "PyTorchJob": (("", "spec.pytorchReplicaSpecs.*.template.spec"),),
    "TFJob": (("", "spec.tfReplicaSpecs.*.template.spec"),),
    "MPIJob": (("", "spec.mpiReplicaSpecs.*.template.spec"),),
    "XGBoostJob": (("", "spec.xgbReplicaSpecs.*.template.spec"),),
    "PaddleJob": (("", "spec.paddleReplicaSpecs.*.template.spec"),),
    "ServingRuntime": (("", "spec"),),
    "ClusterServingRuntime": (("", "spec"),),
    "InferenceService": (("predictor", "spec.predictor"), ("transformer", "spec.transformer")),
    # batch.volcano.sh has a Job of its own
    "Job": (("", "spec.template.spec"), ("", "spec.tasks.*.template.spec")),
}
_WORKFLOWS: Final = {
    "Workflow": ("spec", "templates"),
    "WorkflowTemplate": ("spec", "templates"),
    "ClusterWorkflowTemplate": ("spec", "templates"),
    "CronWorkflow": ("spec", "workflowSpec", "templates"),
}
_NAMES: Final = ("name", "groupName")


class Pod(NamedTuple):
    """A pod spec, what tells it from others of its object, and how many there are."""

    label: str
    spec: Mapping
    replicas: Node | None


def is_custom(thing: Mapping) -> bool:
    """Whether an object is of a kind that the API server does not bring."""
    group = text(thing.get("apiVersion")).rpartition("/")[0]
    return "." in group and not group.endswith(".k8s.io")


def pods(thing: Mapping, kind: str) -> Iterator[Pod]:
    """Give the pod specs of an object of any kind; of one without containers, none."""
    if kind in _WORKFLOWS:
        yield from _steps(inside(thing, *_WORKFLOWS[kind]))
        return
    for label, way in _WAYS.get(kind, _TEMPLATE):
        before, star, behind = way.partition(".*.")
        node = inside(thing, *before.split("."))
        if not star:
            yield from _pod(label, node, inside(thing, "spec", "replicas") if kind != "Pod" else None)
            continue
        items = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, Sequence) else ()
        for key, item in items:
            name = next((text(inside(item, word)) for word in _NAMES if text(inside(item, word))), str(key))
            yield from _pod(name, inside(item, *behind.split(".")), inside(item, "replicas"))


def _pod(label: str, spec: Node | None, replicas: Node | None) -> Iterator[Pod]:
    if isinstance(spec, Mapping) and ("containers" in spec or "initContainers" in spec):
        yield Pod(label, spec, replicas)


def _steps(templates: Node | None) -> Iterator[Pod]:
    """Give each step of an Argo workflow that is a pod as one (Argo Workflows: fields.md, Template)."""
    for template in templates if isinstance(templates, Sequence) else ():
        if not isinstance(template, Mapping):
            continue
        name = template.get("name")
        own = [template[key] for key in ("container", "script") if key in template]
        found: list[Node] = [_called(one, name) for one in own if isinstance(one, Mapping)]
        for more in (inside(template, "containerSet", "containers"), template.get("sidecars")):
            found += more if isinstance(more, Sequence) else ()
        if found:
            yield Pod(text(name), template.copy_with({**template, "containers": Sequence(found)}), None)


def _called(container: Mapping, name: Node | None) -> Mapping:
    return container if "name" in container or not isinstance(name, Scalar) else container.copy_with({**container, "name": name})
