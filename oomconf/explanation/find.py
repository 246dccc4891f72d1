"""What a word on the command line names: a unit, a container, a process, a sysctl, or a service of a spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from oomconf.errors import CallError
from oomconf.kernel.sysctls import SYSCTLS
from oomconf.oomlog.owners import owner_of
from oomconf.origins import on_disk
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Group, Policy, Workload
from oomconf.safe import clean
from oomconf.snapshot import ContainerState, ProcessState, Snapshot

__all__ = ["Target", "find", "policy_of", "wanted_in"]

_KINDS: Final = ("service", "slice", "scope", "socket", "mount", "swap", "timer")
_HEX: Final = re.compile(r"[0-9a-f]{4,64}")
_SYSCTL: Final = re.compile(r"[a-z][a-z0-9_-]*([./][A-Za-z0-9_*-]+)+")
_LONGEST_PID: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to explain."""

    unit: str = ""
    container: ContainerState | None = None
    cgroup: str = ""
    """Where it is not by the name of a unit."""
    sysctl: str = ""
    process: ProcessState | None = None
    """The process that was named."""

    @property
    def name(self) -> str:
        return self.sysctl or (self.container.name if self.container is not None else "") or self.unit or self.cgroup


def find(taken: Snapshot, word: str, policy: Policy | None = None) -> tuple[Target, ...]:
    """Say what a word names; several where a service of the spec has several units. Raise CallError, with what was meant, for nothing."""
    if policy is not None and (found := tuple(_of_spec(taken, word, policy))):
        return found
    if unit := _unit(taken, word):
        return (Target(unit=unit),)
    if found := _containers(taken, word):
        return found
    if word.isdecimal() and len(word) <= _LONGEST_PID:
        process = next((one for one in taken.processes if one.pid == int(word)), None)
        if process is None:
            raise CallError(f"there is no process {word} in {_what(taken)}; kernel threads have no memory of their own")
        return (_of_process(taken, process),)
    key = word.replace("/", ".") if word.startswith(("vm/", "kernel/", "fs/", "net/")) else word
    if (
        key in SYSCTLS
        or key in taken.sysctls
        or (_SYSCTL.fullmatch(key) and key.partition(".")[0] in ("vm", "kernel", "fs", "net", "user"))
    ):
        return (Target(sysctl=key),)
    if word.startswith("/") and word in taken.cgroups:
        return (Target(cgroup=word),)
    raise CallError(f"there is no unit, container, process or sysctl '{clean(word[:80])}' in {_what(taken)}{_near(taken, word, policy)}")


def policy_of(policies: Iterable[Policy], taken: Snapshot, host: str | None = None) -> Policy | None:
    """The policy that is a host's: the one of its name, or the only one."""
    hosts = [one for one in policies if one.scope == "host"]
    by_name = next((one for one in hosts if one.name == (host or taken.hostname)), None)
    return by_name or (hosts[0] if len(hosts) == 1 and not host else None)


def wanted_in(policy: Policy, target: Target) -> Workload | Group | None:
    """What a spec says of the target."""
    for group in policy.groups:
        if target.unit and group.name == target.unit and not group.user:
            return group
    for workload in policy.workloads:
        place = workload.placement
        names = _units(workload)
        if target.unit and target.unit in names:
            return workload
        container = target.container
        if container is not None and (
            (isinstance(place, DockerContainer) and place.name == container.name)
            or (isinstance(place, ComposeService) and place.service == container.compose_service)
        ):
            return workload
        if isinstance(place, CgroupLeaf) and target.cgroup and target.cgroup.endswith(f"/{place.path}"):
            return workload
    return None


def _units(workload: Workload) -> tuple[str, ...]:
    place = workload.placement
    if isinstance(place, SystemdUnit) and not place.user:
        return place.units
    return (place.service,) if isinstance(place, QuadletUnit) and not place.user else ()


def _of_spec(taken: Snapshot, word: str, policy: Policy) -> Iterator[Target]:
    workload = next((one for one in policy.workloads if one.name == word), None)
    if workload is None:
        return
    place = workload.placement
    for unit in _units(workload):
        yield Target(unit=unit)
    for container in taken.containers:
        if (isinstance(place, DockerContainer) and container.name == place.name) or (
            isinstance(place, ComposeService) and container.compose_service == place.service
        ):
            yield _of_container(taken, container)
    if isinstance(place, CgroupLeaf):
        for path in taken.cgroups:
            if path.endswith(f"/{place.path}"):
                yield Target(cgroup=path)


def _is_known(taken: Snapshot, unit: str) -> bool:
    state = taken.units.get(unit)
    if state is not None and state.get("LoadState") != "not-found":
        return True
    if any(path.endswith(f"/{unit}") for path in (*taken.cgroups, *taken.files)):
        return True
    return any(not path.rpartition("/")[0].endswith(".d") for path in on_disk(taken, unit))


def _unit(taken: Snapshot, word: str) -> str:
    if word.rpartition(".")[2] in _KINDS and "/" not in word:
        names = [word]
    else:
        names = [f"{word}.{kind}" for kind in _KINDS] if word and "/" not in word else []
    for name in names:
        if _is_known(taken, name):
            alias = next((unit for unit, state in taken.units.items() if name in state.get("Names").split()), None)
            return alias or name
    for name in names:
        for unit, state in taken.units.items():
            if name in state.get("Names").split():
                return unit
    return ""


def _containers(taken: Snapshot, word: str) -> tuple[Target, ...]:
    found = [one for one in taken.containers if one.name == word]
    found = found or [one for one in taken.containers if word and one.compose_service == word]
    if not found and _HEX.fullmatch(word):
        found = [one for one in taken.containers if one.id.startswith(word)]
        if len(found) > 1:
            raise CallError(f"{word} begins the ids of {', '.join(clean(one.name) for one in found)}: say more of it")
    return tuple(_of_container(taken, one) for one in found)


def _of_container(taken: Snapshot, container: ContainerState) -> Target:
    process = next((one for one in taken.processes if container.pid and one.pid == container.pid), None)
    path = process.cgroup if process is not None else ""
    if not path or path == "/":
        path = next((one for one in taken.cgroups if container.id and container.id in one.rpartition("/")[2]), "")
    unit = owner_of(path).unit or ""
    return Target(container=container, cgroup=path, unit=unit if container.id in unit else "")


def _of_process(taken: Snapshot, process: ProcessState) -> Target:
    owner = owner_of(process.cgroup)
    container = next((one for one in taken.containers if owner.container and one.id.startswith(owner.container)), None)
    if container is not None:
        target = _of_container(taken, container)
        return Target(container=container, cgroup=target.cgroup or process.cgroup, unit=target.unit, process=process)
    if owner.unit and owner.user is None:
        return Target(unit=owner.unit, process=process)
    return Target(cgroup=process.cgroup, process=process)


def _what(taken: Snapshot) -> str:
    return clean(taken.hostname) or "the snapshot"


def _near(taken: Snapshot, word: str, policy: Policy | None) -> str:
    names = {name: name for name in (*taken.units, *SYSCTLS, *(one.name for one in taken.containers))}
    names |= {path.rpartition("/")[2]: path.rpartition("/")[2] for path in taken.files if path.endswith((".service", ".slice"))}
    names |= {name.rpartition(".")[0]: name for name in list(names) if name.endswith((".service", ".slice"))}
    names |= {workload.name: workload.name for workload in (() if policy is None else policy.workloads)}
    near = list(dict.fromkeys(names[name] for name in get_close_matches(word[:80], names, n=3, cutoff=0.7)))
    return f"; did you mean {' or '.join(clean(name) for name in near)}?" if near else ""
