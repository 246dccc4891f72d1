"""What a rule saw, and the same stamped with the rule's name."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from oomconf.location import Location


class Severity(IntEnum):
    """SARIF's three levels, in order."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that explains the first."""

    at: Location
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of a document and what is to stand there; quotes around the part stay."""

    at: Location
    text: str
    old: str = ""
    """What must stand there now, or the edit is not made; empty if the place says enough."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at a place: lower case, no full stop; the remedy stands in `help` only."""

    at: Location
    message: str
    help: str = ""
    related: tuple[Related, ...] = ()
    object: str | None = None
    """Only where it is not the subject that the rule was given."""
    fix: tuple[Edit, ...] = ()
    """Edits that do what was plainly meant, all of them or none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with the name and severity of its rule."""

    rule: str
    severity: Severity
    object: str
    at: Location
    message: str
    help: str = ""
    related: tuple[Related, ...] = ()
    fix: tuple[Edit, ...] = field(default=(), compare=False)
    fingerprint: str = field(default="", compare=False)
    """The same for the same fault at another line."""
