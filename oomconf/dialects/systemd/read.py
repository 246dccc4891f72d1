"""Units, drop-ins and oomd.conf → policies, merged as systemd merges them: the last valid value wins, an invalid line is dropped."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from oomconf.dialect import Document, Entry, Ran, Reading, Sources
from oomconf.dialects import _units
from oomconf.dialects._hints import Placed, said
from oomconf.dialects._names import misnamed, stray, unread
from oomconf.dialects._swap_names import unit_name
from oomconf.dialects._tmpfs import beside
from oomconf.dialects.systemd.hints import adjust_file, command, from_files, hidden_kill, hints, lost, ran
from oomconf.dialects.systemd.judge import Judged, Verdict, judge
from oomconf.dialects.systemd.mounts import is_mount, mounts
from oomconf.dialects.systemd.places import CONFS, Place, Scope, dropin_folders, is_pattern, place, surviving, template_of
from oomconf.location import whole_file
from oomconf.placement import SystemdUnit
from oomconf.policy import GROUP_FIELDS, WORKLOAD_FIELDS, Group, Oomd, Origin, Policy, Setting, Swap, Workload

__all__ = ["claims", "read"]

_HOST: Final = "host"
_FOLDER: Final = re.compile(r"(?:^|/)[^/]+\.(?:service|slice|scope|socket|mount|swap|timer)\.d/$")
_SAID: Final = re.compile(r"^[ \t]*(?:Default)?(?:Memory|OOM|ManagedOOM)\w+[ \t]*=", re.MULTILINE)
_MANAGER_FIELDS: Final = {"default_oom_policy": "oom_policy", "default_oom_score_adj": "oom_score_adj"}
"""Defaults of a manager, and the fields of its services that they fill in."""
_WATCHED: Final = ("managed_oom_memory_pressure", "managed_oom_memory_pressure_limit")
_OOMD_FIELDS: Final = frozenset(row.field for row in _units.OOMD if row.field is not None)


def claims(path: str) -> bool:
    """Units of the types that may speak of memory, their drop-ins, and the configuration of the managers and of systemd-oomd."""
    return place(path) is not None or is_mount(path) or misnamed(path, _FOLDER) or stray(path)[0] != ""


def read(documents: Sequence[Document], sources: Sources) -> Reading:
    """Read every unit of every host; a host is a tree that has `etc/systemd/system` or its like, all other folders are of one.

    An instance takes its template's file; a template that has instances is no workload of its own. Never raises.
    """
    scopes: dict[Scope, _Scope] = {}
    entries: list[Entry] = []
    for document in documents:
        why = stray(document.path)
        where = None if why[0] else place(document.path)
        if where is None and is_mount(document.path):
            continue
        if where is None:
            found = unread("systemd", document, _SAID, why)
            entries += [] if found is None else [found]
            continue
        judged = judge(document, where.kind, whole=not where.file)
        entries += judged.entries(where.unit)
        scopes.setdefault(where.scope, _Scope(where.scope)).add(where, judged)
    hosts: dict[str, list[_Scope]] = {}
    for scope in scopes.values():
        hosts.setdefault(scope.scope.root.strip("/") or _HOST, []).append(scope)
    policies = tuple(_policy(name, parts, entries, sources) for name, parts in hosts.items())
    commands = [one for scope in scopes.values() for unit in scope.units() for one in _ran(unit, scope.files(unit), sources)]
    in_memory = tuple(mounts(documents, _HOST))
    entries += (entry for policy in in_memory for entry in beside("systemd", policy.tmpfs))
    return Reading((*policies, *in_memory), tuple(dict.fromkeys(entries)), ran=tuple(commands))


def _ran(unit: str, files: list[Judged], sources: Sources) -> Iterator[Ran]:
    """The commands of a service that may set a score or a sysctl, and whether a timer beside it repeats them."""
    for one in ran((verdict for file in files for verdict in file.verdicts if not verdict.fault), unit):
        again = sources.get(f"{files[0].document.path.removesuffix('.service')}.timer") is not None
        yield replace(one, timed=again)


def _policy(name: str, scopes: Iterable[_Scope], entries: list[Entry], sources: Sources) -> Policy:
    workloads: list[Workload] = []
    groups: list[Group] = []
    swaps: list[Swap] = []
    every = list(scopes)
    oomd: Oomd | None = None
    defaults = {user: _defaults(every, "user.conf" if user else "system.conf") for user in (False, True)}
    for scope in every:
        for unit in scope.units():
            files = scope.files(unit)
            if files and unit.endswith(".slice"):
                groups.append(_group(unit, files, user=scope.scope.user))
            elif files and unit.endswith(".swap"):
                swaps += _swap(unit, files, entries)
            elif files and unit.endswith(".service"):
                variables = from_files((one for file in files for one in file.verdicts if not one.fault), scope.scope.root, sources)
                workloads.append(_workload(unit, files, entries, variables, defaults[scope.scope.user], user=scope.scope.user))
        oomd = oomd or scope.oomd()
    return Policy(
        name=name,
        object=name,
        workloads=tuple(workloads),
        groups=tuple(groups),
        swaps=tuple(swaps),
        oomd=oomd,
        default_oom_score_adj=defaults[False].get("oom_score_adj"),
    )


def _defaults(scopes: Iterable[_Scope], name: str) -> dict[str, Setting[Any]]:
    """What a manager's own configuration says for every service that says nothing (systemd-system.conf(5))."""
    said: dict[str, Setting[Any]] = {}
    for scope in scopes:
        said |= _merged(scope.conf(name), _MANAGER_FIELDS)
    return {
        _MANAGER_FIELDS[field]: Setting(one.value, one.at, Origin.DEFAULT, one.text) for field, one in said.items() if one.value is not None
    }


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
        named = self.dropins.keys() - CONFS.keys()
        found = {unit for unit in (*self.fragments, *named) if unit not in CONFS and not is_pattern(unit)}
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

    def conf(self, name: str) -> list[Judged]:
        """A file of CONFS and its drop-ins; a drop-in always beats the main file (systemd-system.conf(5))."""
        best: dict[str, Place] = {}
        dropins = self.dropins.get(name, {})
        for where in dropins:
            if where.file not in best or where.rank < best[where.file].rank:
                best[where.file] = where
        main = self.fragments.get(name)
        return [*([main[1]] if main is not None else []), *(dropins[best[file]] for file in sorted(best))]

    def oomd(self) -> Oomd | None:
        """What systemd-oomd is told."""
        said = _merged(self.conf("oomd.conf"), _OOMD_FIELDS)
        if not said:
            return None
        first = next(iter(said.values()))
        return Oomd(at=whole_file(first.at.path), **said)


