"""A captured host as a policy, and what is to be said beside each of its services."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from oomconf import programs
from oomconf.importer.page import Page, plain
from oomconf.importer.tree import Pointer
from oomconf.kernel.sysctls import SYSCTLS
from oomconf.location import whole_file
from oomconf.oomlog.owners import owner_of
from oomconf.placement import DockerContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Facts, Group, Policy, Setting, Workload
from oomconf.quantity import INFINITY, Size, roughly
from oomconf.snapshot import CgroupState, ContainerState, ProcessState, Snapshot, UnitState

__all__ = ["given_of_host", "page_of_host", "policy_of_host"]

_KNOWN: Final = 32 << 20
_SHARE: Final = 100
"""A service is named if it holds 32M and a hundredth of RAM, or if anything limits or protects it."""
_MIB: Final = 1 << 20
_STEP: Final = 64 * _MIB
_LEAST_RESERVED: Final = 128 * _MIB
_OWN: Final = re.compile(
    r"^(?:systemd-|dbus|user@|user-runtime-dir@|getty@|serial-getty@|init\.scope$|docker\.service$|containerd\.service$)"
)
"""Parts of the machine itself."""
_SYSTEMS: Final = re.compile(r"^(?:-|system(?:-.*)?|user(?:-.*)?|machine|init)\.(?:slice|scope)$")
_LIMITS: Final = {
    "memory_min": ("memory.min", 0),
    "memory_low": ("memory.low", 0),
    "memory_high": ("memory.high", INFINITY),
    "memory_max": ("memory.max", INFINITY),
    "memory_swap_max": ("memory.swap.max", INFINITY),
}
_GENERATED: Final = "/run/systemd/generator/"
_COMPUTED: Final = ("vm.max_map_count", "vm.mmap_min_addr", "vm.min_free_kbytes", "vm.dirty_background_bytes", "vm.dirty_bytes")
"""What distributions and the kernel set by themselves."""
_UNSAID: Final = ("", "stop")
_RESTARTS: Final = ("on-failure", "on-abnormal", "always")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A service that runs: its unit as far as the manager tells it, and its cgroup."""

    name: str
    state: CgroupState
    unit: UnitState
    score: int | None


def policy_of_host(taken: Snapshot) -> Policy:
    """Say what is in force on a captured host: limits of cgroups, scores of processes, policies of units, sysctls that are no defaults."""
    proc = whole_file("/proc/meminfo")
    total = taken.memory_total or 0
    facts = Facts(
        memory_total=Setting(Size(total), proc),
        reserved=Setting(Size(_reserved(taken)), proc),
        kernel=None if taken.kernel is None else Setting(".".join(map(str, (taken.kernel.major, taken.kernel.minor)))),
        systemd=Setting(taken.manager if taken.manager is not None else 0)
        if taken.systemd is not None or "systemctl" in taken.asked
        else None,
        cgroup_version=None if taken.cgroup_version is None else Setting(taken.cgroup_version),
        page_size=None if taken.page_size == 4096 else Setting(taken.page_size),  # noqa: PLR2004
    )
    services = [_service(seen, taken) for seen in _services(taken)]
    containers = [_container(one) for one in taken.containers if _is_ours(one)]
    return Policy(
        name=taken.hostname or "host",
        object="host",
        facts=facts,
        groups=tuple(_slices(taken, {one.slice.value for one in services if one.slice is not None and one.slice.value is not None})),
        workloads=(*services, *containers),
        sysctls=dict(_sysctls(taken)),
    )


def given_of_host(taken: Snapshot) -> Mapping[str, Setting[Size]]:
    """The swap that is there, as a fact."""
    return {"swap": Setting(Size(taken.swap_total), whole_file("/proc/swaps"))}


def page_of_host(taken: Snapshot, policy: Policy) -> Page:
    """What to say beside the values: where they are from, what each service holds now and at most."""
    host = re.sub(r"[^A-Za-z0-9_.-]+", "-", policy.name).strip("-.")[:100] or "host"
    beside: dict[Pointer, str] = {
        ("hosts", host): f"Linux {plain(taken.release)}" if taken.release else "",
        ("hosts", host, "reserved"): "a guess: what the kernel and services that are not named below hold, and half as much again",
        ("hosts", host, "swap"): _swaps(taken),
        **{("hosts", host, "sysctl", "set", key): f"the kernel's own is {SYSCTLS[key].default}" for key in policy.sysctls},
    }
    waiting = dict(_waiting(taken))
    true = (
        "Limits and sysctls below are in force now, scores too but those that wait"
        if waiting
        else "Limits, scores and sysctls below are in force now"
    )
    return Page(
        head=(
            f"A starter spec of this host as it stood. {true}; comments say what was seen.",
            "Say what each service may use and how dearly it is held (protect), then: oomconf check, oomconf lint, oomconf simulate.",
        ),
        tail=tuple(_others(taken, policy)),
        about={one.object: _use(taken, one) for one in policy.workloads},
        beside={way: text for way, text in beside.items() if text},
        of_service={(name, "oom_score_adj"): text for name, text in waiting.items()},
        bare=True,
    )


