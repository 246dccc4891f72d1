"""An audit for a terminal: was it the killer, how much memory is there, who uses it, who is next, are the limits right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from oomconf.inforce import Audit, Candidate, Kill, Row, Use, unseen_values
from oomconf.inforce.judge import shown
from oomconf.quantity import roughly, share
from oomconf.reports._terminal import Paper, bar, cut, table, wrapped
from oomconf.safe import clean

__all__ = ["render"]

_BAR: Final = 12
_NAME: Final = 40
_ALIKE: Final = 3
"""Values that could not be looked at for one reason, from which on they are told together."""
_LEAD: Final = 9
_INDENT: Final = " " * _LEAD
_PLAIN: Final = {ord("…"): ".."}
_COLOURS: Final = {"drift": "red", "pending restart": "yellow", "not running": "dim", "not seen": "dim", "as said": "green"}
_RANK: Final = {"drift": 0, "pending restart": 1, "not seen": 2, "not running": 3, "as said": 4}
_MODES: Final = ("a heuristic", "everything", "nothing beyond the limit")
_LATE: Final = ("near-limit", "throttled", "no-limit", "not-reloaded")


def render(found: Audit, paper: Paper, *, top: int = 8, every: bool = False) -> str:
    """Write the five answers in the order in which they are asked; `every` shows all rows, `top` so many of each table."""
    most = 1 << 30 if every else top
    lines = [
        _head(found, paper),
        *_killer(found, paper, most),
        *_memory(found, paper),
        *_users(found, paper, most),
        *_next(found, paper, most),
        *_limits(found, paper, most, every=every),
        *_unseen(found, paper, every=every),
    ]
    text = "".join(f"{line}\n" for line in lines)
    return text if paper.unicode else text.translate(_PLAIN).encode("ascii", "backslashreplace").decode("ascii")


def _head(found: Audit, paper: Paper) -> str:
    words = [f"Linux {found.release}"] if found.release else []
    words += _manager(found)
    words += [f"cgroup v{found.cgroup_version}"] if found.cgroup_version is not None else []
    for count, word in ((found.processes, "process"), (found.units, "unit"), (found.containers, "container")):
        words += [_many(count, word)] if count else []
    words += [] if found.whole else ["a capture that was cut"]
    against = f", against {clean(found.spec_host)} of the spec" if found.spec_host is not None else ", against its own files"
    return f"{paper.paint(clean(found.host), 'bold')}: {clean(', '.join(words))}{against}"


def _manager(found: Audit) -> list[str]:
    if found.systemd is not None:
        return [f"systemd {found.systemd}"]
    return [] if found.init in ("", "systemd") else [f"no systemd (PID 1 is {found.init})"]


def _many(count: int, word: str) -> str:
    end = "es" if word.endswith("s") else "s"
    return f"{count} {word if count == 1 else word + end}"


def _answer(word: str, text: str, paper: Paper, colour: str = "") -> Iterator[str]:
    """The line that answers a question."""
    lead = word.ljust(_LEAD)
    first, *rest = wrapped(clean(text), paper, first=lead, rest=" " * _LEAD)
    painted = paper.paint(word, "bold") + first[len(word) : _LEAD]
    yield painted + (paper.paint(first[_LEAD:], colour) if colour else first[_LEAD:])
    yield from rest


def _more(count: int, what: str) -> Iterator[str]:
    if count > 0:
        yield f"  and {count} more{f' {what}' if what else ''} (--all shows them)"


# ── was it the killer ────────────────────────────────────────────────────────────────────────────────────────────────────


def _killer(found: Audit, paper: Paper, most: int) -> Iterator[str]:
    killer = found.killer
    counter = "" if killer.counter is None else f"the kernel's counter is {killer.counter}"
    beyond = 0 if killer.counter is None else killer.counter - killer.told
    if killer.kills:
        last = killer.kills[-1]
        when = f", the last at {last.at}" if last.at else ""
        yield from _answer("killer", f"{_many(len(killer.kills), 'kill')} in the log of this boot{when}", paper, "red")
    elif killer.counter == 0:
        yield from _answer("killer", f"no kill since boot ({counter})", paper, "green")
    elif killer.counter:
        yield from _answer(
            "killer", f"{_many(killer.counter, 'kill')} since boot by the kernel's counter; the log tells of none", paper, "red"
        )
    else:
        unknown = "no kill in the log of this boot" if killer.log_seen else "not known: neither the log nor the kernel's counter is seen"
        yield from _answer("killer", unknown, paper)
    for kill in killer.kills[-most:][::-1]:
        yield from _kill(kill, paper)
    yield from _more(len(killer.kills) - most, "before")
    if killer.kills and beyond > 0:
        yield from wrapped(f"the kernel counts {_many(beyond, 'kill')} more than the log tells", paper, first=_INDENT, rest=_INDENT)
    if killer.by_group and (beyond > 0 or not killer.kills):
        names = ", ".join(f"{name} {count}" for name, count in killer.by_group[:most])
        yield from wrapped(clean(f"cgroups that count kills: {names}"), paper, first=_INDENT, rest=_INDENT)


def _kill(kill: Kill, paper: Paper) -> Iterator[str]:
    lead = f"  {clean(kill.at)}  " if kill.at else "  "
    yield from wrapped(clean(kill.text), paper, first=lead, rest="    ")


# ── how much memory is there ─────────────────────────────────────────────────────────────────────────────────────────────


def _memory(found: Audit, paper: Paper) -> Iterator[str]:
    memory = found.memory
    if memory.total is None:
        yield from _answer("memory", "not known", paper)
        return
    swap = "no swap" if memory.swap_seen else "swap is not seen"
    if memory.swap_total:
        swap = f"swap {roughly(memory.swap_total - memory.swap_free)} of {roughly(memory.swap_total)} used"
    if memory.available is None:
        yield from _answer("memory", f"{roughly(memory.total)} in all, what is available is not told; {swap}", paper)
    else:
        tenths = memory.available * 10 // memory.total
        colour = "red" if tenths < 1 else "yellow" if tenths < 2 else "green"  # noqa: PLR2004
        left = share(memory.available, memory.total)
        yield from _answer("memory", f"{roughly(memory.available)} of {roughly(memory.total)} available ({left}), {swap}", paper, colour)
        if memory.free is not None:
            text = f"'free' says {roughly(memory.free)}, for {roughly(memory.cache)} hold files, most of which can be dropped"
            yield from wrapped(text, paper, first=_INDENT, rest=_INDENT)
    if memory.commit_limit is not None and memory.committed is not None:
        promised = f"promised {roughly(memory.committed)} of a commit limit of {roughly(memory.commit_limit)}"
        if memory.overcommit is None:
            binding = "whether that binds is not seen"
        elif memory.overcommit == 2:  # noqa: PLR2004
            binding = "which binds: beyond it allocations fail (vm.overcommit_memory=2)"
        else:
            binding = f"which does not bind: the kernel grants by {_MODES[memory.overcommit]} (vm.overcommit_memory={memory.overcommit})"
            binding = binding.replace("by everything", "everything")
        yield from wrapped(f"{promised}, {binding}", paper, first=_INDENT, rest=_INDENT)
    if memory.pressure:
        yield from wrapped(_pressure(found), paper, first=_INDENT, rest=_INDENT)


def _pressure(found: Audit) -> str:
    pressure = found.memory.pressure

    def row(kind: str) -> str:
        return " / ".join(f"{pressure.get(f'{kind}.avg{seconds}', 0.0):g}%" for seconds in (10, 60, 300))

    if not any(pressure.values()):
        return "nothing waits for memory (PSI 0 over 10, 60 and 300 seconds)"
    return f"somebody waited for memory {row('some')}, everybody {row('full')} of the last 10 / 60 / 300 seconds (PSI)"


# ── who uses it ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _users(found: Audit, paper: Paper, most: int) -> Iterator[str]:
    users = [one for one in found.users if one.used > 0]
    if not users:
        yield from _answer("users", "not known: no process and no cgroup is seen", paper)
        return
    total = found.memory.total or sum(one.used for one in users)
    first = users[0]
    full = [one for one in users if one.limit]
    words = f"{clean(first.name)} most, {roughly(first.used)} ({share(first.used, total)} of RAM)"
    if full:
        nearest = max(full, key=lambda one: one.used / (one.limit or 1))
        words += f"; nearest to its limit {clean(nearest.name)}, at {_share(nearest)}"
    yield from _answer("users", words, paper)
    rows: list[tuple[str, ...]] = [("", "in use", "", "peak", "limit", "share", "swap")]
    rows += [_use(one, total, paper) for one in users[:most]]
    yield from table(rows, right=(1, 3, 4, 5, 6), indent="  ")
    yield from _more(len(users) - most, "")
    yield from wrapped(_meaning(users[:most]), paper, first="  ", rest="    ")


def _meaning(shown: Sequence[Use]) -> str:
    """What the numbers of the table are: not all rows have the same one."""
    kinds = {"set" if one.working_set is not None else "all" if one.current is not None else "held" for one in shown}
    words = {
        "set": "the working set (peak and limit count idle file pages too)",
        "all": "all that its cgroup counts",
        "held": "what its processes hold",
    }
    said = [text for kind, text in words.items() if kind in kinds]
    return "in use: " + ", else ".join(said)


def _share(one: Use) -> str:
    return share(one.used, one.limit) if one.limit else ""


def _use(one: Use, total: int, paper: Paper) -> tuple[str, ...]:
    return (
        cut(clean(one.name), _NAME),
        roughly(one.used),
        bar(one.used / max(1, total), _BAR, unicode=paper.unicode),
        "" if one.peak is None else roughly(one.peak),
        roughly(one.limit) if one.limit else "none" if one.path and one.current is not None else "",
        _share(one),
        roughly(one.swap) if one.swap else "",
    )


# ── who is next ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _next(found: Audit, paper: Paper, most: int) -> Iterator[str]:
    able = [one for one in found.order if one.badness is not None]
    if not able:
        yield from _answer("next", "nobody that is seen could be killed", paper, "yellow")
        return
    first = able[0]
    guarded = " although it is protected" if first.oom_score_adj < 0 else ""
    yield from _answer("next", f"{_process(first)}, {roughly(first.size)} at oom_score_adj {first.oom_score_adj}{guarded}", paper)
    rows = [("", "process", "of", "held", "adj", "weight", "")]
    heaviest = max(1, *(one.badness or 0 for one in able))
    for number, one in enumerate(able[:most], 1):
        weight = one.badness or 0
        drawn = bar(max(0, weight) / heaviest, _BAR, unicode=paper.unicode)
        word = "protected" if one.oom_score_adj < 0 else ""
        of = "" if one.of == one.name else cut(clean(one.of), _NAME)
        rows.append(
            (
                str(number), cut(clean(f"{one.name}[{one.pid}]"), 28), of, roughly(one.size), str(one.oom_score_adj), roughly(weight),
                f"{drawn}  {word}".rstrip(),
            )
        )  # fmt: skip
    yield from table(rows, right=(0, 3, 4, 5), indent="  ")
    yield from _more(len(able) - most, "")
    never = [one for one in found.order if one.badness is None and one.pid != 1]
    if never:
        names = ", ".join(cut(clean(f"{one.name}[{one.pid}]"), 28) for one in never[:most])
        rest = f" and {len(never) - most} more" if len(never) > most else ""
        yield from wrapped(f"never asked (-1000): {names}{rest}", paper, first="  ", rest="    ")
    for note in found.notes:
        if note.id == "inherited-score":
            yield from _mark(note.text, paper)


def _process(one: Candidate) -> str:
    name = cut(f"{one.name}[{one.pid}]", _NAME)
    return name if one.of == one.name else f"{name} of {cut(one.of, _NAME)}"


def _mark(text: str, paper: Paper) -> Iterator[str]:
    first, *rest = wrapped(clean(text), paper, first="  ! ", rest="    ")
    yield first.replace("!", paper.paint("!", "yellow"), 1)
    yield from rest


# ── are the limits right ─────────────────────────────────────────────────────────────────────────────────────────────────


def _limits(found: Audit, paper: Paper, most: int, *, every: bool) -> Iterator[str]:
    count = Counter(row.state for row in found.rows)
    said = [f"{count['drift']} in drift"] if count["drift"] else []
    said += [f"{count['pending restart']} waiting for a restart"] if count["pending restart"] else []
    said += [f"{count['as said']} as said"] if count["as said"] else []
    said += [f"{count['not running']} of what does not run"] if count["not running"] else []
    said += [f"{len(found.blind)} not seen"] if found.blind else []
    said += [f"{len(found.unsayable)} not audited"] if found.unsayable else []
    colour = "red" if count["drift"] else "yellow" if count["pending restart"] else "green"
    where = "the spec" if found.spec_host is not None else "its own files"
    if said:
        text = f"{_many(len(found.rows), 'value')} held against {where}: {', '.join(said)}"
    elif found.spec_host is None and not found.whole:
        text = "not known: the capture was cut, and holds no file that speaks of memory"
    else:
        text = f"{where} {'say' if found.spec_host is None else 'says'} nothing of memory"
    yield from _answer("limits", text, paper, colour if said else "")
    reasons = Counter(row.why for row in found.blind)
    shown_rows = [
        row for row in found.rows if every or row.state in ("drift", "pending restart") or (row.blind and reasons[row.why] < _ALIKE)
    ]
    shown_rows.sort(key=lambda row: _RANK[row.state])
    limit = len(shown_rows) if every else max(most * 3, 24)
    if shown_rows:
        yield from _table(shown_rows[:limit], paper)
    yield from _more(len(shown_rows) - limit, "")
    if found.unsayable and not every:
        text = (
            f"{_many(len(found.unsayable), 'value')} not audited: nothing on a host tells {'it' if len(found.unsayable) == 1 else 'them'}"
        )
        yield from wrapped(f"{text} (--all shows why)", paper, first="  ", rest="    ")
    for note in found.notes:
        if note.id != "inherited-score":
            yield from _mark(note.text, paper)


def _table(rows: list[Row], paper: Paper) -> Iterator[str]:
    named = max(len(cut(clean(_thing(row)), _NAME)) for row in rows)
    wide = max(len(clean(_setting(row))) for row in rows)
    for row in rows:
        word = "not audited" if row.state == "not seen" and not row.blind else row.state
        state = paper.paint(word.ljust(15), _COLOURS[row.state])
        plain = f"  {word.ljust(15)}  "
        lead = f"{plain}{cut(clean(_thing(row)), _NAME).ljust(named)}  {clean(_setting(row)).ljust(wide)}  "
        first, *rest = wrapped(clean(_values(row)), paper, first=lead, rest=" " * 19)
        yield first.replace(plain, f"  {state}  ", 1)
        yield from rest


def _thing(row: Row) -> str:
    name = row.object.removeprefix("services.").removeprefix("slices.")
    own = name in row.thing or row.setting == row.thing or row.object.startswith("hosts.")
    return row.thing if own else f"{name} ({row.thing})"


def _setting(row: Row) -> str:
    return "sysctl" if row.setting == row.thing else row.setting


def _values(row: Row) -> str:
    setting = row.setting
    if row.state == "not seen":
        expected = f"said: {shown(setting, row.expected)}; " if row.expected is not None else ""
        return f"{expected}{row.why}"
    if row.state == "not running" and row.found is None and row.expected is not None:
        where = f" at {row.at.path}:{row.at.line}" if row.at.line else ""
        return f"{shown(setting, row.expected)} is said{where}{f' ({row.why})' if row.why else ''}"
    text = f"{shown(setting, row.found)}" if row.found is not None else ""
    if row.state != "as said" and row.expected != row.found:
        said = f", said at {row.at.path}:{row.at.line}" if row.at.line and row.at.path not in row.source else ""
        text = f"{text}, not {shown(setting, row.expected)}{said}".removeprefix(", ")
    notes = [row.source] if row.source else []
    notes += [row.why] if row.why else []
    return f"{text} ({'; '.join(notes)})" if notes else text


def _unseen(found: Audit, paper: Paper, *, every: bool) -> Iterator[str]:
    """What the audit rests on."""
    if found.unseen:
        hint = "" if every else " (--all shows each)"
        values = f"{_many(len(found.blind), 'value')} could not be looked at{hint}" if found.blind else ""
        rest = len(found.unseen) - len(unseen_values(found.rows))
        things = f"{_many(rest, 'thing')} that the answers lack" if rest else ""
        yield from _answer("not seen", "; ".join(word for word in (values, things) if word), paper, "yellow")
    for text in found.unseen:
        yield from _mark(text, paper)
