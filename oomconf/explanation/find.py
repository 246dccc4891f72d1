"""What a word on the command line names: a unit, a container, a process, a sysctl, or a service of a spec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from oomconf.errors import CallError
from oomconf.explanation import tree
from oomconf.kernel.sysctls import SYSCTLS
from oomconf.oomlog.owners import owner_of
from oomconf.origins import on_disk
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Group, Policy, Workload
from oomconf.safe import clean
from oomconf.snapshot import ContainerState, ProcessState, Snapshot, name_of

__all__ = ["Target", "find", "wanted_in"]

_KINDS: Final = ("service", "slice", "scope", "socket", "mount", "swap", "timer")
_HEX: Final = re.compile(r"[0-9a-f]{4,64}")
_SYSCTL: Final = re.compile(r"[a-z][a-z0-9_-]*([./][A-Za-z0-9_*-]+)+")
_NAMED_PID: Final = re.compile(r"(.*)\[([0-9]{1,7})\]", re.DOTALL)
_LONGEST_PID: Final = 7
_ROOT: Final = "-.slice"
_SHOWN: Final = 8


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
        named = self.sysctl or (self.container.name if self.container is not None else "") or self.unit
        if named or self.process is None or self.cgroup not in ("", "/"):
            return named or self.cgroup
        return f"{self.process.name}[{self.process.pid}]"


def find(taken: Snapshot, word: str, policy: Policy | None = None) -> tuple[Target, ...]:
    """Say what a word names; several where a service of the spec has several units. Raise CallError, with what was meant, for nothing."""
    if policy is not None and (found := tuple(_of_spec(taken, word, policy))):
        return found
    if unit := _unit(taken, word):
        return (Target(unit=unit),)
    if found := _containers(taken, word):
        return found
    if process := _process_of_id(taken, word):
        return (_of_process(taken, process),)
    key = word.replace("/", ".") if word.startswith(("vm/", "kernel/", "fs/", "net/")) else word
    if (
        key in SYSCTLS
        or key in taken.sysctls
        or (_SYSCTL.fullmatch(key) and key.partition(".")[0] in ("vm", "kernel", "fs", "net", "user"))
    ):
        return (Target(sysctl=key),)
    if found := (*_cgroup(taken, word), *_process(taken, word))[:1]:
        return found
    raise CallError(f"there is no unit, container, process or sysctl '{clean(word[:80])}' in {_what(taken)}{_near(taken, word, policy)}")


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
    if any(path.endswith(f"/{unit}") for path in (*tree.every_path(taken), *taken.files)):
        return True
    return any(not path.rpartition("/")[0].endswith(".d") for path in on_disk(taken, unit))


def _unit(taken: Snapshot, word: str) -> str:
    if word in (_ROOT, "/"):
        return _ROOT
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


def _process_of_id(taken: Snapshot, word: str) -> ProcessState | None:
    """The process of `812`, or of `node[812]` as audit and diagnose write it; None for a word of another form."""
    named = _NAMED_PID.fullmatch(word)
    number = named[2] if named else word
    if not number.isdecimal() or not number.isascii() or len(number) > _LONGEST_PID:
        return None
    process = next((one for one in taken.processes if one.pid == int(number)), None)
    if process is None:
        raise CallError(f"there is no process {number} in {_what(taken)}; kernel threads have no memory of their own")
    if named and named[1] != process.name:
        raise CallError(f"process {number} is {clean(process.name)}, not {clean(named[1][:80])}")
    return process


def _cgroup(taken: Snapshot, word: str) -> Iterator[Target]:
    """What a cgroup is of: a unit, a container, or itself; by its path, here or below /sys/fs/cgroup, or by its own name."""
    path = word.removeprefix("/sys/fs/cgroup").rstrip("/") if word.startswith("/") else ""
    known = dict.fromkeys(tree.every_path(taken))
    found = [path] if path in known else [one for one in known if word and one.endswith(f"/{word}")] if not path else []
    if len(found) > 1:
        raise CallError(f"{len(found)} cgroups end in {clean(word[:80])}: say which: {_list([clean(one) for one in found])}")
    for one in found:
        owner = owner_of(one)
        container = next((box for box in taken.containers if owner.container and box.id.startswith(owner.container)), None)
        if container is not None and container.id in one.rpartition("/")[2]:
            yield _of_container(taken, container)
        yield Target(unit=unit) if (unit := tree.own_unit(one)) else Target(cgroup=one)


def _process(taken: Snapshot, word: str) -> Iterator[Target]:
    """The process of a name that only one has."""
    found = [one for one in taken.processes if word and one.name == word]
    if len(found) > 1:
        names = _list([f"{clean(one.name)}[{one.pid}] of {clean(name_of(one))}" for one in found])
        raise CallError(f"{len(found)} processes are called {clean(word[:80])}: say which: {names}")
    yield from (_of_process(taken, one) for one in found)


def _list(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


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
    """Suggest what is called much the same; the kind at the end of a unit's name likens no two of them."""
    units = (*taken.units, *(path.rpartition("/")[2] for path in taken.files if path.endswith((".service", ".slice"))))
    names = {_stem(name): name for name in units}
    names |= {name: name for name in (*SYSCTLS, *(one.name for one in taken.containers))}
    names |= {workload.name: workload.name for workload in (() if policy is None else policy.workloads)}
    near = list(dict.fromkeys(names[name] for name in get_close_matches(_stem(word[:80]), names, n=3, cutoff=0.75)))
    return f"; did you mean {' or '.join(clean(name) for name in near)}?" if near else ""


def _stem(name: str) -> str:
    """A name without the kind of a unit, were it misspelt."""
    stem, _, kind = name.rpartition(".")
    return stem if stem and get_close_matches(kind, _KINDS, n=1, cutoff=0.7) else name
