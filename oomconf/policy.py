"""The policy: what every layer says about memory, in the kernel's own terms, each value with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, Literal, TypeVar

from oomconf.location import NOWHERE, Location
from oomconf.placement import Placement, SystemdUnit
from oomconf.quantity import Percent, Size

T = TypeVar("T", covariant=True)  # noqa: PLC0105

_MOST_BEATEN: Final = 16
Amount = Size | Percent
"""A size, or a share that resolution turns into one."""


class Origin(StrEnum):
    """How a value came to be."""

    WRITTEN = "written"
    DEFAULT = "default"
    """From the spec's `defaults`."""
    DERIVED = "derived"
    """Computed by the resolver from other values."""
    NOMINAL = "nominal"
    """Computed from a nominal RAM size: good enough for rules, not exact."""
    PROBED = "probed"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """A value that was said, with its place.

    A field that is None was not said. `value is None` was said, but its consumer ignores it. `beat` is what it overrode.
    Two settings are equal when their values are.
    """

    value: T | None
    at: Location = field(default=NOWHERE, compare=False)
    origin: Origin = field(default=Origin.WRITTEN, compare=False)
    text: str = field(default="", compare=False)
    beat: tuple[Setting[Any], ...] = field(default=(), compare=False, repr=False)


def beaten(below: Setting[T] | None) -> tuple[Setting[Any], ...]:
    """Give what a value overrides by one that was said before, the nearest first, and no more of them than anybody reads."""
    return () if below is None else (below, *below.beat[:_MOST_BEATEN])


