"""What an explanation says: a service's settings, each with its lines, what limits it, and what does not agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from oomconf.location import Location

__all__ = ["Bound", "Explained", "Explanation", "Fate", "Line"]

Fate = Literal["wins", "beaten", "ignored", "asked"]
"""What became of a line: in force, overridden by another, passed over by its reader, or asked for by a spec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that speaks of a setting."""

    at: Location
    text: str
    fate: Fate
    why: str = ""
    """Of one that is ignored the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What really limits, or is left of, a setting: an ancestor's, or the host's."""

    by: str
    """A cgroup by its unit's name, or `the host`."""
    value: int
    at: Location | None = None
    """The line that says it, where a file does."""
    used: int | None = None
    room: int | None = None
    """What may still be taken before something limits."""
    room_by: str = ""
    """What limits first from here on, if that is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One setting: the value in force, who set it, and what limits it."""

    field: str
    """The policy's word."""
    word: str
    """The kernel's or the manager's."""
    value: int | str | None
    """In force; None where it cannot be known."""
    lines: tuple[Line, ...] = ()
    """The one that wins first, then those it beat, the nearest first, ignored ones among them."""
    by: str = ""
    """Who set it where no line of a file did; empty if a line did."""
    loaded: int | str | None = None
    """What the manager, or the engine, has loaded."""
    files: int | str | None = None
    """What the files come to."""
    bound: Bound | None = None
    notes: tuple[str, ...] = ()
    """What does not agree."""

    @property
    def is_said(self) -> bool:
        """Whether there is more to tell than a default."""
        bound = self.bound is not None and self.bound.by != "the host"
        return bool(self.lines or self.notes or bound or not self.by.startswith("nobody"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What there is to tell of a service, slice, container or sysctl."""

    name: str
    kind: Literal["unit", "container", "sysctl"]
    state: str = ""
    """In a sentence: whether it runs, in which cgroup, its main process."""
    cgroup: str = ""
    files: tuple[str, ...] = ()
    """Its files in the order in which they are read."""
    settings: tuple[Explained, ...] = ()
    notes: tuple[str, ...] = ()
    """What does not agree as a whole."""
    unseen: tuple[str, ...] = ()
    """What could not be seen, and why."""
