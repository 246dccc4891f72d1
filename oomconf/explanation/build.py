"""Explains one thing of a captured host: files, manager, cgroup and process, and where they do not agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from oomconf.explanation import container as containers
from oomconf.explanation import sysctl as sysctls
from oomconf.explanation import unit as units
from oomconf.explanation.find import Target, wanted_in
from oomconf.explanation.nouns import Explained, Explanation, Line
from oomconf.explanation.said import written_words
from oomconf.explanation.tree import FILES, above, amount, path_of_slice, unit_at
from oomconf.origins import said_of
from oomconf.policy import Policy, Setting
from oomconf.safe import clean
from oomconf.snapshot import Snapshot

__all__ = ["explain", "units_of"]

_ROOT_EYES: Final = 0


def explain(taken: Snapshot, target: Target, policy: Policy | None = None, *, whole: bool = False) -> Explanation:
    """Tell of each setting of the target what is in force, which line set it, what it beat, and what really limits it.

    `policy` is a resolved one of the host; what it asks for is told beside. `whole` says that no file is missing of those that are there.
    """
    if target.sysctl:
        found = sysctls.explain(taken, target.sysctl)
        wanted = None if policy is None else policy.sysctls.get(target.sysctl)
        found = replace(found, settings=tuple(_asked(taken, one, wanted) for one in found.settings))
    else:
        found = containers.explain(taken, target) if target.container is not None else units.explain(taken, target)
        thing = None if policy is None else wanted_in(policy, target)
        found = replace(found, settings=tuple(_asked(taken, one, getattr(thing, one.field, None)) for one in found.settings))
    gone = [path for path in found.files if whole and path not in taken.files] if target.unit else []
    notes = (f"cannot be read any more: {', '.join(clean(path) for path in gone)}",) if gone else ()
    return replace(found, notes=(*found.notes, *notes), unseen=(*found.unseen, *_unseen(taken, target)))


def units_of(taken: Snapshot, target: Target) -> tuple[str, ...]:
    """Name the units whose files an explanation looks at: its own and those of the slices above it."""
    path = units.cgroup_of(taken, target)
    found = [target.unit] if target.unit else []
    if target.unit and path in ("", "/"):
        where = said_of(taken, target.unit).get("slice")
        path = path_of_slice(str(where.value)) if where is not None and where.value else "/system.slice"
    return tuple(dict.fromkeys([*found, *(name for one in above(path) if not (name := unit_at(one)).startswith("/"))]))


def _asked(taken: Snapshot, one: Explained, wanted: Setting[Any] | None) -> Explained:
    """Add what the spec asks for, and whether that is in force."""
    if wanted is None or wanted.value is None:
        return one
    value = amount(taken, wanted.value) if one.field in FILES else wanted.value
    line = Line(at=wanted.at, text=wanted.text or written_words(one.field, value), fate="asked")
    same = value is None or str(value) == str(one.value)
    if isinstance(value, int) and isinstance(one.value, int):
        same = abs(value - one.value) < (taken.page_size if one.field in FILES else 1)
    notes = () if same else (f"the spec asks for {written_words(one.field, value)}",)
    return replace(one, lines=(*one.lines, line), notes=(*one.notes, *notes))


def _unseen(taken: Snapshot, target: Target) -> Iterator[str]:
    if not taken.whole:
        yield "the capture has no end: it was cut"
    if target.sysctl:
        return
    if "systemctl" not in taken.asked:
        yield "systemd was not asked, or did not answer: its files were found by their names, and what it has loaded is not known"
    if not taken.cgroups:
        yield "no limits of cgroups are seen"
    if taken.processes and not any(process.uid == _ROOT_EYES for process in taken.processes):
        yield "no process of root is seen: this ran without rights (hidepid), or in a container"
    for engine, daemon in (("docker", "dockerd"), ("podman", "conmon")):
        if target.container is None and engine not in taken.asked and any(process.name == daemon for process in taken.processes):
            yield f"{engine} runs, and no container of it is seen: it has none, or did not answer (it answers root)"
