"""Where a unit's settings come from: which line of which file wins, and which it overrode (systemd.unit(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from oomconf.dialect import Document
from oomconf.dialects import _units
from oomconf.dialects.systemd.judge import SECTIONS, Judged, Verdict, judge
from oomconf.dialects.systemd.merge import Files, merged
from oomconf.dialects.systemd.places import CONFS, dropin_folders, place, template_of
from oomconf.policy import GROUP_FIELDS, WORKLOAD_FIELDS, Setting
from oomconf.quantity import SizeError
from oomconf.snapshot import Snapshot

__all__ = ["FIELDS", "document", "files_of", "judged_of", "lines_of", "manager_says", "on_disk", "said_of"]

FIELDS: Final = tuple(dict.fromkeys((*WORKLOAD_FIELDS, *GROUP_FIELDS)))
"""The policy's names of what a unit may say."""
_MANAGER: Final = {"default_oom_policy": "oom_policy", "default_oom_score_adj": "oom_score_adj"}
_MOST_LINES: Final = 1 << 20
"""No file of 1 MiB has more; what a capture numbers higher is not believed."""
_SPECIFIER: Final = re.compile(r"%(.)")


def said_of(taken: Snapshot, unit: str) -> Mapping[str, Setting[Any]]:
    """Give what a unit's files say, by the policy's field names: the value, the place of the line that wins, and those that it beat.

    The files are those that the manager has loaded, in its own order; where it was not asked, those that systemd.unit(5) would have it
    load. A setting without a value is said by lines that are all ignored; one that nobody says, or that an empty line takes back, is not
    there. A share of RAM stays one.
    """
    found: dict[str, Setting[Any]] = merged(judged_of(taken, unit), FIELDS)
    where = found.get("slice")
    if where is not None and where.value is None and "%" in where.text:
        found["slice"] = replace(where, value=_expanded(where.text, unit))
    return found


def judged_of(taken: Snapshot, unit: str, files: Iterable[str] | None = None) -> list[Judged]:
    """Give a unit's files in order, each line with what systemd makes of it; `files` are others than those that are loaded."""
    kind = unit.rpartition(".")[2]
    if kind not in SECTIONS:
        return []
    paths = files_of(taken, unit) if files is None else files
    return [_judged(taken, path, kind) for path in paths]


def files_of(taken: Snapshot, unit: str) -> tuple[str, ...]:
    """Give the paths of a unit's own file and its drop-ins in the order in which the manager read them; none if it is masked."""
    state = taken.units.get(unit)
    if state is None:
        return on_disk(taken, unit)
    return () if state.get("LoadState") == "masked" else state.files


def on_disk(taken: Snapshot, unit: str) -> tuple[str, ...]:
    """Give the files that systemd would load for a unit now, found by their names as systemd.unit(5) says."""
    names = {unit, template_of(unit), *(f"{name}.d" for name in dropin_folders(unit))}
    files: Files | None = None
    for path in taken.files:
        above, _, name = path.rpartition("/")
        if name in names or above.rpartition("/")[2] in names:
            where = place(path)
            if where is not None and where.kind in SECTIONS and where.scope.root == "/" and not where.scope.folder and not where.scope.user:
                files = files or Files(where.scope)
                files.add(where, _judged(taken, path, where.kind))
    return () if files is None else tuple(one.document.path for one in files.files(unit))


def manager_says(taken: Snapshot) -> Mapping[str, Setting[Any]]:
    """Give what system.conf has every service take that says nothing itself (systemd-system.conf(5))."""
    files: Files | None = None
    for path in taken.files:
        where = place(path) if "/system.conf" in path else None
        if where is not None and CONFS.get(where.unit) == "manager":
            files = files or Files(where.scope)
            files.add(where, _judged(taken, path, "manager"))
    said = {} if files is None else merged(files.conf("system.conf"), _MANAGER)
    return {_MANAGER[name]: setting for name, setting in said.items() if setting.value is not None}


def document(taken: Snapshot, path: str) -> Document:
    """Give a file as far as it was captured, each line at its place."""
    lines = taken.files.get(path)
    if lines is None and path.startswith("/lib/"):
        lines = taken.files.get(f"/usr{path}")
    known = {number: text for number, text in lines or () if 0 < number <= _MOST_LINES}
    text = "\n".join(known.get(number, "") for number in range(1, max(known, default=0) + 1))
    # of a file that is there and says nothing of memory no line is known; an empty text would be a mask
    return Document(path, text or ("" if lines == () else "\n"))


def _judged(taken: Snapshot, path: str, kind: str) -> Judged:
    found = judge(document(taken, path), kind, whole=not _is_dropin(path))
    return replace(found, verdicts=tuple(_on_a_host(one, taken.systemd) for one in found.verdicts))


def _is_dropin(path: str) -> bool:
    return path.rpartition("/")[0].endswith(".d")


def _on_a_host(one: Verdict, version: int | None) -> Verdict:
    """Judge a line as the manager does that reads it: nothing fills in a template any more, and it may be too old for the key."""
    if one.fault:
        return one
    if version is not None and version < one.row.since:
        return replace(one, value=None, fault=f"systemd {version} does not know {one.key}= (since {one.row.since}); the line is ignored")
    if one.value is None and not one.reset and one.row.parse is not None:
        try:
            one.row.parse(one.text)
        except SizeError as error:
            return replace(one, fault=f"{error.message}; the line is ignored", hint=error.hint)
    return one


def _expanded(text: str, unit: str) -> str | None:
    """Fill in what a unit's own name tells (systemd.unit(5), specifiers); None where it needs more than that."""
    stem = unit.rpartition(".")[0]
    prefix, _, instance = stem.partition("@")
    known = {"n": unit, "N": stem, "p": prefix, "i": instance, "j": prefix.rpartition("-")[2], "%": "%"}
    if any(found not in known for found in _SPECIFIER.findall(text)):
        return None
    name = _SPECIFIER.sub(lambda match: known[match[1]], text)
    row = _units.find("Slice")
    try:
        return name if row is not None and row.parse is not None and row.parse(name) == name else None
    except SizeError:
        return None


def lines_of(judged: Iterable[Judged], field: str) -> Iterator[Verdict]:
    """Give every line that speaks of a setting, in the order in which the manager reads them."""
    for file in judged:
        yield from (one for one in file.verdicts if one.row.field == field)
