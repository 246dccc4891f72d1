"""Explains an oom_score_adj: what the main process runs with, and from whom it has it."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.explanation.look import Look, loaded
from oomconf.explanation.nouns import Explained
from oomconf.explanation.said import lines_of
from oomconf.safe import clean
from oomconf.snapshot import ProcessState, Snapshot

__all__ = ["inherited", "others", "score"]


def score(look: Look, named: ProcessState | None) -> Explained:
    """The score of a service's main process, or of the process that was named."""
    taken = look.taken
    winner = look.said.get("oom_score_adj")
    lines = lines_of(look.judged, "oom_score_adj", winner)
    default = look.defaults.get("oom_score_adj")
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
            by = f"nobody set it: {inherited(taken, process)}"
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
    parent = next((one for one in taken.processes if one.pid == process.ppid), None)
    if parent is None:
        return "it has that of the process that started it, which is not seen"
    name = f"{clean(parent.name)}[{parent.pid}]"
    if parent.oom_score_adj == process.oom_score_adj:
        return f"inherited from its parent {name}"
    return f"{clean(process.name)}[{process.pid}] has set it itself, or another hand: its parent {name} has {parent.oom_score_adj}"


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
