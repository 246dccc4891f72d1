"""Reads the files of the administrator whole where a capture holds their lines on memory alone: on the host itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from oomconf.dialects.systemd.places import dropin_folders, template_of
from oomconf.snapshot import Snapshot
from oomconf.snapshot.form import FILE_LINES

__all__ = ["with_sysctls", "with_units"]

_LONGEST = 1 << 20
_MOST = 4096
"""Bytes of a file below /proc/sys."""


def with_units(taken: Snapshot, units: Iterable[str], root: str = "/") -> Snapshot:
    """Give the capture with every line of the files of these units, read below `root`; those that are gone are not in it."""
    base = root.rstrip("/")
    files = dict(taken.files)
    for unit in units:
        names = {name for name in (unit, template_of(unit)) if name is not None}
        folders = {f"{name}.d" for name in dropin_folders(unit)}
        state = taken.units.get(unit)
        paths = [*(() if state is None else state.files), *_found(base, names, folders)]
        for path in dict.fromkeys(paths):
            files.pop(path, None)
            lines = _lines(f"{base}{path}")
            if lines is not None:
                files[path] = lines
    return replace(taken, files=files)


def with_sysctls(taken: Snapshot, key: str, root: str = "/") -> Snapshot:
    """Give the capture with every line of sysctl.d, and the value of one key."""
    base = root.rstrip("/")
    files = dict(taken.files)
    for folder in ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"):
        names = (f"{folder}/{name}" for name in _names(f"{base}{folder}") if name.endswith(".conf"))
        files |= {path: lines for path in names if (lines := _lines(f"{base}{path}")) is not None}
    if (lines := _lines(f"{base}/etc/sysctl.conf")) is not None:
        files["/etc/sysctl.conf"] = lines
    sysctls = dict(taken.sysctls)
    parts = key.split(".") if "/" not in key else key.translate(str.maketrans("/.", "./")).split(".")
    if ".." not in parts and "" not in parts and key not in sysctls:
        value = _text(f"{base}/proc/sys/{'/'.join(part.replace('/', '.') for part in parts)}", _MOST)
        if value is not None:
            sysctls[key] = " ".join(value.split())
    return replace(taken, files=files, sysctls=sysctls)


def _found(base: str, names: set[str], folders: set[str]) -> Iterator[str]:
    for place in FILE_LINES[0].folders:
        if (Path(f"{base}{place}").parents[1]).is_symlink():
            continue  # /lib, which is /usr/lib
        for name in _names(f"{base}{place}"):
            if name in names:
                yield f"{place}/{name}"
            elif name in folders:
                yield from (f"{place}/{name}/{inner}" for inner in _names(f"{base}{place}/{name}") if inner.endswith(".conf"))


def _lines(path: str) -> tuple[tuple[int, str], ...] | None:
    text = _text(path, _LONGEST)
    if text is None:
        return None
    return tuple(enumerate(text.removesuffix("\n").split("\n"), 1)) if text else ()


def _text(path: str, most: int) -> str | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as the capture does
            return file.read(most).decode("utf-8", "surrogateescape")
    except OSError:
        return None


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))  # noqa: PTH208 - as the capture does
    except OSError:
        return []
