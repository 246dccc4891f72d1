"""Services and slices of the system's manager against what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from oomconf import programs
from oomconf.dialects import _units
from oomconf.inforce.files import Files
from oomconf.inforce.host import SETTING_FILES, Host
from oomconf.inforce.judge import Asked, Seen, blind, judged, score_in, share_in, size_in, unsayable
from oomconf.inforce.nouns import Row, Value
from oomconf.ledger import Status
from oomconf.placement import SystemdUnit
from oomconf.policy import WORKLOAD_FIELDS, Facts, Group, Setting, Workload
from oomconf.quantity import Percent
from oomconf.snapshot import ProcessState, UnitState

__all__ = ["PROPERTY", "manager_says", "service_sayings", "services", "sets_itself", "slice_rows", "unit_row"]

_USER: Final = "a user's own manager has it, and that is not asked"
_NOT_LOADED: Final = "systemd has not loaded it"
_ENVIRONMENT: Final = "no environment is looked at, for those hold secrets"
PROPERTY: Final = {row.field: row.name for row in _units.DIRECTIVES if row.field is not None}
"""Properties of `systemctl show` are named as the keys of the files."""


def services(host: Host, files: Files, workload: Workload, place: SystemdUnit, facts: Facts) -> Iterator[Row]:
    """Every value that is said of a service, for each of its units."""
    for unit in place.units:
        for asked, why in service_sayings(workload, unit, facts, user=place.user):
            yield unsayable(asked, why) if why else unit_row(host, files, asked)


def service_sayings(workload: Workload, unit: str, facts: Facts, *, user: bool = False) -> Iterator[tuple[Asked, str]]:
    """Give what is said of a service, each with why there is nothing to look at; empty if there is."""
    done: set[str] = set()
    for saying in _units.sayings(workload, "service", facts, user=user):
        done.add(saying.field)
        why = saying.note if saying.status is Status.IMPOSSIBLE else _USER if user else ""
        yield _asked(workload, unit, saying.field, saying.setting), why
    for field in WORKLOAD_FIELDS:
        setting: Setting[Any] | None = getattr(workload, field)
        if setting is not None and field not in done:
            yield _asked(workload, unit, field, setting), "systemd has no word for it"
    for runtime in workload.runtimes:
        said: Setting[Any] = runtime.heap if runtime.heap is not None else Setting(runtime.kind, runtime.at)
        yield _asked(workload, unit, f"runtime.{runtime.kind}", said), _ENVIRONMENT


def _asked(said: Workload | Group, thing: str, field: str, setting: Setting[Any]) -> Asked:
    value = str(setting.value) if isinstance(setting.value, Percent) else setting.value
    return Asked(object=said.object, thing=thing, setting=field, expected=value, at=setting.at)


def slice_rows(host: Host, files: Files, group: Group, facts: Facts) -> Iterator[Row]:
    """Every value that is said of a slice, those that follow from its members among them."""
    for saying in _units.sayings(group, "slice", facts, user=group.user):
        asked = _asked(group, group.name, saying.field, saying.setting)
        if group.user:
            yield unsayable(asked, _USER)
        elif saying.status is Status.IMPOSSIBLE:
            yield unsayable(asked, saying.note)
        else:
            yield unit_row(host, files, asked)


def unit_row(host: Host, files: Files, asked: Asked) -> Row:
    """Judge one setting of a unit."""
    if asked.setting in SETTING_FILES and not isinstance(asked.expected, str) and asked.expected is not None:
        asked = Asked(object=asked.object, thing=asked.thing, setting=asked.setting, expected=host.floor(asked.expected), at=asked.at)
    state = host.unit(asked.thing)
    if state is None or state.get("LoadState") in ("not-found", "masked", "bad-setting", "error"):
        return _unloaded(host, files, asked, state)
    manager = manager_says(host, state, asked.setting)
    path = host.cgroup_of(asked.thing)
    running = state.is_active and (asked.thing.endswith(".slice") or bool(path) or state.main_pid is not None)
    if manager is None and asked.setting not in ("slice", *SETTING_FILES):
        return blind(asked, "systemctl shows no such property")
    kernel, unseen = _kernel(host, state, path, asked) if running else (None, "")
    if running and host.v1 and asked.setting in SETTING_FILES and asked.setting != "memory_max":
        return unsayable(asked, "cgroup v1 has no such limit for a unit")
    source = files.source(asked.thing, asked.setting, manager if manager is not None else kernel)
    stale = state.get("NeedDaemonReload") == "yes" and not asked.thing.endswith(".scope")
    words = ["its files have changed since they were read: systemctl daemon-reload"] if stale else []
    if stale and source.startswith(files.OTHERWISE):
        source = "its files as they were"
    return judged(
        asked,
        Seen(
            manager=manager,
            kernel=kernel,
            running=running,
            late=asked.setting in ("oom_score_adj", "slice"),
            kernel_word={"oom_score_adj": "its main process", "slice": "its cgroup stands in"}.get(asked.setting, "its cgroup"),
            source=source,
            why="; ".join(words),
            unseen=unseen,
        ),
    )


def _unloaded(host: Host, files: Files, asked: Asked, state: UnitState | None) -> Row:
    """A unit that the manager does not show: its files tell what it would start with; without a manager its cgroup does."""
    path = host.of_unit.get(asked.thing, "")
    if state is None and "systemctl" not in host.taken.asked:
        if asked.setting in SETTING_FILES and host.has(path):
            held = host.holds(path, asked.setting)
            return judged(asked, Seen(kernel=held, source=files.source(asked.thing, asked.setting, held), why=_v1_words(host)))
        return blind(asked, host.no_manager)
    said = files.said(asked.thing).get(asked.setting)
    value = None if said is None else _plain(host, asked.setting, said.value)
    if said is not None and value is not None and value != asked.expected:
        return asked.row("drift", found=value, source=files.place(said), why=f"{_NOT_LOADED}; its files say so")
    loaded = "" if state is None else state.get("LoadState")
    word = {"masked": "it is masked", "not-found": "there is no such unit"}.get(loaded, _NOT_LOADED)
    return asked.row("not running", found=value, source="" if said is None else files.place(said), why=word)


def _v1_words(host: Host) -> str:
    return "cgroup v1 has no such limit for a unit" if host.v1 else ""


def _plain(host: Host, setting: str, value: Any) -> Value | None:  # noqa: ANN401
    """A value of a file as it would be in force."""
    if isinstance(value, Percent):
        if setting not in SETTING_FILES:
            return str(value)
        return None if host.taken.memory_total is None else value.of(host.taken.memory_total, host.taken.page_size)
    if setting in SETTING_FILES and value is not None:
        return host.floor(value)
    return value if isinstance(value, int | str) else None


def manager_says(host: Host, state: UnitState, setting: str) -> Value | None:
    """What `systemctl show` tells of a setting; None if it does not."""
    text = state.get(PROPERTY[setting])
    if not text:
        return None
    if setting in SETTING_FILES:
        size = size_in(text)
        return None if size is None else host.floor(size)
    if setting == "oom_score_adj":
        return score_in(text)
    return share_in(text) if setting == "managed_oom_memory_pressure_limit" else text


def _kernel(host: Host, state: UnitState, path: str, asked: Asked) -> tuple[Value | None, str]:
    """What the kernel holds, and why that is not seen."""
    if asked.setting in SETTING_FILES:
        return host.holds(path, asked.setting), ""
    if asked.setting == "oom_score_adj":
        return _score(host, state, path, asked.expected)
    if asked.setting == "slice" and path:
        parents = [part for part in path.split("/")[:-1] if part.endswith(".slice")]
        return parents[-1] if parents else "-.slice", ""
    if asked.setting == "oom_policy":
        return _group_kill(host, path, asked.expected, state.get("OOMPolicy")), ""
    return None, ""


def _group_kill(host: Host, path: str, expected: Value | None, manager: str) -> Value | None:
    """memory.oom.group is what `kill` comes to; the other words leave it off."""
    held = host.state(path).values.get("memory.oom.group")
    if held is None:
        return None
    if held == 1:
        return "kill"
    return manager if manager != "kill" else expected if expected != "kill" else "continue"


def _score(host: Host, state: UnitState, path: str, expected: Value | None) -> tuple[Value | None, str]:
    main = host.main_process(state, path)
    if main is None:
        hidden = state.main_pid is not None
        return None, f"its process {state.main_pid} is not visible" if hidden else "none of its processes is visible"
    return (expected if sets_itself(main, state.name) else main.oom_score_adj), ""


def sets_itself(process: ProcessState, unit: str) -> bool:
    """Whether a program is known to set the score that this process has by itself, whatever its unit says."""
    known = programs.find(unit=unit, command=process.name)
    return known is not None and known.self_protects is not None and known.self_protects == process.oom_score_adj
