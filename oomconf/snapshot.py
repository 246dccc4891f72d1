"""A captured host: lines of `FILE:LINE` from /proc and /sys/fs/cgroup, and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from oomconf.kernel.version import KernelVersion
from oomconf.oomlog.owners import owner_of
from oomconf.quantity import INFINITY

__all__ = ["CGROUP_FILES", "FILES", "HEAD", "STATUS", "TAIL", "CgroupState", "ProcessState", "Snapshot", "read"]

HEAD: Final = "# oomconf snapshot 1"
TAIL: Final = "# end"
FILES: Final = (
    "/proc/meminfo",
    "/proc/swaps",
    "/proc/vmstat",
    "/proc/pressure/memory",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/overcommit_ratio",
    "/proc/sys/vm/overcommit_kbytes",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sys/vm/oom_kill_allocating_task",
    "/proc/sys/vm/oom_dump_tasks",
    "/proc/sys/vm/swappiness",
    "/proc/sys/vm/min_free_kbytes",
)
STATUS: Final = ("Name", "Pid", "PPid", "Uid", "VmRSS", "VmSwap", "VmPTE")
CGROUP_FILES: Final = (
    "memory.current", "memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.current", "memory.swap.max", "memory.oom.group",
    "memory.events", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.usage_in_bytes",
)  # fmt: skip

_LINE: Final = re.compile(r"^(/proc/(\d{1,10})/(status|oom_score_adj|cgroup)):(.*)$")
_CGROUP: Final = re.compile(r"^/sys/fs/cgroup(/.*)?/(memory\.[a-z_.]+):([^:]*)$")
_KB: Final = re.compile(r"^(\d{1,20}) kB$")
# fs/proc/array.c: proc_task_name
_ESCAPED: Final = re.compile(r"\\([n\\])")
_UNLIMITED_V1: Final = 0x7FFFFFFFFFFF0000
"""What cgroup v1 shows for no limit, in pages of up to 64K."""


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
    """A cgroup's files; bytes, INFINITY for `max`."""

    path: str
    values: Mapping[str, int] = field(default_factory=dict)

    def get(self, name: str, default: int) -> int:
        return self.values.get(name, default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A host at one moment, as far as the capture could see it."""

    memory_total: int | None = None
    meminfo: Mapping[str, int] = field(default_factory=dict)
    """Bytes, by the kernel's own names."""
    swap_total: int = 0
    page_size: int = 4096
    kernel: KernelVersion | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    processes: tuple[ProcessState, ...] = ()
    cgroups: Mapping[str, CgroupState] = field(default_factory=dict)
    whole: bool = True
    """Whether the capture came to its end."""


def read(text: str) -> Snapshot:
    """Read a capture; what is missing or cannot be read in it is left out, and nothing raises.

    Kernel threads, which have no memory of their own, are left out too (Documentation/filesystems/proc.rst).
    """
    files: dict[str, list[str]] = {}
    rows: dict[int, dict[str, str]] = {}
    cgroups: dict[str, dict[str, int]] = {}
    for line in text.split("\n"):
        if match := _LINE.match(line):
            _process(rows.setdefault(int(match[2]), {}), match[3], match[4])
        elif match := _CGROUP.match(line):
            value = _limit(match[3], match[2])
            if value is not None:
                cgroups.setdefault(_cgroup_path(match[1]), {})[match[2]] = value
        elif line.startswith("/"):
            name, _, rest = line.partition(":")
            files.setdefault(name, []).append(rest)
    meminfo = _meminfo(files.get("/proc/meminfo", ()))
    processes = tuple(found for pid, row in sorted(rows.items()) if (found := _state(pid, row)) is not None)
    release = next(iter(files.get("/proc/sys/kernel/osrelease", ())), "")
    return Snapshot(
        memory_total=meminfo.get("MemTotal"),
        meminfo=meminfo,
        swap_total=meminfo.get("SwapTotal", 0),
        page_size=_int(next(iter(files.get("/page_size", ())), ""), 4096),
        kernel=_version(release),
        sysctls={
            name.removeprefix("/proc/sys/").replace("/", "."): lines[0].strip()
            for name, lines in files.items()
            if name.startswith("/proc/sys/") and lines
        },
        processes=processes,
        cgroups={path: CgroupState(path=path, values=values) for path, values in cgroups.items()},
        whole=TAIL in text[-200:],
    )


def _process(row: dict[str, str], file: str, rest: str) -> None:
    if file == "status":
        key, _, value = rest.partition(":")
        row.setdefault(key, value.strip("\t "))
    elif file == "oom_score_adj":
        row.setdefault("adj", rest.strip())
    else:
        number, _, tail = rest.partition(":")
        controllers, _, path = tail.partition(":")
        if number == "0" and not controllers:
            row.setdefault("v2", path)
        elif "memory" in controllers.split(","):
            row["v1"] = path


def _state(pid: int, row: Mapping[str, str]) -> ProcessState | None:
    if "VmRSS" not in row:
        return None
    uid = row.get("Uid", "").split()
    return ProcessState(
        pid=pid,
        ppid=_int(row.get("PPid", ""), 0),
        uid=_int(uid[0] if uid else "", 0),
        name=_ESCAPED.sub(lambda match: "\n" if match[1] == "n" else "\\", row.get("Name", "")),
        rss=_kb(row.get("VmRSS", "")),
        swap=_kb(row.get("VmSwap", "")),
        tables=_kb(row.get("VmPTE", "")),
        oom_score_adj=max(-1000, min(1000, _int(row.get("adj", ""), 0))),
        cgroup=(row.get("v1") or row.get("v2") or "/").removesuffix(" (deleted)"),
    )


def _cgroup_path(path: str | None) -> str:
    """A cgroup's own path: under v1 the controller's name stands in front."""
    path = path or "/"
    for mount in ("/memory", "/unified"):
        if path == mount or path.startswith(f"{mount}/"):
            return path[len(mount) :] or "/"
    return path


def _limit(text: str, name: str) -> int | None:
    text = text.strip()
    if text == "max":
        return INFINITY
    if not text.isdecimal() or len(text) > 24:  # noqa: PLR2004
        return None
    value = int(text)
    return INFINITY if name.endswith("limit_in_bytes") and value >= _UNLIMITED_V1 else value


def _meminfo(lines: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        key, mark, rest = line.partition(":")
        if mark and (match := _KB.match(rest.strip())):
            found.setdefault(key, int(match[1]) * 1024)
    return found


def _kb(text: str) -> int:
    match = _KB.match(text.strip())
    return 0 if match is None else int(match[1]) * 1024


def _int(text: str, default: int) -> int:
    text = text.strip()
    return int(text[:20]) if text.removeprefix("-").isdecimal() else default


def _version(text: str) -> KernelVersion | None:
    try:
        return KernelVersion.parse(text)
    except ValueError:
        return None


def name_of(process: ProcessState) -> str:
    """What a process belongs to: its unit, container or pod, else its own name."""
    owner = owner_of(process.cgroup)
    if owner.container is not None:
        return f"container {owner.container[:12]}"
    return owner.unit or (f"pod {owner.pod}" if owner.pod else process.name)
