"""A simulation for a terminal: who can be first, what protects whom, and how each scenario ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from oomconf.quantity import INFINITY, roughly
from oomconf.reports._terminal import Paper, bar, cut, table, wrapped
from oomconf.safe import clean
from oomconf.simulation.expectations import told
from oomconf.simulation.nouns import Machine, Member, Outlook, Run, Simulation, Step

__all__ = ["render"]

_BAR: Final = 16
_TOP: Final = 12
_SERVICES: Final = 24
_LISTED: Final = 8
_SOUND: Final = 4
_NAME: Final = 40
_PLAIN: Final = {ord("…"): "..", ord("×"): "x"}
_COLOURS: Final = {"kill": "red", "group_kill": "red", "panic": "red", "stuck": "red", "oom": "yellow", "calm": "green"}
_WORDS: Final = {"always": "first, always", "possible": "first, possibly", "never": "never first"}
_COLOUR: Final = {"always": "red", "possible": "yellow", "never": "green"}


def render(found: Simulation, paper: Paper, *, steps: bool = False) -> str:
    """Write one host; with `steps` each scenario step by step, else by whom it kills."""
    machine = found.machine
    copies = {member.name: member.service for member in machine.members}
    lines = [*_head(machine, paper, whole=bool(machine.members) and not found.standing)]
    if machine.members:
        lines += [*_assumed(machine, paper), *_standing(found, paper)]
        for outlook in found.outlooks:
            lines += _outlook(outlook, copies, paper)
        lines += _runs(found.runs, copies, paper, steps=steps)
        lines += _expected(found, paper)
    else:
        lines.append("  nothing that is known runs there, so nothing is known to die")
    text = "".join(f"{line}\n" for line in (*lines, ""))
    return text if paper.unicode else text.translate(_PLAIN).encode("ascii", "backslashreplace").decode("ascii")


def _head(machine: Machine, paper: Paper, *, whole: bool) -> Iterator[str]:
    point = machine.total_pages // 1000 * machine.page_size
    swap = f"{roughly(machine.swap)} of swap" if machine.swap else "no swap"
    name = paper.paint(clean(machine.name), "bold")
    yield f"{name}: {roughly(machine.memory)} for services, {swap}; a point of oom_score_adj weighs {roughly(point)}"
    if not whole:
        return
    services: dict[str, list[Member]] = {}
    for member in machine.members:
        services.setdefault(member.service, []).append(member)
    rows = [("service", "holds", "score", "limit", "swap", "uses", "")]
    for service, (member, *more) in list(services.items())[:_SERVICES]:
        scores = sorted({part.oom_score_adj for part in member.parts})
        rows.append(
            (
                cut(clean(service), _NAME) + (f" × {len(more) + 1}" if more else ""),
                bar(min(member.max, machine.memory) / max(1, machine.memory), _BAR, unicode=paper.unicode),
                str(scores[0]) if len(scores) == 1 else f"{scores[0]} … {scores[-1]}",
                roughly(member.max) if member.max < INFINITY else "none",
                roughly(min(member.swap_max, machine.swap)),
                roughly(member.use),
                "protected" if member.protected else "",
            )
        )
    yield from table(rows, right=(2, 3, 4, 5), indent="  ")
    yield from _more(len(services) - _SERVICES, "more services", indent="  ")


def _more(count: int, what: str, indent: str = "    ") -> Iterator[str]:
    if count > 0:
        yield f"{indent}and {count} {what}"


def _standing(found: Simulation, paper: Paper) -> Iterator[str]:
    """Write the processes of a captured host in the order in which they would die."""
    rows = [row for row in found.standing if row.badness is not None]
    if not rows:
        return
    yield "  " + paper.paint("order of death as things stand", "bold")
    most = max(1, *(row.badness or 0 for row in rows))
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
    words += [f"{never} never asked (oom_score_adj -1000, init)"] if never else []
    if words:
        yield f"    {'; '.join(words)}"


def _assumed(machine: Machine, paper: Paper) -> Iterator[str]:
    if machine.assumptions:
        yield "  " + paper.paint("assumed", "bold")
    for text in machine.assumptions[:_SERVICES]:
        yield from wrapped(clean(text), paper, first="    - ", rest="      ")
    yield from _more(len(machine.assumptions) - _SERVICES, "more, all of them in --format json")


def _outlook(outlook: Outlook, copies: Mapping[str, str], paper: Paper) -> Iterator[str]:
    domain = outlook.domain
    name = "the machine" if domain.kind == "global" else clean(domain.name)
    if outlook.foreign:
        yield "  " + paper.paint(f"if something else fills {name} all the same", "bold")
    else:
        yield "  " + paper.paint(f"if {name} runs out of its {roughly(domain.memory)}", "bold")
    if outlook.why:
        yield from wrapped(f"it cannot, by services alone: {clean(outlook.why)}", paper)
        return
    rows = _verdicts(outlook, copies)
    width = max((len(cut(clean(row[0]), _NAME)) for row in rows), default=0)
    for answer in _WORDS:
        mine = [row for row in rows if row[1] == answer]
        for service, _, why in mine[:_LISTED]:
            word = paper.paint(_WORDS[answer].ljust(15), _COLOUR[answer])
            plain = f"    {cut(clean(service), _NAME).ljust(width)}  {_WORDS[answer].ljust(15)}  "
            first, *rest = wrapped(clean(why), paper, first=plain, rest=" " * len(plain)) or [plain]
            yield (
                first.replace(_WORDS[answer].ljust(15), word, 1)
                if why
                else f"    {cut(clean(service), _NAME).ljust(width)}  {word}".rstrip()
            )
            yield from rest
        yield from _more(len(mine) - _LISTED, f"more {_WORDS[answer]}")
    yield from _protection(outlook, copies, paper)


def _verdicts(outlook: Outlook, copies: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Rows of service, answer and why: copies of a service are one, and it is always first if every first is one of them."""
    able = {copies.get(verdict.member, verdict.member) for verdict in outlook.verdicts if verdict.answer != "never"}
    rows: dict[str, tuple[str, str, str]] = {}
    for verdict in sorted(outlook.verdicts, key=lambda one: (one.answer == "never", one.member)):
        service = copies.get(verdict.member, verdict.member)
        answer: str = verdict.answer
        several = sum(1 for one in outlook.verdicts if copies.get(one.member, one.member) == service) > 1
        why = verdict.why if verdict.witness is None else told(verdict.witness) if len(able) > 1 else ""
        if answer != "never" and able == {service}:
            answer, why = "always", "one of them" if several else ""
        rows.setdefault(service, (service, answer, why))
    return list(rows.values())


