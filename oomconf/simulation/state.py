"""Who holds what while a scenario is played, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from oomconf.simulation.nouns import Machine, Member, Part

__all__ = ["Cell", "State"]


@dataclass(slots=True, eq=False)
class Cell:
    """Like processes of one service: `count` of them, `size` pages each."""

    member: Member
    part: Part
    count: int
    size: int
    grows: bool = False
    grown: int = 0
    """Pages that came since the scenario began: whatever the split, one process holds these."""

    @property
    def total(self) -> int:
        return self.count * self.size


@dataclass(slots=True)
class State:
    """The processes of a machine; a service that does not say how it is split is one process."""

    machine: Machine
    cells: list[Cell] = field(default_factory=list)

    def pages(self, size: int) -> int:
        return size // self.machine.page_size

    def start(self, member: Member) -> None:
        """Let a service run with what it uses when nothing is wrong, a page for every process at least."""
        known = sum(-(-part.size // self.machine.page_size) * (part.count or 1) for part in member.parts if part.size is not None)
        free = [part for part in member.parts if part.size is None]
        rest = max(0, self.pages(min(member.use, member.max)) - known) // max(1, sum(part.count or 1 for part in free))
        for part in member.parts:
            each = rest if part.size is None else -(-part.size // self.machine.page_size)
            self.cells.append(Cell(member, part, part.count or 1, max(1, each)))

    def grow_from(self, member: Member, part: str = "") -> Part | None:
        """Let one process of a service grow: of the named part, else of the one with the most processes; gives the part."""
        own = [cell for cell in self.of(member) if part in ("", cell.part.name)]
        if not own:
            return None
        cell = max(own, key=lambda one: (one.part.size is None, one.count))
        if cell.count > 1:
            cell.count -= 1
            cell = Cell(member, cell.part, 1, cell.size)
            self.cells.append(cell)
        cell.grows = True
        return cell.part

    def of(self, member: Member) -> list[Cell]:
        return [cell for cell in self.cells if cell.member is member]

    def held(self, member: Member) -> int:
        return sum(cell.total for cell in self.of(member))

    def all_held(self, members: Sequence[Member]) -> list[int]:
        """What each holds, 0 for who is gone."""
        found = {member.name: 0 for member in members}
        for cell in self.cells:
            if cell.member.name in found:
                found[cell.member.name] += cell.total
        return list(found.values())

    def growers(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.grows]

    def running(self) -> tuple[Member, ...]:
        """Services of which something runs, in the order of the machine."""
        alive = {cell.member.name for cell in self.cells}
        return tuple(member for member in self.machine.members if member.name in alive)

    def now(self, member: Member) -> Member:
        """A service as what is left of it may be split: parts that are gone are gone."""
        parts: list[Part] = []
        for cell in self.of(member):
            known = cell.part.size is not None
            size = cell.size * self.machine.page_size if known else None
            count = cell.count if cell.part.count is not None else None
            parts.append(replace(cell.part, size=size, count=count))
        return replace(member, parts=tuple(parts))

    def end(self, cells: Sequence[Cell]) -> int:
        """End processes; gives the pages that come back."""
        self.cells = [cell for cell in self.cells if cell not in cells]
        return sum(cell.total for cell in cells)

    def kill(self, cell: Cell) -> int:
        """End one process; gives the pages that come back."""
        cell.count -= 1
        if cell.count <= 0:
            self.cells.remove(cell)
        return cell.size
