"""Manifests → policy: containers of every workload kind, LimitRange and ResourceQuota, with the API server's own quantities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final, Literal

from oomconf.dialect import Accepted, Assembly, Document, Entry, Nested, Ran, Reading, Sources
from oomconf.dialects._entries import repeated, unparsed
from oomconf.dialects._hints import Placed, heard
from oomconf.dialects._kubernetes_files import is_kustomization, is_values
from oomconf.dialects._templates import is_filled_in, is_templated
from oomconf.dialects._yaml import Mapping, Node, Scalar, go_integer
from oomconf.dialects._yaml import Sequence as Items
from oomconf.dialects.kubernetes.beside import of_autoscaler, of_limit_range, of_pod, of_quota
from oomconf.dialects.kubernetes.commands import command, ran, variables
from oomconf.dialects.kubernetes.config_maps import ConfigMaps, found_in
from oomconf.dialects.kubernetes.documents import manifests
from oomconf.dialects.kubernetes.kustomize import builds
from oomconf.dialects.kubernetes.nodes import inside, objects, text
from oomconf.dialects.kubernetes.parts import accepted, blocks, is_operations, operations, patches
from oomconf.dialects.kubernetes.plain import plain_blocks
from oomconf.dialects.kubernetes.pods import Pod, is_custom, pods
from oomconf.dialects.kubernetes.traps import (
    TWICE,
    Scaler,
    container_keys,
    huge_pages,
    limit_range_items,
    misplaced,
    pod_level,
    quota_scopes,
    resize_policy,
    scaler,
    sysctls,
    tmpfs,
    twice,
    unscaled,
)
from oomconf.placement import KubernetesContainer
from oomconf.policy import Group, LimitRange, Origin, Policy, ResourceQuota, Runtime, Setting, Workload
from oomconf.quantity import Size, SizeError
from oomconf.quantity import kubernetes as grammar

_ENDS: Final = (".yaml", ".yml", ".json")
_RESOURCES: Final = ("memory", "cpu", "ephemeral-storage")
_WHOLE_UNITS: Final = ("i", "k", "M", "G", "T", "P", "E")
"""Behind these a fraction of a byte is what rounding leaves of 1.2Gi; the API server rounds it up."""


def claims(path: str) -> bool:
    """YAML and JSON; what has no apiVersion and kind is passed over when it is read."""
    return path.endswith(_ENDS)


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read every object of every document, those of lists too; one policy, since a cluster has no host. Never raises."""
    reader = _Reader(found_in(documents))
    nested: list[Nested] = []
    for document in documents:
        found, faults = manifests(document.text, document.path)
        reader.entries += unparsed("kubernetes", document.path, faults)
        if faults and is_templated(document.text):
            reader.plain(document)
        for one in found:
            if is_values(document.path):
                for place, resources in blocks(one.root):
                    reader.judge_keys(place, resources, "chart")
                    reader.block(f"values.{place}" if place else "values", place, resources, document.path.rpartition("/")[2])
            elif isinstance(one.root, Items) and is_operations(one.root):
                for way, value in operations(one.root):
                    reader.memory(way, way.split("/")[-2], value)
            for thing in objects(one.root):
                reader.take(thing)
                reader.entries += twice(thing) if one.has_duplicates else ()
            nested += patches(one.root, document) if is_kustomization(document.path) else ()
    return reader.reading(tuple(nested))


def assemble(documents: Sequence[Document]) -> Assembly:
    """Read what kustomizations build, each by itself, and say which files they use up. Never raises."""
    made = builds(documents)
    readings: list[Reading] = []
    for build in made.found:
        maps = ConfigMaps()
        for thing in build.objects:
            maps.add(thing)
        reader = _Reader(maps)
        reader.entries += build.entries
        for thing in build.objects:
            reader.take(thing)
        reader.accepted = [replace(one, paths=build.paths) for one in reader.accepted]
        readings.append(reader.reading(()))
    return Assembly(tuple(readings), made.taken, made.nested)


