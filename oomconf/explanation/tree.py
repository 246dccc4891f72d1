"""The cgroups above a service: what limits it really, and how much of its protection is left (Documentation/admin-guide/cgroup-v2.rst)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.explanation.nouns import Bound
from oomconf.location import Location
from oomconf.origins import said_of
from oomconf.quantity import INFINITY, Percent
from oomconf.snapshot import Snapshot

__all__ = [
    "FILES",
    "above",
    "amount",
    "every_path",
    "held",
    "in_force",
    "limit",
    "own_unit",
    "path_of_slice",
    "path_of_unit",
    "protection",
    "recursive",
    "slice_of",
    "swap_limit",
    "unit_at",
]

FILES: Final = {
    "memory_min": "memory.min",
    "memory_low": "memory.low",
    "memory_high": "memory.high",
    "memory_max": "memory.max",
    "memory_swap_max": "memory.swap.max",
}
_RECURSIVE: Final = 247
"""The first systemd that mounts the cgroups with memory_recursiveprot."""
_ON_V1: Final = ("memory_max", "memory_swap_max")
_UNITS: Final = (".slice", ".service", ".scope", ".socket", ".mount", ".swap")


def above(path: str) -> Iterator[str]:
    """A cgroup and those that hold it, itself first, the root left out."""
    while path not in ("", "/"):
        yield path
        path = path.rpartition("/")[0]


def unit_at(path: str) -> str:
    """The unit that a cgroup is of, by its last name; a path that is no unit's as it is."""
    name = path.rpartition("/")[2]
    return name if name.endswith(_UNITS) else path


def own_unit(path: str) -> str:
    """The unit of the system's manager whose own cgroup this is; empty for any other: slices alone stand above those of its units."""
    *parents, name = path.strip("/").split("/")
    return name if name.endswith(_UNITS) and all(one.endswith(".slice") for one in parents) else ""


def slice_of(path: str) -> str:
    """The slice that holds a cgroup; the root's where no other does."""
    return next((unit_at(one) for one in list(above(path))[1:] if one.endswith(".slice")), "-.slice")


def every_path(taken: Snapshot) -> Iterator[str]:
    """Every cgroup that is seen, by its files or by its processes; one may come again."""
    yield from taken.cgroups
    for path in dict.fromkeys(process.cgroup for process in taken.processes):
        yield from above(path)


def path_of_unit(taken: Snapshot, unit: str) -> str:
    """The cgroup of a unit that the manager was not asked for; empty if none is seen. That of the system's manager goes before a user's."""
    found = [path for path in every_path(taken) if path.endswith(f"/{unit}")]
    return next((path for path in found if own_unit(path)), found[0] if found else "")


def path_of_slice(name: str) -> str:
    """The cgroup of a slice: `a-b.slice` is in `a.slice` (systemd.slice(5))."""
    stem = name.removesuffix(".slice")
    if stem in ("-", ""):
        return ""
    parts = stem.split("-")
    return "".join(f"/{'-'.join(parts[:count])}.slice" for count in range(1, len(parts) + 1))


def held(taken: Snapshot, path: str) -> int | None:
    """What a cgroup uses."""
    state = taken.cgroups.get(path)
    return None if state is None else state.values.get("memory.current", state.values.get("memory.usage_in_bytes"))


def in_force(taken: Snapshot, path: str, field: str) -> int | None:
    """What a cgroup holds for a setting; None if it has no such file or is not seen."""
    state = taken.cgroups.get(path)
    if state is None:
        return None
    if taken.cgroup_version != 1:
        return state.values.get(FILES[field])
    if field == "memory_max":
        return state.values.get("memory.limit_in_bytes")
    limit, both = state.values.get("memory.limit_in_bytes"), state.values.get("memory.memsw.limit_in_bytes")
    if field != "memory_swap_max" or limit is None or both is None:
        return None
    return INFINITY if both >= INFINITY or limit >= INFINITY else max(0, both - limit)


def amount(taken: Snapshot, value: object) -> int | None:
    """Bytes of what a file says; a share is of RAM, for swap too (src/core/load-fragment.c)."""
    if isinstance(value, Percent):
        return None if taken.memory_total is None else value.of(taken.memory_total, taken.page_size)
    return value if isinstance(value, int) else None


def _valued(taken: Snapshot, path: str, field: str) -> int | None:
    """What holds at a cgroup: its own file, else what its unit's files say, for a slice that is not there yet."""
    value = in_force(taken, path, field)
    if value is None and path not in taken.cgroups:
        said = said_of(taken, unit_at(path)).get(field)
        value = None if said is None else amount(taken, said.value)
    return value


