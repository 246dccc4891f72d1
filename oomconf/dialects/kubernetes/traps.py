"""What the API server refuses, drops or takes otherwise than it looks, beside the values themselves."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from oomconf.dialect import Entry
from oomconf.dialects._containers import of_the_machine
from oomconf.dialects._entries import doubled
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.dialects.kubernetes.nodes import inside, text
from oomconf.dialects.kubernetes.pods import pods
from oomconf.location import Location
from oomconf.policy import Setting, Tmpfs, Workload, size_of
from oomconf.quantity import Size, SizeError
from oomconf.quantity import kubernetes as grammar

__all__ = [
    "TWICE",
    "Scaler",
    "container_keys",
    "huge_pages",
    "limit_range_items",
    "misplaced",
    "pod_level",
    "quota_scopes",
    "resize_policy",
    "scaler",
    "sysctls",
    "tmpfs",
    "twice",
    "unscaled",
]

_WITH_POD: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "ReplicationController"})
_HOLDERS: Final = ("spec", "template", "jobTemplate", "containers", "initContainers", "resources")
TWICE: Final = "is there twice: kubectl takes the last without a word, a strict API server refuses it"
_DROPPED: Final = "a strict API server refuses it, any other drops it"
_OF_RESOURCES: Final = {
    "memory": "resources.limits",
    "mem": "memory under resources.limits",
    "memoryLimit": "memory under resources.limits",
    "memory_limit": "memory under resources.limits",
    "limits": "resources",
    "requests": "resources",
}
_NEAR: Final = 0.85
_MEDIUMS: Final = ("", "Memory")
Scaler = tuple[str, str, Scalar]
"""The target of a HorizontalPodAutoscaler as KIND/NAMESPACE/NAME, its own name, and its share of the memory request."""


def tmpfs(pod: Mapping, container: Mapping, entries: list[Entry], thing: str) -> Iterator[Tmpfs]:
    """Give the volumes in memory that a container mounts; a medium that is spelled otherwise is refused."""
    volumes = pod.get("volumes")
    mounts = container.get("volumeMounts")
    mounted = {text(inside(one, "name")): text(inside(one, "mountPath")) for one in mounts} if isinstance(mounts, Sequence) else {}
    for volume in volumes if isinstance(volumes, Sequence) else ():
        name, place = text(inside(volume, "name")), inside(volume, "emptyDir")
        medium = inside(place, "medium")
        if name not in mounted or not isinstance(medium, Scalar) or not isinstance(place, Mapping):
            continue
        if text(medium).lower() == "memory" and text(medium) not in _MEDIUMS:
            fault = "is refused by the API server: the medium is Memory"
            entries.append(Entry("kubernetes", thing, "emptyDir", "medium", medium.text, medium.at, fault, "write Memory"))
        elif text(medium) == "Memory":
            limit = place.get("sizeLimit")
            yield Tmpfs(path=mounted[name], at=medium.at, size=_size(limit) if isinstance(limit, Scalar) else None)


def _size(node: Scalar) -> Setting[Size]:
    value: Size | None = None
    try:
        quantity = grammar.quantity(node.text.strip(" "))
        value = None if quantity.overflow or quantity.bytes < 0 else Size(quantity.bytes)
    except SizeError:
        value = None
    return Setting(value, node.at, text=node.text)


def misplaced(thing: Mapping, kind: str, name: str) -> Iterator[Entry]:
    """Note resources at a level that has none: beside the template, or in the template beside its spec."""
    if kind not in _WITH_POD:
        return
    for way in (("spec",), ("spec", "template"), ("spec", "jobTemplate"), ("spec", "jobTemplate", "spec")):
        node = inside(thing, *way)
        at = node.keys_at.get("resources") if isinstance(node, Mapping) and "resources" in node else None
        if at is not None:
            fault = f"resources means nothing in {'.'.join(way)}: {_DROPPED}"
            yield Entry("kubernetes", name, ".".join(way), "resources", "", at.at, fault, "move it into each container", "place")


@lru_cache(maxsize=1024)  # the keys of containers are few, and asked for in each
def _means_resources(key: str) -> bool:
    return bool(get_close_matches(key[:80].lower(), ("resources",), cutoff=_NEAR))


def container_keys(thing: str, pod: Mapping) -> Iterator[Entry]:
    """Note what stands in a container and belongs into its resources, and a misspelt name of these."""
    for section in ("containers", "initContainers"):
        items = pod.get(section)
        for container in items if isinstance(items, Sequence) else ():
            for key, at in container.keys_at.items() if isinstance(container, Mapping) else ():
                name = f"{thing}/{text(inside(container, 'name'))}"
                if key in _OF_RESOURCES:
                    fault = f"{key} means nothing in a container: {_DROPPED}"
                    yield Entry("kubernetes", name, section, key, "", at.at, fault, f"move it to {_OF_RESOURCES[key]}", "place")
                elif key != "resources" and _means_resources(key):
                    fault = f"is no key of a container: {_DROPPED}"
                    yield Entry("kubernetes", name, section, key, "", at.at, fault, "did you mean resources?", "key")


def twice(thing: Mapping) -> Iterator[Entry]:
    """Note keys on the way from an object to the resources of its containers that stand twice; what a resources map holds is its own."""
    kind = text(thing.get("kind"))
    if not any(pods(thing, kind)):
        return
    name = f"{kind}/{text(inside(thing, 'metadata', 'namespace')) or 'default'}/{text(inside(thing, 'metadata', 'name'))}"
    for way, mapping in doubled(thing):
        for key, _ in mapping.duplicates:
            if key.text in _HOLDERS and "metadata" not in way and "resources" not in way[-1:]:
                yield Entry("kubernetes", name, "repeated", key.text, "", key.at, TWICE, "keep one of them", "twice")


def huge_pages(thing: str, resources: Node | None) -> Iterator[Entry]:
    """Note huge pages that stand alone: they need cpu or memory beside them, and a limit (pkg/apis/core/validation)."""
    limits, requests = inside(resources, "limits"), inside(resources, "requests")
    known = [node for node in (limits, requests) if isinstance(node, Mapping)]
    huge = [(key, node.keys_at[key].at) for node in known for key in node if key.startswith("hugepages-")]
    if huge and not any(key in node for node in known for key in ("memory", "cpu")):
        fault = "is refused by the API server: huge pages need cpu or memory beside them"
        yield Entry("kubernetes", thing, "resources", huge[0][0], "", huge[0][1], fault, "say memory under limits too", "place")


def resize_policy(thing: str, pod: Mapping, container: Mapping) -> Iterator[Entry]:
    """Note a container that is to be restarted to resize it in a pod that never restarts any (pkg/apis/core/validation)."""
    if text(pod.get("restartPolicy")) != "Never":
        return
    policies = container.get("resizePolicy")
    for one in policies if isinstance(policies, Sequence) else ():
        said = inside(one, "restartPolicy")
        if isinstance(said, Scalar) and said.text == "RestartContainer":
            fault = "is refused by the API server: the pod's own restartPolicy is Never"
            yield Entry("kubernetes", thing, "resizePolicy", "restartPolicy", said.text, said.at, fault, "write NotRequired")


def sysctls(pod: Mapping, thing: str) -> Iterator[Entry]:
    """Note sysctls that no pod has of its own: the kubelet fails such a pod with SysctlForbidden."""
    said = inside(pod, "securityContext", "sysctls")
    for one in said if isinstance(said, Sequence) else ():
        name = inside(one, "name")
        fault = of_the_machine(name.text) if isinstance(name, Scalar) else ""
        if isinstance(name, Scalar) and fault:
            why = f"{fault}: the kubelet refuses the pod (SysctlForbidden)"
            yield Entry("kubernetes", thing, "sysctls", name.text, "", name.at, why, "set it on the nodes, in /etc/sysctl.d", "place")


def pod_level(pod: Mapping, thing: str) -> Iterator[Entry]:
    """Note resources of a pod that are below those of its containers (pkg/apis/core/validation: validatePodResources())."""
    asked = Size(0)
    most = _bytes(inside(pod, "resources", "limits", "memory"))
    containers = pod.get("containers")
    for container in containers if isinstance(containers, Sequence) else ():
        limit = inside(container, "resources", "limits", "memory")
        own = _bytes(limit)
        asked = Size(asked + (_bytes(inside(container, "resources", "requests", "memory")) or own or 0))
        if isinstance(limit, Scalar) and own is not None and most is not None and own > most:
            fault = f"is above the {most} of its pod: the API server refuses it"
            yield Entry("kubernetes", thing, "limits", "memory", limit.text, limit.at, fault, "raise the pod's, or lower this one", "pair")
    request = inside(pod, "resources", "requests", "memory")
    least = _bytes(request)
    if isinstance(request, Scalar) and least is not None and least < asked:
        fault = f"is below the {asked} that its containers request: the API server refuses it"
        yield Entry("kubernetes", thing, "requests", "memory", request.text, request.at, fault, "request at least their sum", "pair")


def quota_scopes(thing: Mapping, name: str) -> Iterator[Entry]:
    """Note a quota of memory for pods that have none (pkg/apis/core/validation: validateResourceQuotaScopes())."""
    scopes, hard = inside(thing, "spec", "scopes"), inside(thing, "spec", "hard")
    if not isinstance(scopes, Sequence) or not isinstance(hard, Mapping) or "BestEffort" not in [text(one) for one in scopes]:
        return
    for key, at in hard.keys_at.items():
        if key != "pods" and not key.startswith("count/"):
            fault = f"{key} cannot be counted for BestEffort pods, which have none: the API server refuses it"
            yield Entry("kubernetes", name, "hard", key, "", at.at, fault, "count pods alone in this scope", "place")


def _bytes(node: Node | None) -> Size | None:
    return _size(node).value if isinstance(node, Scalar) else None


def limit_range_items(items: Node | None, name: str) -> Iterator[Entry]:
    """Note defaults for whole pods, which a LimitRange cannot have (pkg/apis/core/validation: ValidateLimitRange())."""
    for item in items if isinstance(items, Sequence) else ():
        if isinstance(item, Mapping) and text(item.get("type")) == "Pod":
            for key in ("default", "defaultRequest"):
                if key in item:
                    fault = f"{key} is for type Container alone: the API server refuses it for a Pod"
                    yield Entry(
                        "kubernetes", name, "limits", key, "", item.keys_at[key].at, fault, "move it to an item of type Container", "place"
                    )


def scaler(thing: Mapping) -> Scaler | None:
    """Read a HorizontalPodAutoscaler that aims at a share of the memory request."""
    target = inside(thing, "spec", "scaleTargetRef")
    metrics = inside(thing, "spec", "metrics")
    namespace = text(inside(thing, "metadata", "namespace")) or "default"
    for metric in metrics if isinstance(metrics, Sequence) else ():
        share = inside(metric, "resource", "target", "averageUtilization")
        if text(inside(metric, "resource", "name")) == "memory" and isinstance(share, Scalar):
            name = f"{text(inside(target, 'kind'))}/{namespace}/{text(inside(target, 'name'))}"
            return name, text(inside(thing, "metadata", "name")), share
    return None


def unscaled(found: list[Scaler], workloads: list[Workload], defaulted: AnyMapping[str, object]) -> Iterator[Entry]:
    """Note autoscalers whose target has a container without a memory request: they never act."""
    for target, name, share in found:
        namespace = target.split("/")[1]
        for workload in workloads:
            bare = workload.memory_request is None and size_of(workload.memory_max) is None and workload.memory_max is None
            if workload.object.rpartition("/")[0] == target and bare and namespace not in defaulted and workload.image is not None:
                at: Location = share.at
                yield Entry("kubernetes", f"HorizontalPodAutoscaler/{namespace}/{name}", "autoscaler", workload.name, share.text, at)
                break
