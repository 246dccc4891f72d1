"""What a captured host says: its processes, cgroups, units and containers at one moment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from oomconf.kernel.version import KernelVersion
from oomconf.oomlog.owners import owner_of

__all__ = ["CgroupState", "ContainerState", "ProcessState", "Snapshot", "UnitState", "name_of"]


# src/basic/escape.c: shell_maybe_quote()
_PATH: Final = re.compile(r"\$'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\S+", re.DOTALL)
_MARKED: Final = re.compile(r"\\(?:([0-7]{3})|(.))", re.DOTALL)
_CONTROLS: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unquoted(text: str) -> str:
    """A path as it is, of one that systemctl quoted for a shell."""
    if text.startswith('"'):
        return _MARKED.sub(lambda match: match[2] or match[0], text[1:-1])
    if not text.startswith("$'"):
        return text
    return _MARKED.sub(lambda match: chr(int(match[1], 8)) if match[1] else _CONTROLS.get(match[2], match[2]), text[2:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """A process; sizes in bytes."""

    pid: int
    ppid: int = 0
    uid: int = 0
    name: str = ""
    rss: int = 0
    swap: int = 0
    tables: int = 0
    oom_score_adj: int = 0
    cgroup: str = "/"

    @property
    def size(self) -> int:
        """What the OOM killer weighs: memory, swap and page tables."""
        return self.rss + self.swap + self.tables


@dataclass(frozen=True, slots=True, kw_only=True)
class CgroupState:
    """A cgroup's files; bytes, INFINITY for `max`. Of a file with keys each has its own name: `memory.events.oom_kill`."""

    path: str
    values: Mapping[str, int] = field(default_factory=dict)

    def get(self, name: str, default: int) -> int:
        return self.values.get(name, default)

    @property
    def working_set(self) -> int | None:
        """What cannot be dropped at once: in use, less file pages that nobody touched lately (as cAdvisor counts it); None if unknown."""
        current = self.current
        return None if current is None else max(0, current - (self.inactive_file or 0))

    @property
    def current(self) -> int | None:
        """What is in use, by either version of cgroups."""
        return self.values.get("memory.current", self.values.get("memory.usage_in_bytes"))

    @property
    def inactive_file(self) -> int | None:
        """File pages that nobody touched lately, of all that is below too; v1 has that under a name of its own."""
        is_v1 = "memory.usage_in_bytes" in self.values
        return self.values.get(f"memory.stat.{'total_' if is_v1 else ''}inactive_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitState:
    """A unit as the manager has it, in the words of `systemctl show`."""

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Give a property, empty if it is not said."""
        return self.properties.get(name, "")

    @property
    def is_active(self) -> bool:
        return self.get("ActiveState") in ("active", "activating", "reloading", "deactivating")

    @property
    def main_pid(self) -> int | None:
        text = self.get("MainPID")
        return int(text) if text.isdecimal() and text != "0" and len(text) < 11 else None  # noqa: PLR2004

    @property
    def files(self) -> tuple[str, ...]:
        """Its own file and the drop-ins, as the manager read them one over the other."""
        dropins = (_unquoted(path) for path in _PATH.findall(self.get("DropInPaths")))
        return tuple(path for path in (self.get("FragmentPath"), *dropins) if path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """A container as its engine has it; bytes, 0 and -1 as the engine writes them."""

    engine: str
    id: str
    name: str
    image: str = ""
    running: bool = False
    pid: int = 0
    oom_killed: bool = False
    exit_code: int = 0
    restarts: int = 0
    memory: int = 0
    memory_swap: int = 0
    memory_reservation: int = 0
    oom_score_adj: int = 0
    restart: str = ""
    compose_service: str = ""
    compose_project: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A host at one moment, as far as the capture could see it."""

    memory_total: int | None = None
    meminfo: Mapping[str, int] = field(default_factory=dict)
    """Bytes, by the kernel's own names."""
    swap_total: int = 0
    swaps: tuple[tuple[str, str, int, int, int], ...] = ()
    """/proc/swaps: path, type, bytes, bytes used, priority."""
    page_size: int = 4096
    kernel: KernelVersion | None = None
    release: str = ""
    hostname: str = ""
    systemd: int | None = None
    cgroup_version: int | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    vmstat: Mapping[str, int] = field(default_factory=dict)
    pressure: Mapping[str, float] = field(default_factory=dict)
    """/proc/pressure/memory: `some.avg10` and the like, percent."""
    processes: tuple[ProcessState, ...] = ()
    cgroups: Mapping[str, CgroupState] = field(default_factory=dict)
    units: Mapping[str, UnitState] = field(default_factory=dict)
    containers: tuple[ContainerState, ...] = ()
    files: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    """Lines of unit files, sysctl.d and fstab that speak of memory, with their numbers; none of a file that is empty."""
    log: tuple[str, ...] = ()
    """What the kernel, systemd and the user-space killers logged since boot."""
    asked: frozenset[str] = frozenset()
    """Commands that were asked: systemctl, docker, podman, log."""
    whole: bool = True
    """Whether the capture came to its end."""

    @property
    def init(self) -> str:
        """The name of PID 1; empty if it is not seen."""
        return next((process.name for process in self.processes[:1] if process.pid == 1), "")

    @property
    def is_without_systemd(self) -> bool:
        """Whether PID 1 is something else, though systemd may be installed."""
        return "systemctl" not in self.asked and self.init not in ("", "systemd")

    @property
    def manager(self) -> int | None:
        """The version of the systemd that runs, as far as it is known that it does."""
        return None if self.is_without_systemd else self.systemd


def name_of(process: ProcessState) -> str:
    """What a process belongs to: its unit, container or pod, else its cgroup, and in none its own name."""
    owner = owner_of(process.cgroup)
    if owner.container is not None:
        return f"container {owner.container[:12]}"
    return owner.unit or (f"pod {owner.pod}" if owner.pod else process.cgroup.strip("/") or process.name)
