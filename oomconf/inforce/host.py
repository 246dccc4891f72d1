"""A captured host, indexed: which cgroup is whose, which process is in it, and what the kernel holds for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from oomconf.oomlog.owners import NOBODY, Owner, owner_of
from oomconf.quantity import INFINITY, Size, floor_to_page
from oomconf.snapshot import CgroupState, ContainerState, ProcessState, Snapshot, UnitState

__all__ = ["SETTING_FILES", "Host", "declared_limit", "is_unit", "swap_of"]

SETTING_FILES: Final = {
    "memory_min": "memory.min",
    "memory_low": "memory.low",
    "memory_high": "memory.high",
    "memory_max": "memory.max",
    "memory_swap_max": "memory.swap.max",
}
"""Which file of cgroup v2 holds a setting."""
_UNITS: Final = (".service", ".scope", ".slice", ".socket", ".mount", ".swap")
_EMPTY: Final = CgroupState(path="")


def is_unit(name: str) -> bool:
    """Whether a cgroup of this name is a unit's."""
    return name.endswith(_UNITS)


class Host:
    """What is asked of a snapshot again and again."""

    def __init__(self, taken: Snapshot) -> None:
        self.taken = taken
        self.v1 = taken.cgroup_version == 1
        self.by_pid: Mapping[int, ProcessState] = {process.pid: process for process in taken.processes}
        self.inside: dict[str, list[ProcessState]] = {}
        for process in taken.processes:
            self.inside.setdefault(process.cgroup, []).append(process)
        self._owners: dict[str, Owner] = {}
        self.of_unit: dict[str, str] = {}
        self.of_container: dict[str, str] = {}
        for path in dict.fromkeys((*taken.cgroups, *self.inside)):
            self._place(path)

    def _place(self, path: str) -> None:
        owner = self.owner(path)
        at = ""
        for part in path.split("/"):
            if not part:
                continue
            at = f"{at}/{part}"
            if owner.user is None and is_unit(part):
                self.of_unit.setdefault(part, at)
            if owner.container is not None and owner.container in part:
                self.of_container.setdefault(owner.container, at)

    def owner(self, path: str) -> Owner:
        """Say whose a cgroup is."""
        found = self._owners.get(path)
        if found is None:
            found = self._owners[path] = owner_of(path) if path != "/" else NOBODY
        return found

    def unit(self, name: str) -> UnitState | None:
        return self.taken.units.get(name)

    def cgroup_of(self, unit: str) -> str:
        """The cgroup of a unit of the system's manager; empty if it has none."""
        state = self.unit(unit)
        told = "" if state is None else state.get("ControlGroup")
        return told or self.of_unit.get(unit, "")

    def cgroup_of_container(self, container: ContainerState) -> str:
        process = self.by_pid.get(container.pid) if container.running and container.pid else None
        if container.id in self.of_container:
            return self.of_container[container.id]
        return "" if process is None or process.cgroup == "/" else process.cgroup

    def has(self, path: str) -> bool:
        """Whether the kernel has such a cgroup, as far as it is seen."""
        return bool(path) and (path in self.taken.cgroups or path in self.inside)

    def state(self, path: str) -> CgroupState:
        return self.taken.cgroups.get(path, _EMPTY)

    def holds(self, path: str, setting: str) -> Size | None:
        """What the kernel holds of a memory setting; None where that is not seen, or is no word of cgroup v1."""
        values = self.state(path).values
        if self.v1:
            limit, both = values.get("memory.limit_in_bytes"), values.get("memory.memsw.limit_in_bytes")
            if setting == "memory_max":
                return None if limit is None else Size(limit)
            if setting == "memory_swap_max" and limit is not None and both is not None:
                return INFINITY if both >= INFINITY or limit >= INFINITY else Size(max(0, both - limit))
            return None
        value = values.get(SETTING_FILES[setting])
        return None if value is None else Size(min(value, INFINITY))

    def floor(self, size: int) -> Size:
        """What the kernel keeps of a size that is written to it."""
        return floor_to_page(size, self.taken.page_size)

    def below(self, path: str) -> Iterator[ProcessState]:
        """Processes of a cgroup and of those that it holds."""
        for at, processes in self.inside.items():
            if at == path or at.startswith(f"{path}/"):
                yield from processes

    @property
    def no_manager(self) -> str:
        """Why nothing is known of what systemd has."""
        taken = self.taken
        return f"PID 1 is {taken.init}, not systemd: nothing has its units" if taken.is_without_systemd else "systemctl gave no answer"

    def sees_root(self) -> bool:
        """Whether processes of root are visible: not under hidepid, nor in most containers."""
        return any(process.uid == 0 for process in self.taken.processes)

    def main_process(self, unit: UnitState | None, path: str) -> ProcessState | None:
        """The process whose score is the unit's: its main one, else the oldest of its cgroup."""
        if unit is not None and unit.main_pid is not None:
            return self.by_pid.get(unit.main_pid)
        return min(self.inside.get(path, ()), key=lambda one: one.pid, default=None) if path else None


def declared_limit(one: ContainerState) -> Size:
    """The limit that an engine has of a container; 0 is none."""
    return Size(one.memory) if one.memory > 0 else INFINITY


def swap_of(one: ContainerState) -> Size:
    """What the engine's total leaves for swap; unsaid it is as much again (docker run --memory-swap)."""
    if one.memory <= 0 or one.memory_swap < 0:
        return INFINITY
    return Size(one.memory) if one.memory_swap == 0 else Size(max(0, one.memory_swap - one.memory))