def _group(unit: str, files: list[Judged], *, user: bool) -> Group:
    return Group(name=unit, object=unit, at=whole_file(files[0].document.path), user=user, **_merged(files, GROUP_FIELDS))


def _swap(unit: str, files: list[Judged], entries: list[Entry]) -> Iterator[Swap]:
    said = _merged(files, ("what", "priority"))
    what = said.get("what")
    if what is None or not what.text:
        return
    if what.text.startswith("/") and "%" not in what.text and unit_name(what.text) != unit:
        fault = f"What={what.text[:80]} does not go with the name {unit}: systemd does not load the unit"
        entries.append(Entry("systemd", unit, "Swap", "What", what.text, what.at, fault, f"name the unit {unit_name(what.text)}"))
    kind: Literal["device", "file"] = "device" if what.text.startswith(("/dev/", "UUID=", "LABEL=")) else "file"
    yield Swap(path=what.text, kind=kind, at=what.at, priority=said.get("priority"))


def _workload(
    unit: str,
    files: list[Judged],
    entries: list[Entry],
    variables: dict[str, Placed],
    defaults: dict[str, Setting[Any]],
    *,
    user: bool,
) -> Workload:
    merged = _merged(files, (*WORKLOAD_FIELDS, *_WATCHED))
    valid = [one for file in files for one in file.verdicts if not one.fault]
    found = tuple(hints(valid, variables))
    entries += [Entry("systemd", unit, "runtime", hint.knob, hint.text, at, hint.fault, hint.remedy) for hint, at in found if hint.fault]
    entries += hidden_kill(valid, unit, merged.get("restart"))
    away = tuple(lost(unit, valid))
    entries += away
    unread = {entry.key for entry in away if entry.section == "unheard"}
    return Workload(
        name=unit,
        object=unit,
        at=whole_file(files[0].document.path),
        placement=SystemdUnit(unit=unit, user=user, command=command(valid)),
        oom_adjust_file=adjust_file(valid),
        runtimes=said([one for one in found if one[0].knob not in unread]),
        **{**defaults, **merged},
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
