"""What a pod can say of a policy, and what its QoS class gives instead."""

from __future__ import annotations

from typing import Any

from oomconf.kubelet import Container, Pod, oom_score_adj, qos
from oomconf.ledger import Book
from oomconf.placement import KubernetesContainer
from oomconf.policy import Fleet, Policy, Setting, Workload, size_of
from oomconf.quantity import INFINITY, Size


def limit_of(workload: Workload) -> Setting[Size] | None:
    """The limit that a patch can say: finite and known."""
    size = size_of(workload.memory_max)
    if workload.memory_max is None or size is None or size >= INFINITY:
        return None
    return Setting(size, workload.memory_max.at, workload.memory_max.origin)


def enter(workload: Workload, containers: list[Workload], fleet: Fleet, book: Book) -> None:
    """Enter every said value of a pod's container."""
    identity = workload.placement.identities[0]
    maximum = workload.memory_max
    if maximum is not None:
        if limit_of(workload) is not None:
            book.exact(workload.object, identity, "memory_max", maximum)
        elif size_of(maximum) is None:
            book.impossible(workload.object, identity, "memory_max", maximum, "the node's RAM is unknown, so the share has no size")
        else:
            book.approximated(workload.object, identity, "memory_max", maximum, "said by leaving it out: a limit of the manifest stays")
    for name in ("memory_request", "cpu_request", "cpu_limit"):
        setting: Setting[Any] | None = getattr(workload, name)
        if setting is not None:
            book.exact(workload.object, identity, name, setting)
    _kubelets(workload, containers, fleet, book, identity)


def _kubelets(workload: Workload, containers: list[Workload], fleet: Fleet, book: Book, identity: str) -> None:
    """What the kubelet decides by itself."""
    node = next((policy for policy in fleet.policies if policy.name == workload.host and policy.scope == "host"), None)
    reasons = {
        "memory_high": "the kubelet sets memory.high by itself, under the gate MemoryQoS only",
        "memory_min": "the kubelet protects by QoS class; say requests.memory",
        "memory_low": "the kubelet protects by QoS class; say requests.memory",
        "memory_swap_max": "the kubelet decides by memorySwap.swapBehavior",
        "slice": "the kubelet places pods by QoS class",
        "restart": "restartPolicy belongs to the pod, and its controller decides",
        "managed_oom_preference": "systemd-oomd does not know pods",
    }
    for name, why in reasons.items():
        setting: Setting[Any] | None = getattr(workload, name)
        if setting is not None:
            book.impossible(workload.object, identity, name, setting, why)
    if workload.oom_score_adj is not None:
        book.impossible(
            workload.object, identity, "oom_score_adj", workload.oom_score_adj, f"pods get no score: {given(workload, containers, node)}"
        )
    if workload.protect is not None:
        book.approximated(workload.object, identity, "protect", workload.protect, f"pods get no score: {given(workload, containers, node)}")
    if workload.oom_policy is not None:
        _oom_policy(workload, workload.oom_policy, node, book, identity)


def _oom_policy(workload: Workload, said: Setting[str], node: Policy | None, book: Book, identity: str) -> None:
    single = node is not None and node.kubelet is not None and node.kubelet.single_process_oom_kill
    one = bool(single) and single is not None and single is not False and getattr(single, "value", None) is True
    does = "continue" if one else "kill"
    if said.value == does:
        book.exact(workload.object, identity, "oom_policy", said, "what the kubelet does")
    else:
        word = "one process" if one else "the whole container"
        book.impossible(workload.object, identity, "oom_policy", said, f"the kubelet lets the kernel kill {word} (singleProcessOOMKill)")


def given(workload: Workload, containers: list[Workload], node: Policy | None) -> str:
    """Say which QoS class a pod has by what the policy says of it, and the score that follows on its node."""
    pod = Pod(containers=tuple(_container(one) for one in containers))
    own = next(inner for inner, one in zip(pod.containers, containers, strict=True) if one is workload)
    total = None if node is None else node.facts.memory_total
    word = qos(pod)
    if total is None or total.value is None:
        return f"{word} by what is said here"
    return f"{word} by what is said here, so about {oom_score_adj(pod, own, total.value)} on {node.name if node is not None else 'it'}"


def _container(workload: Workload) -> Container:
    place = workload.placement
    limit = limit_of(workload)
    return Container(
        name=place.container if isinstance(place, KubernetesContainer) else workload.name,
        kind=place.role if isinstance(place, KubernetesContainer) else "container",
        request_memory=_value(workload.memory_request),
        limit_memory=_value(limit),
        request_cpu_milli=_value(workload.cpu_request),
        limit_cpu_milli=_value(workload.cpu_limit),
    )


def _value(setting: Setting[Any] | None) -> int | None:
    return None if setting is None or setting.value is None else int(setting.value)
