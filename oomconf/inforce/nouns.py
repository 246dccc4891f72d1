"""What an audit says: the values in force, the memory, who uses it, who is next, and who was killed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from oomconf.location import NOWHERE, Location

__all__ = ["Audit", "Candidate", "Headroom", "Kill", "Killer", "Note", "Row", "State", "Use", "Value"]

Value = int | str
State = Literal["as said", "drift", "pending restart", "not running", "not seen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A setting: what is said of it, what is in force, and where that comes from."""

    object: str
    """How the spec names it (`services.api`), else the unit."""
    thing: str
    """What it is on the host: a unit, a container, a cgroup, a sysctl, a swap."""
    setting: str
    state: State
    expected: Value | None = None
    at: Location = NOWHERE
    """Where the spec, or a file of the host, says what is expected."""
    found: Value | None = None
    manager: Value | None = None
    """What systemd or the engine says, where the kernel holds something else."""
    source: str = ""
    """Where the value in force comes from."""
    why: str = ""
    blind: bool = False
    """Whether it could be seen with more rights, or in a whole capture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A kill of the log, as `diagnose` tells it."""

    line: int
    at: str | None
    text: str
    killer: str
    kind: str | None
    outcome: str | None
    victim: str | None = None
    pid: int | None = None
    unit: str | None = None
    container: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Killer:
    """Whether the OOM killer came, as the log and the kernel's counter have it."""

    kills: tuple[Kill, ...] = ()
    counter: int | None = None
    """oom_kill of /proc/vmstat: processes killed since boot."""
    told: int = 0
    """Processes that the log names as killed by the kernel."""
    log_seen: bool = False
    by_group: tuple[tuple[str, int], ...] = ()
    """Units and containers whose cgroup counts kills, most first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """How much memory there is; bytes, None is unknown."""

    total: int | None = None
    available: int | None = None
    free: int | None = None
    """What nobody uses at all: it says little, for the kernel fills it with files that it can drop."""
    cache: int = 0
    swap_total: int = 0
    swap_free: int = 0
    swap_seen: bool = True
    """Whether a `swap_total` of 0 says that there is none."""
    commit_limit: int | None = None
    committed: int | None = None
    overcommit: int | None = None
    """vm.overcommit_memory; the commit limit binds under 2 alone."""
    pressure: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a unit, container or pod uses; bytes, None is unknown."""

    name: str
    kind: Literal["unit", "container", "process"]
    path: str = ""
    current: int | None = None
    working_set: int | None = None
    """current less file pages that nobody touched lately; what `docker stats` shows."""
    peak: int | None = None
    limit: int | None = None
    """Its own memory.max; None is none."""
    declared: int | None = None
    """Of a container: the limit that its engine has."""
    swap: int | None = None
    kills: int | None = None
    processes: int = 0
    held: int = 0
    """Memory, swap and page tables of its processes, shared pages counted in each."""

    @property
    def used(self) -> int:
        """The best number there is."""
        return next((value for value in (self.working_set, self.current) if value is not None), self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A process as the OOM killer weighs it; bytes."""

    pid: int
    name: str
    of: str
    """Its unit, container or pod."""
    uid: int
    oom_score_adj: int
    size: int
    badness: int | None
    """None is never asked: -1000, or init."""
    exempt: Literal["", "declared", "itself", "inherited", "unknown"] = ""
    """How it came to -1000: its unit says so, it is known to set that itself, nobody gave it, or who did is not seen."""
    giver: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something worth knowing that is no drift."""

    id: str
    object: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A host at one moment against what is said of it."""

    host: str
    spec_host: str | None = None
    """Which host of the spec it was held against; None without one: then its own files are what is said."""
    release: str = ""
    whole: bool = True
    """Whether the capture came to its end."""
    systemd: int | None = None
    """The one that runs."""
    init: str = ""
    """The name of PID 1."""
    cgroup_version: int | None = None
    processes: int = 0
    units: int = 0
    containers: int = 0
    killer: Killer = Killer()
    memory: Headroom = Headroom()
    users: tuple[Use, ...] = ()
    slices: tuple[Use, ...] = ()
    groups: tuple[Use, ...] = ()
    """Groups that a script makes."""
    order: tuple[Candidate, ...] = ()
    """Processes in the order in which they would die now; those that are never asked come last."""
    rows: tuple[Row, ...] = ()
    notes: tuple[Note, ...] = ()
    unseen: tuple[str, ...] = ()
    """What the answers lack, the values that could not be looked at among it."""
    leaves: Mapping[str, str] = field(default_factory=dict)
    """The label of each of `groups`, by its path."""
    own_kills: Mapping[str, int] = field(default_factory=dict)
    """Kills of the cgroups that have a metric, by path, each counted once though all those above count it too."""

    @property
    def drift(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.state == "drift")

    @property
    def pending(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.state == "pending restart")

    @property
    def is_complete(self) -> bool:
        """Whether everything that can be looked at was; values that no host tells are none of it."""
        return not self.unseen and not self.blind

    @property
    def blind(self) -> tuple[Row, ...]:
        """Values that could not be looked at, and could with more rights, a whole capture or on a host that has what they are of."""
        return tuple(row for row in self.rows if row.blind)

    @property
    def unsayable(self) -> tuple[Row, ...]:
        """Values that nothing on a host tells, whatever the rights."""
        return tuple(row for row in self.rows if row.state == "not seen" and not row.blind)
