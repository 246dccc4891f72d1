"""Policies → branches of a spec: one for each host, slice, namespace and service."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, Final

from oomconf.dialect import Entry
from oomconf.dialects._docker_run import container
from oomconf.dialects._shell import Word
from oomconf.dialects._yaml_write import quoted, scalar
from oomconf.importer.tree import Branch, Leaf
from oomconf.location import Location
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, KubernetesContainer, QuadletUnit, SystemdUnit
from oomconf.policy import WORKLOAD_FIELDS, Group, Origin, Policy, Setting, Swap, Workload
from oomconf.quantity import INFINITY, Percent, Size, kubernetes
from oomconf.quantity import spec as grammar

__all__ = ["LOST", "areas", "host", "ignored", "namespace", "refusal", "restart_lost", "service", "slice_unit", "started"]

_MEMORY: Final = {
    "min": "memory_min",
    "low": "memory_low",
    "high": "memory_high",
    "max": "memory_max",
    "swap_max": "memory_swap_max",
}
_MANAGED: Final = {
    "swap": "managed_oom_swap",
    "memory_pressure": "managed_oom_memory_pressure",
    "memory_pressure_limit": "managed_oom_memory_pressure_limit",
    "preference": "managed_oom_preference",
}
_KUBELET: Final = {
    "version": ("version",),
    "system_reserved": ("systemReserved",),
    "kube_reserved": ("kubeReserved",),
    "eviction_hard": ("evictionHard", "memory.available"),
    "fail_swap_on": ("failSwapOn",),
    "swap_behavior": ("memorySwap", "swapBehavior"),
    "single_process_oom_kill": ("singleProcessOOMKill",),
    "max_pods": ("maxPods",),
}
_FACTS: Final = {
    "memtotal": "memory_total",
    "reserved": "reserved",
    "kernel": "kernel",
    "systemd": "systemd",
    "cgroup_version": "cgroup_version",
    "page_size": "page_size",
}
_OOMD: Final = {
    "swap_used_limit": "SwapUsedLimit",
    "default_memory_pressure_limit": "DefaultMemoryPressureLimit",
    "default_memory_pressure_duration": "DefaultMemoryPressureDurationSec",
}
_COUNTED: Final = re.compile(r"on-failure:\d")
_DECIMAL: Final = re.compile("0|[1-9][0-9]{0,18}")
LOST: Final = (("runtimes", "a heap stays where it is set"), ("tmpfs", "a spec has no words for a tmpfs"))
"""Fields of a workload that no spec takes over, and why."""


def _size(value: Any) -> str:  # noqa: ANN401
    return str(value) if isinstance(value, Percent) else grammar.format(value)


def _kube(value: Any) -> str:  # noqa: ANN401
    return f'"{value}"' if isinstance(value, Percent) else kubernetes.format(value)


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if isinstance(value, int | Percent) or _DECIMAL.fullmatch(text) else scalar(text)


def _kib(value: Any) -> str:  # noqa: ANN401
    """As /proc/meminfo says it."""
    return f"{value // 1024}K" if value % 1024 == 0 else str(value)


def _word(value: Any) -> str:  # noqa: ANN401
    return str(value) if isinstance(value, int) else quoted(str(value))


def _put(tree: Branch, way: tuple[str, ...], setting: Setting[Any] | None, write: Callable[[Any], str] = _text) -> None:
    """Add a said value; what its consumer ignores is left out by the caller."""
    if setting is None or setting.value is None:
        return
    for key in way[:-1]:
        below = tree.setdefault(key, {})
        if isinstance(below, Leaf):
            return
        tree = below
    tree[way[-1]] = Leaf(write(setting.value), setting.at, said=setting.text)


def _memory(tree: Branch, thing: Workload | Group) -> None:
    for key, field in _MEMORY.items():
        setting: Setting[Any] | None = getattr(thing, field)
        if (
            isinstance(thing, Workload)
            and key in ("high", "max")
            and setting is not None
            and setting.value == INFINITY
            and not setting.beat
        ):
            continue  # what is not said has no limit either
        _put(tree, ("memory", key), setting, _size)


def service(workload: Workload, host: str | None, where: Callable[[str], str]) -> Branch | None:
    """Make a service of a workload; None if a spec has no placement for it. `where` gives a path from the spec's own folder."""
    tree: Branch = {}
    place = _placement(workload, where)
    if place is None:
        return None
    if host is not None:
        tree["host"] = Leaf(host, workload.at, plain=False)
    tree.update(place)
    _put(tree, ("slice",), workload.slice)
    adj = workload.oom_score_adj
    if adj is not None and adj.value == -1000:  # noqa: PLR2004
        tree["oom_score_adj"] = {"value": Leaf("-1000", adj.at, said=adj.text), "reason": Leaf(quoted(f"as found in {adj.at}"), adj.at)}
    else:
        _put(tree, ("oom_score_adj",), adj)
    _put(tree, ("oom_policy",), workload.oom_policy)
    if not restart_lost(workload):
        _put(tree, ("restart",), workload.restart)
    _put(tree, ("managed_oom_preference",), workload.managed_oom_preference)
    _put(tree, ("replicas",), workload.replicas)
    _memory(tree, workload)
    if isinstance(workload.placement, KubernetesContainer):
        _put(tree, ("kubernetes", "requests", "cpu"), workload.cpu_request, lambda value: f'"{value}m"')
        _put(tree, ("kubernetes", "requests", "memory"), workload.memory_request, _kube)
        _put(tree, ("kubernetes", "limits", "cpu"), workload.cpu_limit, lambda value: f'"{value}m"')
    return tree


