"""What readers met and a spec does not say: every entry whose place no value of the spec came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final

from oomconf.dialect import Entry
from oomconf.dialects._units import find
from oomconf.location import Location
from oomconf.policy import GROUP_FIELDS, WORKLOAD_FIELDS, Setting

__all__ = ["Places", "settings", "unsaid"]

_OTHER: Final = frozenset(
    {"Environment", "ExecStart", "Delegate", "DisableControllers", "What", "Options", "RestartSec", "RestartPreventExitStatus"}
    | {"RestartForceExitStatus", "SuccessExitStatus", "AllowedMemoryNodes", "EnvironmentFile", "StartLimitIntervalSec"}
    | {"ExecStartPre", "ExecStartPost", "ExecReload"}
)
"""Keys of units that readers look at and that say nothing of memory; a drop-in leaves them as they are."""
_HINTS: Final = {
    "script": frozenset({"sudo", "unset", "systemd", "other-shell", "late-limit", "missing"}),
    "compose": frozenset({"swarm", "merge", "unset"}),
    "kubernetes": frozenset({"autoscaler"}),
    "kubelet": frozenset({"defaults"}),
}
"""Sections of entries that tell rules of something and hold no value of their own."""
_UNITS: Final = ("systemd", "quadlet")
_WORDLESS: Final = ("daemon-json",)
_OOMD: Final = ("swap_used_limit", "default_memory_pressure_limit", "default_memory_pressure_duration")
_ZERO: Final = re.compile(r"0+[bkmgBKMG]*")
_WORDS: Final = {
    "optional": "the '-', which passes over a failure, is not in the spec",
    "filled in": "its value is not known before it is filled in",
    "build": "it is run while an image is built, and is no setting of a host",
    "homeless": "it names no namespace: the spec takes it for default's",
    "bare": "it leaves them without a threshold, and a render says the kubelet's defaults",
    "hierarchy": "say cgroup_version under the host",
    "Manager": "it holds for every service, and a spec says it service by service",
}
"""Why, by section."""


class Places:
    """Places whose values are accounted for, with what stands there."""

    def __init__(self) -> None:
        self._said: set[tuple[Location, str]] = set()
        self._at: set[Location] = set()
        self._lines: set[tuple[str, int]] = set()
        self._beaten: set[tuple[Location, str]] = set()

    def add(self, at: Location, text: str = "") -> None:
        """Account for a place."""
        self._at.add(at)
        self._lines.add((at.path, at.line))
        self._said.add((at, text))

    def add_beaten(self, at: Location, text: str) -> None:
        """Account for a value that is not in force, unless its consumer has something against it."""
        self._beaten.add((at, text))

    def add_all(self, thing: object) -> None:
        """Account for every value that a part of a policy holds, those that it beats included."""
        for setting in settings(thing):
            self.add(setting.at, setting.text)

    def holds(self, entry: Entry, *, alone: bool) -> bool:
        """Whether an entry is accounted for; where several stand at one place its own text counts, else the place."""
        if entry.dialect == "sysctl" and not entry.fault and not entry.section and (entry.at.path, entry.at.line) in self._lines:
            return True  # one assignment a line: of an unknown one the policy has the name's place
        said = entry.at, entry.value
        if entry.key == "PodmanArgs" and any(_is_in(at, entry.at) for at in self._at):
            return True  # the value of the option was taken over
        return said in self._said or (said in self._beaten and not entry.fault) or (alone and entry.at in self._at)


def _is_in(at: Location, outer: Location) -> bool:
    return at.path == outer.path and outer.line == at.line and outer.column <= at.column and at.end_column <= outer.end_column


def settings(thing: object) -> Iterator[Setting[Any]]:
    """Give every setting in a part of a policy, and what each beats."""
    if isinstance(thing, Setting):
        yield thing
        yield from thing.beat
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from settings(value)
    elif isinstance(thing, tuple):
        for value in thing:
            yield from settings(value)
    elif is_dataclass(thing):
        for one in fields(thing):
            yield from settings(getattr(thing, one.name))


def unsaid(entries: Iterable[Entry], known: Places) -> Iterator[tuple[Location, str, str]]:
    """Give the place, the words and the reason of each entry that is not accounted for."""
    entries = [entry for entry in dict.fromkeys(entries) if not _is_hint(entry)]
    texts: dict[Location, set[str]] = {}
    for entry in entries:
        texts.setdefault(entry.at, set()).add(entry.value)
    for entry in entries:
        always = entry.section in ("Manager", "homeless", "bare") and entry.dialect != "script"
        if always or not known.holds(entry, alone=len(texts[entry.at]) == 1):
            yield entry.at, _words(entry), _why(entry)


def _is_hint(entry: Entry) -> bool:
    if entry.kind in ("file", "patch"):
        return True
    if entry.fault:
        return False
    if entry.dialect in _UNITS and (entry.key in _OTHER or not entry.value):
        return True
    if entry.key == "%":
        return True
    if entry.dialect == "compose" and entry.section == "services" and "mem" in entry.key and _ZERO.fullmatch(entry.value):
        return True  # as good as unsaid
    return entry.section in _HINTS.get(entry.dialect, ())


def _words(entry: Entry) -> str:
    if entry.dialect == "kubernetes" and entry.key == "memory" and entry.section:
        return f"{entry.object}: {entry.section}.memory {entry.value[:80]}"
    said = " ".join(part for part in (entry.key, entry.value[:80]) if part)
    return f"{entry.object}: {said}" if said else entry.object


def _why(entry: Entry) -> str:
    if entry.fault:
        return entry.fault
    if entry.key in ("oom_score_adj", "oom_adj") and entry.dialect == "script":
        return "a spec has no placement for a process alone"
    if entry.key in ("vm.drop_caches", "vm.compact_memory", "swapoff"):
        return "it is done once, and is no setting"
    if entry.section == "slice" and entry.dialect == "script":
        return "say it under slices: import makes none of a command"
    row = find(entry.key) if entry.dialect in _UNITS else None
    known = entry.kind != "beside" and entry.dialect not in _WORDLESS if row is None else row.field in _fields_of(entry)
    return _WORDS.get(entry.section) or (
        "it is not in force, or another value stands in its place" if known else "a spec has no word for it"
    )


def _fields_of(entry: Entry) -> tuple[str, ...]:
    return GROUP_FIELDS if entry.object.endswith("slice") else (*WORKLOAD_FIELDS, *_OOMD)
