"""Files in folders of drop-ins whose names keep them from being read."""

from __future__ import annotations

import re
from typing import Final

from oomconf.dialect import Document, Entry
from oomconf.location import Location

__all__ = ["misnamed", "unread"]

_ENDS: Final = (".cfg", ".config", ".cnf", ".ini", ".txt", ".unit", ".override", ".dropin", ".service")
_OTHERS: Final = frozenset({"README", "LICENSE", "COPYING", "MAKEFILE", "OWNERS", "CODEOWNERS", "NOTES", "TODO"})


def misnamed(path: str, folder: re.Pattern[str]) -> bool:
    """Whether a file in a folder of `*.conf` has a name that somebody took for one; what is put aside as .bak or .disabled has not."""
    where, _, name = path.rpartition("/")
    if not where.endswith(".d"):
        return False
    if folder.search(f"{where}/") is None or name.startswith(".") or name.endswith("~") or name.upper() in _OTHERS:
        return False
    return "." not in name or name.endswith(_ENDS)


def unread(dialect: str, document: Document, said: re.Pattern[str]) -> Entry | None:
    """Note a misnamed file by the first line that speaks of memory; None if there is none."""
    found = said.search(document.text)
    if found is None:
        return None
    line = document.text.count("\n", 0, found.start()) + 1
    width = len(document.text[found.start() :].partition("\n")[0].rstrip())
    name = document.path.rpartition("/")[2]
    at = Location(document.path, line, 1, line, 1 + width)
    return Entry(
        dialect, document.path, "", name, "", at, "is not read: only names that end in .conf are", f"call it {_better(name)}", "name"
    )


def _better(name: str) -> str:
    end = next((end for end in _ENDS if name.endswith(end)), "")
    return f"{name.removesuffix(end)}.conf"
