"""What is watched of a fleet: thresholds, and the services that must not be lost, by the names that their metrics bear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from oomconf.dialects._promql import pods, regex
from oomconf.ledger import Book
from oomconf.metrics import cgroup_label
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, KubernetesContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Fleet, Policy, Workload, size_of
from oomconf.quantity import INFINITY, Percent, human

RAM_USED: Final = Percent(8000)
"""The threshold of a spec that names none."""
WHOLE: Final = 100_000
"""Shares are counted in thousandths of a percent."""
NEAR: Final = 90_000
"""How much of its limit a service may hold before it is called near it."""
PRESSURE: Final = 10_000
"""The share of time in which some task waited for memory."""
STALL: Final = 5_000
"""The share of time in which all tasks waited for memory at once."""
SWAP_USED: Final = 50_000
SWAPPED_PAGES: Final = 256
"""Pages a second in and out: 1 MiB/s where a page has 4 KiB."""

CRITICAL: Final = -900
"""The score from which on a service counts as critical where no level is said."""
_DEAR: Final = ("critical", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A protected service that has a limit, and the labels of its metrics."""

    object: str
    kind: Literal["unit", "container", "pod"]
    protect: str
    limit: str
    """As the spec gives it, for reading; several where hosts differ."""
    equal: tuple[tuple[str, str], ...]
    like: tuple[tuple[str, str], ...] = ()
    example: tuple[tuple[str, str], ...]
    """Labels of one series that is meant."""
    named: tuple[str, str] | None = None
    """A regular expression for the names that the engine gives its containers, by which the audit knows them, and one that it matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """All that is watched."""

    ram_used: int
    """In thousandths of a percent; so is the next."""
    ram_gone: int
    strict: bool
    """Whether every host has the kernel refuse what goes beyond its commit limit."""
    services: tuple[Watched, ...]
    passed: tuple[tuple[str, str], ...]
    """Protected services that no rule watches one by one, each with the reason."""
    kubernetes: bool
    docker: bool
    containers: bool
    """Whether any service is in a container whose kills the audit counts."""


def watch(policy: Policy, fleet: Fleet, book: Book) -> Watch:
    """Collect what is watched of a fleet; a protected service's limit that no metric tells is entered as impossible."""
    told = None if policy.monitoring is None else policy.monitoring.ram_used
    share = (RAM_USED if told is None or told.value is None else told.value).permyriad * 10
    services: dict[tuple[str, tuple[tuple[str, str], ...]], Watched] = {}
    passed: dict[str, str] = {}
    for one in fleet.policies:
        for workload in one.workloads:
            if not is_dear(workload):
                continue
            why = _unseen(workload, one)
            limit = size_of(workload.memory_max)
            if workload.memory_max is None or limit == INFINITY:
                passed[workload.object] = "has no limit to be near"
            elif why:
                passed[workload.object] = why
                book.impossible(workload.object, workload.placement.identities[0], "memory_max", workload.memory_max, why)
            else:
                for made in _services(workload, "a share of RAM" if limit is None else human(limit)):
                    key = (made.object, made.example)
                    services[key] = made if key not in services else _both(services[key], made)
    hosts = [one for one in fleet.policies if one.scope == "host"]
    placed = {workload.placement.target for one in fleet.policies for workload in one.workloads}
    return Watch(
        ram_used=share,
        ram_gone=(share + WHOLE) // 2,
        strict=bool(hosts) and all(_is_strict(host) for host in hosts),
        services=tuple(services.values()),
        passed=tuple(passed.items()),
        kubernetes="kubernetes" in placed or any(host.kubelet is not None for host in hosts),
        docker=bool(placed & {"docker", "compose"}),
        containers=bool(placed & {"docker", "compose", "quadlet"}),
    )


