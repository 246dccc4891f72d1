"""Mount units of file systems in memory (systemd.mount(5)); their other keys are nobody's here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from oomconf.dialect import Document
from oomconf.dialects import _ini
from oomconf.dialects._tmpfs import with_options
from oomconf.policy import Policy, Tmpfs

__all__ = ["is_mount", "mounts"]

_UNIT: Final = re.compile(
    r"(?:^|(?P<root>.*?)/?(?:etc|run|usr/lib|usr/local/lib|lib)/)?systemd/system/(?P<unit>[^/]+\.mount)(?:\.d/[^/]+\.conf)?$"
)


def is_mount(path: str) -> bool:
    """Whether a path is of a mount unit or of a drop-in of one."""
    return ".mount" in path and _UNIT.search(path) is not None


def mounts(documents: Iterable[Document], host: str) -> Iterator[Policy]:
    """Give the file systems in memory of each host; a drop-in's keys replace those of the unit."""
    units: dict[tuple[str, str], dict[str, _ini.Assignment]] = {}
    for document in sorted(documents, key=lambda one: (".mount.d/" in one.path, one.path.rpartition("/")[2])):
        found = _UNIT.search(document.path)
        if found is not None:
            said = units.setdefault(((found["root"] or "").strip("/") or host, found["unit"]), {})
            said |= {one.key: one for one in _ini.parse(document.path, document.text).assignments if one.section == "Mount"}
    for (root, _), said in units.items():
        tmpfs = tuple(_tmpfs(said))
        if tmpfs:
            yield Policy(name=root, object=root, tmpfs=tmpfs)


def _tmpfs(said: dict[str, _ini.Assignment]) -> Iterator[Tmpfs]:
    options, where = said.get("Options"), said.get("Where")
    if options is not None and said.get("Type", options).value == "tmpfs":
        yield with_options("" if where is None else where.value, options.value, options.at)