def refusal(workload: Workload, where: Callable[[str], str]) -> str:
    """Say why a spec has no placement for a workload; empty if it has one."""
    place = workload.placement
    match place:
        case DockerContainer() if place.engine != "docker":
            return f"a spec's docker renders 'docker run' alone, and this is {place.engine}"
        case DockerContainer() if not place.is_named:
            return "it has no --name, so the engine makes one up at each start"
        case SystemdUnit() if not place.is_named:
            return "it has no --unit, so systemd-run makes a name up each time"
        case ComposeService() if where(place.file).startswith("../"):
            return f"{place.file} is not below the folder of the spec"
        case KubernetesContainer() if place.kind == "values":
            return "a spec has no placement for it"
    return ""


def restart_lost(workload: Workload) -> str:
    """Say why a restart policy of Docker's is none of a spec's; empty if it is one."""
    restart = workload.restart
    if restart is None or restart.value is None or not isinstance(workload.placement, DockerContainer | ComposeService):
        return ""
    if "unless-stopped" in restart.text:
        return "a spec has no unless-stopped, which leaves a container stopped that was stopped by hand"
    if _COUNTED.search(restart.text):
        return "a spec has no count of restarts"
    return "what fills the variable in may be a policy that a spec does not have" if "$" in restart.text else ""


def _command(place: DockerContainer, at: Location) -> Branch:
    """What `docker run` starts beside the policy's own words; nothing where the shell puts a part of it in."""
    if not place.is_whole or place.image is None:
        return {}
    tree: Branch = {"image": Leaf(place.image, at, plain=False)}
    for key, words in (("options", place.options), ("command", place.command)):
        if words:
            tree[key] = Leaf(f"[{', '.join(quoted(word) for word in words)}]", at)
    return tree


def _placement(workload: Workload, where: Callable[[str], str]) -> Branch | None:
    place, at = workload.placement, workload.at

    def leaf(text: str) -> Leaf:
        return Leaf(text, at, plain=False)

    def user(flag: bool) -> Branch:
        return {"user": Leaf("true", at)} if flag else {}

    match place:
        case SystemdUnit():
            prefix, sign, rest = place.unit.partition("@")
            instance, dot, kind = rest.rpartition(".")
            if sign and instance:
                unit = f"{prefix}@{dot}{kind}"
                return {"systemd": {"unit": leaf(unit), "instances": Leaf(f"[{quoted(instance)}]", at), **user(place.user)}}
            return {"systemd": {"unit": leaf(place.unit), **user(place.user)}}
        case DockerContainer():
            return {"docker": {"name": leaf(place.name), **_command(place, at)}}
        case ComposeService():
            return {"compose": {"file": leaf(where(place.file)), "service": leaf(place.service)}}
        case QuadletUnit():
            return {"quadlet": {"unit": leaf(place.unit), **user(place.user)}}
        case KubernetesContainer() if place.kind != "values":
            tree: Branch = {"workload": leaf(f"{place.kind}/{place.name}"), "container": leaf(place.container)}
            if place.namespace is not None:
                tree["namespace"] = leaf(place.namespace)
            if place.role != "container":
                tree["role"] = leaf(place.role)
            return {"kubernetes": tree}
        case CgroupLeaf():
            return {"cgroup": {"path": leaf(place.path)}}
    return None


