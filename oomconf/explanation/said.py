"""The lines that speak of a unit's settings, each with what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from oomconf.dialects.systemd.judge import Judged, Verdict
from oomconf.explanation.nouns import Line
from oomconf.location import Location
from oomconf.origins import judged_of
from oomconf.origins import lines_of as every_line
from oomconf.policy import Setting
from oomconf.quantity import INFINITY, Percent, human
from oomconf.snapshot import Snapshot

__all__ = ["default_of_slices", "lines_of", "older_limit", "written", "written_words"]

_LAST_OLDER: Final = 257
_SIZES: Final = ("memory_min", "memory_low", "memory_high", "memory_max", "memory_swap_max")


def lines_of(judged: Sequence[Judged], field: str, winner: Setting[Any] | None) -> tuple[Line, ...]:
    """Give the line that wins first, then the others, the nearest first, each with its place and what became of it."""
    found: list[Line] = []
    rest: list[Line] = []
    for one in every_line(judged, field):
        wins = winner is not None and winner.value is not None and one.at == winner.at and not one.fault
        line = Line(at=one.at, text=_text(one), fate="wins" if wins else "ignored" if one.fault else "beaten", why=one.fault)
        (found if wins else rest).append(line)
    # a line that stands twice at one place is one line
    return (*found[-1:], *reversed(list(dict.fromkeys(rest))))


def _text(one: Verdict) -> str:
    return one.text if one.kind == "key" and "=" not in one.key and one.text.startswith(one.key) else f"{one.key}={one.text}"


def written(value: object) -> str:
    """Write a value as the reports show it."""
    if value is None:
        return "unknown"
    if isinstance(value, Percent):
        return str(value)
    return str(value)


def written_words(field: str, value: int | str | None) -> str:
    """Write a value of a field: sizes in units, no limit as `max`."""
    if isinstance(value, int) and field in _SIZES:
        return "max" if value >= INFINITY else human(value)
    return written(value)


def older_limit(judged: Sequence[Judged], version: int | None) -> tuple[Line, int | Percent] | None:
    """MemoryLimit=, which is memory.max where no newer key is said, up to systemd 257 (src/core/cgroup.c)."""
    every = [one for file in judged for one in file.verdicts if not one.fault]
    if (version is not None and version > _LAST_OLDER) or any(one.row.field in _SIZES for one in every):
        return None
    said = [one for one in every if one.row.name == "MemoryLimit"]
    if not said or not isinstance(said[-1].value, int | Percent):
        return None
    return Line(at=said[-1].at, text=_text(said[-1]), fate="wins"), said[-1].value


def default_of_slices(taken: Snapshot, slices: Sequence[str], field: str) -> tuple[Line, int | Percent] | None:
    """DefaultMemoryLow= or DefaultMemoryMin= of the nearest slice that has one, for what says nothing itself."""
    key = {"memory_low": "DefaultMemoryLow", "memory_min": "DefaultMemoryMin"}.get(field)
    if key is None:
        return None
    for name in slices:
        valid = [one for file in judged_of(taken, name) for one in file.verdicts if one.row.name == key and not one.fault]
        if valid and isinstance(valid[-1].value, int | Percent):
            at: Location = valid[-1].at
            return Line(at=at, text=f"{key}={valid[-1].text}", fate="wins"), valid[-1].value
    return None
