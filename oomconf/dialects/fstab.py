"""fstab, read only: the file systems in memory that it mounts (fstab(5), tmpfs(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from oomconf.dialect import Dialect, Document, Reading, Sources
from oomconf.dialects._tmpfs import beside, with_options
from oomconf.location import Location
from oomconf.policy import Policy, Tmpfs

_FIELD: Final = re.compile(r"\S+")
_TYPE: Final = 2
_OPTIONS: Final = 3


def claims(path: str) -> bool:
    """/etc/fstab of any root."""
    return path == "etc/fstab" or path.endswith("/etc/fstab")


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read the lines of type tmpfs. Never raises."""
    found = tuple(tmpfs for document in documents for tmpfs in _tmpfs(document))
    return Reading((Policy(name="host", object="host", tmpfs=found),), tuple(beside("fstab", found))) if found else Reading()


def _tmpfs(document: Document) -> Iterator[Tmpfs]:
    for number, line in enumerate(document.text.split("\n"), 1):
        fields = [] if line.lstrip().startswith("#") else list(_FIELD.finditer(line))
        if len(fields) > _OPTIONS and fields[_TYPE][0] == "tmpfs":
            options = fields[_OPTIONS]
            at = Location(document.path, number, options.start() + 1, number, options.end() + 1)
            yield with_options(fields[1][0], options[0], at)


DIALECT: Final = Dialect(
    name="fstab", summary="etc/fstab: file systems in memory, read only", claims=claims, read=read, proven="by documentation"
)
