"""Explains a unit: what its files say, what the manager has loaded, what its cgroup holds and what its processes run with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from oomconf.explanation import tree
from oomconf.explanation.find import Target
from oomconf.explanation.look import PROPERTIES, Look, loaded
from oomconf.explanation.nouns import Bound, Explained, Explanation
from oomconf.explanation.said import default_of_slices, lines_of, older_limit, written_words
from oomconf.explanation.score import score
from oomconf.oomlog.owners import owner_of
from oomconf.origins import files_of, judged_of, manager_says, on_disk, said_of
from oomconf.policy import Setting
from oomconf.quantity import INFINITY, floor_to_page
from oomconf.safe import clean
from oomconf.snapshot import ProcessState, Snapshot

__all__ = ["cgroup_of", "explain"]

_KINDS: Final = {
    "oom_score_adj": ("service", "socket", "mount", "swap"),
    "oom_policy": ("service", "scope"),
    "slice": ("service", "scope", "socket", "mount", "swap"),
    "restart": ("service",),
    "managed_oom_swap": ("service", "slice", "scope"),
    "managed_oom_memory_pressure": ("service", "slice", "scope"),
    "managed_oom_memory_pressure_limit": ("service", "slice", "scope"),
}
_DEFAULTS: Final[Mapping[str, int | str]] = {
    "memory_min": 0,
    "memory_low": 0,
    "memory_high": INFINITY,
    "memory_max": INFINITY,
    "memory_swap_max": INFINITY,
    "oom_policy": "stop",
    "restart": "no",
    "managed_oom_swap": "auto",
    "managed_oom_memory_pressure": "auto",
    "managed_oom_memory_pressure_limit": "0%",
    "managed_oom_preference": "none",
}
_DASH: Final = "\\x2d"
_OFF: Final = ("no", "n", "false", "f", "off", "0")
_ON_V1: Final = ("memory_max", "memory_swap_max")


def cgroup_of(taken: Snapshot, target: Target) -> str:
    """The cgroup of a target; empty if it has none now."""
    if target.cgroup:
        return target.cgroup
    state = taken.units.get(target.unit)
    path = "" if state is None else state.get("ControlGroup")
    if target.unit == "-.slice":
        return "/"
    return path or tree.path_of_unit(taken, target.unit)


def explain(taken: Snapshot, target: Target) -> Explanation:
    """Explain a unit, or a cgroup that is no unit's."""
    unit = target.unit
    state = taken.units.get(unit)
    cgroup = cgroup_of(taken, target)
    judged = judged_of(taken, unit) if unit else []
    if state is not None and state.get("NeedDaemonReload") == "yes" and not judged:
        judged = judged_of(taken, unit, on_disk(taken, unit))
    said = said_of(taken, unit) if unit else {}
    look = Look(taken=taken, unit=unit, cgroup=cgroup, judged=judged, said=said, state=state, defaults=manager_says(taken))
    # what a process runs with is a process's own, whatever it is in
    told = ("oom_score_adj",) if target.process is not None else ()
    wanted = [name for name in PROPERTIES if name in told or (look.kind in _KINDS.get(name, (look.kind,)) and (unit or name in tree.FILES))]
    settings = [
        _size(look, name) if name in tree.FILES else score(look, target.process) if name == "oom_score_adj" else _word(look, name)
        for name in wanted
    ]
    return Explanation(
        name=target.name,
        kind="unit",
        state=_state(look, target.process),
        cgroup=cgroup,
        files=files_of(taken, unit) if unit else (),
        settings=tuple(settings),
        notes=tuple(_notes(look)),
    )


def _state(look: Look, process: ProcessState | None) -> str:
    state = look.state
    words = (
        []
        if state is None or not state.get("ActiveState")
        else [" ".join([state.get("ActiveState"), *(f"({sub})" for sub in [state.get("SubState")] if sub)])]
    )
    main = None if state is None else state.main_pid
    shown = next((one for one in look.taken.processes if main is not None and one.pid == main), None)
    if shown is not None:
        words.append(f"main process {clean(shown.name)}[{shown.pid}]")
    words.append(f"cgroup {look.cgroup}" if look.cgroup else "no cgroup: it does not run")
    if process is not None and process is not shown:
        words.append(f"process {clean(process.name)}[{process.pid}] is of it")
    return ", ".join(words)


