"""Containers of docker, compose and podman against what is said of them: what the engine was told, and what the kernel holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from oomconf.dialects._containers import Engine, engine_says, said_restart
from oomconf.dialects._podman import score_refusal
from oomconf.inforce.files import Files
from oomconf.inforce.host import SETTING_FILES, Host, declared_limit, swap_of
from oomconf.inforce.judge import Asked, Seen, blind, judged, unsayable
from oomconf.inforce.nouns import Row, Value
from oomconf.inforce.units import service_sayings, unit_row
from oomconf.ledger import Book, Status
from oomconf.placement import ComposeService, DockerContainer, QuadletUnit
from oomconf.policy import WORKLOAD_FIELDS, Facts, Setting, Workload
from oomconf.quantity import Percent
from oomconf.snapshot import ContainerState

__all__ = ["containers", "quadlet"]

_ENVIRONMENT: Final = "no environment is looked at, for those hold secrets"
_LABEL: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def containers(host: Host, workload: Workload, place: DockerContainer | ComposeService, facts: Facts) -> Iterator[Row]:
    """Every value that is said of a container, for each that runs it."""
    book = Book("docker")
    engine = engine_says(workload, place.identities[0], facts, book)
    cells = {cell.field: cell for cell in book.cells}
    found = _named(host, place) if isinstance(place, DockerContainer) else _of_compose(host, place)
    name = place.name if isinstance(place, DockerContainer) else place.service
    for field in WORKLOAD_FIELDS:
        setting: Setting[Any] | None = getattr(workload, field)
        if setting is None:
            continue
        cell = cells.get(field)
        asked = _asked(workload, name, field, setting)
        if cell is None or cell.status is Status.IMPOSSIBLE:
            yield unsayable(asked, "docker has no word for it" if cell is None else cell.note)
        elif not found:
            yield _nowhere(host, asked)
        else:
            for one in found:
                yield _row(host, one, asked, engine)
    for runtime in workload.runtimes:
        said: Setting[Any] = runtime.heap if runtime.heap is not None else Setting(runtime.kind, runtime.at)
        yield unsayable(_asked(workload, name, f"runtime.{runtime.kind}", said), _ENVIRONMENT)


def _asked(workload: Workload, thing: str, field: str, setting: Setting[Any]) -> Asked:
    value = str(setting.value) if isinstance(setting.value, Percent) else setting.value
    return Asked(object=workload.object, thing=thing, setting=field, expected=value, at=setting.at)


def _nowhere(host: Host, asked: Asked) -> Row:
    taken = host.taken
    if "docker" in taken.asked or (host.sees_root() and taken.whole and not _engine_runs(host, "dockerd")):
        return asked.row("not running", why="there is no such container" if "docker" in taken.asked else "no docker runs here")
    return blind(asked, "docker gave no answer: it takes root, or the group docker")


def _engine_runs(host: Host, name: str) -> bool:
    return any(process.name == name for process in host.taken.processes)


def _named(host: Host, place: DockerContainer) -> list[ContainerState]:
    found = [one for one in host.taken.containers if one.name == place.name]
    return [one for one in found if one.engine == "docker"] or found


def _of_compose(host: Host, place: ComposeService) -> list[ContainerState]:
    """Those of the project that is named after the file's folder, where several have such a service; else all of them."""
    found = [one for one in host.taken.containers if one.compose_service == place.service]
    folder = place.file.rpartition("/")[0].rpartition("/")[2].lower()
    project = "".join(mark for mark in folder if mark in _LABEL).lstrip("_-")
    own = [one for one in found if project and one.compose_project == project]
    found = own or found
    running = [one for one in found if one.running]
    return sorted(running or found, key=lambda one: (one.name, one.id))


