"""Spec → policies: one for each host, and one for what belongs to a Kubernetes cluster alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

from oomconf.dialects._yaml import Mapping
from oomconf.kernel.profiles import PROFILES
from oomconf.kernel.sysctls import EXCLUSIVE_PAIRS, SYSCTLS
from oomconf.location import Location
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, KubernetesContainer, Placement, QuadletUnit, SystemdUnit
from oomconf.policy import (
    Facts,
    Fleet,
    Group,
    Kubelet,
    LimitRange,
    Monitoring,
    Oomd,
    Origin,
    Policy,
    Process,
    ResourceQuota,
    Runtime,
    Setting,
    Swap,
    Workload,
)
from oomconf.quantity import Size
from oomconf.spec.check import key_at
from oomconf.spec.hosts import Host
from oomconf.spec.models import Namespace, SliceUnit, Spec
from oomconf.spec.services import Runtimes, Said, Service

T = TypeVar("T")

ADJUSTMENTS: Final = {"critical": -900, "high": -500, "normal": 0, "low": 300, "expendable": 900}
"""What the levels of `protect` are in oom_score_adj."""

CLUSTER: Final = "kubernetes"


def policies(spec: Spec, tree: Mapping, path: str) -> Fleet:
    """Say what a spec says, host by host; percentages and derivations are left to the resolver."""
    build = _Builder(spec, tree, PurePosixPath(path).name)
    return Fleet(policies=tuple(build.all()))


def placement(service: Service) -> Placement:
    """Give the one placement of a checked service."""
    if service.systemd is not None:
        unit = service.systemd
        return SystemdUnit(unit=_v(unit.unit), instances=_words(unit.instances), user=_flag(unit.user), command=_words(unit.command))
    if service.docker is not None:
        box = service.docker
        return DockerContainer(
            name=_v(box.name),
            image=None if box.image is None else box.image.value,
            init=None if box.init is None else box.init.value,
            options=_words(box.options),
            command=_words(box.command),
        )
    if service.compose is not None:
        return ComposeService(file=_v(service.compose.file), service=_v(service.compose.service))
    if service.quadlet is not None:
        return QuadletUnit(unit=_v(service.quadlet.unit), user=_flag(service.quadlet.user))
    if service.kubernetes is not None:
        pod = service.kubernetes
        kind, _, name = _v(pod.workload).partition("/")
        namespace = None if pod.namespace is None else pod.namespace.value
        role: Any = "container" if pod.role is None else pod.role.value
        return KubernetesContainer(kind=kind, name=name, namespace=namespace, container=_v(pod.container), role=role)
    if service.cgroup is not None:
        leaf = service.cgroup
        by = None if leaf.delegated_by is None else leaf.delegated_by.value
        return CgroupLeaf(path=_v(leaf.path), command=_words(leaf.command), delegated_by=by)
    raise ValueError("a checked service has a placement")


def _v(setting: Setting[str]) -> str:
    return setting.value or ""


def _words(settings: tuple[Setting[str], ...] | None) -> tuple[str, ...]:
    return () if settings is None else tuple(_v(setting) for setting in settings)


def _flag(setting: Setting[bool] | None) -> bool:
    return setting is not None and setting.value is True


def _first(*settings: Setting[T] | None) -> Setting[T] | None:
    return next((setting for setting in settings if setting is not None), None)


def _default(setting: Setting[T] | None) -> Setting[T] | None:
    return None if setting is None else Setting(setting.value, setting.at, Origin.DEFAULT, setting.text, setting.beat)


class _Builder:
    def __init__(self, spec: Spec, tree: Mapping, source: str) -> None:
        self.spec = spec
        self.tree = tree
        self.source = source
        self.on_host: dict[str, list[Workload]] = {name: [] for name in spec.hosts}
        self.in_cluster: list[Workload] = []
        plan = spec.monitoring
        at = key_at(tree, "monitoring")
        self.monitoring = None if plan is None else Monitoring(at=at, ram_used=plan.ram_used, targets=tuple(plan.targets))

    def all(self) -> Iterator[Policy]:
        for name, service in self.spec.services.items():
            at = key_at(self.tree, "services", name)
            for host in self.hosts_of(service):
                self.on_host.get(host, self.in_cluster).append(self.workload(name, service, host, at))
        for name, plan in self.spec.hosts.items():
            yield self.host(name, plan)
        namespaces = tuple(self.namespace(name, space) for name, space in self.spec.namespaces.items())
        if namespaces or self.in_cluster:
            yield Policy(
                name=CLUSTER,
                object=CLUSTER,
                source=self.source,
                scope="cluster",
                groups=namespaces,
                workloads=tuple(self.in_cluster),
                monitoring=self.monitoring,
            )

    def hosts_of(self, service: Service) -> list[str]:
        if service.host:
            return list(dict.fromkeys(_v(host) for host in service.host))
        if service.kubernetes is None or len(self.spec.hosts) == 1:
            return list(self.spec.hosts)[:1]
        nodes = [name for name, host in self.spec.hosts.items() if host.kubelet is not None]
        return nodes if len(nodes) == 1 else [CLUSTER]

    def workload(self, name: str, service: Service, host: str, at: Location) -> Workload:
        over = service.overrides.get(host, Said())
        default = self.spec.defaults
        pod = service.kubernetes is not None
        adj = over.oom_score_adj or (None if over.protect is not None else service.oom_score_adj)
        protect = over.protect or (None if over.oom_score_adj is not None else service.protect)
        if protect is None and adj is None and not pod:
            protect = _default(default.protect)
        score = adj.value if adj is not None else None
        if score is None and protect is not None and not pod:
            score = Setting(ADJUSTMENTS[_v(protect)], protect.at, Origin.DERIVED, protect.text, protect.beat)
        memory, mine, spare = over.memory, service.memory, default.memory
        requests, limits = (service.kubernetes.requests, service.kubernetes.limits) if service.kubernetes is not None else (None, None)
        maximum = _first(memory.max, mine.max, None if pod else _default(spare.max))
        return Workload(
            name=name,
            object=f"services.{name}",
            at=at,
            placement=placement(service),
            host=None if host == CLUSTER else host,
            slice=over.slice or service.slice,
            protect=protect,
            oom_score_adj=score,
            oom_score_adj_reason=None if adj is None or adj.reason is None else adj.reason.value,
            memory_min=_first(memory.min, mine.min),
            memory_low=_first(memory.low, mine.low),
            memory_high=_first(memory.high, mine.high, None if pod else _default(spare.high)),
            memory_max=maximum,
            memory_swap_max=_first(memory.swap_max, mine.swap_max, self.spare_swap(host, maximum, pod=pod)),
            memory_request=None if requests is None else requests.memory,
            cpu_request=None if requests is None else _milli(requests.cpu),
            cpu_limit=None if limits is None else _milli(limits.cpu),
            oom_policy=_first(over.oom_policy, service.oom_policy, None if pod else _default(default.oom_policy)),
            restart=_first(over.restart, service.restart, None if pod else _default(default.restart)),
            managed_oom_preference=over.managed_oom_preference or service.managed_oom_preference,
            replicas=service.replicas,
            processes=self.processes(over if over.processes is not None else service),
            runtimes=tuple(self.runtimes(name, service, over, host)),
        )

    def runtimes(self, name: str, service: Service, over: Said, host: str) -> Iterator[Runtime]:
        if over.runtime is not None:
            return _runtimes(over.runtime, self.tree, ("services", name, "overrides", host, "runtime"))
        return _runtimes(service.runtime, self.tree, ("services", name, "runtime"))

    def spare_swap(self, host: str, maximum: Setting[Any] | None, *, pod: bool) -> Setting[Size] | None:
        """The default swap_max is for services that have max, on a host with swap."""
        plan = self.spec.hosts.get(host)
        if pod or maximum is None or plan is None or plan.swap is None:
            return None
        has_swap = bool(plan.swap.areas) or (plan.swap.fact is not None and plan.swap.fact.value != 0)
        return _default(self.spec.defaults.memory.swap_max) if has_swap else None

    def processes(self, said: Said) -> tuple[Process, ...]:
        return tuple(
            Process(
                name=_v(part.name),
                at=part.name.at,
                count=1 if part.count is None or part.count.value is None else part.count.value,
                oom_score_adj=part.oom_score_adj,
                memory=part.memory,
            )
            for part in said.processes or ()
        )

    def host(self, name: str, host: Host) -> Policy:
        at = key_at(self.tree, "hosts", name)
        kubelet, oomd = host.kubelet, host.oomd
        areas = host.swap.areas if host.swap is not None else []
        return Policy(
            name=name,
            object=f"hosts.{name}",
            source=self.source,
            facts=self.facts(host, at),
            groups=tuple(self.slice(key, unit) for key, unit in self.spec.slices.items() if self.slice_on(key, unit, name)),
            workloads=tuple(self.on_host[name]),
            swaps=tuple(
                Swap(
                    path=_v(area.file or area.device or Setting("")),
                    kind="file" if area.file is not None else "device",
                    at=(area.file or area.device or Setting("", at)).at,
                    size=area.size,
                    priority=area.priority,
                )
                for area in areas
            ),
            sysctls=self.sysctls(name, host),
            sysctl_profile=None if host.sysctl is None else host.sysctl.profile,
            monitoring=self.monitoring,
            kubelet=None
            if kubelet is None
            else Kubelet(
                at=key_at(self.tree, "hosts", name, "kubelet"),
                version=kubelet.version,
                system_reserved=kubelet.system_reserved,
                kube_reserved=kubelet.kube_reserved,
                eviction_hard=None if kubelet.eviction_hard is None else kubelet.eviction_hard.memory_available,
                signals={} if kubelet.eviction_hard is None else kubelet.eviction_hard.signals,
                fail_swap_on=kubelet.fail_swap_on,
                swap_behavior=None if kubelet.memory_swap is None else kubelet.memory_swap.swap_behavior,
                single_process_oom_kill=kubelet.single_process_oom_kill,
                max_pods=kubelet.max_pods,
            ),
            oomd=None
            if oomd is None
            else Oomd(
                at=key_at(self.tree, "hosts", name, "oomd"),
                swap_used_limit=oomd.swap_used_limit,
                default_memory_pressure_limit=oomd.default_memory_pressure_limit,
                default_memory_pressure_duration=oomd.default_memory_pressure_duration,
            ),
        )

    def facts(self, host: Host, at: Location) -> Facts:
        total = host.memtotal
        if total is None and host.ram is not None:
            total = Setting(host.ram.value, host.ram.at, Origin.NOMINAL, host.ram.text, host.ram.beat)
        swap: Setting[Size] | None = None if host.swap is None else host.swap.fact
        if host.swap is not None and host.swap.areas:
            sizes = [area.size for area in host.swap.areas if area.size is not None]
            swap = Setting(Size(sum(size.value or 0 for size in sizes)), sizes[0].at if sizes else at, Origin.DERIVED)
        docker, podman = host.docker, host.podman
        return Facts(
            at=at,
            count=host.count,
            memory_total=total,
            swap_total=swap,
            reserved=host.reserved,
            page_size=host.page_size,
            kernel=host.kernel,
            systemd=host.systemd,
            cgroup_version=host.cgroup_version,
            docker=None if docker is None else docker.version,
            docker_cgroup_driver=None if docker is None else docker.cgroup_driver,
            docker_rootless=None if docker is None else docker.rootless,
            podman=None if podman is None else podman.version,
            podman_rootless=None if podman is None else podman.rootless,
            debugging=host.debug,
        )

    def sysctls(self, name: str, host: Host) -> dict[str, Setting[str]]:
        """The profile's values below the host's own; a member of an exclusive pair that is set drops the profile's other."""
        plan = host.sysctl
        if plan is None:
            return {}
        own = {_dots(key): setting for key, setting in plan.set.items()}
        names = {_dots(key): key_at(self.tree, "hosts", name, "sysctl", "set", key) for key in plan.set}
        found: dict[str, Setting[str]] = {}
        if plan.profile is not None and plan.profile.value in PROFILES:
            profile = plan.profile
            rivals = {other for pair in EXCLUSIVE_PAIRS for key, other in (pair, pair[::-1]) if key in own}
            for key, value in PROFILES[str(profile.value)].values.items():
                if key not in rivals:
                    found[key] = Setting(str(value), profile.at, Origin.DEFAULT, str(value))
        for key, setting in own.items():
            below = (found[key],) if key in found else ()
            text = " ".join(_v(setting).split())
            at = setting.at if key in SYSCTLS else names[key]  # of an unknown one the name is what is looked at
            found[key] = Setting(text, at, Origin.WRITTEN, setting.text, (*below, *setting.beat))
        return dict(sorted(found.items()))

    def slice_on(self, name: str, unit: SliceUnit, host: str) -> bool:
        if unit.host is not None:
            return unit.host.value == host
        if len(self.spec.hosts) == 1:
            return True
        used = {setting.value or "" for workload in self.on_host[host] if (setting := workload.slice) is not None}
        stem = name.removesuffix(".slice") + "-"
        return any(one == name or one.startswith(stem) for one in used)

    def slice(self, name: str, unit: SliceUnit) -> Group:
        managed = unit.managed_oom
        return Group(
            name=name,
            object=f"slices.{name}",
            at=key_at(self.tree, "slices", name),
            memory_min=unit.memory.min,
            memory_low=unit.memory.low,
            memory_high=unit.memory.high,
            memory_max=unit.memory.max,
            memory_swap_max=unit.memory.swap_max,
            managed_oom_swap=None if managed is None else managed.swap,
            managed_oom_memory_pressure=None if managed is None else managed.memory_pressure,
            managed_oom_memory_pressure_limit=None if managed is None else managed.memory_pressure_limit,
            managed_oom_preference=None if managed is None else managed.preference,
            user=_flag(unit.user),
        )

    def namespace(self, name: str, plan: Namespace) -> Group:
        limits, quota = plan.limit_range, plan.resource_quota
        at = key_at(self.tree, "namespaces", name)
        return Group(
            name=name,
            kind="namespace",
            object=f"namespaces.{name}",
            at=at,
            limit_range=None
            if limits is None
            else LimitRange(
                at=key_at(self.tree, "namespaces", name, "limitRange"),
                default_request=limits.default_request,
                default=limits.default,
                min=limits.min,
                max=limits.max,
            ),
            resource_quota=None
            if quota is None
            else ResourceQuota(
                at=key_at(self.tree, "namespaces", name, "resourceQuota"),
                requests_memory=quota.requests_memory,
                limits_memory=quota.limits_memory,
                pods=quota.pods,
            ),
        )


