"""Units, drop-ins and oomd.conf → policies, merged as systemd merges them: the last valid value wins, an invalid line is dropped."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from oomconf.dialect import Document, Entry, Reading, Sources
from oomconf.dialects import _units
from oomconf.dialects._hints import said
from oomconf.dialects.systemd.hints import command, hints
from oomconf.dialects.systemd.judge import Judged, Verdict, judge
from oomconf.dialects.systemd.places import Place, Scope, dropin_folders, is_pattern, place, surviving, template_of
from oomconf.location import whole_file
from oomconf.placement import SystemdUnit
from oomconf.policy import GROUP_FIELDS, WORKLOAD_FIELDS, Group, Oomd, Policy, Setting, Workload

__all__ = ["claims", "read"]

_HOST: Final = "host"
_OOMD_FIELDS: Final = frozenset(row.field for row in _units.OOMD if row.field is not None)


def claims(path: str) -> bool:
    """Services, slices, their drop-ins, and systemd-oomd's configuration."""
    return place(path) is not None


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read every unit of every host; a host is a tree that has `etc/systemd/system` or its like, all other folders are of one.

    An instance takes its template's file; a template that has instances is no workload of its own. Never raises.
    """
    scopes: dict[Scope, _Scope] = {}
    entries: list[Entry] = []
    for document in documents:
        where = place(document.path)
        if where is None:
            continue
        judged = judge(document, where.kind, whole=not where.file)
        entries += judged.entries(where.unit)
        scopes.setdefault(where.scope, _Scope(where.scope)).add(where, judged)
    hosts: dict[str, list[_Scope]] = {}
    for scope in scopes.values():
        hosts.setdefault(scope.scope.root.strip("/") or _HOST, []).append(scope)
    policies = tuple(_policy(name, parts, entries) for name, parts in hosts.items())
    return Reading(policies, tuple(dict.fromkeys(entries)))


def _policy(name: str, scopes: Iterable[_Scope], entries: list[Entry]) -> Policy:
    workloads: list[Workload] = []
    groups: list[Group] = []
    oomd: Oomd | None = None
    for scope in scopes:
        for unit in scope.units():
            files = scope.files(unit)
            if files and unit.endswith(".slice"):
                groups.append(_group(unit, files, user=scope.scope.user))
            elif files:
                workloads.append(_workload(unit, files, entries, user=scope.scope.user))
        oomd = oomd or scope.oomd()
    return Policy(name=name, object=name, workloads=tuple(workloads), groups=tuple(groups), oomd=oomd)


@dataclass(slots=True)
class _Scope:
    """The files that one manager sees."""

    scope: Scope
    fragments: dict[str, tuple[int, Judged]] = field(default_factory=dict)
    dropins: dict[str, dict[Place, Judged]] = field(default_factory=dict)
    """By the unit, or the pattern of units, that their folder names."""

    def add(self, where: Place, judged: Judged) -> None:
        if where.file:
            self.dropins.setdefault(where.unit, {})[where] = judged
        elif where.unit not in self.fragments or where.rank < self.fragments[where.unit][0]:
            self.fragments[where.unit] = (where.rank, judged)

    def units(self) -> list[str]:
        """Units in order of their names, with the instances that only a drop-in names; `web-.service` stands in where it has no unit."""
        named = self.dropins.keys() - {"oomd.conf"}
        found = {unit for unit in (*self.fragments, *named) if unit != "oomd.conf" and not is_pattern(unit)}
        templates = {template for unit in found if (template := template_of(unit)) is not None}
        used = {name for unit in found for name in dropin_folders(unit)}
        return sorted((found - templates) | {unit for unit in named - used if is_pattern(unit) and "." in unit})

    def files(self, unit: str) -> list[Judged]:
        """The unit's file and then its drop-ins; none if it is masked."""
        main = self.fragments.get(unit) or self.fragments.get(template_of(unit) or "")
        if main is not None and main[1].empty:
            return []
        every = {where: judged for name in dropin_folders(unit) for where, judged in self.dropins.get(name, {}).items()}
        return [*([main[1]] if main is not None else []), *(every[where] for where in surviving(unit, every))]

    def oomd(self) -> Oomd | None:
        """oomd.conf and its drop-ins; a drop-in always beats the main file (systemd-system.conf(5))."""
        best: dict[str, Place] = {}
        dropins = self.dropins.get("oomd.conf", {})
        for where in dropins:
            if where.file not in best or where.rank < best[where.file].rank:
                best[where.file] = where
        main = self.fragments.get("oomd.conf")
        files = [*([main[1]] if main is not None else []), *(dropins[best[name]] for name in sorted(best))]
        said = _merged(files, _OOMD_FIELDS)
        if not said:
            return None
        first = next(iter(said.values()))
        return Oomd(at=whole_file(first.at.path), **said)


def _group(unit: str, files: list[Judged], *, user: bool) -> Group:
    return Group(name=unit, object=unit, at=whole_file(files[0].document.path), user=user, **_merged(files, GROUP_FIELDS))


def _workload(unit: str, files: list[Judged], entries: list[Entry], *, user: bool) -> Workload:
    found = tuple(hints(one for file in files for one in file.verdicts if not one.fault))
    entries += [Entry("systemd", unit, "Service", hint.knob, hint.text, at, hint.fault) for hint, at in found if hint.fault]
    return Workload(
        name=unit,
        object=unit,
        at=whole_file(files[0].document.path),
        placement=SystemdUnit(unit=unit, user=user, command=command(one for file in files for one in file.verdicts if not one.fault)),
        runtimes=said(found),
        **_merged(files, WORKLOAD_FIELDS),
    )


def _merged(files: Iterable[Judged], fields: Container[str]) -> dict[str, Any]:
    """Give each field the last value that systemd takes; the others, dropped ones included, are what it beat, the nearest first."""
    history: dict[str, list[tuple[bool, Setting[Any]]]] = {}
    spare: Verdict | None = None
    for one in (verdict for file in files for verdict in file.verdicts):
        if one.row.name == "MemoryLimit" and not one.reset and "memory_max" in fields:
            spare = one
        if one.row.field is None or one.row.field not in fields:
            continue
        if one.reset and one.value is None:
            history.pop(one.row.field, None)
            continue
        said = history.setdefault(one.row.field, [])
        said.append((not one.fault, Setting(one.value, one.at, text=one.text)))
    merged = {name: setting for name, said in history.items() for setting in _winner(said)}
    if spare is not None and "memory_max" not in merged:
        # in force up to systemd 257 where no Memory* key is said, passed over since
        merged["memory_max"] = Setting(None, spare.at, text=spare.text)
    return merged


def _winner(said: list[tuple[bool, Setting[Any]]]) -> Iterator[Setting[Any]]:
    index = max((number for number, (valid, _) in enumerate(said) if valid), default=len(said) - 1)
    beat = tuple(setting for number, (_, setting) in reversed(list(enumerate(said))) if number != index)
    winner = said[index][1]
    yield Setting(winner.value, winner.at, winner.origin, winner.text, beat)
