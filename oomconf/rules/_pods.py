"""What rules about pods ask: containers put together into pods, with what their namespace fills in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oomconf import kubelet
from oomconf.location import Location
from oomconf.placement import KubernetesContainer
from oomconf.policy import Amount, LimitRange, Setting, Workload, size_of
from oomconf.quantity import Size
from oomconf.rule import Context

__all__ = ["PodView", "limit_of", "limit_range", "pods", "request_of"]


@dataclass(frozen=True, slots=True)
class PodView:
    """The containers that a spec or a manifest says of one workload, as one pod."""

    name: str
    kind: str
    namespace: str
    containers: tuple[Workload, ...]
    pod: kubelet.Pod

    @property
    def copies(self) -> int:
        return max(workload.copies for workload in self.containers)

    @property
    def at(self) -> Location:
        """The largest request, or the limit that stands for it."""
        sizes = [(setting.value or 0, setting) for one in self.containers if (setting := _request_setting(one)) is not None]
        return max(sizes, key=lambda pair: pair[0])[1].at if sizes else self.containers[0].at


def _request_setting(workload: Workload) -> Setting[Size] | None:
    if workload.memory_request is not None:
        return workload.memory_request
    limit = size_of(workload.memory_max)
    return None if limit is None or workload.memory_max is None else Setting(limit, workload.memory_max.at)


def place(workload: Workload) -> KubernetesContainer:
    """Give where a container of a pod stands. Raise TypeError for any other workload."""
    if not isinstance(workload.placement, KubernetesContainer):
        raise TypeError(f"{workload.object} is no container of a pod")
    return workload.placement


def limit_range(workload: Workload, around: Context) -> LimitRange | None:
    """Give the LimitRange of a container's namespace."""
    space = around.index.namespaces.get(place(workload).namespace or "default")
    return None if space is None else space.limit_range


def _value(setting: Setting[Amount] | Setting[Size] | None) -> Size | None:
    return size_of(setting)


def limit_of(workload: Workload, filled: LimitRange | None) -> Size | None:
    """Give a container's limit, as LimitRanger fills it in (pkg/apis/core/v1/defaults.go: SetDefaults_LimitRangeItem()); None is none."""
    own = size_of(workload.memory_max)
    if own is not None or filled is None:
        return own
    default = _value(filled.default)
    return _value(filled.max) if default is None else default


def request_of(workload: Workload, filled: LimitRange | None) -> Size | None:
    """Give a container's request: its own, else its own limit, else what its namespace fills in; None is none."""
    own = size_of(workload.memory_request)
    if own is None:
        own = size_of(workload.memory_max)
    if own is not None or filled is None:
        return own
    wanted = _value(filled.default_request)
    if wanted is None:
        wanted = limit_of(workload, filled)
    return _value(filled.min) if wanted is None else wanted


def pods(workloads: Iterable[Workload], around: Context) -> list[PodView]:
    """Put containers together by kind, namespace and name, in the order in which they are first named; pods with resources of their own
    are left out."""
    parts: dict[tuple[str, str, str], list[Workload]] = {}
    for workload in workloads:
        where = place(workload)
        if where.pod_level:
            continue  # its own resources are not read
        parts.setdefault((where.kind, where.namespace or "default", where.name), []).append(workload)
    return [_view(kind, namespace, name, tuple(found), around) for (kind, namespace, name), found in parts.items()]


def _view(kind: str, namespace: str, name: str, containers: tuple[Workload, ...], around: Context) -> PodView:
    filled = limit_range(containers[0], around)
    made = tuple(
        kubelet.Container(
            name=place(one).container,
            request_memory=request_of(one, filled),
            limit_memory=limit_of(one, filled),
            request_cpu_milli=None if one.cpu_request is None else one.cpu_request.value,
            limit_cpu_milli=None if one.cpu_limit is None else one.cpu_limit.value,
            kind=place(one).role,
        )
        for one in containers
    )
    return PodView(f"{kind}/{name}", kind, namespace, containers, kubelet.Pod(containers=made))
