"""Policies → the text of a spec that loads, says the same of every value, and lists what it leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from oomconf.dialect import Mapped
from oomconf.finding import Finding, Severity
from oomconf.importer.items import LOST, areas, host, ignored, namespace, service, slice_unit
from oomconf.importer.tree import Branch, Leaf, Pointer, leaves, lines, removed
from oomconf.loader import load_spec
from oomconf.location import NOWHERE, Location
from oomconf.placement import ComposeService
from oomconf.policy import WORKLOAD_FIELDS, Fleet, Group, Policy, Setting, Workload
from oomconf.quantity import Size
from oomconf.resolver import impossible, resolve

__all__ = ["Imported", "Left", "import_policies"]

_NAME: Final = "oomconf.yaml"
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_ENDS: Final = (".service", ".container", ".scope")
_ROUNDS: Final = 60
_IDENTITY: Final = ("unit", "name", "file", "service", "workload", "namespace", "container", "path", "host", "instances")
"""Keys without which a service is another one."""
_SYSTEMS: Final = ("system.slice", "user.slice", "machine.slice", "-.slice")


class Left(NamedTuple):
    """Something that the spec does not say, where it stands, and why."""

    at: Location
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A spec's text, and what it leaves out, in order of place."""

    text: str
    left: tuple[Left, ...]
    passed: Mapping[str, str] = field(default_factory=dict)
    """Files that were not read, each with the reason."""


def import_policies(policies: Sequence[Policy], given: Mapping[str, Setting[Size]], *, source: str) -> Imported:
    """Write a spec for the policies of a repository; `given` holds `ram` and `swap` of every host, `source` names what was read."""
    made = _Build(policies, given)
    tree = made.tree()
    for _ in range(_ROUNDS):
        text, ways = _written(tree, source)
        findings = _faults(text)
        if not findings:
            made.compare(text)
            return Imported(text, tuple(dict.fromkeys(sorted(made.left))))
        made.drop(tree, findings, ways)
    text, _ = _written({"version": tree["version"]}, source)
    every = [Left(one.at, one.object, "does not fit together with the others") for policy in policies for one in policy.workloads]
    return Imported(text, tuple(sorted(every)))


def _written(tree: Branch, source: str) -> tuple[str, list[Pointer]]:
    """Give the text, and for each of its lines the keys that lead to it."""
    rows: list[tuple[str, Pointer]] = [
        (f"# Made by oomconf import from {_plain(source)}: read it before you trust it, and say what the hosts have (ram, swap).", ())
    ]
    for line, way in lines(tree):
        rows += [("", ())] if len(way) == 1 and way[0] != "version" else []
        rows.append((line, way))
    return "".join(f"{line}\n" for line, _ in rows), [way for _, way in rows]


def _plain(text: str) -> str:
    return "".join(mark if mark.isprintable() else "?" for mark in text)


def _loaded(text: str) -> tuple[Fleet | None, tuple[Finding, ...]]:
    loaded = load_spec((_NAME,), Mapped({_NAME: text}))
    if loaded.spec is None or loaded.tree is None:
        return None, loaded.findings
    from oomconf.spec.policies import policies  # noqa: PLC0415

    return policies(loaded.spec, loaded.tree, _NAME), ()


def _faults(text: str) -> list[Finding]:
    """What keeps a text from being a spec that can be rendered."""
    fleet, findings = _loaded(text)
    problems = [] if fleet is None else [problem for policy in fleet.policies for problem in impossible(resolve(policy))]
    return [*findings, *(Finding("invalid-spec", Severity.ERROR, "", problem.at, problem.message) for problem in problems)]


