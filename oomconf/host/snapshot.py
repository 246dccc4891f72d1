"""Captures a host: the files that a snapshot holds, read below a root, and the shell script that does the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from oomconf.snapshot import CGROUP_FILES, FILES, HEAD, STATUS, TAIL
from oomconf.templating import Templates

__all__ = ["capture", "collector"]

_FIELDS: Final = re.compile(rf"^(?:{'|'.join(STATUS)}):")
_CGROUPS: Final = "/sys/fs/cgroup"


def capture(root: str = "/") -> str:
    """Read a snapshot of the host below `root`; what vanishes, or may not be read, is left out."""
    return "".join(f"{line}\n" for line in _lines(root.rstrip("/")))


def collector() -> str:
    """Give the shell script that captures a host without Python, in the same form."""
    names = " -o ".join(f"-name {name}" for name in CGROUP_FILES)
    return Templates().render("snapshot/oomconf-snapshot.sh.j2", files=" ".join(FILES), fields="|".join(STATUS), names=names)


def _lines(root: str) -> Iterator[str]:
    yield HEAD
    yield f"/page_size:{os.sysconf('SC_PAGESIZE')}"
    for path in FILES:
        yield from (f"{path}:{line}" for line in _read(f"{root}{path}"))
    own = "" if root else str(os.getpid())  # who looks is not of what is looked at
    pids = [name for name in _names(f"{root}/proc") if name.isdecimal() and name != own]
    for pid in pids:
        yield from (f"/proc/{pid}/status:{line}" for line in _read(f"{root}/proc/{pid}/status") if _FIELDS.match(line))
        for name in ("oom_score_adj", "cgroup"):
            yield from (f"/proc/{pid}/{name}:{line}" for line in _read(f"{root}/proc/{pid}/{name}"))
    for folder, _, names in os.walk(f"{root}{_CGROUPS}", onerror=None):
        for name in CGROUP_FILES:
            if name in names:
                shown = f"{folder[len(root) :]}/{name}"
                yield from (f"{shown}:{line}" for line in _read(f"{folder}/{name}"))
    yield TAIL


def _read(path: str) -> list[str]:
    try:
        text = Path(path).read_bytes().decode("utf-8", "backslashreplace")
    except OSError:
        return []
    return text.removesuffix("\n").split("\n") if text else []  # a name may hold any other mark that ends a line


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))  # noqa: PTH208
    except OSError:
        return []
