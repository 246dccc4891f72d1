"""How much services can hold at once, in pages: their own limits, those of the groups around them, memory and swap, exactly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

from oomconf.quantity import INFINITY
from oomconf.simulation.nouns import Machine, Member

__all__ = ["ENDLESS", "Holding"]

ENDLESS: Final = 1 << 62
"""More pages than there are."""


class Holding:
    """What members may hold together, below limits that nest.

    A page is in memory or in swap. In memory it counts against memory.max of its service and of every group above, in swap against their
    memory.swap.max (mm/memcontrol.c: try_charge_memcg, __mem_cgroup_try_charge_swap). So what fits is what flows from the services through
    two trees of limits, and by the theorem of the least cut one pass over the tree tells how much that is.
    """

    def __init__(self, machine: Machine, members: Sequence[Member], *, below: str | None = None, unlimited: Collection[str] = ()) -> None:
        """Limits of `members`, and of the groups around them: all, or those inside of the group `below`; `unlimited` do not count."""
        self._page = machine.page_size
        self._unlimited = unlimited
        chains = [_inside(member.groups, machine, below) for member in members]
        order = sorted({name for chain in chains for name in chain}, key=lambda name: -max(_depth(name, chain) for chain in chains))
        place = {name: index for index, name in enumerate(order)}
        root = len(order)
        self._groups = [self._pair(name, machine.groups[name].max, machine.swap_of(machine.groups[name])) for name in order]
        above = {name: up for chain in chains for name, up in pairwise(chain)}
        self._above = [place[above[name]] if name in above else root for name in order]
        self._members = [
            (place[chain[0]] if chain else root, *self._pair(member.name, member.max, machine.swap_of(member)))
            for member, chain in zip(members, chains, strict=True)
        ]

    def _pair(self, name: str, most: int, swap: int) -> tuple[int, int]:
        return ENDLESS if name in self._unlimited else self._pages(most), self._pages(swap)

    def _pages(self, size: int) -> int:
        return ENDLESS if size >= INFINITY else size // self._page

    def most(self, wanted: Sequence[int], *, memory: int = ENDLESS, swap: int = ENDLESS) -> int:
        """How many pages of what is wanted can be held in so much memory and swap."""
        sums = [[0, 0, 0, 0] for _ in range(len(self._groups) + 1)]
        for want, (parent, own, own_swap) in zip(wanted, self._members, strict=True):
            row = sums[parent]
            row[0] += min(want, own + own_swap)
            row[1] += min(want, own)
            row[2] += min(want, own_swap)
        for (neither, paged, resident, both), (top, top_swap), above in zip(sums, self._groups, self._above, strict=False):
            row = sums[above]
            row[0] += min(neither, paged + top_swap, resident + top, both + top + top_swap)
            row[1] += min(neither, paged, resident + top, both + top)
            row[2] += min(neither, paged + top_swap, resident, both + top_swap)
            row[3] += min(neither, paged, resident, both)
        neither, paged, resident, both = sums[-1]
        return min(neither, paged + swap, resident + memory, both + memory + swap)

    def fits(self, held: Sequence[int], *, memory: int = ENDLESS, swap: int = ENDLESS) -> bool:
        """Whether all of this can be held at once."""
        return self.most(held, memory=memory, swap=swap) == sum(held)

    def swapped(self, held: Sequence[int], swap: int) -> int:
        """How many pages of this can go to swap: when memory has run out, all of them have."""
        return 0 if not swap else self.most(held, memory=0, swap=swap)

    def reach(self, wanted: Sequence[int], swap: int) -> int:
        """The most memory that can be full, with no more than what is wanted, when nothing more can go to swap."""
        return self.most(wanted, swap=swap) - self.swapped(wanted, swap)

    def clipped(self, wanted: Sequence[int], least: Sequence[int], order: Sequence[int], swap: int) -> list[int]:
        """Cut what is wanted to what can be held, the last of `order` first, never below `least`; as much is held as can be."""
        held = list(wanted)
        most = self.most(held, swap=swap)
        for index in reversed(order):
            if sum(held) == most:
                break
            without = [*held[:index], 0, *held[index + 1 :]]
            held[index] = min(held[index], max(least[index], most - self.most(without, swap=swap)))
        return held


def _inside(groups: Sequence[str], machine: Machine, below: str | None) -> list[str]:
    chain = [name for name in groups if name in machine.groups]
    return chain if below is None or below not in chain else chain[: chain.index(below)]


def _depth(name: str, chain: Sequence[str]) -> int:
    """How far below the top a group is; groups are in the order of their nesting."""
    return len(chain) - chain.index(name) if name in chain else 0
