"""Who uses the memory: units, containers and pods by what their cgroups count, else by what their processes hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from oomconf.inforce.host import Host, declared_limit, is_unit
from oomconf.inforce.nouns import Use
from oomconf.quantity import INFINITY
from oomconf.snapshot import ProcessState, name_of

__all__ = ["groups", "has_metric", "slices", "users"]


def users(host: Host) -> tuple[Use, ...]:
    """Give units and containers, the largest first; of one inside another (a container of a quadlet) both are told."""
    found = [*_counted(host)]
    seen = {one.path for one in found}
    found += _uncounted(host, seen)
    return tuple(sorted(found, key=lambda one: (-one.used, one.name, one.path)))


def has_metric(one: Use) -> bool:
    """Whether a unit, slice or container has metrics of its own: scopes come and go, and what is none of these has no lasting name."""
    return bool(one.path) and (one.kind == "container" or (one.kind == "unit" and not one.name.endswith(".scope")))


def slices(host: Host) -> tuple[Use, ...]:
    """Give the slices of the system's manager by name."""
    every = sorted((unit, path) for unit, path in host.of_unit.items() if unit.endswith(".slice") and path in host.taken.cgroups)
    return tuple(_use(host, unit, "unit", path, []) for unit, path in every)


def groups(host: Host, labels: Mapping[str, str]) -> tuple[Use, ...]:
    """Give the groups that a script makes, by the label of each path."""
    return tuple(_use(host, label, "unit", path, list(host.below(path))) for path, label in labels.items())


def _counted(host: Host) -> Iterator[Use]:
    below = _processes(host)
    named = {one.id: one for one in host.taken.containers}
    for unit, path in host.of_unit.items():
        if unit.endswith(".slice") or host.owner(path).container is not None or path not in host.taken.cgroups:
            continue
        yield _use(host, unit, "unit", path, below.get(path, []))
    for ident, path in host.of_container.items():
        if path not in host.taken.cgroups:
            continue
        known = named.get(ident)
        owner = host.owner(path)
        name = known.name if known is not None else f"{ident[:12]}{f' of pod {owner.pod[:8]}' if owner.pod else ''}"
        declared = None if known is None else declared_limit(known)
        yield _use(host, name, "container", path, below.get(path, []), declared)
    yield from _plain(host, below)


def _plain(host: Host, below: Mapping[str, list[ProcessState]]) -> Iterator[Use]:
    """Cgroups that are no unit's and no container's, in none of those, and hold processes or a limit."""
    taken = {*host.of_unit.values(), *host.of_container.values()}
    taken = {path for path in taken if not path.endswith(".slice")}
    for path in host.taken.cgroups:
        owner = host.owner(path)
        if (
            path == "/"
            or path.endswith(".slice")
            or owner.unit is not None
            or owner.container is not None
            or not taken.isdisjoint(_up(path))
        ):
            continue
        limit = host.holds(path, "memory_max")
        if path in host.inside or (limit is not None and limit < INFINITY):
            yield _use(host, f"pod {owner.pod}" if owner.pod else path.strip("/"), "process", path, below.get(path, []))


def _up(path: str) -> Iterator[str]:
    """A cgroup and those that it is in."""
    while path not in ("", "/"):
        yield path
        path = path.rpartition("/")[0]


def _processes(host: Host) -> dict[str, list[ProcessState]]:
    """Processes of every cgroup with those of the cgroups that it holds."""
    found: dict[str, list[ProcessState]] = {}
    for path, processes in host.inside.items():
        for at in _up(path):
            found.setdefault(at, []).extend(processes)
    return found


def _use(
    host: Host,
    name: str,
    kind: Literal["unit", "container", "process"],
    path: str,
    processes: list[ProcessState],
    declared: int | None = None,
) -> Use:
    state = host.state(path)
    limit = host.holds(path, "memory_max")
    return Use(
        name=name,
        kind=kind,
        path=path,
        current=state.current,
        working_set=None if state.inactive_file is None else state.working_set,
        peak=state.values.get("memory.peak", state.values.get("memory.max_usage_in_bytes")),
        limit=None if limit is None or limit >= INFINITY else int(limit),
        declared=None if declared is None or declared >= INFINITY else int(declared),
        swap=state.values.get("memory.swap.current", state.values.get("memory.stat.total_swap")),
        kills=state.values.get("memory.events.oom_kill", state.values.get("memory.oom_control.oom_kill")),
        processes=len(processes),
        held=sum(one.size for one in processes),
    )


def _uncounted(host: Host, seen: set[str]) -> Iterator[Use]:
    """Processes whose unit or container has no cgroup that is seen: together by whose they are."""
    inside: dict[str, bool] = {}
    owned: dict[str, list[ProcessState]] = {}
    for path, processes in host.inside.items():
        if path not in inside:
            at = path
            while at not in ("", "/") and at not in seen:
                at = at.rpartition("/")[0]
            inside[path] = at in seen
        if not inside[path]:
            for process in processes:
                owned.setdefault(name_of(process), []).append(process)
    for name, processes in owned.items():
        size = sum(one.size for one in processes)
        kind: Literal["unit", "container", "process"] = (
            "container" if name.startswith("container ") else "unit" if is_unit(name) else "process"
        )
        yield Use(name=name, kind=kind, path=processes[0].cgroup, processes=len(processes), held=size)
