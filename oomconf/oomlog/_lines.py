"""What the kernel's lines about an OOM say, a noun a line."""

from __future__ import annotations

from dataclasses import dataclass, field

from oomconf.oomlog.events import Victim, Zone

__all__ = [
    "Amounts", "Cpu", "Group", "Header", "Killed", "Limit", "Line", "Mems", "NoVictim", "Panic", "Reaped", "Selected", "Sharer",
    "Skipped", "Summary", "Usage", "number",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    gfp: str | None
    order: int | None
    oom_score_adj: int | None


@dataclass(frozen=True, slots=True)
class Mems:
    name: str
    cpuset: str
    mems: str


@dataclass(frozen=True, slots=True)
class Cpu:
    pid: int
    name: str
    kernel: str | None


@dataclass(frozen=True, slots=True)
class Limit:
    """Which cgroup was at its limit, as kernels before 5.0 say it."""

    task: str | None
    of: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    what: str
    usage_kb: int
    limit_kb: int
    failcnt: int


@dataclass(frozen=True, slots=True)
class Summary:
    constraint: str | None
    mems: str | None
    oom_memcg: str | None
    task_memcg: str | None
    name: str | None
    pid: int | None
    uid: int | None
    global_oom: bool


@dataclass(frozen=True, slots=True)
class Selected:
    pid: int
    name: str
    score: int | None
    prefix: str


@dataclass(frozen=True, slots=True)
class Killed:
    victim: Victim
    prefix: str


@dataclass(frozen=True, slots=True)
class Group:
    path: str


@dataclass(frozen=True, slots=True)
class NoVictim:
    prefix: str


@dataclass(frozen=True, slots=True)
class Panic:
    text: str


@dataclass(frozen=True, slots=True)
class Reaped:
    pid: int


@dataclass(frozen=True, slots=True)
class Sharer:
    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Skipped:
    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Amounts:
    """A line of the Mem-Info block or of a cgroup's statistics."""

    pages: dict[str, int] = field(default_factory=dict)
    kb: dict[str, int] = field(default_factory=dict)
    stats_of: str | None = None
    zone: Zone | None = None


Line = Header | Mems | Cpu | Limit | Usage | Summary | Selected | Killed | Group | NoVictim | Panic | Reaped | Sharer | Skipped | Amounts


def number(text: str) -> int:
    """Read digits, of which no kernel writes more than twenty."""
    return int(text[:24])
