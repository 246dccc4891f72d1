"""A diagnosis for a terminal: who died and why, who held what, the order of death, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from oomconf.diagnosis import Diagnosis
from oomconf.kernel.badness import ADJ_NEVER
from oomconf.oomlog.ranking import Ranked
from oomconf.quantity import roughly
from oomconf.reports._terminal import Paper, bar, cut, table, wrapped
from oomconf.safe import clean

__all__ = ["render", "summary"]

_BAR: Final = 20
_TOP: Final = 10
_NAME: Final = 24


def render(found: Diagnosis, paper: Paper, *, top: int = _TOP) -> str:
    """Write one event; the first line is for grep: place, time, and what happened."""
    lines = [
        *_head(found, paper),
        *_why(found, paper),
        *_memory(found, paper),
        *_order(found, paper, top),
        *_evidence(found, paper),
        *_do(found, paper),
    ]
    return "".join(f"{line}\n" for line in (*lines, ""))


def summary(count: Mapping[str, int]) -> str:
    """Say in a line what the logs held, by what the events turned out to be: `kill`, `panic`, `report`, `none`, `unknown`."""
    words = (
        ("kill", "kill for lack of memory", "kills for lack of memory"),
        ("panic", "panic for lack of memory", "panics for lack of memory"),
        ("report", "report of the OOM killer without a victim", "reports of the OOM killer without a victim"),
        ("none", "death by SIGKILL that no OOM killer caused", "deaths by SIGKILL that no OOM killer caused"),
        ("unknown", "death by SIGKILL that the log does not explain", "deaths by SIGKILL that the log does not explain"),
    )
    said = [f"{count[key]} {one if count[key] == 1 else many}" for key, one, many in words if count.get(key)]
    return ", ".join(said) or "no kill found"


def _head(found: Diagnosis, paper: Paper) -> list[str]:
    event = found.event
    at = f" {event.at}" if event.at else ""
    host = f" {event.host}" if event.host else ""
    colour = {"none": "green", "unknown": "yellow"}.get(event.killer, "red")
    place = f"{clean(event.path)}:{event.line}:{clean(at)}{clean(host)}"
    return [f"{paper.paint(place, 'dim')} {paper.paint(clean(found.headline), colour)}"]


def _title(word: str, paper: Paper) -> str:
    return f"  {paper.paint(word, 'bold')}"


def _why(found: Diagnosis, paper: Paper) -> Iterator[str]:
    if found.why:
        yield _title("why", paper)
    for sentence in found.why:
        yield from wrapped(clean(sentence), paper, first="    - ", rest="      ")


def _memory(found: Diagnosis, paper: Paper) -> Iterator[str]:
    if not found.holdings:
        return
    event, machine = found.event, found.event.machine
    scope = found.scope or sum(one.size for one in found.holdings)
    words = [roughly(found.scope)] if found.scope else []
    if event.kind != "memcg" and machine is not None and machine.swap_total_kb is not None:
        used = machine.swap_total_kb - (machine.swap_free_kb or 0)
        words.append(f"swap {roughly(used * 1024)} of {roughly(machine.swap_total_kb * 1024)}" if machine.swap_total_kb else "no swap")
    yield _title("memory", paper) + (f" ({', '.join(words)})" if words else "")
    shown = [one for one in found.holdings if one.size * 200 >= scope] or list(found.holdings[:1])
    rows = [
        (one.name, roughly(one.size), f"{one.size * 100 / scope:.0f}%", bar(one.size / scope, _BAR, unicode=paper.unicode), one.note)
        for one in shown
    ]
    yield from table(rows, right=(1, 2))


def _order(found: Diagnosis, paper: Paper, top: int) -> Iterator[str]:
    ranking = found.ranking
    rows = [row for row in ranking.rows if row.points is not None]
    if not rows:
        return
    page = ranking.page_kb * 1024
    dead = {victim.pid for victim in found.event.victims}
    most = max(1, *(abs(row.points or 0) for row in rows), *(row.pages for row in rows))
    unit = f"; 1 point of oom_score_adj weighs {roughly(ranking.unit * page)}" if ranking.unit else ""
    count = f"{len(ranking.rows)} task{'' if len(ranking.rows) == 1 else 's'}"
    yield _title("order of death", paper) + f" ({count}; held is RAM, swap and page tables{unit})"
    shown = rows[:top]
    shown += [row for row in rows[top:] if row.task.pid in dead or row.task.tgid in dead][:3]
    cells = [["", "process", "pid", "held", "adj", "weight", "", ""]]
    cells += [_row(row, index, page, most, dead, paper) for index, row in enumerate(rows, 1) if row in shown]
    yield from table(cells, right=(0, 2, 3, 4, 5))
    rest = len(rows) - len(shown)
    never = [row for row in ranking.rows if row.points is None]
    words = [f"{rest} more"] if rest > 0 else []
    if never:
        names = ", ".join(dict.fromkeys(cut(clean(row.task.name), _NAME) for row in sorted(never, key=lambda row: -row.pages)[:4]))
        words.append(f"{len(never)} never asked (init, or oom_score_adj {ADJ_NEVER}): {names}")
    if words:
        yield from wrapped("; ".join(words), paper)
    for doubt in ranking.doubts:
        yield from wrapped(f"but {doubt}", paper)


def _row(row: Ranked, index: int, page: int, most: int, dead: set[int | None], paper: Paper) -> list[str]:
    gone = row.task.pid in dead or row.task.tgid in dead
    weight = row.points or 0
    mark = "killed" if gone else ""
    return [
        str(index),
        cut(clean(row.task.name), _NAME),
        str(row.task.tgid),
        roughly(row.pages * page),
        str(row.task.oom_score_adj),
        roughly(weight * page),
        bar(max(0, weight) / most, _BAR, unicode=paper.unicode),
        mark,
    ]


def _evidence(found: Diagnosis, paper: Paper) -> Iterator[str]:
    event = found.event
    if event.killer in ("none", "unknown"):
        yield _title("evidence", paper)
        for text in event.evidence:
            yield from wrapped(clean(text), paper, first="    - ", rest="      ")
        for text in event.against:
            yield from wrapped(f"against an OOM kill: {clean(text)}", paper, first="    - ", rest="      ")
    elif event.evidence:
        yield _title("also said", paper)
        for text in event.evidence:
            yield from wrapped(clean(text), paper, first="    - ", rest="      ")


def _do(found: Diagnosis, paper: Paper) -> Iterator[str]:
    if not found.advice and not found.counterfactuals and not found.declared:
        return
    yield _title("what to do", paper)
    for one in found.advice:
        yield from wrapped(clean(one.text), paper, first="    - ", rest="      ")
        if one.command:
            yield f"      $ {clean(one.command)}"
    for other in found.counterfactuals:
        yield from wrapped(clean(str(other)), paper, first="    - ", rest="      ")
    for said in found.declared:
        change = f": make it {said.wanted}" if said.wanted is not None else ""
        yield from wrapped(clean(f"{said.at}: {said.service}: {said.key} is {said.value}{change}"), paper, first="    - ", rest="      ")
        if said.line is not None and said.wanted_line is not None:
            yield paper.paint(f"      - {clean(said.line.strip())}", "red")
            yield paper.paint(f"      + {clean(said.wanted_line.strip())}", "green")