def is_dear(workload: Workload) -> bool:
    """Whether a service is protected: by its level, or by a negative score."""
    score = workload.oom_score_adj
    level = workload.protect
    return (score is not None and score.value is not None and score.value < 0) or (level is not None and level.value in _DEAR)


def _is_strict(host: Policy) -> bool:
    setting = host.sysctls.get("vm.overcommit_memory")
    return setting is not None and setting.value == "2"


def _unseen(workload: Workload, host: Policy) -> str:
    place, facts = workload.placement, host.facts
    if isinstance(place, SystemdUnit | QuadletUnit) and place.user:
        return "no metric tells it: the audit looks at the system's units, and a user's are named alike for every user"
    rootless = facts.docker_rootless is not None and facts.docker_rootless.value is True
    if rootless and isinstance(place, DockerContainer | ComposeService):
        return "no metric tells it: cAdvisor does not see the containers of a rootless engine"
    return ""


def _services(workload: Workload, limit: str) -> Iterator[Watched]:
    place = workload.placement
    if isinstance(place, KubernetesContainer):
        pattern, example = pods(place.kind, place.name)
        equal = (("namespace", place.namespace or "default"), ("container", place.container))
        yield _watched(workload, "pod", limit, equal, (("pod", pattern),), (*equal, ("pod", example)))
    elif isinstance(place, DockerContainer | ComposeService):
        label = (
            ("name", place.name) if isinstance(place, DockerContainer) else ("container_label_com_docker_compose_service", place.service)
        )
        yield _watched(workload, "container", limit, (label,), (), (label,))
    else:
        for unit in _units(place):
            stem, at, kind = unit.partition("@.")
            if at:  # a template whose instances the spec does not name
                like = (("unit", f"{regex(stem)}@.+\\.{regex(kind)}"),)
                yield _watched(workload, "unit", limit, (), like, (("unit", f"{stem}@1.{kind}"),))
            else:
                yield _watched(workload, "unit", limit, (("unit", unit),), (), (("unit", unit),))


def _units(place: SystemdUnit | QuadletUnit | CgroupLeaf) -> tuple[str, ...]:
    if isinstance(place, SystemdUnit):
        return place.units
    return (place.service,) if isinstance(place, QuadletUnit) else (cgroup_label(place.path, place.delegated_by),)


def _watched(
    workload: Workload,
    kind: Literal["unit", "container", "pod"],
    limit: str,
    equal: tuple[tuple[str, str], ...],
    like: tuple[tuple[str, str], ...],
    example: tuple[tuple[str, str], ...],
) -> Watched:
    score = workload.oom_score_adj
    level = "critical" if score is not None and (score.value or 0) <= CRITICAL else "high"
    if workload.protect is not None and workload.protect.value is not None:
        level = workload.protect.value
    return Watched(
        object=workload.object, kind=kind, protect=level, limit=limit, equal=equal, like=like, example=example, named=_named(workload)
    )


def _named(workload: Workload) -> tuple[str, str] | None:
    """How a container is called: by docker as it is told, by compose and quadlet after the service where its file says no name."""
    place = workload.placement
    if isinstance(place, DockerContainer):
        return regex(place.name), place.name
    if isinstance(place, ComposeService):
        return f"(.+[-_])?{regex(place.service)}([-_][0-9]+)?", f"project-{place.service}-1"
    if isinstance(place, QuadletUnit):
        stem = place.unit.removesuffix(".container")
        return f"(systemd-)?{regex(stem)}", f"systemd-{stem}"
    return None


def _both(first: Watched, other: Watched) -> Watched:
    """Join what two hosts say of one service."""
    limits = [*first.limit.split(" or "), *([other.limit] if other.limit not in first.limit.split(" or ") else [])]
    dear = first if first.protect == "critical" else other
    return Watched(
        object=first.object,
        kind=first.kind,
        protect=dear.protect,
        limit=" or ".join(limits),
        equal=first.equal,
        like=first.like,
        example=first.example,
        named=first.named,
    )
