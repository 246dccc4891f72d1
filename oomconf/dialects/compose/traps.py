"""What compose refuses, drops or passes over beside the values themselves: keys, pairs that disagree, merges that lose a limit."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from oomconf.dialect import Entry, FaultOf
from oomconf.dialects._containers import of_the_machine
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.dialects.compose.files import inside
from oomconf.location import Location
from oomconf.policy import Amount, Setting, size_of

__all__ = ["beside", "disagreement", "keys", "lost", "swarm", "sysctls", "unheeded"]

_MEMORY: Final = (
    "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "oom_kill_disable", "oom_score_adj", "shm_size", "tmpfs",
    "ulimits", "deploy",
)  # fmt: skip
_KNOWN: Final = frozenset({"storage_opt", "pids_limit", "external_links"})
_SUSPECT: Final = ("mem", "oom", "swap", "limit", "resource", "shm", "tmpfs", "deploy")
_NOT_UNDER: Final = {
    "memory": "mem_limit, or memory under deploy.resources.limits",
    "memory_limit": "mem_limit",
    "memory_reservation": "mem_reservation",
    "memory_swap": "memswap_limit",
    "kernel_memory": "mem_limit, which holds the kernel's memory too",
    "resources": "resources under deploy",
    "limits": "limits under deploy.resources",
    "reservations": "reservations under deploy.resources",
}
_LEVELS: Final = {
    ("deploy",): (
        "mode",
        "replicas",
        "labels",
        "update_config",
        "rollback_config",
        "resources",
        "restart_policy",
        "placement",
        "endpoint_mode",
    ),
    ("deploy", "resources"): ("limits", "reservations"),
    ("deploy", "resources", "limits"): ("cpus", "memory", "pids"),
    ("deploy", "resources", "reservations"): ("cpus", "memory", "generic_resources", "devices"),
}
_SWARMS: Final = ("placement", "update_config", "rollback_config", "endpoint_mode")
_REFUSED: Final = ("mem_limit", "memswap_limit", "mem_reservation", "mem_swappiness", "oom_kill_disable")
_DROPPED: Final = ("oom_score_adj", "shm_size", "cgroup_parent")


def keys(name: str, service: Mapping) -> Iterator[Entry]:
    """Note keys about memory that compose does not know; it refuses the file for them."""
    for key, at in service.keys_at.items():
        if key in _MEMORY or key in _KNOWN or key.startswith("x-") or not any(part in key.lower() for part in _SUSPECT):
            continue
        near = _NOT_UNDER.get(key) or next(iter(get_close_matches(key, _MEMORY, n=1)), "")
        yield _entry(
            name, key, "", at.at, "is no key of a service: compose refuses the file", f"did you mean {near}?" if near else "", "key"
        )
    for way, known in _LEVELS.items():
        node = inside(service, *way)
        for key, at in node.keys_at.items() if isinstance(node, Mapping) else ():
            if key in known or key.startswith("x-") or key == "<<":
                continue
            place = next((".".join(other) for other, names in _LEVELS.items() if key in names and other != way), "")
            near = next(iter(get_close_matches(key, known, n=1)), "")
            hint = f"move it under {place}" if place and not near else f"did you mean {near}?" if near else ""
            yield _entry(name, key, "", at.at, f"is no key of {'.'.join(way)}: compose refuses the file", hint, "key")


def disagreement(
    name: str, beside: Setting[Amount] | None, deployed: Setting[Amount] | None, section: Node | None, key: str
) -> Iterator[Entry]:
    """Note a value that deploy says otherwise, or leaves out beside others (compose-go: loader/validate.go)."""
    said, other = size_of(beside), size_of(deployed)
    if beside is None or said is None or not isinstance(section, Mapping) or not set(section) - {"<<"}:
        return
    way = "deploy.resources.limits" if key == "mem_limit" else "deploy.resources.reservations"
    if deployed is None:
        fault = f"differs from {way}, which says no memory and so 0 to compose: it refuses the file"
        hint = f"write memory: {beside.text} under {way}, and {key} nowhere"
    elif other is not None and other != said:
        fault, hint = f"differs from the {deployed.text} of {way}.memory: compose refuses the file", "write one of them"
    else:
        return
    yield _entry(name, key, beside.text, beside.at, fault, hint, "pair")


def unheeded(name: str, service: Mapping) -> Iterator[Entry]:
    """Note keys that only cgroup v1 heeds."""
    node = service.get("mem_swappiness")
    if isinstance(node, Scalar) and not node.is_null:
        fault = "mem_swappiness is cgroup v1's: with cgroup v2 the engine drops it"
        hint = "remove it: memswap_limit says it" if "memswap_limit" in service else "write memswap_limit equal to mem_limit for no swap"
        yield _entry(name, "mem_swappiness", node.text, node.at, fault, hint, "gone")
    node = service.get("oom_kill_disable")
    if isinstance(node, Scalar) and node.text.lower() == "true":
        fault = "oom_kill_disable is cgroup v1's: with cgroup v2 the engine drops it, and with v1 the container hangs at its limit"
        yield _entry(name, "oom_kill_disable", node.text, node.at, fault, "remove it, and say a limit that is enough", "gone")


def beside(name: str, service: Mapping) -> Iterator[Entry]:
    """Give the restart policy that compose takes where `restart` is not said, for which a policy has no word."""
    policy = inside(service, "deploy", "restart_policy")
    for key, value in policy.items() if isinstance(policy, Mapping) else ():
        if isinstance(value, Scalar):
            yield _entry(name, f"deploy.restart_policy.{key}", value.text, value.at, kind="beside")


def sysctls(name: str, service: Mapping) -> Iterator[Entry]:
    """Note sysctls that no container has of its own."""
    node = service.get("sysctls")
    said = [(key, at.at) for key, at in node.keys_at.items()] if isinstance(node, Mapping) else []
    said += [(one.text.partition("=")[0], one.at) for one in node if isinstance(one, Scalar)] if isinstance(node, Sequence) else []
    for key, at in said:
        fault = of_the_machine(key)
        if fault:
            yield _entry(name, key, "", at, f"{fault}: the engine does not start it", "set it on the host, in /etc/sysctl.d", "place")


def lost(root: Mapping) -> Iterator[Entry]:
    """Note limits of an anchor that a service's own `deploy` hides, in a tree as it was written: `<<` is shallow."""
    services = root.get("services")
    for name, service in services.items() if isinstance(services, Mapping) else ():
        own = inside(service, "deploy")
        if not isinstance(service, Mapping) or not isinstance(own, Mapping) or "<<" in own or "<<" in _mapping(inside(own, "resources")):
            continue
        merges = service.get("<<")
        for anchor in merges if isinstance(merges, Sequence) else (merges,):
            limit = inside(anchor, "deploy", "resources", "limits", "memory")
            if isinstance(limit, Scalar) and inside(own, "resources", "limits", "memory") is None and "mem_limit" not in service:
                yield _entry(name, "deploy", limit.text, service.keys_at["deploy"].at, section="merge")
                break


def _mapping(node: Node | None) -> Mapping:
    return node if isinstance(node, Mapping) else Mapping()


def swarm(name: str, service: Mapping) -> Iterator[Entry]:
    """Note what `docker stack deploy` refuses or drops, in services that only it can take at their word."""
    deploy = service.get("deploy")
    if not isinstance(deploy, Mapping):
        return
    mode = deploy.get("mode")
    if not any(key in deploy for key in _SWARMS) and not (isinstance(mode, Scalar) and mode.text.startswith("global")):
        return
    for key in (*_REFUSED, *_DROPPED):
        at = service.keys_at.get(key)
        if at is not None and key in service and service[key].tag != "!reset":
            yield _entry(name, key, "refused" if key in _REFUSED else "dropped", at.at, section="swarm")


def _entry(
    name: str, key: str, value: str, at: Location, fault: str = "", hint: str = "", kind: FaultOf = "value", section: str = "services"
) -> Entry:
    return Entry("compose", name, section, key, value, at, fault, hint, kind)