def size_of(setting: Setting[Amount] | None) -> Size | None:
    """Give the bytes of a setting; None if it is unsaid, ignored by its consumer, or a share that could not be resolved."""
    if setting is None or isinstance(setting.value, Percent):
        return None
    return setting.value


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A part of a workload that the kernel sees as one process, `count` times."""

    name: str
    at: Location = field(default=NOWHERE, compare=False)
    count: int = 1
    oom_score_adj: Setting[int] | None = None
    memory: Setting[Amount] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A language runtime inside a workload, and the heap that it is told or takes."""

    kind: Literal["jvm", "go", "node", "dotnet", "python", "other"]
    at: Location = field(default=NOWHERE, compare=False)
    heap: Setting[Amount] | None = None
    """A share is of the workload's memory.max."""
    options: tuple[str, ...] = ()
    version: int | None = None
    arenas: int | None = None
    knob: str = field(default="", compare=False)
    """The variable or flag that says it, where a reader found it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tmpfs:
    """A file system in memory that a workload writes to: its pages count as the workload's own, and a kill frees none of them."""

    path: str
    at: Location = field(default=NOWHERE, compare=False)
    size: Setting[Amount] | None = None
    """The most it holds; a share is of RAM. None is its consumer's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Anything that is limited and protected as one: a unit, a container, a pod's container, a group of processes."""

    name: str
    object: str
    """How a finding names it: `services.api`, `web.service`, `Deployment/prod/api/app`."""
    at: Location = field(default=NOWHERE, compare=False)
    placement: Placement
    image: str | None = field(default=None, compare=False)
    """What a container runs, where it is known."""
    host: str | None = None
    slice: Setting[str] | None = None
    protect: Setting[str] | None = None
    oom_score_adj: Setting[int] | None = None
    oom_score_adj_reason: str | None = None
    oom_adjust_file: Setting[str] | None = field(default=None, compare=False)
    """PG_OOM_ADJUST_FILE of its environment, by which PostgreSQL's backends reset their score; no value where a file may say it."""
    memory_min: Setting[Amount] | None = None
    memory_low: Setting[Amount] | None = None
    memory_high: Setting[Amount] | None = None
    memory_max: Setting[Amount] | None = None
    memory_swap_max: Setting[Amount] | None = None
    memory_request: Setting[Size] | None = None
    cpu_request: Setting[int] | None = None
    """Thousandths of a CPU."""
    cpu_limit: Setting[int] | None = None
    oom_policy: Setting[str] | None = None
    restart: Setting[str] | None = None
    managed_oom_preference: Setting[str] | None = None
    managed_oom_memory_pressure: Setting[str] | None = field(default=None, compare=False)
    managed_oom_memory_pressure_limit: Setting[Percent] | None = field(default=None, compare=False)
    """This and the one above are read in units alone; a spec says them of slices."""
    replicas: Setting[int] | None = None
    processes: tuple[Process, ...] = ()
    runtimes: tuple[Runtime, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()

    @property
    def copies(self) -> int:
        """How many of it run: instances or replicas; `count` of a host never multiplies."""
        if isinstance(self.placement, SystemdUnit) and self.placement.instances:
            return len(self.placement.instances)
        return 1 if self.replicas is None or self.replicas.value is None else self.replicas.value


WORKLOAD_FIELDS: Final = (
    "slice",
    "oom_score_adj",
    "memory_min",
    "memory_low",
    "memory_high",
    "memory_max",
    "memory_swap_max",
    "memory_request",
    "cpu_request",
    "cpu_limit",
    "oom_policy",
    "restart",
    "managed_oom_preference",
)
"""The settings of a workload that a target can say, each a row of the ledger."""

GROUP_FIELDS: Final = (
    "memory_min",
    "memory_low",
    "memory_high",
    "memory_max",
    "memory_swap_max",
    "managed_oom_swap",
    "managed_oom_memory_pressure",
    "managed_oom_memory_pressure_limit",
    "managed_oom_preference",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRange:
    """A namespace's LimitRange of type Container, memory only (core/v1)."""

    at: Location = field(default=NOWHERE, compare=False)
    default_request: Setting[Size] | None = None
    default: Setting[Size] | None = None
    min: Setting[Size] | None = None
    max: Setting[Size] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceQuota:
    """A namespace's ResourceQuota, memory and pods only (core/v1)."""

    at: Location = field(default=NOWHERE, compare=False)
    requests_memory: Setting[Size] | None = None
    limits_memory: Setting[Size] | None = None
    pods: Setting[int] | None = None
    is_scoped: bool = False
    """Whether it counts some of the namespace's pods alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A node of the memory tree above the workloads: a slice, or a Kubernetes namespace."""

    name: str
    kind: Literal["slice", "namespace"] = "slice"
    object: str
    at: Location = field(default=NOWHERE, compare=False)
    memory_min: Setting[Amount] | None = None
    memory_low: Setting[Amount] | None = None
    memory_high: Setting[Amount] | None = None
    memory_max: Setting[Amount] | None = None
    memory_swap_max: Setting[Amount] | None = None
    managed_oom_swap: Setting[str] | None = None
    managed_oom_memory_pressure: Setting[str] | None = None
    managed_oom_memory_pressure_limit: Setting[Percent] | None = None
    managed_oom_preference: Setting[str] | None = None
    limit_range: LimitRange | None = None
    resource_quota: ResourceQuota | None = None
    user: bool = False

    @property
    def parent(self) -> str | None:
        """The slice that holds it by its dashes (systemd.slice(5)); None below the root and for namespaces."""
        stem = self.name.removesuffix(".slice")
        return None if self.kind != "slice" or "-" not in stem.strip("-") else stem.rpartition("-")[0] + ".slice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A swap file or device that oomconf sets up."""

    path: str
    kind: Literal["file", "device"]
    at: Location = field(default=NOWHERE, compare=False)
    size: Setting[Size] | None = None
    priority: Setting[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubelet:
    """What the kubelet of a node is told (kubelet.config.k8s.io/v1beta1)."""

    at: Location = field(default=NOWHERE, compare=False)
    version: Setting[str] | None = None
    system_reserved: Setting[Size] | None = None
    kube_reserved: Setting[Size] | None = None
    eviction_hard: Setting[Amount] | None = None
    """The signal memory.available."""
    signals: Mapping[str, Setting[str]] = field(default_factory=dict)
    """Thresholds of the other signals of evictionHard, as the kubelet spells both."""
    fail_swap_on: Setting[bool] | None = None
    swap_behavior: Setting[str] | None = None
    single_process_oom_kill: Setting[bool] | None = None
    max_pods: Setting[int] | None = None
    whole: bool = field(default=True, compare=False)
    """Whether what it leaves out is the kubelet's default; a drop-in or a patch leaves it to what it is put over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oomd:
    """What systemd-oomd is told (oomd.conf(5))."""

    at: Location = field(default=NOWHERE, compare=False)
    swap_used_limit: Setting[Percent] | None = None
    default_memory_pressure_limit: Setting[Percent] | None = None
    default_memory_pressure_duration: Setting[int] | None = None
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """What is to be watched, and by what; a spec says it for all its hosts alike."""

    at: Location = field(default=NOWHERE, compare=False)
    ram_used: Setting[Percent] | None = None
    """The share of RAM in use above which somebody is told."""
    targets: tuple[Setting[str], ...] = ()

    def names(self, target: str) -> bool:
        """Whether it asks for this target."""
        return any(setting.value == target for setting in self.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a host; None is unknown, never absent."""

    at: Location = field(default=NOWHERE, compare=False)
    count: Setting[int] | None = None
    memory_total: Setting[Size] | None = None
    """Its origin is NOMINAL unless /proc/meminfo's own number is known."""
    swap_total: Setting[Size] | None = None
    reserved: Setting[Size] | None = None
    page_size: Setting[int] | None = None
    kernel: Setting[str] | None = None
    systemd: Setting[int] | None = None
    cgroup_version: Setting[int] | None = None
    docker: Setting[str] | None = None
    docker_cgroup_driver: Setting[str] | None = None
    docker_rootless: Setting[bool] | None = None
    podman: Setting[str] | None = None
    podman_rootless: Setting[bool] | None = None
    of_nodes: bool = False
    """Whether the largest node of a cluster is said to have this RAM too."""
    debugging: Setting[bool] | None = None
    """A host that is meant to stop and be looked at."""

    @property
    def is_without_systemd(self) -> bool:
        """Whether it is said that no systemd runs the host."""
        return self.systemd is not None and self.systemd.value == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything said about one host, or about a Kubernetes cluster, which has no host."""

    name: str
    object: str = ""
    source: str = ""
    """The spec's file name for headers, without folders."""
    scope: Literal["host", "cluster", "fleet"] = "host"
    """A fleet's is what all hosts and the cluster say together: the renderer makes it for targets that speak of all at once."""
    facts: Facts = Facts()
    groups: tuple[Group, ...] = ()
    workloads: tuple[Workload, ...] = ()
    swaps: tuple[Swap, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = field(default=(), compare=False)
    """File systems in memory that are of no workload."""
    sysctls: Mapping[str, Setting[str]] = field(default_factory=dict)
    """Values in the kernel's own text, decimal for numbers."""
    sysctl_profile: Setting[str] | None = None
    kubelet: Kubelet | None = None
    oomd: Oomd | None = None
    monitoring: Monitoring | None = None
    default_oom_score_adj: Setting[int] | None = field(default=None, compare=False)
    """What the manager gives every service that says nothing (systemd-system.conf(5))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All policies of one run."""

    policies: tuple[Policy, ...]