# ── the machine ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _reserved(taken: Snapshot) -> int:
    """Bytes to keep for what no service of the spec holds, up to the next 64M and no more than a quarter of RAM."""
    info = taken.meminfo
    # what of slab can be reclaimed is dropped like pages of files, and MemAvailable counts it
    slab = info.get("SUnreclaim", max(0, info.get("Slab", 0) - info.get("SReclaimable", 0)))
    kernel = slab + sum(info.get(key, 0) for key in ("KernelStack", "PageTables", "Percpu"))
    named = {seen.name for seen in _services(taken)}
    others = sum(process.size for process in taken.processes if (owner_of(process.cgroup).unit or "") not in named)
    wanted = max(_LEAST_RESERVED, (kernel + others) * 3 // 2)
    most = (taken.memory_total or 0) // 4
    return min(-(-wanted // _STEP) * _STEP, max(_STEP, most // _STEP * _STEP))


def _swaps(taken: Snapshot) -> str:
    areas = [f"{path} ({kind}, {roughly(size)}, priority {priority})" for path, kind, size, _, priority in taken.swaps]
    shown = ", ".join(plain(area) for area in areas[:4]) or "none is on"
    return f"{shown}; as a list it becomes what oomconf makes: [{{file: /swapfile, size: 2G}}]"


def _sysctls(taken: Snapshot) -> Iterator[tuple[str, Setting[str]]]:
    for key, row in SYSCTLS.items():
        value = taken.sysctls.get(key)
        if value and key not in _COMPUTED and row.default is not None and row.kind != "action" and value != str(row.default):
            yield key, Setting(value, whole_file(f"/proc/sys/{key.replace('.', '/')}"), text=value)


# ── what runs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _services(taken: Snapshot) -> Iterator[_Seen]:
    """Services worth a line: those that hold something, and those that anything limits or protects."""
    scores: dict[str, int] = {}
    for process in taken.processes:
        scores.setdefault(process.cgroup, process.oom_score_adj)
    for path, state in sorted(taken.cgroups.items()):
        name = path.rpartition("/")[2]
        if not name.endswith(".service") or path.startswith("/user.slice/") or _OWN.match(name):
            continue
        unit = taken.units.get(name, UnitState(name=name))
        said = unit.get("OOMScoreAdjust")
        score = int(said) if said.removeprefix("-").isdecimal() and len(said) < 6 else scores.get(path)  # noqa: PLR2004
        big = (state.working_set or 0) >= max(_KNOWN, (taken.memory_total or 0) // _SHARE)
        limited = any(state.get(file, none) != none for file, none in _LIMITS.values())
        if big or limited or score or unit.get("OOMPolicy") in ("continue", "kill"):
            yield _Seen(name, state, unit, score)


def _waiting(taken: Snapshot) -> Iterator[tuple[str, str]]:
    """Services whose main process runs with another score than their unit says, which it takes when it starts (systemd.exec(5))."""
    by_pid = {process.pid: process for process in taken.processes}
    first: dict[str, ProcessState] = {}
    for process in taken.processes:
        first.setdefault(process.cgroup, process)
    for seen in _services(taken):
        pid = seen.unit.main_pid
        main = first.get(seen.state.path) if pid is None else by_pid.get(pid)
        if main is None or not seen.score or main.oom_score_adj == seen.score:
            continue
        known = programs.find(unit=seen.name, command=main.name)
        if known is None or known.self_protects != main.oom_score_adj:
            yield seen.name, f"waits for the next start: {plain(main.name)}[{main.pid}] runs with {main.oom_score_adj}"


def _service(seen: _Seen, taken: Snapshot) -> Workload:
    at = whole_file(f"/sys/fs/cgroup{seen.state.path}")
    inside = any(one.running and one.engine == "podman" and _holds(seen, one, taken) for one in taken.containers)
    generated = seen.unit.get("FragmentPath").startswith(_GENERATED) and inside
    place = QuadletUnit(unit=f"{seen.name.removesuffix('.service')}.container") if generated else SystemdUnit(unit=seen.name)
    said: dict[str, Any] = {
        field: Setting(Size(value), whole_file(f"{at.path}/{file}"))
        for field, (file, none) in _LIMITS.items()
        if (value := seen.state.get(file, none)) != none
    }
    if seen.score:
        said["oom_score_adj"] = Setting(seen.score, at)
    if (policy := seen.unit.get("OOMPolicy")) not in _UNSAID:
        said["oom_policy"] = Setting(policy, at)
    if (restart := seen.unit.get("Restart")) in _RESTARTS:
        said["restart"] = Setting(restart, at)
    home = seen.state.path.split("/")[-2] if seen.state.path.count("/") > 1 else ""
    if home.endswith(".slice") and not _SYSTEMS.match(home):
        said["slice"] = Setting(home, at)
    return Workload(name=seen.name, object=seen.name, at=at, placement=place, **said)


def _holds(seen: _Seen, container: ContainerState, taken: Snapshot) -> bool:
    return any(process.pid == container.pid and process.cgroup.startswith(seen.state.path) for process in taken.processes)


def _slices(taken: Snapshot, names: set[str]) -> Iterator[Group]:
    for path, state in sorted(taken.cgroups.items()):
        name = path.rpartition("/")[2]
        if name in names:
            said: dict[str, Any] = {
                field: Setting(Size(value), whole_file(f"/sys/fs/cgroup{path}/{file}"))
                for field, (file, none) in _LIMITS.items()
                if (value := state.get(file, none)) != none
            }
            yield Group(name=name, object=name, at=whole_file(f"/sys/fs/cgroup{path}"), **said)


def _is_ours(one: ContainerState) -> bool:
    return one.engine == "docker" and one.running and not one.compose_service


def _container(one: ContainerState) -> Workload:
    at = whole_file(f"docker inspect {one.name}")
    said: dict[str, Any] = {}
    if one.memory > 0:
        said["memory_max"] = Setting(Size(one.memory), at)
        said["memory_swap_max"] = Setting(Size(INFINITY if one.memory_swap < 0 else max(0, one.memory_swap - one.memory)), at)
    if one.oom_score_adj:
        said["oom_score_adj"] = Setting(one.oom_score_adj, at)
    if one.restart and one.restart != "no":
        said["restart"] = Setting(one.restart if one.restart in _RESTARTS else "always", at, text=one.restart)
    place = DockerContainer(name=one.name, image=one.image or None, is_whole=False)
    return Workload(name=one.name, object=f"container {one.name}", at=at, placement=place, **said)


# ── comments ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _use(taken: Snapshot, one: Workload) -> str:
    state = taken.cgroups.get(one.at.path.removeprefix("/sys/fs/cgroup")) if one.at.path.startswith("/sys/") else None
    if state is None:
        pid = next((row.pid for row in taken.containers if f"container {row.name}" == one.object), 0)
        path = next((process.cgroup for process in taken.processes if process.pid == pid), "")
        state = taken.cgroups.get(path)
    if state is None:
        return "what it holds is not seen"
    words = [f"holds {roughly(state.working_set or 0)}"]
    peak = state.values.get("memory.peak")
    if peak is not None:
        words.append(f"at most {roughly(peak)} since it started")
    swap = state.values.get("memory.swap.current", 0)
    if swap:
        words.append(f"{roughly(swap)} in swap")
    if kills := state.values.get("memory.events.oom_kill", 0):
        words.append(f"{kills} of it killed for memory")
    if one.memory_max is None and peak:
        words.append(f"no limit: {_suggested(peak)} would be a quarter above its peak")
    return ", ".join(words)


def _suggested(peak: int) -> str:
    return f"max: {-(-peak * 5 // 4 // (16 * _MIB)) * 16}M"


def _others(taken: Snapshot, policy: Policy) -> Iterator[str]:
    composed = [one for one in taken.containers if one.running and one.compose_service]
    if composed:
        yield "Containers of compose files, to be said with the file's path from here:"
        for one in sorted(composed, key=lambda row: (row.compose_project, row.compose_service, row.name))[:50]:
            limit = roughly(one.memory) if one.memory > 0 else "no limit"
            how = f"compose: {{file: ..., service: {one.compose_service}}}"
            yield plain(f"  {one.compose_service} of project {one.compose_project} ({one.image}): {how}; {limit}")
    if any(process.name == "kubelet" for process in taken.processes):
        yield "A kubelet runs here: its pods are said with kubernetes: placements, and this host with kubelet:."
    named = {one.name for one in policy.workloads}
    rest: dict[str, int] = {}
    for process in taken.processes:
        unit = owner_of(process.cgroup).unit
        if unit is not None and unit.endswith(".service") and unit not in named:
            rest[unit] = rest.get(unit, 0) + process.size
    if rest:
        largest = ", ".join(plain(name) for name in sorted(rest, key=lambda name: (-rest[name], name))[:6])
        held = roughly(sum(rest.values()))
        count = f"{len(rest)} more services hold {held} together" if len(rest) > 1 else f"One more service holds {held}"
        yield f"{count}: {largest}."
    if taken.processes and not any(process.uid == 0 for process in taken.processes):
        yield "Seen without rights: as root it also sees what other users run, and their limits."
