"""The control files of cgroup v2 that decide over memory (Documentation/admin-guide/cgroup-v2.rst)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from oomconf.kernel.version import KernelVersion

__all__ = ["CONTROLS", "Access", "Control"]

Access = Literal["r", "rw", "w"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control file; `default` is what a new group reads, None if it is measured or only written.

    `since` is good to one mainline release. `on_root`: whether the root group has it too.
    """

    name: str
    access: Access
    default: str | None
    since: KernelVersion
    on_root: bool = False
    note: str = ""


def _row(name: str, access: Access, default: str | None, since: str, note: str = "", *, on_root: bool = False) -> Control:
    return Control(name=name, access=access, default=default, since=KernelVersion.parse(since), on_root=on_root, note=note)


# fmt: off
_ROWS: Final = (
    _row("memory.current", "r", None, "4.5", "with page cache, kernel memory, sockets and tmpfs, and all groups below"),
    _row("memory.min", "rw", "0", "4.18", "kept even if something else is killed for it; bounded by what every ancestor keeps"),
    _row("memory.low", "rw", "0", "4.5", "kept while there is anything else to reclaim; bounded by what every ancestor keeps"),
    _row("memory.high", "rw", "max", "4.5", "slows down and reclaims; never kills"),
    _row("memory.max", "rw", "max", "4.5", "reclaims, then kills in the group; written below use it does so at once"),
    _row("memory.reclaim", "w", None, "5.19", "an action; EAGAIN if less was reclaimed", on_root=True),
    _row("memory.peak", "r", None, "5.19", "most use so far; newer kernels reset it for the file descriptor that writes"),
    _row("memory.oom.group", "rw", "0", "4.19", "1 kills all or none of the group, but for processes at -1000"),
    _row("memory.events", "r", None, "4.5", "oom counts limits reached, oom_kill processes killed by any OOM kill; groups below included"),
    _row("memory.events.local", "r", None, "5.2", "as memory.events, of this group alone"),
    _row("memory.stat", "r", None, "4.5", "the order of the keys is not stable", on_root=True),
    _row("memory.numa_stat", "r", None, "5.10", "as memory.stat, by node", on_root=True),
    _row("memory.swap.current", "r", None, "4.5", "swap alone"),
    _row("memory.swap.max", "rw", "max", "4.5", "swap alone, not memory and swap; 0 is no swap"),
    _row("memory.swap.high", "rw", "max", "5.8", "slows down, and is not meant to be reached in normal running"),
    _row("memory.swap.peak", "r", None, "6.5", "most swap so far"),
    _row("memory.swap.events", "r", None, "4.18", "high, max, fail"),
    _row("memory.zswap.current", "r", None, "5.19", "the compressed size"),
    _row("memory.zswap.max", "rw", "max", "5.19", "of the compressed size"),
    _row("memory.zswap.writeback", "rw", "1", "6.8", "0 also keeps the group and all below off disk swap", on_root=True),
    _row("memory.pressure", "rw", None, "4.20", "stall times; a write sets a trigger", on_root=True),
    _row("cgroup.type", "rw", "domain", "4.14", "only threaded can be written"),
    _row("cgroup.procs", "rw", None, "4.5", "a process that moves leaves its charges behind; 0 is the writer", on_root=True),
    _row("cgroup.threads", "rw", None, "4.14", "threads, inside a threaded subtree", on_root=True),
    _row("cgroup.controllers", "r", None, "4.5", "what may be enabled for the groups below", on_root=True),
    _row("cgroup.subtree_control", "rw", "", "4.5", "EBUSY below the root while the group itself holds processes", on_root=True),
    _row("cgroup.events", "r", None, "4.5", "populated, frozen"),
    _row("cgroup.max.descendants", "rw", "max", "4.14", on_root=True),
    _row("cgroup.max.depth", "rw", "max", "4.14", on_root=True),
    _row("cgroup.stat", "r", None, "4.14", on_root=True),
    _row("cgroup.freeze", "rw", "0", "5.2"),
    _row("cgroup.kill", "w", None, "5.14", "1 sends SIGKILL to all below"),
    _row("cgroup.pressure", "rw", "1", "6.1", "0 stops the counting of stalls", on_root=True),
)
# fmt: on

CONTROLS: Final[Mapping[str, Control]] = MappingProxyType({row.name: row for row in _ROWS})
"""By file name, in the order of the kernel's own page."""
