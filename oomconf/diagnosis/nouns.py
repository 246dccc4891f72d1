"""What a diagnosis says: who held what, why this one, who would have been next, what to change."""

from __future__ import annotations

from dataclasses import dataclass, field

from oomconf.location import Location
from oomconf.oomlog.events import OomEvent
from oomconf.oomlog.ranking import Ranked, Ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A share of the memory that ran short; bytes."""

    name: str
    size: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """All processes of one name in the table; bytes of RSS, swap and page tables."""

    name: str
    count: int
    size: int
    largest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """With `oom_score_adj` on `name`, `instead` would have been killed; proven by weighing the table again."""

    name: str
    pid: int
    was: int
    oom_score_adj: int
    instead: str
    instead_pid: int

    def __str__(self) -> str:
        return (
            f"with oom_score_adj {self.oom_score_adj} on {self.name}, not {self.was}, {self.instead} ({self.instead_pid}) "
            "would have died instead"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A thing to change; `command` does it where one does."""

    id: str
    text: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Where a spec speaks of the victim or of the limit that was met, and the change that it would take."""

    service: str
    at: Location
    key: str
    value: str
    wanted: str | None = None
    """What it should say for this kill not to happen again as it did; None where the value is fine."""
    line: str | None = None
    """The line of the spec as it stands, and below with the change; None where its text is not at hand or more than a value changes."""
    wanted_line: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """An event, understood."""

    event: OomEvent
    ranking: Ranking
    headline: str
    why: tuple[str, ...] = ()
    scope: int | None = None
    """Bytes of what ran short: the machine's RAM, or the cgroup's limit."""
    holdings: tuple[Holding, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    next: tuple[Ranked, ...] = ()
    counterfactuals: tuple[Counterfactual, ...] = ()
    advice: tuple[Advice, ...] = ()
    declared: tuple[Declared, ...] = field(default=())
