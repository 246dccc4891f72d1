"""Explains a container: what its engine was told, what its cgroup holds, and the slices above it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from oomconf.explanation import tree
from oomconf.explanation.find import Target
from oomconf.explanation.nouns import Explained, Explanation
from oomconf.explanation.said import written_words
from oomconf.explanation.score import others
from oomconf.quantity import INFINITY, floor_to_page
from oomconf.safe import clean
from oomconf.snapshot import ContainerState, Snapshot

__all__ = ["explain"]

_OPTIONS: Final = {
    "memory_low": ("--memory-reservation", "HostConfig.MemoryReservation"),
    "memory_max": ("--memory", "HostConfig.Memory"),
    "memory_swap_max": ("--memory-swap", "HostConfig.MemorySwap"),
    "oom_score_adj": ("--oom-score-adj", "HostConfig.OomScoreAdj"),
    "restart": ("--restart", "HostConfig.RestartPolicy"),
}
_DEFAULTS: Final[dict[str, int]] = {
    "memory_min": 0,
    "memory_low": 0,
    "memory_high": INFINITY,
    "memory_max": INFINITY,
    "memory_swap_max": INFINITY,
}


def explain(taken: Snapshot, target: Target) -> Explanation:
    """Explain a container of docker or podman; nothing for a target that is none."""
    one = target.container
    if one is None:
        return Explanation(name=target.name, kind="container")
    path = target.cgroup
    settings = [_size(taken, one, path, name) for name in tree.FILES]
    settings += [_score(taken, target, one), _restart(one)]
    words = [
        f"{one.engine} container {one.id[:12]} of {clean(one.image) or 'an unknown image'}",
        "running" if one.running else "not running",
    ]
    if one.compose_service:
        words.append(f"compose service {clean(one.compose_service)} of project {clean(one.compose_project)}")
    words.append(f"cgroup {path}" if path else "no cgroup: it does not run, or is not seen")
    return Explanation(
        name=clean(one.name), kind="container", state=", ".join(words), cgroup=path, settings=tuple(settings), notes=tuple(_notes(one))
    )


def _notes(one: ContainerState) -> list[str]:
    if one.compose_service:
        return [f"the file of its compose project {clean(one.compose_project)} is where a change lasts, not `{one.engine} update`"]
    return []


def _told(one: ContainerState, name: str) -> int | None:
    """What the engine was told, as the kernel's value; None for nothing (docker: daemon/config, runc: libcontainer/specconv)."""
    if name == "memory_max":
        return one.memory if one.memory > 0 else None
    if name == "memory_low":
        return one.memory_reservation if one.memory_reservation > 0 else None
    if name == "memory_swap_max" and one.memory_swap:
        return INFINITY if one.memory_swap < 0 else max(0, one.memory_swap - max(0, one.memory))
    return None


def _size(taken: Snapshot, one: ContainerState, path: str, name: str) -> Explained:
    told = _told(one, name)
    kernel = tree.in_force(taken, path, name) if path else None
    option = _OPTIONS.get(name)
    notes: list[str] = []
    if told is not None and option is not None:
        by = f"{option[0]} ({option[1]} of {one.engine} inspect)"
        if kernel is not None and abs(floor_to_page(told, taken.page_size) - kernel) >= taken.page_size:
            notes.append(
                f"{one.engine} was told {written_words(name, told)}, the cgroup holds {written_words(name, kernel)}: another hand wrote it"
            )
    elif kernel is not None and kernel != _DEFAULTS[name]:
        by = f"{one.engine} was not told: the cgroup was written by hand, or by another program"
    else:
        by = f"nobody set it: the default is {written_words(name, _DEFAULTS[name])}"
    value = kernel if kernel is not None else told if told is not None else _DEFAULTS[name]
    bound = None
    if path:
        if name == "memory_swap_max":
            bound = tree.swap_limit(taken, path, None)
        elif name in ("memory_min", "memory_low"):
            bound = tree.protection(taken, path, name) if value else None
        else:
            bound = tree.limit(taken, path, name)
    return Explained(field=name, word=tree.FILES[name], value=value, by=by, loaded=told, bound=bound, notes=tuple(notes))


def _score(taken: Snapshot, target: Target, one: ContainerState) -> Explained:
    first = next((process for process in taken.processes if one.pid and process.pid == one.pid), None)
    process = target.process or first
    notes = list(others(taken, target.cgroup, process))
    if process is not None and process.oom_score_adj != one.oom_score_adj:
        notes.insert(
            0,
            f"{clean(process.name)}[{process.pid}] runs with {process.oom_score_adj}, not {one.oom_score_adj}: set by itself, or by hand",
        )
    by = (
        "nobody set it: the engine starts it with 0"
        if not one.oom_score_adj
        else "{} ({} of {} inspect)".format(*_OPTIONS["oom_score_adj"], one.engine)
    )
    return Explained(
        field="oom_score_adj",
        word="oom_score_adj",
        value=process.oom_score_adj if process is not None else one.oom_score_adj,
        by=by,
        loaded=one.oom_score_adj,
        notes=tuple(notes),
    )


def _restart(one: ContainerState) -> Explained:
    value = one.restart or "no"
    by = "nobody set it: the default is no" if value == "no" else "{} ({} of {} inspect)".format(*_OPTIONS["restart"], one.engine)
    found = Explained(field="restart", word="restart", value=value, by=by, loaded=value)
    return replace(found, notes=(f"it was restarted {one.restarts} times",)) if one.restarts else found