class _Reader:
    def __init__(self, maps: ConfigMaps) -> None:
        self.maps = maps
        self.workloads: list[Workload] = []
        self.groups: dict[str, Group] = {}
        self.entries: list[Entry] = []
        self.scalers: list[Scaler] = []
        self.accepted: list[Accepted] = []
        self.ran: list[Ran] = []

    def reading(self, nested: tuple[Nested, ...]) -> Reading:
        """Put together what was taken."""
        ranges = {name: group for name, group in self.groups.items() if group.limit_range is not None}
        self.entries += unscaled(self.scalers, self.workloads, ranges)
        if not self.workloads and not self.groups and not self.entries:
            return Reading((), (), nested)
        policy = Policy(
            name="kubernetes",
            object="kubernetes",
            scope="cluster",
            workloads=tuple(self.workloads),
            groups=tuple(self.groups.values()),
        )
        return Reading((policy,), tuple(self.entries), nested, tuple(self.accepted), tuple(self.ran))

    def take(self, thing: Mapping) -> None:
        kind = text(thing.get("kind"))
        self.accepted += accepted(thing, kind)
        if kind == "LimitRange":
            self.limit_range(thing)
        elif kind == "HorizontalPodAutoscaler":
            found = scaler(thing)
            self.scalers += [] if found is None else [found]
        elif kind == "VerticalPodAutoscaler":
            self.entries += of_autoscaler(thing, f"{kind}/{text(inside(thing, 'metadata', 'name'))}")
        elif kind == "ResourceQuota":
            self.quota(thing)
        else:
            self.pods(thing, kind)

    def pods(self, thing: Mapping, kind: str) -> None:
        """The pods of an object; where it is of a custom kind and has none, what it says of resources anywhere."""
        name, namespace = text(inside(thing, "metadata", "name")), text(inside(thing, "metadata", "namespace")) or None
        found = list(pods(thing, kind))
        if found:
            self.entries += misplaced(thing, kind, f"{kind}/{name}")
        for pod in found:
            whole = f"{name}/{pod.label}" if pod.label else name
            self.pod(pod, kind, whole, namespace)
            self.entries += () if is_custom(thing) else container_keys(f"{kind}/{namespace or 'default'}/{whole}", pod.spec)
        if not found and is_custom(thing):
            for place, resources in blocks(thing):
                self.block(f"{kind}/{namespace or 'default'}/{name}:{place}", "" if place == "spec" else place, resources, name)

    def plain(self, document: Document) -> None:
        """What stands as it is in a template that is no YAML: its amounts, each by itself."""
        for resources in plain_blocks(document.text, document.path):
            for section in ("limits", "requests"):
                self.memory(document.path.rpartition("/")[2], section, inside(resources, section, "memory"))

    def block(self, thing: str, place: str, resources: Mapping, owner: str = "") -> None:
        """Resources that a Helm chart or an operator puts into a container."""
        name = place.rpartition(".")[2] or owner
        self.workloads.append(
            Workload(
                name=name,
                object=thing,
                at=resources.at,
                placement=KubernetesContainer(kind="values", name=thing, container=name),
                memory_max=self.memory(place, "limits", inside(resources, "limits", "memory")),
                memory_request=self.memory(place, "requests", inside(resources, "requests", "memory")),
                cpu_limit=_cpu(inside(resources, "limits", "cpu")),
                cpu_request=_cpu(inside(resources, "requests", "cpu")),
            )
        )

    def pod(self, pod: Pod, kind: str, name: str, namespace: str | None) -> None:
        spec = pod.spec
        priority = text(spec.get("priorityClassName")) or None
        if isinstance(spec.get("resources"), Mapping):
            thing = f"{kind}/{namespace or 'default'}/{name}"
            self.entries += (*pod_level(spec, thing), *of_pod(spec, thing))
        self.entries += sysctls(spec, f"{kind}/{namespace or 'default'}/{name}")
        for section in ("containers", "initContainers"):
            items = spec.get(section)
            for container in items if isinstance(items, Items) else ():
                if isinstance(container, Mapping):
                    self.container(container, section, kind, name, namespace, pod.replicas, priority, spec)

    def container(
        self,
        node: Mapping,
        section: str,
        kind: str,
        name: str,
        namespace: str | None,
        replicas: Node | None,
        priority: str | None,
        pod: Mapping,
    ) -> None:
        own = text(node.get("name"))
        role: Any = "container" if section == "containers" else "sidecar" if text(node.get("restartPolicy")) == "Always" else "init"
        place = KubernetesContainer(
            kind=kind, name=name, namespace=namespace, container=own, role=role, priority_class=priority, pod_level="resources" in pod
        )
        thing = f"{kind}/{namespace or 'default'}/{name}/{own}"
        self.judge_keys(thing, node.get("resources"))
        self.ran += ran(thing, node)
        self.entries += (*huge_pages(thing, node.get("resources")), *resize_policy(thing, pod, node))
        hints, refused = _runtimes(thing, node, self.maps.variables(node, namespace))
        self.entries += refused
        self.workloads.append(
            Workload(
                name=own or name,
                object=thing,
                at=node.at,
                placement=place,
                image=text(node.get("image")) or None,
                memory_max=self.memory(thing, "limits", inside(node, "resources", "limits", "memory")),
                memory_request=self.memory(thing, "requests", inside(node, "resources", "requests", "memory")),
                cpu_limit=_cpu(inside(node, "resources", "limits", "cpu")),
                cpu_request=_cpu(inside(node, "resources", "requests", "cpu")),
                replicas=_number(replicas),
                runtimes=hints,
                tmpfs=tuple(tmpfs(pod, node, self.entries, thing)),
            )
        )

    def memory(self, thing: str, section: str, node: Node | None) -> Setting[Size] | None:
        """A quantity as the API server takes the plain text; 0 is no limit, and null unsays it for Helm, operators and kubectl alike."""
        if not isinstance(node, Scalar) or node.is_null:
            return None
        number = go_integer(node)
        text = node.text.strip(" ") if number is None else str(number)
        value: Size | None = None
        fault = hint = ""
        if is_filled_in(text):
            return Setting(None, node.at, Origin.WRITTEN, node.text)
        try:
            quantity = grammar.quantity(text)
            if quantity.overflow or quantity.bytes < 0:
                fault = "is refused or means nothing: it must be from 0 to 2^63-1 bytes"
            else:
                value = Size(quantity.bytes)
                if quantity.fractional and not text.endswith(_WHOLE_UNITS):
                    fault = f"is a fraction of a byte, rounded up to {quantity.bytes}"
                    hint = "in Kubernetes m is a thousandth; say Mi"
                elif value == 0 and section in ("limits", "requests"):
                    fault = "is 0, which Kubernetes takes for no value at all"
        except SizeError as error:
            fault, hint = f"is refused by the API server: {error.message}", error.hint
        self.entries.append(Entry("kubernetes", thing, section, "memory", node.text, node.at, fault, hint))
        if value == 0:
            return None
        return Setting(value, node.at, Origin.WRITTEN, node.text, node.beat)

    def judge_keys(self, thing: str, resources: Node | None, owner: Literal["container", "chart"] = "container") -> None:
        """Note keys that the API server refuses or drops: `limit` for `limits`, `mem` for `memory`."""
        if not isinstance(resources, Mapping):
            return
        for key, at in resources.keys_at.items():
            if key not in ("limits", "requests", "claims"):
                near = get_close_matches(key, ("limits", "requests"), n=1)
                hint = f"did you mean {near[0]}?" if near else "resources has limits and requests"
                self.entries.append(Entry("kubernetes", thing, "resources", key, "", at.at, "is not a key of resources", hint, "key"))
        self.entries += repeated("kubernetes", thing, resources, TWICE)
        for section in ("limits", "requests"):
            values = resources.get(section)
            self.entries += repeated("kubernetes", thing, values, TWICE)
            for key, at in values.keys_at.items() if isinstance(values, Mapping) else ():
                known = _RESOURCES if owner == "container" else (*_RESOURCES, "storage")
                is_placeholder = key.isupper() and key.lower() not in _RESOURCES
                if key not in known and "/" not in key and not key.startswith("hugepages-") and not is_placeholder:
                    near = get_close_matches(key.lower(), _RESOURCES, n=1, cutoff=0.5)
                    hint = f"did you mean {near[0]}?" if near else ""
                    fault = "is not a resource of a container"
                    self.entries.append(Entry("kubernetes", thing, section, key, "", at.at, fault, hint, "key"))

    def limit_range(self, thing: Mapping) -> None:
        namespace = text(inside(thing, "metadata", "namespace")) or "default"
        limits = inside(thing, "spec", "limits")
        self.entries += (*limit_range_items(limits, f"LimitRange/{namespace}"), *of_limit_range(thing, f"LimitRange/{namespace}"))
        for item in limits if isinstance(limits, Items) else ():
            if isinstance(item, Mapping) and text(item.get("type")) == "Container":
                name = f"LimitRange/{namespace}"
                found = LimitRange(
                    at=item.at,
                    default_request=self.memory(name, "defaultRequest", inside(item, "defaultRequest", "memory")),
                    default=self.memory(name, "default", inside(item, "default", "memory")),
                    min=self.memory(name, "min", inside(item, "min", "memory")),
                    max=self.memory(name, "max", inside(item, "max", "memory")),
                )
                self.group(namespace, thing, limit_range=found)

    def quota(self, thing: Mapping) -> None:
        namespace = text(inside(thing, "metadata", "namespace")) or "default"
        hard = inside(thing, "spec", "hard")
        self.entries += (*quota_scopes(thing, f"ResourceQuota/{namespace}"), *of_quota(thing, f"ResourceQuota/{namespace}"))
        if isinstance(hard, Mapping):
            name = f"ResourceQuota/{namespace}"
            found = ResourceQuota(
                at=hard.at,
                requests_memory=self.memory(name, "hard", hard.get("requests.memory") or hard.get("memory")),
                limits_memory=self.memory(name, "hard", hard.get("limits.memory")),
                pods=_number(hard.get("pods")),
                is_scoped=inside(thing, "spec", "scopes") is not None or inside(thing, "spec", "scopeSelector") is not None,
            )
            self.group(namespace, thing, resource_quota=found)

    def group(self, namespace: str, thing: Mapping, **said: Any) -> None:  # noqa: ANN401
        below = self.groups.get(namespace)
        if below is None:
            self.groups[namespace] = Group(name=namespace, kind="namespace", object=f"Namespace/{namespace}", at=thing.at, **said)
        else:
            known = {"limit_range": below.limit_range, "resource_quota": below.resource_quota, **said}
            self.groups[namespace] = Group(name=namespace, kind="namespace", object=below.object, at=below.at, **known)


def _runtimes(thing: str, container: Mapping, mapped: Iterable[tuple[str, Placed]]) -> tuple[tuple[Runtime, ...], list[Entry]]:
    words, image, said = command(container), text(container.get("image")), {**dict(mapped), **variables(container)}
    # a manifest's `$NAME` may be filled in before it is applied
    direct = "command" in container and not any("$" in word or is_filled_in(word) for word, _ in words)
    return heard("kubernetes", thing, said, [words] if words else (), at=container.at, image=image, direct=direct)


def _number(node: Node | None) -> Setting[int] | None:
    if not isinstance(node, Scalar) or not node.text.isascii() or not node.text.isdigit() or len(node.text) > 9:  # noqa: PLR2004
        return None
    return Setting(int(node.text), node.at, Origin.WRITTEN, node.text)


def _cpu(node: Node | None) -> Setting[int] | None:
    """A CPU quantity in thousandths, rounded up as the scheduler does."""
    if not isinstance(node, Scalar):
        return None
    try:
        nano = grammar.quantity(node.text.strip(" ")).nano
    except SizeError:
        return Setting(None, node.at, Origin.WRITTEN, node.text)
    return Setting(-(-nano // 1_000_000), node.at, Origin.WRITTEN, node.text)