class _Build:
    def __init__(self, policies: Sequence[Policy], given: Mapping[str, Setting[Size]]) -> None:
        self.policies = policies
        self.given = given
        self.left: list[Left] = []
        self.names: dict[str, Workload] = {}
        swap = given.get("swap")
        self.swapping = bool(swap is not None and swap.value) or any(areas(policy) for policy in policies)
        """Whether a host has swap, so that every limit must say how much of it."""
        self.hosts: dict[str, list[Policy]] = {}
        for policy in policies:
            if policy.scope == "host":
                self.hosts.setdefault(_fit(policy.name), []).append(policy)

    def tree(self) -> Branch:
        """Everything that was found, whether it fits together or not."""
        hosts: Branch = {}
        slices: Branch = {}
        spaces: Branch = {}
        services: Branch = {}
        several = len(self.hosts) > 1
        for name, policies in self.hosts.items():
            for policy in policies:
                _merge(hosts, name, host(policy, self.given))
                self._swaps(policy)
                for group in policy.groups:
                    self._slice(slices, group, name if several else None)
                for workload in policy.workloads:
                    self._service(services, workload, name if several else None)
        for policy in self.policies:
            if policy.scope == "cluster":
                for group in policy.groups:
                    _merge(spaces, group.name, namespace(group))
                for workload in policy.workloads:
                    self._service(services, workload, None)
        self._homes(slices, services)
        sections = {"hosts": hosts, "slices": slices, "namespaces": spaces, "services": services}
        return {"version": Leaf("1", NOWHERE), **{key: value for key, value in sections.items() if value}}

    def _slice(self, slices: Branch, group: Group, name: str | None) -> None:
        if group.name in _SYSTEMS:
            self.left.append(Left(group.at, group.name, "oomconf never touches systemd's own slices"))
        else:
            _merge(slices, group.name, slice_unit(group, name))

    def _service(self, services: Branch, workload: Workload, name: str | None) -> None:
        made = service(workload, name)
        if made is None:
            self.left.append(Left(workload.at, workload.object, "a spec has no placement for it"))
            return
        said = [key for key in made if key not in ("host", workload.placement.target)]
        if not said and workload.placement.target != "kubernetes":
            return  # it says nothing of memory
        name_of = self._name(workload)
        self._swap(made, workload)
        services[name_of] = made
        self.names[name_of] = workload
        self.left += [Left(one.at, f"{workload.object}: {one.text}", "its consumer passes over it") for one in ignored(workload)]
        for key, why in LOST:
            self.left += [Left(one.at, f"{workload.object}: {_about(one)}", why) for one in getattr(workload, key)]

    def _swap(self, made: Branch, workload: Workload) -> None:
        """On a host with swap a spec says what its consumer takes by itself."""
        limit = workload.memory_max
        if workload.memory_swap_max is not None or limit is None or not self.swapping or workload.placement.target == "kubernetes":
            return
        memory = made.get("memory")
        if isinstance(memory, dict) and "max" in memory:
            engine = workload.placement.target in ("docker", "compose")
            most = memory["max"]
            memory["swap_max"] = most if engine and isinstance(most, Leaf) and "%" not in most.text else Leaf("infinity", limit.at)

    def _name(self, workload: Workload) -> str:
        stem = workload.name
        for end in _ENDS:
            stem = stem.removesuffix(end)
        base = _fit(stem) or "service"
        place = workload.placement
        folder = _fit(place.file.rpartition("/")[0].rpartition("/")[2]) if isinstance(place, ComposeService) else ""
        for name in (base, f"{folder}-{base}" if folder else base):
            if name not in self.names:
                return name
        return next(name for number in range(2, len(self.names) + 3) if (name := f"{base}-{number}") not in self.names)

    def _swaps(self, policy: Policy) -> None:
        for swap in policy.swaps:
            if swap not in areas(policy) or "swap" in self.given:
                why = "the call says the host's swap" if "swap" in self.given else "its size is not known: say it under the host's swap"
                self.left.append(Left(swap.at, f"swap on {swap.path}", why))

    def _homes(self, slices: Branch, services: Branch) -> None:
        """Declare slices that services name; promises without one have no home in a spec."""
        for name, made in services.items():
            if isinstance(made, Leaf):
                continue
            home = made.get("slice")
            where = home.text.strip('"') if isinstance(home, Leaf) else ""
            if isinstance(home, Leaf) and where in _SYSTEMS:
                self.left.append(Left(home.at, f"services.{name}: slice {where}", "it is where systemd puts it by itself"))
                del made["slice"]
                where = ""
            elif where.endswith(".slice") and where not in slices:
                slices[where] = {}
            memory = made.get("memory")
            for key in ("min", "low") if not where and isinstance(memory, dict) else ():
                lost = memory.pop(key, None) if isinstance(memory, dict) else None
                if isinstance(lost, Leaf):
                    self.left.append(Left(lost.at, f"services.{name}: memory.{key}", "a promise needs a slice that carries it"))
            if memory == {}:
                del made["memory"]

    def drop(self, tree: Branch, findings: Iterable[Finding], ways: Sequence[Pointer]) -> None:
        """Take out what a spec cannot say; of each finding the line, or all of the service whose placement it is of."""
        for finding in findings:
            way = ways[finding.at.line - 1] if 0 < finding.at.line <= len(ways) else ()
            way = way[:2] if way and way[-1] in _IDENTITY else way
            lost = removed(tree, way) if len(way) > 1 else None
            if lost is not None:
                at = lost.at if isinstance(lost, Leaf) else next((leaf.at for leaf in leaves(lost)), NOWHERE)
                self.left.append(Left(at, ".".join(way), finding.message))
        for section in ("hosts", "slices", "namespaces", "services"):
            for inner in list(_branch(tree.get(section)).values()):
                _prune(_branch(inner))
            if tree.get(section) == {}:
                del tree[section]

    def compare(self, text: str) -> None:
        """List what the spec says otherwise than it was read."""
        fleet, _ = _loaded(text)
        policies = () if fleet is None else fleet.policies
        said = {one.object.removeprefix("services."): one for policy in policies for one in policy.workloads}
        for name, workload in self.names.items():
            other = said.get(name)
            for key in WORKLOAD_FIELDS if other is not None else ():
                mine: Setting[Any] | None = getattr(workload, key)
                theirs: Setting[Any] | None = getattr(other, key)
                if mine is not None and mine.value is not None and theirs is not None and theirs.value != mine.value:
                    self.left.append(Left(mine.at, f"services.{name}: {key}", f"the spec says {theirs.value}"))


def _branch(node: Branch | Leaf | None) -> Branch:
    return node if isinstance(node, dict) else {}


def _about(thing: Any) -> str:  # noqa: ANN401
    return getattr(thing, "knob", "") or getattr(thing, "path", "")


def _fit(name: str) -> str:
    return _UNFIT.sub("-", name).strip("-.")[:100]


def _merge(section: Branch, name: str, made: Branch) -> None:
    """Put a branch beside what another file said of the same name; the first value stays."""
    below = section.get(name)
    if not isinstance(below, dict):
        section[name] = made
        return
    for key, value in made.items():
        if isinstance(value, dict):
            _merge(below, key, value)
        else:
            below.setdefault(key, value)


def _prune(tree: Branch) -> None:
    """Take out branches that have lost all that they said."""
    for key, value in list(tree.items()):
        if isinstance(value, dict):
            _prune(value)
            if not value:
                del tree[key]
