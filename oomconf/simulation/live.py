"""A captured host as a machine: every process with its own size and score, every cgroup with the limit that is in force."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from oomconf.errors import InputError
from oomconf.oomlog.owners import owner_of
from oomconf.placement import CgroupLeaf, QuadletUnit, SystemdUnit
from oomconf.policy import Policy
from oomconf.quantity import INFINITY
from oomconf.simulation.nouns import WHOEVER_ASKS, Group, Machine, Member, Part
from oomconf.snapshot import ProcessState, Snapshot, name_of

__all__ = ["machine_of_snapshot", "uses"]

_MOST_PARTS: Final = 40
"""Processes of a member that are kept apart; those that hold least are put together."""


def machine_of_snapshot(taken: Snapshot, name: str = "this host") -> Machine:
    """Build the machine that a capture shows; a service is what a unit, container or pod runs. Raise InputError without its RAM.

    What its processes may still get is what /proc/meminfo gives as available, and the free swap: pages that they share are counted in each
    of them, as the OOM killer counts them, so their sum says nothing of what is free (Documentation/filesystems/proc.rst).
    """
    if taken.memory_total is None:
        raise InputError("the snapshot has no /proc/meminfo")
    info = taken.meminfo
    free = info.get("MemAvailable", sum(info.get(key, 0) for key in ("MemFree", "Buffers", "Cached")))
    swapped = sum(process.swap for process in taken.processes)
    held: dict[str, int] = {}
    for process in taken.processes:
        for path in _chain(process.cgroup):
            held[path] = held.get(path, 0) + process.size - process.swap
    groups = _groups(taken, held)
    return Machine(
        name=name,
        memory=sum(process.size for process in taken.processes) - swapped + free,
        memory_total=taken.memory_total,
        swap=swapped + info.get("SwapFree", 0),
        swap_total=taken.swap_total,
        members=tuple(_member(owner, processes, taken, groups) for owner, processes in _owned(taken, groups).items()),
        groups=groups,
        page_size=taken.page_size,
        kernel=taken.kernel,
        panic_on_oom=_number(taken.sysctls, "vm.panic_on_oom", 0),
        allocating_task=_number(taken.sysctls, "vm.oom_kill_allocating_task", 0) != 0,
        swappiness=_number(taken.sysctls, "vm.swappiness", 60),
        assumptions=tuple(_assumed(taken)),
    )


def _owned(taken: Snapshot, groups: Collection[str]) -> dict[str, list[ProcessState]]:
    """Processes by what they belong to; a unit that limits cgroups of its own is one service for each of these."""
    apart: dict[str, dict[str, list[ProcessState]]] = {}
    for process in taken.processes:
        limited = next((path for path in _chain(process.cgroup) if path in groups), "")
        apart.setdefault(name_of(process), {}).setdefault(limited, []).append(process)
    owned: dict[str, list[ProcessState]] = {}
    for owner, rows in apart.items():
        home = _shared(sorted({process.cgroup for processes in rows.values() for process in processes})) if len(rows) > 1 else "/"
        for limited, processes in rows.items():
            inner = limited.removeprefix(home) if len(rows) > 1 and limited.startswith(f"{home}/") else ""
            owned.setdefault(f"{owner}{inner}", []).extend(processes)
    return owned


def _assumed(taken: Snapshot) -> Iterator[str]:
    if not taken.whole:
        yield "the capture has no end: it was cut"
    if not taken.processes:
        yield "no process is seen"
    elif not any(process.uid == 0 for process in taken.processes):
        yield "no process of root is seen: the capture was made without rights (hidepid), or in a container"
    if _number(taken.sysctls, "vm.oom_kill_allocating_task", 0):
        yield WHOEVER_ASKS
    if not taken.cgroups:
        yield "no limits of cgroups are seen"


def uses(taken: Snapshot, policy: Policy) -> dict[str, int]:
    """Tell what the services of a host policy use in a capture, in bytes, for those whose cgroup is found there by name."""
    by_unit: dict[str, int] = {}
    by_path: dict[str, int] = {}
    for process in taken.processes:
        owner = owner_of(process.cgroup)
        if owner.unit is not None:
            by_unit[owner.unit] = by_unit.get(owner.unit, 0) + process.size
        by_path[process.cgroup] = by_path.get(process.cgroup, 0) + process.size
    found: dict[str, int] = {}
    for workload in policy.workloads:
        place = workload.placement
        size = None
        if isinstance(place, SystemdUnit):
            sizes = [by_unit[unit] for unit in place.units if unit in by_unit]
            size = max(sizes) if sizes else None
        elif isinstance(place, QuadletUnit):
            size = by_unit.get(place.service)
        elif isinstance(place, CgroupLeaf):
            size = next((held for path, held in by_path.items() if path.endswith(f"/{place.path}")), None)
        if size:
            found[workload.name] = size
    return found


def _number(sysctls: Mapping[str, str], name: str, default: int) -> int:
    text = sysctls.get(name, "")
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 12 else default  # noqa: PLR2004


def _own_limit(values: Mapping[str, int]) -> int:
    return min(values.get("memory.max", INFINITY), values.get("memory.limit_in_bytes", INFINITY))


def _room(values: Mapping[str, int], held: int) -> int:
    """What processes may hold together within a limit: above it by what they hold and is charged elsewhere, or once for several."""
    limit = _own_limit(values)
    charged = values.get("memory.current", values.get("memory.usage_in_bytes", limit))
    return limit if limit >= INFINITY else limit + max(0, held - min(charged, limit))


def _swap_limit(values: Mapping[str, int]) -> int:
    limit, both = values.get("memory.limit_in_bytes", INFINITY), values.get("memory.memsw.limit_in_bytes", INFINITY)
    if both < INFINITY and limit < INFINITY:
        return max(0, both - limit)
    return values.get("memory.swap.max", INFINITY)


def _groups(taken: Snapshot, held: Mapping[str, int]) -> dict[str, Group]:
    """Cgroups that limit anything; what each may hold counts pages that its processes share as often as they do."""
    return {
        path: Group(
            name=path,
            high=state.get("memory.high", INFINITY),
            max=_room(state.values, held.get(path, 0)),
            limit=_own_limit(state.values),
            swap_max=_swap_limit(state.values),
            oom_group=state.get("memory.oom.group", 0) == 1,
        )
        for path, state in taken.cgroups.items()
        if path != "/"
        and (
            min(_own_limit(state.values), _swap_limit(state.values), state.get("memory.high", INFINITY)) < INFINITY
            or state.get("memory.oom.group", 0) == 1
        )
    }


def _chain(path: str) -> Iterator[str]:
    """A cgroup and those that hold it, itself first."""
    while path not in ("", "/"):
        yield path
        path = path.rpartition("/")[0]


def _shared(paths: Collection[str]) -> str:
    """The cgroup that holds all of these."""
    chains = [tuple(_chain(path)) for path in paths]
    return next((path for path in chains[0] if all(path in chain for chain in chains)), "/")


def _member(owner: str, processes: list[ProcessState], taken: Snapshot, groups: Mapping[str, Group]) -> Member:
    path = _shared(sorted({process.cgroup for process in processes}))
    state = taken.cgroups.get(path)
    values: Mapping[str, int] = {} if state is None else state.values
    ordered = sorted(processes, key=lambda one: (one.pid == 1, -(one.size + one.oom_score_adj * taken.page_size)))
    near, rest = ordered[:_MOST_PARTS], ordered[_MOST_PARTS:]
    near, rest = [*near, *(one for one in rest if one.pid == 1)], [one for one in rest if one.pid != 1]
    parts = [
        Part(name=f"{one.name}[{one.pid}]", oom_score_adj=one.oom_score_adj, count=1, size=one.size, immune=one.pid == 1) for one in near
    ]
    for adj in sorted({one.oom_score_adj for one in rest}):
        small = [one for one in rest if one.oom_score_adj == adj]
        mean = -(-sum(one.size for one in small) // len(small))
        parts.append(Part(name=f"{len(small)} smaller ones", oom_score_adj=adj, count=len(small), size=mean))
    own = path in groups
    return Member(
        name=owner,
        parts=tuple(parts),
        use=sum(one.size for one in processes),
        high=groups[path].high if own else INFINITY,
        max=groups[path].max if own else INFINITY,
        limit=groups[path].limit if own else None,
        swap_max=groups[path].swap_max if own else INFINITY,
        low=max(values.get("memory.low", 0), values.get("memory.min", 0)),
        groups=tuple(name for name in _chain(path) if name in groups and name != path),
        oom_policy="kill" if own and groups[path].oom_group else "continue",
        restart="no",
        keeper="unknown",
        protected=max(one.oom_score_adj for one in processes) < 0,
    )