def _row(host: Host, one: ContainerState, asked: Asked, engine: Engine) -> Row:
    asked = replace(asked, thing=one.name or one.id[:12], expected=_expected(host, asked, engine))
    path = host.cgroup_of_container(one) if one.running else ""
    manager = _told(host, one, asked.setting)
    kernel, unseen = _kernel(host, one, path, asked) if one.running else (None, "")
    if manager is None and kernel is None and one.running:
        return blind(asked, unseen or "its cgroup is not seen") if not host.v1 else unsayable(asked, "cgroup v1 has no such limit")
    why = "" if one.running else "the container does not run"
    source = f"{one.engine} run or update" if not one.compose_service else "its compose files, when it was made"
    return judged(
        asked,
        Seen(
            manager=manager,
            kernel=kernel,
            running=one.running,
            who=one.engine,
            kernel_word=_word(asked.setting),
            source=source,
            why=why,
            unseen=unseen,
        ),
    )


def _word(setting: str) -> str:
    return {"oom_score_adj": "its first process", "slice": "its cgroup's path"}.get(setting, "its cgroup")


def _expected(host: Host, asked: Asked, engine: Engine) -> Value | None:
    """What was said, as the engine takes it."""
    if asked.setting == "restart":
        return engine.restart
    if asked.setting in SETTING_FILES and isinstance(asked.expected, int):
        return host.floor(asked.expected)
    return asked.expected


def _told(host: Host, one: ContainerState, setting: str) -> Value | None:
    """What the engine says; None for what it does not say."""
    match setting:
        case "memory_max":
            return host.floor(declared_limit(one))
        case "memory_swap_max":
            return host.floor(swap_of(one))
        case "memory_low":
            return host.floor(max(0, one.memory_reservation))
        case "oom_score_adj":
            return one.oom_score_adj
        case "restart":
            return said_restart(one.restart)
        case _:
            return None


def _kernel(host: Host, one: ContainerState, path: str, asked: Asked) -> tuple[Value | None, str]:
    setting = asked.setting
    if setting in SETTING_FILES:
        return host.holds(path, setting) if path else None, ""
    if setting == "oom_score_adj":
        process = host.by_pid.get(one.pid)
        return (None, f"its process {one.pid} is not visible") if process is None else (process.oom_score_adj, "")
    if setting == "slice" and path:
        parents = [part for part in path.split("/")[:-1] if part.endswith(".slice")]
        return parents[-1] if parents else path.rpartition("/")[0] or "/", ""
    if setting == "oom_policy":
        held = host.state(path).values.get("memory.oom.group")
        return None if held is None else ("kill" if held == 1 else "continue"), ""
    return None, ""


def quadlet(host: Host, files: Files, workload: Workload, place: QuadletUnit, facts: Facts) -> Iterator[Row]:
    """A quadlet's generated service has the limits, and its container the score."""
    for asked, why in service_sayings(workload, place.service, facts, user=place.user):
        if asked.setting == "oom_score_adj":
            score = asked.expected if isinstance(asked.expected, int) else 0
            refused = score_refusal(score, place, facts) or (why if place.user else "")
            yield unsayable(asked, refused) if refused else _quadlet_score(host, place, asked)
        elif why:
            yield unsayable(asked, why)
        else:
            yield unit_row(host, files, asked)


def _quadlet_score(host: Host, place: QuadletUnit, asked: Asked) -> Row:
    path = host.cgroup_of(place.service)
    state = host.unit(place.service)
    name = f"systemd-{place.service.removesuffix('.service')}"
    one = next((one for one in host.taken.containers if one.engine == "podman" and one.name == name), None)
    inside = [process for process in host.below(path) if process.cgroup != path] if path else []
    inside = [process for process in inside if process.name != "conmon"]
    first = host.by_pid.get(one.pid) if one is not None and one.running else min(inside, key=lambda process: process.pid, default=None)
    running = first is not None or (state is not None and state.is_active)
    if not running and state is None and "systemctl" not in host.taken.asked:
        return blind(asked, host.no_manager)
    return judged(
        asked,
        Seen(
            manager=None if one is None else one.oom_score_adj,
            kernel=None if first is None else first.oom_score_adj,
            running=running,
            who="podman",
            kernel_word="its first process",
            source="podman run, from its quadlet",
            why="" if running else "it does not run",
            unseen="its processes are not visible",
        ),
    )
