"""A host against its own files, where no spec is given: what unit files and sysctl.d say against what is in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from oomconf import programs
from oomconf.inforce.files import Files
from oomconf.inforce.host import SETTING_FILES, Host, declared_limit, swap_of
from oomconf.inforce.judge import Asked, Seen, judged
from oomconf.inforce.nouns import Row, Value
from oomconf.inforce.units import manager_says, unit_row
from oomconf.location import NOWHERE
from oomconf.policy import Setting
from oomconf.quantity import INFINITY, Percent, Size
from oomconf.snapshot import ContainerState, UnitState

__all__ = ["own_rows"]

_DEFAULTS: Final[Mapping[str, Value]] = {
    "memory_min": Size(0), "memory_low": Size(0), "memory_high": INFINITY, "memory_max": INFINITY, "memory_swap_max": INFINITY,
}  # fmt: skip
_OF_MEMORY: Final = ("vm.", "kernel.panic")
"""Sysctls that are looked at where no spec names any."""
_FIELDS: Final = (*_DEFAULTS, "oom_score_adj")


def own_rows(host: Host, files: Files) -> Iterator[Row]:
    """Judge every active unit, container and sysctl of which something is said, or whose parts disagree."""
    for name, state in sorted(host.taken.units.items()):
        if state.is_active and name != "-.slice" and host.owner(state.get("ControlGroup") or "/").container is None:
            yield from _unit(host, files, state)
    for one in host.taken.containers:
        if one.running:
            yield from _container(host, one)
    for key, setting in sorted(files.sysctls().items()):
        found = host.taken.sysctls.get(key)
        if found is not None and setting.value is not None and key.startswith(_OF_MEMORY):
            asked = Asked(object=key, thing=key, setting=key, expected=setting.value, at=setting.at)
            same = found == " ".join(setting.value.split())
            yield asked.row("as said" if same else "drift", found=found, source=files.sysctl_source(key, found))


def _unit(host: Host, files: Files, state: UnitState) -> Iterator[Row]:
    said = files.said(state.name)
    path = host.cgroup_of(state.name)
    for field in _FIELDS:
        manager = manager_says(host, state, field)
        setting = said.get(field)
        if manager is None or (field == "oom_score_adj" and not _judges_score(state, setting, manager)):
            continue
        if setting is None and field in ("memory_min", "memory_low") and manager == 0 and files.has_default_protection():
            continue  # what its cgroup holds may be its slice's DefaultMemoryLow=
        kernel = host.holds(path, field) if field in SETTING_FILES and path else None
        expected = _expected(host, setting, field)
        default = _DEFAULTS.get(field)
        if setting is None or expected is None:
            # nothing in a file: the manager's own word is what is said, by set-property or by who made the unit
            if (kernel is None or kernel == manager) and manager == default:
                continue
            expected = manager
        at = NOWHERE if setting is None else setting.at
        yield unit_row(host, files, Asked(object=state.name, thing=state.name, setting=field, expected=expected, at=at))


def _judges_score(state: UnitState, setting: Setting[Any] | None, manager: Value) -> bool:
    """Scores are of services; one that sets its own, as PostgreSQL's backends do, is held to nothing."""
    if not state.name.endswith(".service") or (setting is None and manager == 0):
        return False
    known = programs.find(unit=state.name)
    return known is None or known.self_protects is None


def _expected(host: Host, setting: Setting[Any] | None, field: str) -> Value | None:
    if setting is None or setting.value is None:
        return None
    if isinstance(setting.value, Percent):
        return None if host.taken.memory_total is None else setting.value.of(host.taken.memory_total, host.taken.page_size)
    return host.floor(setting.value) if field in SETTING_FILES else int(setting.value)


def _container(host: Host, one: ContainerState) -> Iterator[Row]:
    """What the engine was told of a container against what the kernel holds."""
    path = host.cgroup_of_container(one)
    told: dict[str, Value] = {
        "memory_max": host.floor(declared_limit(one)),
        "memory_low": host.floor(max(0, one.memory_reservation)),
    }
    if one.memory > 0:
        told["memory_swap_max"] = host.floor(swap_of(one))
    for field, value in told.items():
        kernel = host.holds(path, field) if path else None
        if kernel is None or (value == kernel == _DEFAULTS[field]):
            continue
        asked = Asked(object=one.name, thing=one.name, setting=field, expected=value)
        yield judged(asked, Seen(manager=value, kernel=kernel, who=one.engine, source=f"{one.engine} run or update"))
    process = host.by_pid.get(one.pid)
    # podman hands its own score on where it is told none
    if process is not None and (one.oom_score_adj or (process.oom_score_adj and one.engine == "docker")):
        asked = Asked(object=one.name, thing=one.name, setting="oom_score_adj", expected=one.oom_score_adj)
        source = f"{one.engine} run --oom-score-adj" if one.oom_score_adj else f"{one.engine}'s default"
        seen = Seen(manager=one.oom_score_adj, kernel=process.oom_score_adj, who=one.engine, kernel_word="its first process", source=source)
        yield judged(asked, seen)