def slice_unit(group: Group, host: str | None) -> Branch:
    """Make a slice of a group."""
    tree: Branch = {} if host is None else {"host": Leaf(host, group.at, plain=False)}
    _memory(tree, group)
    for key, field in _MANAGED.items():
        _put(tree, ("managed_oom", key), getattr(group, field))
    if group.user:
        tree["user"] = Leaf("true", group.at)
    return tree


def namespace(group: Group) -> Branch:
    """Make a namespace of a group."""
    tree: Branch = {}
    ranges, quota = group.limit_range, group.resource_quota
    for key, field in (("defaultRequest", "default_request"), ("default", "default"), ("min", "min"), ("max", "max")):
        _put(tree, ("limitRange", key), None if ranges is None else getattr(ranges, field), _kube)
    if quota is not None and not quota.is_scoped:
        _put(tree, ("resourceQuota", "requests.memory"), quota.requests_memory, _kube)
        _put(tree, ("resourceQuota", "limits.memory"), quota.limits_memory, _kube)
        _put(tree, ("resourceQuota", "pods"), quota.pods)
    return tree


def areas(policy: Policy) -> list[Swap]:
    """Swap files whose size is known."""
    return [one for one in policy.swaps if one.kind == "file" and one.size is not None and one.size.value is not None]


def host(policy: Policy, given: Mapping[str, Setting[Size]], optional: Container[Location]) -> Branch:
    """Make a host of a policy; `given` are RAM and swap that the call says, `optional` the places of sysctls that may fail."""
    tree: Branch = {}
    for key, fact in _FACTS.items():
        said = getattr(policy.facts, fact)
        if said is not None and said.origin is not Origin.NOMINAL:
            _put(tree, (key,), said, _kib if key == "memtotal" else _size if key == "reserved" else _word)
    for key, setting in given.items():
        _put(tree, (key,), setting, _size)
    known = [] if "swap" in given else areas(policy)
    if known:
        rows = [f"{{file: {scalar(one.path)}, size: {_size(one.size.value)}}}" for one in known if one.size is not None]
        tree["swap"] = Leaf(f"[{', '.join(rows)}]", known[0].at)
    driver = policy.facts.docker_cgroup_driver
    _put(tree, ("docker", "cgroup_driver"), driver)
    for key, value in sorted(policy.sysctls.items()):
        _put(tree, ("sysctl", "set", f"-{key}" if value.at in optional else key), value)
    if policy.kubelet is not None:
        for field, way in _KUBELET.items():
            _put(tree, ("kubelet", *way), getattr(policy.kubelet, field), _kube if field in _KUBE_SIZES else _text)
        for signal, threshold in policy.kubelet.signals.items():
            _put(tree, ("kubelet", "evictionHard", signal), threshold)
    if policy.oomd is not None:
        for field, key in _OOMD.items():
            _put(tree, ("oomd", key), getattr(policy.oomd, field))
    return tree


_KUBE_SIZES: Final = ("system_reserved", "kube_reserved", "eviction_hard")


def started(workload: Workload) -> list[Entry]:
    """What a unit says of memory to an engine's client that it runs."""
    place = workload.placement
    words = place.command if isinstance(place, SystemdUnit) else ()
    found = container([Word(word, workload.at) for word in words])
    return [] if found is None else found[1]


def ignored(workload: Workload) -> Iterator[Setting[Any]]:
    """Values that are there and that their consumer passes over."""
    for field in WORKLOAD_FIELDS:
        setting: Setting[Any] | None = getattr(workload, field)
        if setting is not None and setting.value is None:
            yield setting