def _protection(outlook: Outlook, copies: Mapping[str, str], paper: Paper) -> Iterator[str]:
    """Whom protection fails, then for whom it holds; a service once."""
    failing: dict[str, str] = {}
    holding: dict[str, str] = {}
    for one in outlook.questions:
        service = copies.get(one.protected, one.protected)
        if one.possible:
            sizes = "" if one.witness is None else f": {told(one.witness)}"
            failing.setdefault(service, f"{service} is protected, and can die while {one.other} lives{sizes}")
        else:
            holding.setdefault(service, f"{service} cannot die while what is less protected lives: {one.proof}")
    for text in list(failing.values())[:_LISTED]:
        first, *rest = wrapped(clean(text), paper, first="    ! ", rest="      ")
        yield first.replace("!", paper.paint("!", "red"), 1)
        yield from rest
    yield from _more(len(failing) - _LISTED, "more that are protected and can die while others live")
    sound = [text for service, text in holding.items() if service not in failing]
    for text in sound[:_SOUND]:
        yield from wrapped(clean(text), paper, first="    - ", rest="      ")
    yield from _more(len(sound) - _SOUND, "more that cannot die while what is less protected lives")


def _runs(runs: tuple[Run, ...], copies: Mapping[str, str], paper: Paper, *, steps: bool) -> Iterator[str]:
    if not runs:
        return
    yield "  " + paper.paint("scenarios", "bold")
    early = next((step.text for run in runs for step in run.steps if "does not fit as it is" in step.text), None)
    if early is not None and not steps:
        yield f"    ({clean(early)}; scenarios begin with what follows from that)"
    if steps:
        for run in runs:
            yield f"    {paper.paint(clean(run.scenario), 'bold')}: {clean(run.text)}"
            yield from _steps(run, copies, paper)
        return
    shown = [*runs[:_SERVICES], *(run for run in runs[_SERVICES:] if not run.scenario.startswith("leak:"))]
    width = min(32, max(len(clean(run.scenario)) for run in shown))
    for run in shown:
        lead = f"    {cut(clean(run.scenario), width).ljust(width)}  "
        yield from wrapped(clean(_ends(run, copies)), paper, first=lead, rest=" " * len(lead))
    yield from _more(len(runs) - len(shown), "more leaks; --scenario leak:SERVICE plays one")


