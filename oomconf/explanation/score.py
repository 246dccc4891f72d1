"""Explains an oom_score_adj: what the main process runs with, and from whom it has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf import programs
from oomconf.explanation.look import Look, loaded
from oomconf.explanation.nouns import Explained
from oomconf.explanation.said import lines_of
from oomconf.oomlog.owners import owner_of
from oomconf.origins import said_of
from oomconf.safe import clean
from oomconf.snapshot import ProcessState, Snapshot

__all__ = ["inherited", "others", "score"]

_STARTED: Final = ("service", "socket", "mount", "swap")
_CHAIN: Final = 64
"""Ancestors that are looked at."""


def score(look: Look, named: ProcessState | None) -> Explained:
    """The score of a service's main process, or of the process that was named."""
    taken = look.taken
    winner = look.said.get("oom_score_adj")
    lines = lines_of(look.judged, "oom_score_adj", winner)
    # the manager gives it to what it starts itself, and starts nothing of a scope or a bare cgroup
    default = look.defaults.get("oom_score_adj") if look.kind in _STARTED else None
    has = loaded(look, "oom_score_adj")
    files = None if winner is None else winner.value
    main = _main(look)
    process = named or main
    notes: list[str] = []
    told = files if files is not None else default.value if default is not None else None
    if has is not None and told is not None and has != told:
        more = "its files now say" if look.is_stale else "its files come to"
        notes.append(f"systemd has loaded {has}; {more} {told}")
    by = ""
    if files is None:
        by = "nobody set it"
        if default is not None:
            by = f"{default.at} (DefaultOOMScoreAdjust=) sets it for every service"
        elif process is not None:
            # a named process was asked for, and a score that is not the usual one wants its reason
            by = f"{'' if named is not None or process.oom_score_adj else 'nobody set it: '}{inherited(taken, process)}"
        elif has is not None:
            by = f"nobody set it: what it starts has that of the manager, {has}"
    wanted = told if told is not None else has if isinstance(has, int) else None
    if process is not None and wanted is not None and process.oom_score_adj != wanted and (told is not None or process is main):
        notes.append(
            f"{clean(process.name)}[{process.pid}] runs with {process.oom_score_adj}, not {wanted}: it has set that itself or by hand, "
            "or it was started before the files said so"
        )
    notes += others(taken, look.cgroup, process)
    value = process.oom_score_adj if process is not None else has if has is not None else told
    return Explained(
        field="oom_score_adj",
        word="oom_score_adj",
        value=value if value is not None else 0,
        lines=lines,
        by=by,
        loaded=has,
        files=files,
        notes=tuple(notes),
    )


def _main(look: Look) -> ProcessState | None:
    pid = None if look.state is None else look.state.main_pid
    within = [
        one for one in look.taken.processes if look.cgroup and (one.cgroup == look.cgroup or one.cgroup.startswith(f"{look.cgroup}/"))
    ]
    found = next((one for one in look.taken.processes if pid is not None and one.pid == pid), None)
    if found is not None or look.cgroup in ("", "/"):
        return found
    ids = {one.pid for one in within}
    return min((one for one in within if one.ppid not in ids), key=lambda one: one.pid, default=None)


def inherited(taken: Snapshot, process: ProcessState) -> str:
    """Say from whom a process has its score."""
    if process.pid == 1:
        return "it is the first process: the kernel starts it with 0"
    parent = next((one for one in taken.processes if one.pid == process.ppid), None)
    if parent is None:
        return "it has that of the process that started it, which is not seen"
    name = f"{clean(parent.name)}[{parent.pid}]"
    if parent.oom_score_adj == process.oom_score_adj:
        first = _first(taken, parent) if process.oom_score_adj else parent
        way = "" if first is parent else f", and that from {clean(first.name)}[{first.pid}]"
        return f"inherited from its parent {name}{way}{_given(taken, first) if process.oom_score_adj else ''}"
    known = programs.find(command=process.name)
    who = "has set it itself, as this program does" if known is not None and known.self_protects == process.oom_score_adj else ""
    return (
        f"{clean(process.name)}[{process.pid}] {who or 'has set it itself, or another hand'}: its parent {name} has {parent.oom_score_adj}"
    )


def _first(taken: Snapshot, process: ProcessState) -> ProcessState:
    """The furthest ancestor from which the score was handed down without a break."""
    by_pid = {one.pid: one for one in taken.processes}
    for _ in range(_CHAIN):
        above = by_pid.get(process.ppid)
        if above is None or above.pid in (1, process.pid) or above.oom_score_adj != process.oom_score_adj:
            break
        process = above
    return process


def _given(taken: Snapshot, process: ProcessState) -> str:
    """Say which unit gives a process its score, and where; empty if none that is known does."""
    owner = owner_of(process.cgroup)
    if owner.unit is None or owner.user is not None or owner.container is not None:
        return ""
    said, state = said_of(taken, owner.unit).get("oom_score_adj"), taken.units.get(owner.unit)
    if said is not None and said.value == process.oom_score_adj:
        return f", which {clean(owner.unit)} gives it at {clean(str(said.at))}"
    has = "" if state is None else state.get("OOMScoreAdjust")
    return f", which systemd gives {clean(owner.unit)}" if has == str(process.oom_score_adj) else ""


def others(taken: Snapshot, cgroup: str, process: ProcessState | None) -> Iterator[str]:
    """Tell of processes of the same cgroup that have other scores."""
    if process is None or cgroup in ("", "/"):
        return
    within = [one for one in taken.processes if one.cgroup == cgroup or one.cgroup.startswith(f"{cgroup}/")]
    different = [one for one in within if one.oom_score_adj != process.oom_score_adj and one.pid != process.pid]
    if different:
        shown = ", ".join(f"{clean(one.name)}[{one.pid}] {one.oom_score_adj}" for one in different[:3])
        yield f"{len(different)} of its {len(within)} processes {'has' if len(different) == 1 else 'have'} another: {shown}" + (
            f" and {len(different) - 3} more" if len(different) > 3 else ""  # noqa: PLR2004
        )
