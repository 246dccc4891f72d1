"""Files in folders of drop-ins whose names keep them from being read."""

from __future__ import annotations

import re
from typing import Final

from oomconf.dialect import Document, Entry
from oomconf.location import Location

__all__ = ["misnamed", "stray", "unread"]

_TYPES: Final = ("service", "slice", "scope", "swap", "socket", "mount", "automount", "target", "timer", "path", "device")
_TYPE: Final = "(?:" + "|".join(_TYPES) + ")"
_NO_UNIT: Final = re.compile(r"(?:^|/)systemd/(?:system|user)/(?P<unit>[^/]+)\.d/[^/]+\.conf$")
_NO_FOLDER: Final = re.compile(rf"(?:^|/)systemd/(?:system|user)/(?P<unit>[^/]+\.{_TYPE})\.d\.conf$")
_NO_MANAGER: Final = re.compile(rf"(?:^|/)(?P<folder>(?:etc|run|usr/lib|usr/local/lib)/systemd)/(?P<unit>[^/]+\.{_TYPE})\.d/[^/]+\.conf$")

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


def stray(path: str) -> tuple[str, str]:
    """Say why systemd never looks into a folder of drop-ins, and where they belong; nothing for folders that it does look into."""
    if "systemd/" not in path:
        return "", ""
    if (found := _NO_UNIT.search(path)) is not None and found["unit"].rpartition(".")[2] not in _TYPES:
        return f"is not read: {found['unit']}.d names no unit", f"put it into {found['unit']}.service.d"
    if (found := _NO_FOLDER.search(path)) is not None:
        return "is not read: drop-ins stand in a folder", f"put it into {found['unit']}.d, as 10-{found['unit'].partition('.')[0]}.conf"
    if (found := _NO_MANAGER.search(path)) is not None:
        return f"is not read: no unit stands in {found['folder']} itself", f"move it to {found['folder']}/system/{found['unit']}.d"
    return "", ""


def unread(dialect: str, document: Document, said: re.Pattern[str], why: tuple[str, str] = ("", "")) -> Entry | None:
    """Note a misnamed file by the first line that speaks of memory; None if there is none."""
    found = said.search(document.text)
    if found is None:
        return None
    line = document.text.count("\n", 0, found.start()) + 1
    width = len(document.text[found.start() :].partition("\n")[0].rstrip())
    name = document.path.rpartition("/")[2]
    at = Location(document.path, line, 1, line, 1 + width)
    fault, hint = why if why[0] else ("is not read: only names that end in .conf are", f"call it {_better(name)}")
    return Entry(dialect, document.path, "", name, "", at, fault, hint, "name")


def _better(name: str) -> str:
    end = next((end for end in _ENDS if name.endswith(end)), "")
    return f"{name.removesuffix(end)}.conf"