def place_of(taken: Snapshot, path: str, field: str) -> Location | None:
    """The line that sets a cgroup's value, if the value is the one that the line says."""
    said = said_of(taken, unit_at(path)).get(field)
    if said is None or said.value is None:
        return None
    value = in_force(taken, path, field)
    written = amount(taken, said.value)
    return said.at if value is None or written is None or abs(written - value) < taken.page_size else None


def limit(taken: Snapshot, path: str, field: str, *, own: int | None = None) -> Bound | None:
    """The tightest of a cgroup's and its ancestors' limits, and which of them is reached first; None if there is none.

    `own` is the limit of a service whose cgroup is not there.
    """
    using = "memory.swap.current" if field == "memory_swap_max" else "memory.current"
    best: tuple[int, str] | None = None
    room: tuple[int, str] | None = None
    for one in above(path):
        value = _valued(taken, one, field) if own is None or one != path else own
        if value is None or value >= INFINITY:
            continue
        best = min(best, (value, one), key=lambda row: row[0]) if best is not None else (value, one)
        state = taken.cgroups.get(one)
        used = (
            None if state is None else state.values.get(using, state.values.get("memory.usage_in_bytes") if field == "memory_max" else None)
        )
        if used is not None:
            left = (max(0, value - used), one)
            room = min(room, left, key=lambda row: row[0]) if room is not None else left
    if best is None:
        return None
    value, by = best
    state = taken.cgroups.get(path)
    return Bound(
        by=unit_at(by),
        value=value,
        at=place_of(taken, by, field),
        used=None if state is None else state.values.get(using, held(taken, path) if field == "memory_max" else None),
        room=None if room is None else room[0],
        room_by="" if room is None or room[1] == by else unit_at(room[1]),
    )


def swap_limit(taken: Snapshot, path: str, own: int | None) -> Bound | None:
    """The same of swap, of which there is no more than the host has."""
    found = limit(taken, path, "memory_swap_max", own=own)
    if found is not None and found.value <= taken.swap_total:
        return found
    if taken.memory_total is None:
        return found
    state = taken.cgroups.get(path)
    used = None if state is None else state.values.get("memory.swap.current")
    free = taken.meminfo.get("SwapFree")
    room = free if found is None or found.room is None or free is None else min(found.room, free)
    return Bound(by="the host", value=taken.swap_total, used=used, room=room)


def recursive(taken: Snapshot) -> bool:
    """Whether what a parent is promised and no child claims goes to its children: systemd mounts the cgroups so."""
    modern = taken.kernel is None or (taken.kernel.major, taken.kernel.minor) >= (5, 7)
    return taken.systemd is not None and taken.systemd >= _RECURSIVE and modern


def protection(taken: Snapshot, path: str, field: str) -> Bound | None:
    """How much of its memory the kernel protects when the host runs short (mm/page_counter.c: effective_protection); None if unknown.

    `by` is the ancestor that leaves less than the cgroup is promised; empty if none does.
    """
    chain = list(above(path))[::-1]
    if not chain or held(taken, path) is None:
        return None
    if in_force(taken, path, field) is None:
        return None
    flows = recursive(taken)
    left = 0
    cut = ""
    for number, one in enumerate(chain):
        own, used = in_force(taken, one, field), held(taken, one)
        if own is None or used is None:
            return None
        if number == 0:
            left = own
            continue
        parent = chain[number - 1]
        before = left
        left = _share(taken, parent, field, min(own, used), used, before, flows=flows)
        if left < min(own, used) and not cut:
            cut = parent
    own, used = in_force(taken, path, field) or 0, held(taken, path) or 0
    return Bound(by=unit_at(cut) if cut else "", value=min(left, INFINITY), used=min(used, INFINITY), room=min(own, used))


def _share(taken: Snapshot, parent: str, field: str, claimed: int, used: int, left: int, *, flows: bool) -> int:
    """What a parent's protection leaves a child: its claim, its part of it where the children claim more, or some of what they do not."""
    start = f"{parent}/"
    children = [path for path in taken.cgroups if path.startswith(start) and "/" not in path[len(start) :]]
    claims = sum(min(in_force(taken, child, field) or 0, held(taken, child) or 0) for child in children)
    if claims > left:
        return claimed * left // claims if claims else 0
    whole = held(taken, parent) or 0
    if flows and left > claims and whole > claims and used > claimed:
        return claimed + (left - claims) * (used - claimed) // (whole - claims)
    return claimed
