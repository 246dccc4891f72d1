"""Units, drop-ins and oomd.conf → policies, merged as systemd merges them: the last valid value wins, an invalid line is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from oomconf.dialect import Document, Entry, Ran, Reading, Sources
from oomconf.dialects import _units
from oomconf.dialects._hints import Placed, said
from oomconf.dialects._names import misnamed, stray, unread
from oomconf.dialects._swap_names import unit_name
from oomconf.dialects._tmpfs import beside
from oomconf.dialects.systemd.hints import adjust_file, command, from_files, hidden_kill, hints, lost, ran
from oomconf.dialects.systemd.judge import Judged, judge
from oomconf.dialects.systemd.merge import Files, merged
from oomconf.dialects.systemd.mounts import is_mount, mounts
from oomconf.dialects.systemd.places import Scope, place
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
    scopes: dict[Scope, Files] = {}
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
        scopes.setdefault(where.scope, Files(where.scope)).add(where, judged)
    hosts: dict[str, list[Files]] = {}
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


def _policy(name: str, scopes: Iterable[Files], entries: list[Entry], sources: Sources) -> Policy:
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
        oomd = oomd or _oomd(scope)
    return Policy(
        name=name,
        object=name,
        workloads=tuple(workloads),
        groups=tuple(groups),
        swaps=tuple(swaps),
        oomd=oomd,
        default_oom_score_adj=defaults[False].get("oom_score_adj"),
    )


def _defaults(scopes: Iterable[Files], name: str) -> dict[str, Setting[Any]]:
    """What a manager's own configuration says for every service that says nothing (systemd-system.conf(5))."""
    said: dict[str, Setting[Any]] = {}
    for scope in scopes:
        said |= merged(scope.conf(name), _MANAGER_FIELDS)
    return {
        _MANAGER_FIELDS[field]: Setting(one.value, one.at, Origin.DEFAULT, one.text) for field, one in said.items() if one.value is not None
    }


def _oomd(scope: Files) -> Oomd | None:
    """What systemd-oomd is told."""
    said = merged(scope.conf("oomd.conf"), _OOMD_FIELDS)
    if not said:
        return None
    first = next(iter(said.values()))
    return Oomd(at=whole_file(first.at.path), **said)


def _group(unit: str, files: list[Judged], *, user: bool) -> Group:
    return Group(name=unit, object=unit, at=whole_file(files[0].document.path), user=user, **merged(files, GROUP_FIELDS))


def _swap(unit: str, files: list[Judged], entries: list[Entry]) -> Iterator[Swap]:
    said = merged(files, ("what", "priority"))
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
    own = merged(files, (*WORKLOAD_FIELDS, *_WATCHED))
    valid = [one for file in files for one in file.verdicts if not one.fault]
    found = tuple(hints(valid, variables))
    entries += [Entry("systemd", unit, "runtime", hint.knob, hint.text, at, hint.fault, hint.remedy) for hint, at in found if hint.fault]
    entries += hidden_kill(valid, unit, own.get("restart"))
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
        **{**defaults, **own},
    )
