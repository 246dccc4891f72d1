"""The kernel's table of tasks, by the columns that its own heading names (mm/oom_kill.c: dump_tasks)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from oomconf.oomlog.events import Task

__all__ = ["heading", "row", "row_is_whole"]

_HEADING: Final = re.compile(r"^\[ +pid +\] +(uid +tgid +total_vm +rss [a-z_ ]*?name) *$")
_HEADING_START: Final = re.compile(r"^\[ +pid +\] +uid")
_KNOWN: Final = frozenset(
    {
        "uid", "tgid", "total_vm", "rss", "rss_anon", "rss_file", "rss_shmem", "nr_ptes", "nr_pmds", "nr_puds", "pgtables_bytes",
        "swapents", "cpu", "oom_adj", "oom_score_adj", "name",
    }
)  # fmt: skip
_ROW: Final = re.compile(r"^\[\s*(\d{1,10})\]\s+(\d.*)$")
_PLAIN: Final = ("uid", "tgid", "total_vm", "rss", "pgtables_bytes", "swapents", "oom_score_adj", "name")
_PTES: Final = ("uid", "tgid", "total_vm", "rss", "nr_ptes", "swapents", "oom_score_adj", "name")
_SPLIT: Final = (
    "uid",
    "tgid",
    "total_vm",
    "rss",
    "rss_anon",
    "rss_file",
    "rss_shmem",
    "pgtables_bytes",
    "swapents",
    "oom_score_adj",
    "name",
)
_PMDS: Final = ("uid", "tgid", "total_vm", "rss", "nr_ptes", "nr_pmds", "swapents", "oom_score_adj", "name")


def heading(text: str) -> tuple[str, ...] | None:
    """Read the table's heading: the columns behind the pid; None if it is no heading, or none that is whole."""
    match = _HEADING.match(text)
    if match is None:
        return None
    columns = tuple(match[1].split())
    return columns if _KNOWN.issuperset(columns) else None


def heading_starts(text: str) -> bool:
    """Whether a line is the beginning of a heading, which may be wrapped or cut."""
    return _HEADING_START.match(text) is not None


@lru_cache(maxsize=4)  # the same row is asked for whether it is whole, and for what it says
def row(text: str, columns: tuple[str, ...] | None) -> Task | None:
    """Read a row by its columns; without a heading, by how many numbers it has. None if it is no row or not whole."""
    match = _ROW.match(text)
    if match is None:
        return None
    columns = columns or _guess(match[2])
    if columns is None:
        return None
    cells = match[2].split(None, len(columns) - 1)
    if len(cells) < len(columns):
        return None
    try:
        found = dict(zip(columns, map(int, cells[:-1]), strict=False))
    except ValueError:
        return None
    get = found.get
    tables = None
    if "nr_ptes" in found:
        tables = found["nr_ptes"] + get("nr_pmds", 0) + get("nr_puds", 0)
    return Task(
        int(match[1]), found["tgid"], found["uid"], cells[-1].rstrip(" "), found["total_vm"], found["rss"], get("rss_anon"),
        get("rss_file"),
        get("rss_shmem"), get("pgtables_bytes"), tables, get("swapents"), get("oom_score_adj"),
    )  # fmt: skip


def row_is_whole(text: str, columns: tuple[str, ...] | None) -> bool | None:
    """Whether a row has all its cells; None if it is no row."""
    if _ROW.match(text) is None:
        return None
    return row(text, columns) is not None


def _guess(cells: str) -> tuple[str, ...] | None:
    """Tell the columns of a row whose heading is lost by how many numbers stand before its name."""
    words = cells.split()
    numbers = 0
    while numbers < len(words) and _is_int(words[numbers]):
        numbers += 1
    if numbers >= len(words):
        numbers = len(words) - 1
    wide = {10: _SPLIT, 8: _PMDS}.get(numbers)
    if wide is not None:
        return wide
    if numbers != len(_PLAIN) - 1:
        return None
    tables = int(words[4][:24])
    return _PLAIN if tables >= 4096 and tables % 4096 == 0 else _PTES  # noqa: PLR2004


def _is_int(cell: str) -> bool:
    return cell.isascii() and cell.removeprefix("-").isdecimal()
