"""File systems in memory, as engines and mount(8) say them: `size=` of tmpfs is the kernel's own (mm/shmem.c: shmem_parse_one())."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.location import Location
from oomconf.policy import Amount, Setting, Tmpfs
from oomconf.quantity import Percent, Size, SizeError, docker, memparse

__all__ = ["SHM", "beside", "mounted", "sized", "with_options"]

_SHARE: Final = re.compile("[0-9]{1,3}%")
SHM: Final = "/dev/shm"  # noqa: S108


def mounted(text: str, at: Location) -> Tmpfs:
    """Read `/path:size=64m,mode=1777`; a size that the kernel refuses is unknown."""
    path, _, options = text.partition(":")
    return with_options(path, options, at)


def with_options(path: str, options: str, at: Location) -> Tmpfs:
    """Read the options of a mount, `size=64m,mode=1777`; the last size counts, and one that the kernel refuses is unknown."""
    for option in reversed(options.split(",")):
        name, _, value = option.partition("=")
        if name == "size" and value:
            return Tmpfs(path=path, at=at, size=Setting(_kernel_size(value), at, text=value))
    return Tmpfs(path=path, at=at)


def sized(path: str, text: str, at: Location) -> Tmpfs | None:
    """Read a size in Docker's grammar; None for 0, which is the engine's default."""
    size: Size | None = None
    try:
        size = docker.parse(text)
    except SizeError:
        size = None
    return None if size == 0 else Tmpfs(path=path, at=at, size=Setting(size, at, text=text))


def beside(dialect: str, found: Iterable[Tmpfs]) -> Iterator[Entry]:
    """Give the sizes, for which a spec has no word."""
    for one in found:
        if one.size is not None:
            yield Entry(dialect, one.path or "tmpfs", "", "tmpfs size", one.size.text, one.size.at, kind="beside")


def _kernel_size(text: str) -> Amount | None:
    try:
        if _SHARE.fullmatch(text):
            return Percent(int(text[:-1]) * 100)
        return memparse.parse(text)
    except SizeError:
        return None
