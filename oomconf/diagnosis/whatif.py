"""With which score another would have died: found by arithmetic, proven by weighing again."""

from __future__ import annotations

from typing import Final

from oomconf.diagnosis.nouns import Counterfactual
from oomconf.kernel.badness import ADJ_MAX, ADJ_MIN
from oomconf.oomlog.ranking import Ranked, Ranking, weigh

__all__ = ["counterfactuals", "next_victims"]

_MOST: Final = 3
_SLACK: Final = 34
"""Points around the one that arithmetic gives: the bonus of CAP_SYS_ADMIN before 4.17 shifts it by 30, rounding by one."""


def next_victims(ranking: Ranking, dead: frozenset[int]) -> tuple[Ranked, ...]:
    """Give the three that would have been killed next, had the dead freed nothing."""
    rows = (row for row in ranking.rows if row.points is not None and row.task.pid not in dead and row.task.tgid not in dead)
    return tuple(row for _, row in zip(range(_MOST), rows, strict=False))


def counterfactuals(ranking: Ranking) -> tuple[Counterfactual, ...]:
    """Say which scores would have turned the choice: one that spares the victim, and one that puts the next in front.

    A score is set on all processes of one name, as a unit does; each answer is weighed again with the kernel's own formula, strictly,
    since a tie goes by age.
    """
    victim = ranking.predicted
    if victim is None or not ranking.unit or ranking.allocating is not None:
        return ()
    rivals: dict[str, Ranked] = {}
    for row in ranking.rows:
        if row.points is not None and row.task.name != victim.task.name:
            rivals.setdefault(row.task.name, row)
    found: list[Counterfactual] = []
    for rival in list(rivals.values())[:1]:
        if (adj := _sparing(ranking, victim, rival)) is not None:
            found.append(_said(victim, adj, rival))
        if (adj := _raising(ranking, rival, victim)) is not None:
            found.append(_said(rival, adj, rival))
    return tuple(found)


def _said(on: Ranked, adj: int, instead: Ranked) -> Counterfactual:
    return Counterfactual(
        name=on.task.name,
        pid=on.task.pid,
        was=on.task.oom_score_adj or 0,
        oom_score_adj=adj,
        instead=instead.task.name,
        instead_pid=instead.task.pid,
    )


def _sparing(ranking: Ranking, victim: Ranked, rival: Ranked) -> int | None:
    """The highest score with which every process of the victim's name weighs less than the rival."""
    if rival.points is None or not ranking.unit:
        return None
    likes = [row for row in ranking.rows if row.task.name == victim.task.name and row.points is not None]
    wanted = (rival.points - max(row.pages for row in likes) - 1) // ranking.unit
    for adj in range(min(wanted + _SLACK, ADJ_MAX), max(ADJ_MIN - 1, wanted - _SLACK), -1):
        if all((weigh(row.task, ranking, adj) or 0) < rival.points for row in likes):
            return adj
    return None


def _raising(ranking: Ranking, rival: Ranked, victim: Ranked) -> int | None:
    """The lowest score with which the rival weighs more than the victim."""
    if victim.points is None or not ranking.unit:
        return None
    wanted = (victim.points - rival.pages) // ranking.unit + 1
    for adj in range(max(wanted - _SLACK, ADJ_MIN), min(wanted + _SLACK, ADJ_MAX + 1)):
        points = weigh(rival.task, ranking, adj)
        if points is not None and points > victim.points:
            return adj
    return None
