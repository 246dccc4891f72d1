"""What the unit files of a captured host say of a unit, merged as systemd merges them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oomconf.dialect import Document
from oomconf.dialects.systemd.judge import judge
from oomconf.dialects.systemd.places import Place, dropin_folders, place, surviving, template_of
from oomconf.location import Location
from oomconf.policy import Setting
from oomconf.snapshot import Snapshot

__all__ = ["said_of"]


def said_of(taken: Snapshot, unit: str) -> Mapping[str, Setting[Any]]:
    """Give what a unit's files say, by the policy's field names."""
    return _UnitFiles(taken).said_of(unit)


class _UnitFiles:
    """The unit files of a snapshot by the units that they speak of."""

    def __init__(self, taken: Snapshot) -> None:
        self._taken = taken
        self._fragments: dict[str, tuple[int, str]] = {}
        self._dropins: dict[str, dict[Place, str]] = {}
        for path in taken.files:
            where = place(path.lstrip("/"))
            if where is None or where.scope.user:
                continue
            if where.file:
                self._dropins.setdefault(where.unit, {})[where] = path
            elif where.unit not in self._fragments or where.rank < self._fragments[where.unit][0]:
                self._fragments[where.unit] = (where.rank, path)

    def said_of(self, unit: str) -> Mapping[str, Setting[Any]]:
        """Give what the files of a unit say, by the policy's words: the last line that systemd takes."""
        said: dict[str, Setting[Any]] = {}
        main = self._fragments.get(unit) or self._fragments.get(template_of(unit) or "")
        every = {where: path for name in dropin_folders(unit) for where, path in self._dropins.get(name, {}).items()}
        paths = [*([main[1]] if main is not None else []), *(every[where] for where in surviving(unit, every))]
        for path in paths:
            self._merge(said, path, unit)
        return said

    def _merge(self, said: dict[str, Setting[Any]], path: str, unit: str) -> None:
        lines = self._taken.files[path]
        numbers = [number for number, _ in lines]
        document = Document(path.lstrip("/"), "".join(f"{line}\n" for _, line in lines))
        for one in judge(document, unit.rpartition(".")[2], whole=False).verdicts:
            field = one.row.field
            if field is None or one.fault:
                continue
            if one.reset and one.value is None:
                said.pop(field, None)
            elif one.value is not None:
                line = numbers[one.at.line - 1] if 0 < one.at.line <= len(numbers) else 0
                said[field] = Setting(one.value, Location(path, line, 0, line, 0), text=one.text)