def _notes(look: Look) -> Iterator[str]:
    state = look.state
    if state is not None and state.get("LoadState") not in ("loaded", ""):
        yield f"systemd says of it: {state.get('LoadState')}"
    elif look.unit and state is None and not files_of(look.taken, look.unit) and not look.cgroup:
        yield "it is masked: a file of its name is empty, or a link to /dev/null"
    if look.is_stale:
        yield "its files have changed since systemd loaded them: systemctl daemon-reload takes them over"
        loaded_files, now = files_of(look.taken, look.unit), on_disk(look.taken, look.unit)
        alike = {path.removeprefix("/usr") for path in loaded_files}
        if new := [path for path in now if path.removeprefix("/usr") not in alike]:
            yield f"not loaded yet: {', '.join(clean(path) for path in new)}"
    if look.taken.cgroup_version == 1:
        yield "cgroup v1: of memory it has limits alone, no min, low and high, and no kill of a whole group"


def _size(look: Look, name: str) -> Explained:
    """One of memory.min, low, high, max and swap.max."""
    taken, page = look.taken, look.taken.page_size
    winner = look.said.get(name)
    lines = lines_of(look.judged, name, winner)
    files = None if winner is None else tree.amount(taken, winner.value)
    has = loaded(look, name)
    kernel = tree.in_force(taken, look.cgroup, name) if look.cgroup else None
    by = ""
    if files is None:
        from_slice = default_of_slices(taken, [tree.unit_at(one) for one in list(tree.above(look.cgroup))[1:]], name)
        other = older_limit(look.judged, taken.systemd) if name == "memory_max" else from_slice
        if other is not None and not any(line.fate == "beaten" for line in lines):
            line, value = other
            lines, files = (line, *lines), tree.amount(taken, value)
            has = files
        elif kernel is not None and has is None and kernel != _DEFAULTS[name]:
            by = _written_by_whom(look)
        else:
            by = f"nobody set it: the default is {written_words(name, _DEFAULTS[name])}"
    notes: list[str] = []
    told = files if files is not None else int(_DEFAULTS[name])
    if look.cgroup in ("/", "") and look.unit == "-.slice":
        notes += ["the root cgroup has no such file: the line does nothing"] if winner is not None else []
    elif isinstance(has, int) and has != told:
        notes.append(_differs(look, name, has, told, said=winner is not None))
        by = by and "no file sets it that is known: a program told the manager over D-Bus"
    set_by = has if isinstance(has, int) else told if look.state is None and files is not None else None
    if kernel is not None and set_by is not None and abs(floor_to_page(set_by, page) - kernel) >= page:
        who = "the manager has loaded" if isinstance(has, int) else "the files say"
        notes.append(
            f"{who} {written_words(name, set_by)}, the cgroup holds {written_words(name, kernel)}: "
            "another hand wrote it, and systemd writes its own again when it next sets the unit up"
        )
        by = by and "no file sets it: it was written into the cgroup by hand, or by another program"
    if taken.cgroup_version == 1 and name not in _ON_V1 and (winner is not None or has not in (None, _DEFAULTS[name])):
        notes.append("cgroup v1 has no such file: the line does nothing")
    value = kernel if kernel is not None else has if isinstance(has, int) else told
    if taken.cgroup_version == 1 and name not in _ON_V1:
        value = int(_DEFAULTS[name])
    return Explained(
        field=name,
        word=tree.FILES[name],
        value=value,
        lines=lines,
        by=by,
        loaded=has,
        files=files,
        bound=_bound(look, name, value),
        notes=tuple(notes),
    )


def _written_by_whom(look: Look) -> str:
    """Who may have set a value of a cgroup that no file that is seen says."""
    if look.unit:
        return "no file that is seen sets it: a program told systemd, or it was written into the cgroup by hand"
    if owner_of(look.cgroup).user is not None:
        return "no file of the system's manager says it: the user's manager set it, or it was written into the cgroup by hand"
    return "no file says it: it was written into the cgroup by hand, or by another program"


def _differs(look: Look, name: str, has: int | str, told: int | str, *, said: bool) -> str:
    shown, files = written_words(name, has), written_words(name, told)
    if look.is_stale:
        return f"systemd has loaded {shown}; its files {'now say' if said else 'say nothing now, which is'} {files}"
    return f"systemd has loaded {shown}, its files come to {files}: they were changed, or set by a program over D-Bus, since"


