"""Cgroups made by hand: what a script writes into their control files, and in which order (cgroup-v2.rst)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from oomconf.dialect import Document, Entry
from oomconf.dialects._commands import Step
from oomconf.dialects.script.writes import Write
from oomconf.location import Location
from oomconf.placement import CgroupLeaf
from oomconf.policy import Amount, Setting, Workload
from oomconf.quantity import INFINITY, SizeError, memparse

__all__ = ["Cgroups"]

_FIELDS: Final = {
    "memory.min": "memory_min",
    "memory.low": "memory_low",
    "memory.high": "memory_high",
    "memory.max": "memory_max",
    "memory.swap.max": "memory_swap_max",
}
_V1: Final = {
    "memory.limit_in_bytes": "memory.max",
    "memory.memsw.limit_in_bytes": "memory.swap.max, which counts swap alone",
    "memory.soft_limit_in_bytes": "memory.low",
    "memory.kmem.limit_in_bytes": "",
    "memory.oom_control": "memory.oom.group, which kills all of it; v2 cannot turn killing off",
    "memory.swappiness": "vm.swappiness, for the whole machine",
    "memory.use_hierarchy": "",
    "tasks": "cgroup.procs",
}
_UNGUARDED: Final = re.compile(r"^\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\}|[0-9])$")
_STRICT: Final = re.compile(r"^\s*set\s+-[a-z]*u|-o\s+nounset|^#!.*\s-[a-z]*u", re.MULTILINE)
_SYSTEMDS: Final = re.compile(r"\.(?:slice|service|scope)(?:/|$)")
_ASKS_V1: Final = re.compile(r"\^cgroup\b|/proc/(?:self/)?mounts\b.*\bcgroup\b|\bcgroup\b.*/proc/(?:self/)?mounts\b|/proc/cgroups\b")
"""A look for the mounts of version 1."""
_NO_V2: Final = re.compile(r"\b(?:net_cls|net_prio|freezer|perf_event)\b")
"""Controllers that no cgroup of version 2 has a file of: whoever names one mounts version 1."""
_DELEGATED: Final = re.compile(r"delegat", re.IGNORECASE)
_MOUNT: Final = "/sys/fs/cgroup"


@dataclass(slots=True)
class _Group:
    at: Location
    fields: dict[str, Any] = field(default_factory=dict)
    moved: Location | None = None
    late: Location | None = None


class Cgroups:
    """Takes writes into control files in their order."""

    def __init__(self, document: Document) -> None:
        self.name = document.path.rpartition("/")[2]
        self.text = document.text
        self.groups: dict[str, _Group] = {}
        self.entries: list[Entry] = []
        self.enables = False

    def take(self, folder: str, file: str, write: Write, step: Step) -> None:
        """Add a write into a control file of a group."""
        if file in _V1 and (file != "tasks" or "cgroup" in folder):
            self._v1(folder, file, write)
        if file == "cgroup.subtree_control":
            self.enables = True
        elif file == "cgroup.procs":
            group = self.groups.setdefault(folder, _Group(write.target.at))
            group.moved = group.moved or write.target.at
            if step.inner and write.text is None and write.value.text == "$$" and "exec" not in step.inner:
                self._entry("cgroup.procs", folder, write.target.at, "other-shell")
        elif file in _FIELDS:
            self._limit(folder, file, write)

    def _limit(self, folder: str, file: str, write: Write) -> None:
        group = self.groups.setdefault(folder, _Group(write.target.at))
        text = None if write.text is None else write.text.strip("\n")
        value: Amount | None = None
        fault = hint = ""
        if text is not None:
            try:
                value = memparse.parse(text)
            except SizeError as error:
                fault, hint = error.message, error.hint
        elif _UNGUARDED.match(write.value.text) and not _STRICT.search(self.text) and not self._is_set(write.value.text):
            self._entry(file, write.value.text, write.value.at, "unset")
        said = Entry("script", self.name, "cgroup", file, text or "", write.value.at, fault, hint, source=write.value.source)
        self.entries.append(said)
        group.fields[_FIELDS[file]] = Setting(value, write.value.at, text=write.value.text)
        if file == "memory.max" and group.moved is not None and group.late is None:
            group.late = write.target.at
        if _SYSTEMDS.search(folder) and not _DELEGATED.search(self.text):
            self._entry(file, folder, write.target.at, "systemd")

    def _is_set(self, variable: str) -> bool:
        """Whether the script itself gives the variable a value."""
        name = variable.strip("${}")
        return (
            name.isdigit() is False
            and re.search(rf"(?:^|[\s;]){re.escape(name)}=|read\s+(?:-\w+\s+)*{re.escape(name)}\b", self.text) is not None
        )

    def _v1(self, folder: str, file: str, write: Write) -> None:
        if any(name in self.text for name in ("memory.max", "cgroup2", "cgroup.controllers")):
            return  # it asks which version there is
        if _ASKS_V1.search(self.text) or (file == "tasks" and _NO_V2.search(f"{folder} {self.text}")):
            return
        instead = _V1[file]
        fault = f"{file} is cgroup v1's: with cgroup v2 there is no such file, and the write fails"
        self.entries.append(
            Entry(
                "script",
                self.name,
                "cgroup",
                file,
                folder,
                write.target.at,
                fault,
                f"write {instead}" if instead else "leave it out",
                "gone",
            )
        )

    def _entry(self, key: str, value: str, at: Location, section: str) -> None:
        self.entries.append(Entry("script", self.name, section, key, value, at))

    def end(self) -> tuple[list[Workload], list[Entry]]:
        """Give the groups with a limit as workloads, and what the order of the writes spoils."""
        workloads: list[Workload] = []
        for folder, group in self.groups.items():
            limit = group.fields.get("memory_max")
            if group.late is not None:
                self._entry("cgroup.procs", folder, group.late, "late-limit")
            if limit is not None and not self.enables and _depth(folder) > 1 and not _SYSTEMDS.search(folder):
                self._entry("cgroup.subtree_control", folder, limit.at, "missing")
            if group.fields:
                path = folder.removeprefix(_MOUNT).strip("/") or folder
                workloads.append(
                    Workload(
                        name=path.rpartition("/")[2] or path,
                        object=f"{self.name}:{path}",
                        at=group.at,
                        placement=CgroupLeaf(path=path),
                        **{
                            name: setting
                            for name, setting in group.fields.items()
                            if setting.value != INFINITY or name == "memory_swap_max"
                        },
                    )
                )
        return workloads, self.entries


def _depth(folder: str) -> int:
    """How far below the root a group is; 0 if its path begins with a variable, of which nothing is known."""
    if not folder.startswith(_MOUNT + "/"):
        return 0
    return len([part for part in folder.removeprefix(_MOUNT).split("/") if part])
