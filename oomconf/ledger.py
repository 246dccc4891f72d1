"""The ledger: for each value and target whether it is said exactly, roughly, or cannot be said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from oomconf.policy import WORKLOAD_FIELDS, Origin, Setting, Workload


class Status(StrEnum):
    """How well a target says a value."""

    EXACT = "exact"
    APPROXIMATED = "approximated"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of one object in one target."""

    object: str
    identity: str
    """The object as the target knows it: what a reader of the artefact calls it."""
    field: str
    target: str
    status: Status
    setting: Setting[Any]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file to be: path relative to the output directory, text, mode."""

    path: str
    text: str
    mode: int = 0o644
    objects: tuple[str, ...] = ()
    """The spec's objects that asked for it."""
    target: str = ""
    host: str = ""
    """Set by the renderer: whose file it is, so that a partial render removes only its own stale files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What one target makes of one policy."""

    artifacts: tuple[Artifact, ...] = ()
    ledger: tuple[Cell, ...] = ()


@dataclass(slots=True)
class Book:
    """Collects cells while a target renders."""

    target: str
    cells: list[Cell] = field(default_factory=list)

    def exact(self, thing: str, identity: str, name: str, setting: Setting[Any], note: str = "") -> None:
        """Enter a value that reads back as the same number; what came from a nominal RAM size is approximated all the same."""
        if setting.origin is Origin.NOMINAL:
            self.approximated(thing, identity, name, setting, "computed from a nominal RAM size: say 'memtotal' for the exact one")
        else:
            self.cells.append(Cell(thing, identity, name, self.target, Status.EXACT, setting, note))

    def approximated(self, thing: str, identity: str, name: str, setting: Setting[Any], note: str) -> None:
        """Enter a value that the target says roughly; `note` says how."""
        self.cells.append(Cell(thing, identity, name, self.target, Status.APPROXIMATED, setting, note))

    def impossible(self, thing: str, identity: str, name: str, setting: Setting[Any], note: str) -> None:
        """Enter a value that the target cannot say; `note` says why."""
        self.cells.append(Cell(thing, identity, name, self.target, Status.IMPOSSIBLE, setting, note))


def unsaid_cells(workload: Workload, target: str, said: Iterable[Cell]) -> list[Cell]:
    """Enter every said value that a target passed over as impossible: nothing is lost in silence."""
    entered = {(cell.identity, cell.field) for cell in said}
    missing: list[Cell] = []
    for identity in workload.placement.identities:
        for name in WORKLOAD_FIELDS:
            setting: Setting[object] | None = getattr(workload, name)
            if setting is not None and (identity, name) not in entered:
                missing.append(Cell(workload.object, identity, name, target, Status.IMPOSSIBLE, setting, f"{target} has no word for it"))
    return missing