def _bound(look: Look, name: str, value: int) -> Bound | None:
    path = look.cgroup or _path_to_be(look)
    if path in ("", "/"):
        return None
    if name == "memory_swap_max":
        return tree.swap_limit(look.taken, path, None if look.cgroup else value)
    if name in ("memory_min", "memory_low"):
        return tree.protection(look.taken, path, name) if value else None
    return tree.limit(look.taken, path, name, own=None if look.cgroup else value)


def _path_to_be(look: Look) -> str:
    """Where the cgroup of a unit that does not run would be."""
    where = loaded(look, "slice") or (look.said["slice"].value if "slice" in look.said else None)
    if look.kind == "slice":
        return tree.path_of_slice(look.unit)
    if look.kind in ("service", "scope", "socket", "mount", "swap"):
        return f"{tree.path_of_slice(str(where or 'system.slice'))}/{look.unit}"
    return ""


def _word(look: Look, name: str) -> Explained:
    """A setting that the manager alone heeds."""
    winner = look.said.get(name)
    lines = lines_of(look.judged, name, winner)
    has = loaded(look, name)
    default = look.defaults.get(name)
    files = None if winner is None or winner.value is None else str(winner.value)
    by = ""
    if (
        files is None
        and winner is not None
        and "%" in winner.text
        and any(line.at == winner.at and line.fate == "beaten" for line in lines)
    ):
        files = None if has is None else str(has)
        lines = lines_of(look.judged, name, Setting(has, winner.at, text=winner.text)) if has is not None else lines
    elif files is None:
        unsaid = _unsaid(look, name)
        by = f"nobody set it: {unsaid[1]}"
        if name == "slice" and has is None and unsaid[0] != _default_slice(look.unit):
            by = "no file that is seen sets it: its cgroup is there"
        if default is not None and name != "oom_policy":
            by = f"{default.at} sets it for every service"
        told: str | None = unsaid[0]
    told = files if files is not None else _unsaid(look, name)[0]
    notes = []
    if has is not None and told is not None and str(has) != told and look.kind != "scope":
        notes.append(_differs(look, name, has, told, said=winner is not None))
    if name == "oom_policy" and look.cgroup:
        notes += _group_kill(look, str(has or told))
    return Explained(
        field=name,
        word=PROPERTIES[name],
        value=has if has is not None else told,
        lines=lines,
        by=by,
        loaded=has,
        files=files,
        notes=tuple(notes),
    )


def _unsaid(look: Look, name: str) -> tuple[str | None, str]:
    """The default of a setting and the words for it."""
    if name == "slice":
        text = str(loaded(look, "slice") or (tree.slice_of(look.cgroup) if look.cgroup else _default_slice(look.unit)))
        return text, f"the manager puts it into {clean(text)}"
    if name == "oom_policy":
        if look.kind == "scope" or _delegates(look):
            has = loaded(look, name)
            value = "continue" if look.kind == "service" or has is None else str(has)
            return value, f"the default is {value} {'with Delegate=' if look.kind == 'service' else 'for a scope'}"
        default = look.defaults.get(name)
        if default is not None:
            return str(default.value), f"DefaultOOMPolicy={default.value} at {default.at}"
    value = str(_DEFAULTS[name])
    return value, f"the default is {value}"


def _default_slice(unit: str) -> str:
    """Where the manager puts a unit that says no slice (src/core/unit.c: unit_set_default_slice)."""
    prefix, at, _ = unit.rpartition(".")[0].partition("@")
    return f"system-{prefix.replace('-', _DASH)}.slice" if at else "system.slice"


def _delegates(look: Look) -> bool:
    if look.state is not None and look.state.get("Delegate"):
        return look.state.get("Delegate") == "yes"
    said = [one for file in look.judged for one in file.verdicts if one.row.name == "Delegate" and not one.fault]
    return bool(said) and said[-1].text.lower() not in _OFF


def _group_kill(look: Look, policy: str) -> Iterator[str]:
    state = look.taken.cgroups.get(look.cgroup)
    has = None if state is None else state.values.get("memory.oom.group")
    if has is not None and policy in ("kill", "stop", "continue") and has != (policy == "kill"):
        yield f"memory.oom.group of the cgroup is {has}, and {'1' if policy == 'kill' else '0'} goes with {policy}: another hand wrote it"
