"""How what a service holds may be split into its processes, in pages."""

from __future__ import annotations

from oomconf.simulation.holding import ENDLESS
from oomconf.simulation.nouns import Member, Part

__all__ = ["bound", "divided", "heaviest", "least", "lightest"]


def _least(part: Part, page: int) -> int:
    return 1 if part.size is None else max(1, -(-part.size // page))


def least(member: Member, page: int) -> int:
    """The least that a service holds: a page for every process of which no size is said."""
    return sum(_least(part, page) * (part.count or 1) for part in member.parts)


def bound(member: Member, badness: int, point: int, page: int) -> int | None:
    """The most that a service holds with no process heavier than `badness`; None if it cannot run without one."""
    total = 0
    for part in member.parts:
        cap = ENDLESS if not part.killable or badness >= ENDLESS else badness - part.oom_score_adj * point
        if _least(part, page) > cap:
            return None
        each = cap if part.size is None else _least(part, page)
        total += ENDLESS if part.count is None and part.size is None else each * (part.count or 1)
    return min(total, ENDLESS)


def divided(
    member: Member, size: int, badness: int, point: int, page: int, victim: tuple[Part, int] | None = None
) -> list[tuple[str, int, int]]:
    """Split a size into processes none of which is heavier than `badness`, the victim's first: part, how many, pages of each."""
    pieces: list[tuple[str, int, int]] = []
    left = size - least(member, page)
    if victim is not None:
        left -= victim[1] - _least(victim[0], page)
        pieces.append((victim[0].name, 1, victim[1]))
    for part in member.parts:
        mine = victim is not None and victim[0] is part
        count = (part.count or 1) - (1 if mine else 0)
        if part.size is not None:
            pieces += [(part.name, count, _least(part, page))] if count else []
            continue
        cap = badness - part.oom_score_adj * point if part.killable else ENDLESS
        if part.count is None:
            total, left = count + left, 0
            pieces += [(part.name, total // cap, cap)] if total // cap else []
            pieces += [(part.name, 1, total % cap)] if total % cap else []
            continue
        extra = min(left, count * (cap - 1))
        left -= extra
        pieces += _evened(part.name, count, extra, cap)
    return pieces


def _evened(name: str, count: int, extra: int, cap: int) -> list[tuple[str, int, int]]:
    """A page each, and the rest to as few as may hold it."""
    full, rest = divmod(extra, cap - 1) if cap > 1 else (0, 0)
    pieces = [(name, full, cap)] if full else []
    pieces += [(name, 1, 1 + rest)] if rest else []
    single = count - full - (1 if rest else 0)
    return pieces + ([(name, single, 1)] if single else [])


def heaviest(member: Member, size: int, point: int, page: int) -> int | None:
    """What the heaviest process of a service of that size weighs at most, over all splits; None if none can be killed."""
    spare = max(0, size - least(member, page))
    return max(
        (_least(part, page) + (spare if part.size is None else 0) + part.oom_score_adj * point for part in member.parts if part.killable),
        default=None,
    )


def lightest(member: Member, size: int, point: int, page: int) -> int | None:
    """What the heaviest process of a service of that size weighs at least, over all splits; None if none can be killed."""
    able = [_least(part, page) + part.oom_score_adj * point for part in member.parts if part.killable]
    if not able:
        return None
    low, high = max(able), max(able) + size
    while low < high:
        middle = (low + high) // 2
        most = bound(member, middle, point, page)
        low, high = (low, middle) if most is not None and most >= size else (middle + 1, high)
    return low
