"""Pods and namespaces → a kustomize component for each namespace."""

from __future__ import annotations

from typing import Any, Final

from oomconf.dialect import Rendered
from oomconf.dialects._common import header, variables
from oomconf.dialects._yaml_write import quoted, scalar
from oomconf.dialects.kubernetes.ledger import enter, limit_of
from oomconf.ledger import Artifact, Book, Rendering
from oomconf.placement import KubernetesContainer
from oomconf.policy import Group, Policy, Setting, Workload
from oomconf.quantity import Size
from oomconf.quantity import kubernetes as grammar

API: Final = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "Pod": "v1",
    "ReplicationController": "v1",
}
_RANGE: Final = (("defaultRequest", "default_request"), ("default", "default"), ("min", "min"), ("max", "max"))
_QUOTA: Final = (("requests.memory", "requests_memory"), ("limits.memory", "limits_memory"), ("pods", "pods"))
_Key = tuple[str, str, str]


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write one folder a namespace: a patch for each workload, and what the namespace's own keys say."""
    book = Book("kubernetes")
    folders: dict[str, dict[str, Any]] = {}
    pods: dict[_Key, list[Workload]] = {}
    for workload in policy.workloads:
        place = workload.placement
        if isinstance(place, KubernetesContainer):
            pods.setdefault((place.namespace or "default", place.kind, place.name), []).append(workload)
    artifacts: list[Artifact] = []
    for (namespace, kind, name), containers in pods.items():
        artifact = _patch(namespace, kind, name, containers, policy, needs, book)
        if artifact is not None:
            folder = folders.setdefault(namespace, {"patches": [], "resources": [], "objects": []})
            folder["patches"].append(artifact.path.rpartition("/")[2])
            folder["objects"] += artifact.objects
            artifacts.append(artifact)
    for group in policy.groups:
        for artifact in _namespace(group, policy, needs, book):
            folder = folders.setdefault(group.name, {"patches": [], "resources": [], "objects": []})
            folder["resources"].append(artifact.path.rpartition("/")[2])
            folder["objects"] += artifact.objects
            artifacts.append(artifact)
    for namespace, folder in folders.items():
        about = header(policy.source, list(dict.fromkeys(folder["objects"])))
        text = needs.templates.render(
            "kubernetes/kustomization.yaml.j2",
            header=about,
            namespace=namespace,
            patches=sorted(folder["patches"]),
            resources=folder["resources"],
        )
        artifacts.append(Artifact(path=f"{namespace}/kustomization.yaml", text=text, objects=tuple(dict.fromkeys(folder["objects"]))))
    return Rendering(artifacts=tuple(artifacts), ledger=tuple(book.cells))


def _patch(
    namespace: str, kind: str, name: str, containers: list[Workload], policy: Policy, needs: Rendered, book: Book
) -> Artifact | None:
    lists: dict[str, list[str]] = {}
    for workload in containers:
        place = workload.placement
        if not isinstance(place, KubernetesContainer):
            continue
        enter(workload, containers, needs.fleet, book)
        lines = _container(workload, place, book)
        if lines:
            lists.setdefault("containers" if place.role == "container" else "initContainers", []).extend(lines)
    if not lists:
        return None
    spec = [line for word, lines in sorted(lists.items()) for line in (f"{word}:", *(f"  {line}" for line in lines))]
    objects = tuple(workload.object for workload in containers)
    said = next((place.namespace for one in containers if isinstance(place := one.placement, KubernetesContainer)), None)
    text = needs.templates.render(
        "kubernetes/patch.yaml.j2",
        header=header(policy.source, objects),
        version=API.get(kind, "v1"),
        kind=kind,
        name=scalar(name),
        namespace="" if said is None else scalar(said),
        lines=_nested(kind, spec),
    )
    return Artifact(path=f"{namespace}/patch-{kind.lower()}-{name}.yaml", text=text, objects=objects)


def _nested(kind: str, spec: list[str]) -> list[str]:
    """Put a pod spec where its kind has it (facts of the API: Pod, CronJob, and the template of all others)."""
    way = {"Pod": ("spec",), "CronJob": ("spec", "jobTemplate", "spec", "template", "spec")}.get(kind, ("spec", "template", "spec"))
    heads = [f"{'  ' * depth}{word}:" for depth, word in enumerate(way)]
    return [*heads, *(f"{'  ' * len(way)}{line}" for line in spec)]


def _container(workload: Workload, place: KubernetesContainer, book: Book) -> list[str]:
    requests = {"cpu": _cpu(workload.cpu_request), "memory": _memory(workload.memory_request)}
    limits = {"cpu": _cpu(workload.cpu_limit), "memory": _memory(limit_of(workload))}
    lines: list[str] = []
    for word, values in (("limits", limits), ("requests", requests)):
        rows = [f"    {key}: {value}" for key, value in values.items() if value]
        lines += [f"  {word}:", *rows] if rows else []
    found = variables(workload, place.identities[0], book, base="the manifest")
    env = [row for variable in found for row in (f"  - name: {scalar(variable.name)}", f"    value: {quoted(_literal(variable.value))}")]
    body = [*(["resources:", *lines] if lines else []), *(["env:", *env] if env else [])]
    if not body:
        return []
    always = ["restartPolicy: Always"] if place.role == "sidecar" else []
    return [f"- name: {scalar(place.container)}", *(f"  {line}" for line in [*always, *body])]


def _literal(text: str) -> str:
    """`$(NAME)` would be expanded by the kubelet; a doubled dollar is not (core/v1, EnvVar)."""
    return text.replace("$(", "$$(")


def _memory(setting: Setting[Size] | None) -> str:
    return "" if setting is None or setting.value is None else grammar.format(setting.value)


def _cpu(setting: Setting[int] | None) -> str:
    if setting is None or setting.value is None:
        return ""
    return f'"{setting.value // 1000}"' if setting.value % 1000 == 0 else f"{setting.value}m"


def _namespace(group: Group, policy: Policy, needs: Rendered, book: Book) -> list[Artifact]:
    made: list[Artifact] = []
    for word, thing, table in (("limitrange", group.limit_range, _RANGE), ("resourcequota", group.resource_quota, _QUOTA)):
        rows: list[dict[str, str]] = []
        for key, field in table:
            setting: Setting[Any] | None = None if thing is None else getattr(thing, field)
            if setting is not None and setting.value is not None:
                value = str(setting.value) if field == "pods" else grammar.format(setting.value)
                rows.append({"key": key, "value": quoted(value) if value.isdigit() else value})
                book.exact(group.object, f"Namespace/{group.name}", f"{word}.{field}", setting)
        if rows:
            text = needs.templates.render(
                f"kubernetes/{word}.yaml.j2", header=header(policy.source, [group.object]), namespace=scalar(group.name), rows=rows
            )
            made.append(Artifact(path=f"{group.name}/{word}.yaml", text=text, objects=(group.object,)))
    return made