def _dots(key: str) -> str:
    """Write a sysctl's name with dots where its first separator is a slash (sysctl.d(5))."""
    first = next((mark for mark in key if mark in "./"), ".")
    return key if first == "." else key.translate(str.maketrans("/.", "./"))


def _milli(setting: Setting[str] | None) -> Setting[int] | None:
    if setting is None or setting.value is None:
        return None
    text = setting.value
    whole, _, rest = text.removesuffix("m").partition(".")
    value = int(whole) if text.endswith("m") else int(whole) * 1000 + int((rest + "000")[:3])
    return Setting(value, setting.at, setting.origin, text, setting.beat)


def _runtimes(plan: Runtimes | None, tree: Mapping, pointer: tuple[str, ...]) -> Iterator[Runtime]:
    if plan is None:
        return
    kinds: tuple[tuple[Any, Any], ...] = (
        ("jvm", plan.jvm),
        ("go", plan.go),
        ("node", plan.node),
        ("dotnet", plan.dotnet),
        ("python", plan.python),
    )
    for kind, one in kinds:
        if one is not None:
            version, arenas = getattr(one, "version", None), getattr(one, "arenas", None)
            yield Runtime(
                kind=kind,
                at=key_at(tree, *pointer, kind),
                heap=getattr(one, "heap", None),
                options=_words(getattr(one, "options", None)),
                version=None if version is None else version.value,
                arenas=None if arenas is None else arenas.value,
            )
