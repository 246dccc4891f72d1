"""A simulation for a terminal: who can be first, what protects whom, and how each scenario ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.quantity import INFINITY, roughly
from oomconf.reports._terminal import Paper, bar, clean, cut, table, wrapped
from oomconf.simulation.expectations import told
from oomconf.simulation.nouns import Machine, Outlook, Run, Simulation, Step

__all__ = ["render"]

_BAR: Final = 16
_TOP: Final = 12
_COLOURS: Final = {"kill": "red", "group_kill": "red", "panic": "red", "stuck": "red", "oom": "yellow", "calm": "green"}
_WORDS: Final = {"always": "first, always", "possible": "first, possibly", "never": "never first"}
_COLOUR: Final = {"always": "red", "possible": "yellow", "never": "green"}


def render(found: Simulation, paper: Paper, *, steps: bool = False) -> str:
    """Write one host; with `steps` each scenario step by step, else by whom it kills."""
    lines = [*_head(found.machine, paper, whole=not found.standing), *_assumed(found.machine, paper), *_standing(found, paper)]
    for outlook in found.outlooks:
        lines += _outlook(outlook, found.machine, paper)
    lines += _runs(found.runs, paper, steps=steps)
    lines += _expected(found, paper)
    return "".join(f"{line}\n" for line in (*lines, ""))


def _head(machine: Machine, paper: Paper, *, whole: bool) -> Iterator[str]:
    point = machine.total_pages // 1000 * machine.page_size
    swap = f"{roughly(machine.swap)} of swap" if machine.swap else "no swap"
    yield f"{paper.paint(clean(machine.name), 'bold')}: {roughly(machine.memory)} for services, {swap}; a point of oom_score_adj weighs {roughly(point)}"
    if not whole:
        return
    rows = [("service", "holds", "score", "limit", "swap", "uses", "")]
    for member in machine.members:
        scores = sorted({part.oom_score_adj for part in member.parts})
        rows.append(
            (
                clean(member.name),
                bar(min(member.max, machine.memory) / max(1, machine.memory), _BAR, unicode=paper.unicode),
                str(scores[0]) if len(scores) == 1 else f"{scores[0]} … {scores[-1]}",
                roughly(member.max) if member.max < INFINITY else "none",
                roughly(min(member.swap_max, machine.swap)),
                roughly(member.use),
                "protected" if member.protected else "",
            )
        )
    yield from table(rows, right=(2, 3, 4, 5), indent="  ")


def _standing(found: Simulation, paper: Paper) -> Iterator[str]:
    """Write the processes of a captured host in the order in which they would die."""
    rows = [row for row in found.standing if row.badness is not None]
    if not rows:
        return
    yield "  " + paper.paint("order of death as things stand", "bold")
    most = max(1, *(abs(row.badness or 0) for row in rows))
    cells = [("", "process", "of", "held", "score", "weight", "")]
    for index, row in enumerate(rows[:_TOP], 1):
        owner = "" if row.process.startswith(f"{row.member}[") else row.member
        drawn = bar(max(0, row.badness or 0) / most, _BAR, unicode=paper.unicode)
        cells.append(
            (
                str(index),
                cut(clean(row.process), 32),
                cut(clean(owner), 40),
                roughly(row.size),
                str(row.oom_score_adj),
                roughly(row.badness or 0),
                drawn,
            )
        )
    yield from table(cells, right=(0, 3, 4, 5))
    never = len(found.standing) - len(rows)
    words = [f"{len(rows) - _TOP} more"] if len(rows) > _TOP else []
    words += [f"{never} never asked (oom_score_adj -1000)"] if never else []
    if words:
        yield f"    {'; '.join(words)}"


def _assumed(machine: Machine, paper: Paper) -> Iterator[str]:
    if machine.assumptions:
        yield "  " + paper.paint("assumed", "bold")
    for text in machine.assumptions:
        yield from wrapped(clean(text), paper, first="    - ", rest="      ")


def _outlook(outlook: Outlook, machine: Machine, paper: Paper) -> Iterator[str]:
    domain = outlook.domain
    name = "the machine" if domain.kind == "global" else clean(domain.name)
    size = roughly(domain.memory)
    if outlook.foreign:
        yield "  " + paper.paint(f"if something else fills {name} all the same", "bold")
    else:
        yield "  " + paper.paint(f"if {name} runs out of its {size}", "bold")
    if outlook.why:
        yield from wrapped(f"it cannot, by services alone: {clean(outlook.why)}", paper)
        return
    order = {"always": 0, "possible": 1, "never": 2}
    rows = []
    for verdict in sorted(outlook.verdicts, key=lambda one: (order[one.answer], one.member)):
        why = told(verdict.witness) if verdict.witness is not None and verdict.answer == "possible" else verdict.why
        rows.append((clean(verdict.member), _WORDS[verdict.answer], clean(why)))
    width = max(len(row[0]) for row in rows) if rows else 0
    for row in rows:
        lead = f"    {row[0].ljust(width)}  {row[1].ljust(15)}  "
        yield from wrapped(row[2], paper, first=lead, rest=" " * len(lead))
    for question in outlook.questions:
        if question.possible:
            sizes = "" if question.witness is None else f": {told(question.witness)}"
            text = f"{question.protected} is protected, and can die while {question.other} lives{sizes}"
            yield from wrapped(clean(text), paper, first=f"    {paper.paint('!', 'red')} ", rest="      ")
        else:
            text = f"{question.protected} cannot die before what is less protected: {question.proof}"
            yield from wrapped(clean(text), paper, first="    - ", rest="      ")


def _runs(runs: tuple[Run, ...], paper: Paper, *, steps: bool) -> Iterator[str]:
    if not runs:
        return
    yield "  " + paper.paint("scenarios", "bold")
    if steps:
        for run in runs:
            yield f"    {paper.paint(clean(run.scenario), 'bold')}: {clean(run.text)}"
            yield from _steps(run, paper)
        return
    rows = [(clean(run.scenario), clean(_ends(run))) for run in runs]
    yield from table(rows)


def _ends(run: Run) -> str:
    if any(step.kind == "panic" for step in run.steps):
        return "the machine stops"
    if any(step.kind == "stuck" for step in run.steps):
        return "a cgroup is stuck: nothing in it can be killed"
    if not run.deaths:
        return "nobody dies"
    unsure = {step.member for step in run.steps if step.certainty == "possible"}
    names = [f"{name}{' (or another, by how they are split)' if name in unsure else ''}" for name in run.deaths]
    return ", then ".join(names) + _where(run)


def _where(run: Run) -> str:
    kinds = [step.domain for step in run.steps if step.kind == "kill"]
    return " at its own limit" if len(run.deaths) == 1 and kinds and kinds[0] == run.deaths[0] else ""


def _steps(run: Run, paper: Paper) -> Iterator[str]:
    for number, step in enumerate(run.steps, 1):
        grown = f" (after {roughly(step.grown)} more)" if step.grown >= 1 << 20 else ""
        lead = f"    {number:>3} "
        text = clean(step.text + grown)
        lines = wrapped(text, paper, first=lead, rest=" " * len(lead))
        colour = _COLOURS.get(step.kind)
        yield from (paper.paint(line, colour) if colour else line for line in lines)
        yield from _ranked(step, paper)


def _ranked(step: Step, paper: Paper) -> Iterator[str]:
    if len(step.ranking) > 1:
        most = max(1, *(abs(badness) for *_, badness in step.ranking))
        rows = [
            (
                clean(part if part == member else f"{member}/{part}"),
                roughly(size),
                roughly(badness),
                bar(max(0, badness) / most, _BAR, unicode=paper.unicode),
            )
            for member, part, size, badness in step.ranking[:6]
        ]
        yield from table(rows, right=(1, 2), indent=" " * 10)
    if step.others:
        yield from wrapped(
            f"under another split it is {' or '.join(clean(name) for name in step.others)}", paper, first=" " * 10, rest=" " * 10
        )


def _expected(found: Simulation, paper: Paper) -> Iterator[str]:
    if found.expectations:
        yield "  " + paper.paint("expected", "bold")
    for one in found.expectations:
        word = paper.paint("met", "green") if one.met else paper.paint("NOT MET", "red")
        place = "" if one.met or not one.at.line else f" ({clean(str(one.at))})"
        yield from wrapped(clean(f"{one.text}{place}: {one.why}"), paper, first=f"    {word} ", rest="      ")
