"""What Kubernetes makes of a pod's memory on a node: QoS, oom_score_adj, limits, swap, allocatable (1.36)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final, Literal

from oomconf.quantity import Percent, Size

__all__ = [
    "DEFAULT_EVICTION_HARD",
    "Container",
    "Pod",
    "Qos",
    "admitted",
    "allocatable",
    "container_memory_max",
    "container_swap_max",
    "effective_limit",
    "effective_request",
    "kubepods_memory_max",
    "oom_score_adj",
    "pod_memory_max",
    "qos",
    "swap_limit",
]

Qos = Literal["Guaranteed", "Burstable", "BestEffort"]

DEFAULT_EVICTION_HARD: Final = Size(100 << 20)
"""memory.available where evictionHard is not said at all."""

_GUARANTEED_ADJ: Final = -997
_BEST_EFFORT_ADJ: Final = 1000
# the documentation says 2; pkg/kubelet/qos/policy.go says 1000 + _GUARANTEED_ADJ
_BURSTABLE_ADJ: Final = (3, 999)
_SYSTEM_CRITICAL: Final = 2_000_000_000
_NODE_CRITICAL: Final = "system-node-critical"
_PRIORITIES: Final = {"system-cluster-critical": 2_000_000_000, _NODE_CRITICAL: 2_000_001_000}
_WHOLE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of a pod: bytes and thousandths of a CPU, None where unsaid; 0 is said and means nothing to the kubelet.

    A `sidecar` is an init container with `restartPolicy: Always`.
    """

    name: str
    request_memory: int | None = None
    limit_memory: int | None = None
    request_cpu_milli: int | None = None
    limit_cpu_milli: int | None = None
    kind: Literal["container", "init", "sidecar"] = "container"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod; init containers and sidecars in the order in which they start. The numbers of its own are those of `spec.resources`."""

    containers: tuple[Container, ...]
    request_memory: int | None = None
    limit_memory: int | None = None
    request_cpu_milli: int | None = None
    limit_cpu_milli: int | None = None
    empty_resources: bool = False
    """`spec.resources` is there and holds neither cpu nor memory, which makes the pod BestEffort."""
    overhead: int = 0
    """Memory of `spec.overhead`, bytes."""
    priority_class: str | None = None
    priority: int | None = None
    """None is what the API server makes of the class."""
    static: bool = False
    """Started from a file of the node, not by the API server."""

    @property
    def has_resources(self) -> bool:
        """Whether `spec.resources` is there."""
        said = (self.request_memory, self.limit_memory, self.request_cpu_milli, self.limit_cpu_milli)
        return self.empty_resources or any(value is not None for value in said)

    @property
    def is_critical(self) -> bool:
        """Whether eviction and swap leave it alone (pkg/kubelet/types: IsCriticalPod())."""
        priority = _PRIORITIES.get(self.priority_class or "", 0) if self.priority is None else self.priority
        return self.static or priority >= _SYSTEM_CRITICAL


# ── what the API server makes of it ──────────────────────────────────────────────────────────────────────────────────────


def admitted(pod: Pod) -> Pod:
    """Fill in requests as the API server does (pkg/apis/core/v1/defaults.go): containers from their limits, then the pod's own.

    The pod's own request is what its containers request together, else its limit; only where the pod has a limit of its own.
    """
    containers = tuple(_defaulted(container) for container in pod.containers)
    filled = replace(pod, containers=containers)
    if pod.limit_memory is None and pod.limit_cpu_milli is None:
        return filled
    memory, cpu = pod.request_memory, pod.request_cpu_milli
    if memory is None:
        said = any(container.request_memory is not None for container in containers)
        memory = _walk(filled, "request_memory") if said else pod.limit_memory
    if cpu is None:
        said = any(container.request_cpu_milli is not None for container in containers)
        cpu = _walk(filled, "request_cpu_milli") if said else pod.limit_cpu_milli
    return replace(filled, request_memory=memory, request_cpu_milli=cpu)


def _defaulted(container: Container) -> Container:
    return replace(
        container,
        request_memory=container.limit_memory if container.request_memory is None else container.request_memory,
        request_cpu_milli=container.limit_cpu_milli if container.request_cpu_milli is None else container.request_cpu_milli,
    )


def effective_request(pod: Pod) -> Size:
    """Add up what a pod requests of memory with its overhead, as the scheduler counts it (component-helpers: PodRequests())."""
    pod = admitted(pod)
    own = pod.request_memory
    return Size((_walk(pod, "request_memory") if own is None else own) + pod.overhead)


def effective_limit(pod: Pod) -> Size:
    """Add up what a pod is limited to with its overhead (PodLimits()); 0 is no limit.

    A container without a limit counts as 0, so the sum is a lower bound unless every container has one.
    """
    own = pod.limit_memory
    limit = _walk(pod, "limit_memory") if own is None else own
    return Size(limit + pod.overhead if limit else 0)


def _walk(pod: Pod, field: Literal["request_memory", "limit_memory", "request_cpu_milli"]) -> int:
    """Init containers start one after the other, beside the sidecars that started before them; then all others together."""
    apps = sidecars = peak = 0
    for container in pod.containers:
        value: int = getattr(container, field) or 0
        if container.kind == "container":
            apps += value
        elif container.kind == "sidecar":
            sidecars += value
            peak = max(peak, sidecars)
        else:
            peak = max(peak, sidecars + value)
    return max(apps + sidecars, peak)


def qos(pod: Pod) -> Qos:
    """Class a pod (pkg/apis/core/v1/helper/qos: ComputePodQOS()); values of 0 count as unsaid, init containers count like all others."""
    pod = admitted(pod)
    holders: tuple[Pod | Container, ...] = (pod,) if pod.has_resources else pod.containers
    requests = [(holder.request_memory or 0, holder.request_cpu_milli or 0) for holder in holders]
    limits = [(holder.limit_memory or 0, holder.limit_cpu_milli or 0) for holder in holders]
    if not any(value > 0 for pair in (*requests, *limits) for value in pair):
        return "BestEffort"
    whole = all(value > 0 for pair in limits for value in pair)
    equal = all(sum(column) == sum(other) for column, other in zip(zip(*requests, strict=True), zip(*limits, strict=True), strict=True))
    return "Guaranteed" if whole and equal else "Burstable"


# ── what the kubelet makes of it ─────────────────────────────────────────────────────────────────────────────────────────


def oom_score_adj(pod: Pod, container: Container, capacity: int) -> int:
    """Compute the oom_score_adj of a pod's container (pkg/kubelet/qos/policy.go: GetContainerOOMScoreAdjust()).

    `capacity` is the machine's memory in bytes, not what is allocatable. Raise ValueError unless it is positive.
    """
    if capacity <= 0:
        raise ValueError(f"a node's capacity of {capacity} bytes is not positive")
    if pod.priority_class == _NODE_CRITICAL and pod.is_critical:
        return _GUARANTEED_ADJ
    category = qos(pod)
    if category != "Burstable":
        return _GUARANTEED_ADJ if category == "Guaranteed" else _BEST_EFFORT_ADJ
    pod = admitted(pod)
    share = 0
    if pod.request_memory is not None:
        share = max(0, pod.request_memory - _walk(pod, "request_memory")) // max(1, len(pod.containers))
    request = (_defaulted(container).request_memory or 0) + share
    if container.kind == "sidecar":
        # a sidecar is never killed before the smallest of the containers that it serves
        request = max(request, min((one.request_memory or 0 for one in pod.containers if one.kind == "container"), default=0) + share)
    low, high = _BURSTABLE_ADJ
    return min(max(1000 - 1000 * request // capacity, low), high)


def container_memory_max(pod: Pod, container: Container) -> Size | None:
    """Give memory.max of a container's cgroup: its limit, else the pod's own; None is no limit."""
    limit = container.limit_memory or pod.limit_memory or 0
    return Size(limit) if limit > 0 else None


def pod_memory_max(pod: Pod) -> Size | None:
    """Give memory.max of a pod's cgroup (pkg/kubelet/cm: ResourceConfigForPod()); None is no limit.

    It is set only if every container, init containers included, has a limit, or the pod itself; never for BestEffort.
    """
    limited = bool(pod.limit_memory) or all(container.limit_memory for container in pod.containers)
    return effective_limit(pod) if limited and qos(pod) != "BestEffort" else None


def swap_limit(request: int, node_memory: int, node_swap: int) -> Size:
    """Share a node's swap by request, in the kubelet's own floating point (calculateSwapForBurstablePods()); all in bytes."""
    return Size(int(request / node_memory * node_swap)) if 0 < request <= node_memory else Size(0)


def container_swap_max(
    pod: Pod, container: Container, *, node_memory: int, node_swap: int, behavior: Literal["", "NoSwap", "LimitedSwap"] = ""
) -> Size:
    """Give memory.swap.max of a container's cgroup (cgroup v2): 0, unless LimitedSwap lets a Burstable one have its share."""
    container = _defaulted(container)
    request, limit = container.request_memory or 0, container.limit_memory or 0
    if behavior != "LimitedSwap" or qos(pod) != "Burstable" or pod.is_critical or request == limit:
        return Size(0)
    return swap_limit(request, node_memory, node_swap)


