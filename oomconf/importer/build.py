"""Policies → the text of a spec that loads, says the same of every value, and lists what it leaves out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from oomconf.dialect import Entry, Mapped
from oomconf.finding import Finding, Severity
from oomconf.importer.items import LOST, areas, host, ignored, namespace, refusal, restart_lost, service, slice_unit, started
from oomconf.importer.page import Page, plain, written
from oomconf.importer.tree import Branch, Leaf, Pointer, leaves, merge, prune, removed
from oomconf.importer.unsaid import Places, settings, unsaid
from oomconf.loader import load_spec
from oomconf.location import NOWHERE, Location
from oomconf.placement import ComposeService, DockerContainer
from oomconf.policy import WORKLOAD_FIELDS, Fleet, Group, Origin, Policy, Setting, Workload
from oomconf.quantity import INFINITY, Percent, Size
from oomconf.quantity import spec as grammar
from oomconf.resolver import impossible, resolve

__all__ = ["Imported", "Left", "import_policies"]

_NAME: Final = "oomconf.yaml"
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_ENDS: Final = (".service", ".container", ".scope")
_ROUNDS: Final = 60
_IDENTITY: Final = (
    *("unit", "name", "file", "service", "workload", "namespace", "container", "path", "host", "instances"),
    *("systemd", "docker", "compose", "quadlet", "kubernetes", "cgroup"),
)
"""Keys without which a service is another one."""
_OWN: Final = re.compile(r"(?:^|/)\.(?:config|local/share)/|/systemd/users/[0-9]+/")
"""Folders that one user alone has units in."""
_RAM: Final = "a share of the host's RAM, which is not known: give --host-ram"
_ROOT: Final = "-.slice"
_SYSTEMS: Final = ("system.slice", "user.slice", "machine.slice", _ROOT)


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


def import_policies(
    policies: Sequence[Policy],
    given: Mapping[str, Setting[Size]],
    entries: Sequence[Entry] = (),
    *,
    source: str = "",
    where: Callable[[str], str] = str,
    page: Page | None = None,
) -> Imported:
    """Write a spec for the policies of a repository, and list every entry of its readers that it leaves out.

    `given` holds `ram` and `swap` of every host, `source` names what was read, `where` gives a path from the spec's own folder.
    """
    page = page or Page(
        head=(f"Made by oomconf import from {plain(source)}: read it before you trust it, and say what the hosts have (ram, swap).",)
    )
    made = _Build(policies, given, entries, where, page)
    tree = made.tree()
    for _ in range(_ROUNDS):
        text, ways = written(tree, page, made.names)
        findings = _faults(text) or list(page.judge(text))
        if not findings:
            made.compare(text)
            return Imported(text, made.listed(tree))
        made.drop(tree, findings, ways)
    text, _ = written({"version": tree["version"]}, page, {})
    made.left += [Left(one.at, one.object, "does not fit together with the others") for policy in policies for one in policy.workloads]
    return Imported(text, made.listed({}))


def _is_bare(policy: Policy) -> bool:
    """Whether it says nothing but file systems in memory, for which a spec has no word."""
    others = policy.workloads or policy.groups or policy.swaps or policy.sysctls or policy.kubelet or policy.oomd
    return bool(policy.tmpfs) and not others


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
    def __init__(
        self,
        policies: Sequence[Policy],
        given: Mapping[str, Setting[Size]],
        entries: Sequence[Entry],
        where: Callable[[str], str],
        page: Page,
    ) -> None:
        self.bare = page.bare
        self.policies = policies
        self.given = given
        self.entries = entries
        self.faults = {entry.at for entry in entries if entry.fault}
        self.where = where
        self.left: list[Left] = []
        self.places = Places()
        inner = {entry.at for entry in entries if entry.dialect == "quadlet" and entry.section == "Container"}
        for one in settings(tuple(policies)):
            for below in one.beat:
                if below.value is not None and below.at not in inner:  # a limit of the container holds beside the service's
                    self.places.add_beaten(below.at, below.text)
        self.names: dict[str, Workload] = {}
        swap = given.get("swap")
        self.swapping = bool(swap is not None and swap.value) or any(areas(policy) for policy in policies)
        """Whether a host has swap, so that every limit must say how much of it."""
        self.hosts: dict[str, list[Policy]] = {}
        for policy in policies:
            if policy.scope == "host" and not _is_bare(policy):
                self.hosts.setdefault(_fit(policy.name) or "host", []).append(policy)

    def tree(self) -> Branch:
        """Everything that was found, whether it fits together or not."""
        hosts: Branch = {}
        slices: Branch = {}
        spaces: Branch = {}
        services: Branch = {}
        several = len(self.hosts) > 1
        optional = {entry.at for entry in self.entries if entry.section == "optional"}
        for name, policies in self.hosts.items():
            for policy in policies:
                self._merge("hosts", hosts, name, host(policy, self.given, optional))
                self._swaps(policy)
                for group in policy.groups:
                    self._slice(slices, group, name if several else None)
                for workload in policy.workloads:
                    self._service(services, workload, name if several else None)
        for policy in self.policies:
            if policy.scope == "cluster":
                for group in policy.groups:
                    self._merge("namespaces", spaces, group.name, namespace(group))
                for workload in policy.workloads:
                    self._service(services, workload, None)
        self._homes(slices, services)
        sections = {"hosts": hosts, "slices": slices, "namespaces": spaces, "services": services}
        return {"version": Leaf("1", NOWHERE), **{key: value for key, value in sections.items() if value}}

    def _leave(self, at: Location, what: str, why: str, *, text: str = "") -> None:
        self.left.append(Left(at, what, why))
        self.places.add(at, text)

    def _merge(self, way: str, section: Branch, name: str, made: Branch) -> None:
        """Put a branch beside what another file said of the same name; the first value stays."""
        for key, leaf in merge(section, name, made):
            self._leave(leaf.at, f"{way}.{key}: {leaf.said or leaf.text}", "another file says it already", text=leaf.said)

    def _slice(self, slices: Branch, group: Group, name: str | None) -> None:
        said = slices.get(group.name)
        home = said.get("host") if isinstance(said, dict) else None
        if group.name in _SYSTEMS:
            self._refuse(group, "oomconf never touches systemd's own slices")
        elif isinstance(home, Leaf) and home.text != name:
            self._refuse(group, f"a spec has a slice of this name on {home.text} already")
        else:
            made = slice_unit(group, name)
            self._share(made, group)
            self._merge("slices", slices, group.name, made)

    def _refuse(self, thing: Workload | Group, why: str) -> None:
        self._leave(thing.at, thing.object, why)
        self.places.add_all(thing)

    def _service(self, services: Branch, workload: Workload, name: str | None) -> None:
        made = service(workload, name, self.where)
        said = [key for key in made or () if key not in ("host", workload.placement.target)]
        self._ignored(workload)
        why = refusal(workload, self.where)
        if why:
            hidden = not said and workload.placement.target != "kubernetes"
            self.places.add_all(workload) if hidden else self._refuse(workload, why)
            return
        if made is None or (not said and workload.placement.target != "kubernetes" and not self.bare):
            return  # it says nothing of memory
        name_of = self._name(workload)
        self._share(made, workload)
        self._swap(made, workload)
        if _OWN.search(workload.at.path) is not None:
            self.left.append(Left(workload.at, f"{workload.object}: its user", "a render is for the units of every user"))
        services[name_of] = made
        self.names[name_of] = workload

    def _ignored(self, workload: Workload) -> None:
        """List what no spec says of a workload, wherever it runs."""
        for one in ignored(workload):
            why = "its consumer passes over it" if one.at in self.faults else "its value is not known before it is filled in"
            self._leave(one.at, f"{workload.object}: {one.text or 'an empty value'}", why, text=one.text)
        for key, why in LOST:
            for one in getattr(workload, key):
                self._leave(one.at, f"{workload.object}: {_about(one)}", why)
        restart, why = workload.restart, restart_lost(workload)
        if restart is not None and why:
            self._leave(restart.at, f"{workload.object}: restart {restart.text}", why, text=restart.text)
        place = workload.placement
        if isinstance(place, DockerContainer) and not place.is_whole and not refusal(workload, self.where):
            self.left.append(
                Left(workload.at, f"{workload.object}: its image, options and command", "not all of their words are known here")
            )
        for entry in started(workload):
            self._leave(workload.at, f"{workload.object}: {entry.key} {entry.value}", "it stays in the command that the unit runs")
        for limit in (workload.memory_high, workload.memory_max):
            if limit is not None and limit.value == INFINITY:
                self.places.add(limit.at, limit.text)  # what is not said has no limit either

    def _share(self, made: Branch, thing: Workload | Group) -> None:
        """A spec's swap_max is no share; systemd's is one of RAM (systemd.resource-control(5))."""
        swap, ram, memory = thing.memory_swap_max, self.given.get("ram"), made.get("memory")
        if swap is None or not isinstance(swap.value, Percent) or not isinstance(memory, dict):
            return
        what = f"{thing.object}: memory.swap_max {swap.text}"
        if ram is None or ram.value is None:
            memory.pop("swap_max", None)
            self._leave(swap.at, what, _RAM, text=swap.text)
        else:
            size = grammar.format(swap.value.of(ram.value))
            memory["swap_max"] = Leaf(size, swap.at, said=swap.text)
            self._leave(swap.at, what, f"a spec takes no share of RAM here, and says {size}", text=swap.text)

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
                self._leave(swap.at, f"swap on {swap.path}", why)
                self.places.add_all(swap)

    def _homes(self, slices: Branch, services: Branch) -> None:
        """Declare slices that services name; promises without one have no home in a spec."""
        for name, made in services.items():
            if isinstance(made, Leaf):
                continue
            home = made.get("slice")
            where = home.text.strip('"') if isinstance(home, Leaf) else ""
            if isinstance(home, Leaf) and where == _ROOT:
                self._leave(home.at, f"services.{name}: slice {where}", "a spec puts nothing into the root slice", text=home.said)
                del made["slice"]
                where = ""
            if where.endswith(".slice") and where not in (*slices, *_SYSTEMS):
                slices[where] = {}
            memory = made.get("memory")
            for key in ("min", "low") if not where and isinstance(memory, dict) else ():
                lost = memory.pop(key, None) if isinstance(memory, dict) else None
                if isinstance(lost, Leaf):
                    self._leave(lost.at, f"services.{name}: memory.{key}", "a promise needs a slice that carries it", text=lost.said)
            if memory == {}:
                del made["memory"]

    def drop(self, tree: Branch, findings: Iterable[Finding], ways: Sequence[Pointer]) -> None:
        """Take out what a spec cannot say; of each finding the line, or all of the service whose placement it is of."""
        for finding in findings:
            way = ways[finding.at.line - 1] if 0 < finding.at.line <= len(ways) else ()
            way = way[:2] if way and way[-1] in _IDENTITY else way
            if way[-2:-1] == ("oom_score_adj",):
                way = way[:-1]  # a score without its reason, or a reason alone, is none
            lost = removed(tree, way) if len(way) > 1 else None
            if lost is not None:
                every = [lost] if isinstance(lost, Leaf) else list(leaves(lost))
                what = ".".join(way)
                message = finding.message.removeprefix(f"{what}: ").removeprefix(f"{what}.")
                is_whole = len(way) == 2 and way[1] in self.names  # noqa: PLR2004
                at = next((leaf.at for leaf in (*(leaf for leaf in every if leaf.said), *every)), NOWHERE)
                self._leave(at, self.names[way[1]].object if is_whole else what, message)
                for leaf in every:
                    self.places.add(leaf.at, leaf.said)
        for section in ("hosts", "slices", "namespaces", "services"):
            for inner in list(_branch(tree.get(section)).values()):
                prune(_branch(inner))
            if tree.get(section) == {}:
                del tree[section]

    def compare(self, text: str) -> None:
        """List what the spec says otherwise than it was read."""
        fleet, _ = _loaded(text)
        policies = () if fleet is None else fleet.policies
        said = {one.object.removeprefix("services."): one for policy in policies for one in policy.workloads}
        for policy in policies:
            self._derived(policy)
        for name, workload in self.names.items():
            other = said.get(name)
            for key in WORKLOAD_FIELDS if other is not None else ():
                mine: Setting[Any] | None = getattr(workload, key)
                theirs: Setting[Any] | None = getattr(other, key)
                if mine is None or mine.value is None or (key == "memory_swap_max" and isinstance(mine.value, Percent)):
                    continue
                if theirs is not None and theirs.value != mine.value:
                    self.left.append(Left(mine.at, f"services.{name}: {key}", f"the spec says {theirs.value}"))
            if other is not None and isinstance(workload.placement, ComposeService):
                self._variables(name, workload, other)

    def _derived(self, policy: Policy) -> None:
        """List what a render makes slices promise, which their own files do not."""
        for group in resolve(policy).groups:
            for key in ("memory_min", "memory_low"):
                promise: Setting[Any] | None = getattr(group, key)
                if promise is None or promise.origin is not Origin.DERIVED:
                    continue
                members = [one for one in self.names.values() if one.slice is not None and one.slice.value == group.name]
                at = next((setting.at for one in members if (setting := getattr(one, key)) is not None), NOWHERE)
                why = f"a render says {promise.value}, which its services are promised"
                self.left.append(Left(at, f"{group.object}.{key.replace('_', '.')}", why))

    def _variables(self, name: str, workload: Workload, other: Workload) -> None:
        """List values that compose fills in from its environment, which may be another one tomorrow."""
        for key in WORKLOAD_FIELDS:
            mine: Setting[Any] | None = getattr(workload, key)
            theirs: Setting[Any] | None = getattr(other, key)
            if mine is not None and mine.value is not None and "$" in mine.text and theirs is not None:
                self.left.append(Left(mine.at, f"services.{name}: {mine.text}", f"the spec says {theirs.text}, and not the variable"))

    def listed(self, tree: Branch) -> tuple[Left, ...]:
        """Give all that the spec of a tree leaves out, in order of place."""
        for leaf in leaves(tree):
            if leaf.said:
                self.places.add(leaf.at, leaf.said)
        self.left += [Left(*one) for one in unsaid(self.entries, self.places)]
        return tuple(dict.fromkeys(sorted(self.left)))


def _branch(node: Branch | Leaf | None) -> Branch:
    return node if isinstance(node, dict) else {}


def _about(thing: Any) -> str:  # noqa: ANN401
    return getattr(thing, "knob", "") or getattr(thing, "path", "")


def _fit(name: str) -> str:
    return _UNFIT.sub("-", name).strip("-.")[:100]