def _ends(run: Run, copies: Mapping[str, str]) -> str:
    """Say who dies in turn: copies of a service that die one after another are told once."""
    turns: list[tuple[str, list[str], bool]] = []
    doubts = {
        copies.get(step.member or "")
        for step in run.steps
        if any(copies.get(other, other) != copies.get(step.member or "") for other in step.others)
    }
    for name in run.deaths:
        service = copies.get(name, name)
        unsure = service in doubts
        if turns and turns[-1][0] == service:
            turns[-1][1].append(name)
            turns[-1] = (service, turns[-1][1], turns[-1][2] or unsure)
        else:
            turns.append((service, [name], unsure))
    names = [
        (f"{len(each)} of {service}" if len(each) > 1 else each[0]) + (" (or another, by how they are split)" if unsure else "")
        for service, each, unsure in turns[:_LISTED]
    ]
    if len(turns) > _LISTED:
        names.append(f"{len(turns) - _LISTED} more")
    said = ", then ".join(names)
    if any(step.kind == "panic" for step in run.steps):
        return f"{said}, then the machine panics" if said else "the machine panics"
    if any(step.kind == "stuck" for step in run.steps):
        return f"{said}, then nothing more there can be killed" if said else "stuck: nothing there can be killed"
    return said + _where(run) if said else "nobody dies"


def _where(run: Run) -> str:
    kinds = {step.domain for step in run.steps if step.kind == "kill"}
    return " at its own limit" if len(run.deaths) == 1 and kinds == {run.deaths[0]} else ""


def _steps(run: Run, copies: Mapping[str, str], paper: Paper) -> Iterator[str]:
    for number, step in enumerate(run.steps, 1):
        grown = f" (after {roughly(step.grown)} more)" if step.grown >= 1 << 20 else ""
        lead = f"    {number:>3} "
        text = clean(step.text + grown)
        lines = wrapped(text, paper, first=lead, rest=" " * len(lead))
        colour = _COLOURS.get(step.kind)
        yield from (paper.paint(line, colour) if colour else line for line in lines)
        yield from _ranked(step, copies, paper)


def _ranked(step: Step, copies: Mapping[str, str], paper: Paper) -> Iterator[str]:
    if len(step.ranking) > 1:
        most = max(1, *(badness for *_, badness in step.ranking))
        rows = [
            (
                clean(member if part in (member, copies.get(member)) else f"{member}/{part}"),
                roughly(size),
                roughly(badness),
                bar(max(0, badness) / most, _BAR, unicode=paper.unicode),
            )
            for member, part, size, badness in step.ranking[:6]
        ]
        yield from table(rows, right=(1, 2), indent=" " * 10)
    if step.others:
        own = copies.get(step.member or "")
        others = dict.fromkeys("another copy" if copies.get(name, name) == own else copies.get(name, name) for name in step.others)
        more = [f"{len(others) - _LISTED} more"] if len(others) > _LISTED else []
        text = f"under another split it is {' or '.join([*list(others)[:_LISTED], *more])}"
        yield from wrapped(clean(text), paper, first=" " * 10, rest=" " * 10)


def _expected(found: Simulation, paper: Paper) -> Iterator[str]:
    if found.expectations:
        yield "  " + paper.paint("expected", "bold")
    for one in found.expectations:
        word = paper.paint("met", "green") if one.met else paper.paint("NOT MET", "red")
        place = "" if one.met or not one.at.line else f" ({clean(str(one.at))})"
        yield from wrapped(clean(f"{one.text}{place}: {one.why}"), paper, first=f"    {word} ", rest="      ")