# ── what a node has for pods ─────────────────────────────────────────────────────────────────────────────────────────────


def allocatable(
    capacity: int, kube_reserved: int = 0, system_reserved: int = 0, eviction_hard: int | Percent = DEFAULT_EVICTION_HARD
) -> Size:
    """Give what the scheduler may fill with requests, in bytes, 0 at least.

    `eviction_hard` is the threshold of memory.available, a share is of capacity; 0 % and 100 % switch it off.
    """
    return Size(max(0, capacity - kube_reserved - system_reserved - _threshold(eviction_hard, capacity)))


def kubepods_memory_max(capacity: int, kube_reserved: int = 0, system_reserved: int = 0) -> Size:
    """Give memory.max of the cgroup above all pods, in bytes: the reservations are taken off, the eviction threshold is not."""
    return Size(max(0, capacity - kube_reserved - system_reserved))


def _threshold(said: int | Percent, capacity: int) -> int:
    if not isinstance(said, Percent):
        return said
    if said.permyriad in (0, _WHOLE):
        return 0
    # the share is a 32-bit float there (pkg/kubelet/eviction/api: ThresholdValue.Percentage), so 5 % is a little more than 5 %
    return int(float(capacity) * _float32(_float32(said.permyriad / 100) / 100))


def _float32(value: float) -> float:
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded
