"""Which files of a unit count, and which of their lines win: the last valid value, whatever was said before (systemd.unit(5))."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from oomconf.dialects.systemd.judge import Judged, Verdict
from oomconf.dialects.systemd.places import CONFS, Place, Scope, dropin_folders, is_pattern, surviving, template_of
from oomconf.policy import Setting

__all__ = ["Files", "merged"]


@dataclass(slots=True)
class Files:
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


def merged(files: Iterable[Judged], fields: Container[str]) -> dict[str, Any]:
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
