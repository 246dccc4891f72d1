"""Where unit files stand: which host and manager a path belongs to, what it is of, and which directory wins (systemd.unit(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

__all__ = ["CONFS", "Place", "Scope", "dropin_folders", "is_pattern", "place", "surviving", "template_of"]

# In order of precedence; `systemd-analyze unit-paths`.
_SYSTEM: Final = (
    "etc/systemd/system.control",
    "run/systemd/system.control",
    "run/systemd/transient",
    "run/systemd/generator.early",
    "etc/systemd/system",
    "etc/systemd/system.attached",
    "run/systemd/system",
    "run/systemd/system.attached",
    "run/systemd/generator",
    "usr/local/lib/systemd/system",
    "lib/systemd/system",
    "usr/lib/systemd/system",
    "run/systemd/generator.late",
)
_USER: Final = (
    ".config/systemd/user.control",
    ".config/systemd/user",
    "etc/xdg/systemd/user",
    "etc/systemd/user",
    "run/systemd/user",
    ".local/share/systemd/user",
    "usr/local/share/systemd/user",
    "usr/share/systemd/user",
    "usr/local/lib/systemd/user",
    "lib/systemd/user",
    "usr/lib/systemd/user",
)
_CONF: Final = ("etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd", "lib/systemd")  # an end after the whole
_TYPES: Final = ("service", "slice", "scope", "socket", "mount", "swap", "timer")
CONFS: Final = {"oomd.conf": "oomd", "system.conf": "manager", "user.conf": "manager"}
"""Files that are no units, and the kind of each."""
# The longest first, for one is the end of another; a bare `systemd/system` is of a tree that is copied to /etc.
_FOLDERS: Final = sorted(
    (
        *((folder, False, rank) for rank, folder in enumerate(_SYSTEM)),
        *((folder, True, rank) for rank, folder in enumerate(_USER)),
        ("systemd/system", False, _SYSTEM.index("etc/systemd/system")),
        ("systemd/user", True, _USER.index("etc/systemd/user")),
    ),
    key=lambda row: -len(row[0]),
)
_FOREIGN: Final = ("dbus-1/", "avahi/")
_HOME: Final = re.compile(r"(?:^|(?<=/))(?:home/[^/]+|root|etc/skel)/$")
_LINKS: Final = (".wants", ".requires", ".upholds")


class Scope(NamedTuple):
    """One manager's view: units of one scope see each other."""

    root: str
    """The folder that is a host's `/`; empty for the root of the run."""
    folder: str
    """The folder of units that stand in no load path; empty for those that do."""
    user: bool


class Place(NamedTuple):
    """What a path is of."""

    scope: Scope
    rank: int
    """Of its directory: the smaller wins."""
    unit: str
    """`web.service`, `web-.service`, `service` for all of them, or a name of CONFS."""
    file: str
    """Name of a drop-in; empty for a whole file."""

    @property
    def kind(self) -> str:
        """`oomd`, `manager`, or the type of the unit: `service`, `slice` and so on."""
        return CONFS.get(self.unit) or self.unit.rpartition(".")[2]


def place(path: str) -> Place | None:
    """Say what a path is of; None if it is no unit, drop-in or file of a manager by its name."""
    folder, _, name = path.rpartition("/")
    if name.startswith(".") or any(f"/{foreign}" in f"/{path}" for foreign in _FOREIGN):
        return None
    above, _, parent = folder.rpartition("/")
    if parent.endswith(".d") and name.endswith(".conf"):
        unit, file = parent.removesuffix(".d"), name
        folder = above
    elif not parent.endswith(_LINKS):
        unit, file = name, ""
    else:
        return None
    if unit in CONFS:
        return _conf(unit, folder, file)
    stem, dot, kind = unit.rpartition(".")
    if kind not in _TYPES or (not file and not (dot and stem)):
        return None
    for known, user, rank in _FOLDERS:
        if folder == known or folder.endswith(f"/{known}"):
            root = folder.removesuffix(known)
            return Place(Scope(_HOME.sub("", root) if known.startswith(".") else root, "", user), rank, unit, file)
    return Place(Scope("", folder or ".", user=False), 0, unit, file)


def _conf(unit: str, folder: str, file: str) -> Place | None:
    for rank, known in enumerate(_CONF):
        if folder == known or folder.endswith(f"/{known}"):
            return Place(Scope(folder.removesuffix(known), "", user=False), rank, unit, file)
    if unit != "oomd.conf" and folder.rpartition("/")[2] != "systemd":
        return None  # a name that many programs use
    return Place(Scope("", folder or ".", user=False), 0, unit, file)


def is_pattern(unit: str) -> bool:
    """Whether a drop-in folder of this name is for several units: `service`, `web-.service`, `web-@one.service`."""
    stem, dot, _ = unit.rpartition(".")
    return not dot or (stem != "-" and stem.partition("@")[0].endswith("-"))


def template_of(unit: str) -> str | None:
    """`postgres@.service` of `postgres@15.service`; None for what is no instance."""
    stem, _, kind = unit.rpartition(".")
    prefix, at, instance = stem.partition("@")
    return f"{prefix}@.{kind}" if at and instance else None


def dropin_folders(unit: str) -> tuple[str, ...]:
    """Names whose `.d` folders hold drop-ins of a unit, the most specific first, the type's own last (src/shared/dropin.c)."""
    return (*dict.fromkeys(_named(unit)), unit.rpartition(".")[2])


def _named(unit: str) -> Iterator[str]:
    stem, _, kind = unit.rpartition(".")
    prefix, at, instance = stem.partition("@")
    while True:
        yield f"{prefix}{at}{instance}.{kind}"
        if instance:
            yield f"{prefix}@.{kind}"
        shorter, dash, _ = prefix[:-1].rpartition("-")
        if not dash or not shorter:
            return
        prefix = f"{shorter}-"


def surviving(unit: str, dropins: Iterable[Place]) -> list[Place]:
    """Give the drop-ins of a unit that count, in the order in which they are read: by file name, whichever folder they are in.

    Of one file name the directory with precedence wins, then the more specific name; the type's folder loses to all.
    """
    order = {name: number for number, name in enumerate(dropin_folders(unit))}
    last = len(order) - 1
    best: dict[str, tuple[tuple[bool, int, int], Place]] = {}
    for one in dropins:
        number = order.get(one.unit)
        if number is None:
            continue
        rank = (number == last, one.rank, number)
        if one.file not in best or rank < best[one.file][0]:
            best[one.file] = (rank, one)
    return [one for _, (_, one) in sorted(best.items(), key=lambda item: item[0].encode("utf-8", "surrogatepass"))]
