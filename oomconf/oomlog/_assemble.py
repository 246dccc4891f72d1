"""Records into events: each log's hosts apart, each kill with the report it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from oomconf.oomlog import _grammar as grammar
from oomconf.oomlog import _table
from oomconf.oomlog._clue import Clue
from oomconf.oomlog._draft import Draft, is_charge
from oomconf.oomlog._suspects import Kill, Suspects
from oomconf.oomlog._transport import KERNEL, Part
from oomconf.oomlog._userspace import clue
from oomconf.oomlog.events import OomEvent, Victim

__all__ = ["Assembler"]

_PATIENCE: Final = 400
"""After so many lines that say nothing of it an event is over; a report's own lines never pause that long."""
_AFTERMATH: Final = 40
"""And after so many once somebody was killed: what is still to come are programs' words about the death."""
_MOST_TASKS: Final = 200_000


@dataclass(slots=True)
class Assembler:
    """Takes records one by one and gives events when they are over; what it holds does not grow with the log."""

    path: str
    drafts: dict[str | None, Draft] = field(default_factory=dict)
    done: list[OomEvent] = field(default_factory=list)
    suspects: Suspects = field(init=False)
    host: str | None = None
    """Whose the last marked line of the kernel's was: the journal indents the rest of a record of several lines and marks it no more."""

    def __post_init__(self) -> None:
        self.suspects = Suspects(self.path)

    @property
    def busy(self) -> bool:
        """Whether an event is still open."""
        return bool(self.drafts) or bool(self.suspects.open)

    def feed(self, part: Part) -> Iterator[OomEvent]:
        """Take a record; gives the events that are over by it."""
        if part.source == KERNEL:
            self.suspects.kernel_spoke()
            self.host = part.host
        elif self.host is not None and not part.framed and part.text.startswith("  "):
            part = part._replace(host=self.host)
        known = (part.source is None or part.source == KERNEL) and self._kernel(part)
        if not known and part.source != KERNEL and (found := clue(part)) is not None and not self._claimed(part, found):
            yield from self.suspects.take(part, found)
        if self.drafts:
            self._age()
        if self.suspects.open:
            yield from self.suspects.age()
        yield from self._drain()

    def flush(self) -> Iterator[OomEvent]:
        """The log is over."""
        for host in list(self.drafts):
            self._close(host)
        yield from self._drain()
        yield from self.suspects.flush()

    def _claimed(self, part: Part, found: Clue) -> bool:
        """Whether a program's line belongs to an event of the kernel's that is still open; it is noted there."""
        for host, draft in self.drafts.items():
            if part.host is not None and host is not None and part.host != host:
                continue
            if draft.claims(found):
                draft.note(part.number, found)
                return True
        return False

    def _drain(self) -> Iterator[OomEvent]:
        if self.done:
            found, self.done = self.done, []
            yield from found

    def _age(self) -> None:
        for host, draft in list(self.drafts.items()):
            draft.quiet += 1
            if draft.quiet > (_AFTERMATH if draft.victims and draft.group is None else _PATIENCE):
                self._close(host)

    def _close(self, host: str | None) -> None:
        draft = self.drafts.pop(host, None)
        if draft is not None:
            event = draft.finish()
            self.done.append(event)
            if event.outcome == "killed":
                pids = frozenset(victim.pid for victim in event.victims if victim.pid is not None)
                self.suspects.kills.append(Kill(host, event.victims[0].owner, pids))

    def _kernel(self, part: Part) -> bool:
        """Take a line that may be the kernel's; whether it was one of the OOM killer's."""
        draft = self.drafts.get(part.host)
        found = grammar.read(part.text)
        if found is None:
            return draft is not None and _other(draft, part.text)
        take = _TAKE.get(type(found))
        if take is not None:
            take(self, part, draft, found)  # type: ignore[operator]
            draft = self.drafts.get(part.host)
        elif draft is not None:
            _within(draft, found)
        if draft is not None:
            draft.quiet = 0
        return True

    def _open(self, part: Part) -> Draft:
        self._close(part.host)
        draft = Draft(self.path, part.number, part.at, part.host)
        self.drafts[part.host] = draft
        return draft

    def header(self, part: Part, _draft: Draft | None, found: grammar.Header) -> None:
        self._open(part).header = found

    def summary(self, part: Part, draft: Draft | None, found: grammar.Summary) -> None:
        if draft is None or draft.summary is not None or draft.victims:
            if draft is not None and draft.summary == found:
                return
            draft = self._open(part)
        draft.summary = found

    def selected(self, part: Part, draft: Draft | None, found: grammar.Selected) -> None:
        if draft is None or draft.victims or draft.selected is not None:
            draft = self._open(part)
        draft.selected = found
        draft.prefix = found.prefix

    def killed(self, part: Part, draft: Draft | None, found: grammar.Killed) -> None:
        pid = found.victim.pid or 0
        if draft is not None and pid in draft.victims:
            draft.victims[pid] = _fuller(draft.victims[pid], found.victim)
            return
        if draft is None or (draft.victims and draft.group is None):
            draft = self._open(part)
        draft.victims[pid] = found.victim
        draft.prefix = found.prefix or draft.prefix

    def group(self, part: Part, draft: Draft | None, found: grammar.Group) -> None:
        if draft is None:
            draft = self._open(part)
        draft.group = found.path

    def sharer(self, _part: Part, draft: Draft | None, found: grammar.Sharer) -> None:
        if draft is not None:
            draft.notes.append(f"process {found.pid} shared the victim's memory and was killed with it")

    def skipped(self, part: Part, draft: Draft | None, found: grammar.Skipped) -> None:
        if draft is not None and draft.group is not None:
            # the killer's second visit to the victim of a group, or one of the group that was dying by itself
            if found.pid not in draft.victims:
                draft.notes.append(f"process {found.pid} of the group was dying already")
            return
        if draft is None or draft.victims:
            draft = self._open(part)
        draft.notes.append(f"the victim, process {found.pid}, was dying already: nothing else was killed")
        draft.victims.setdefault(found.pid, Victim(pid=found.pid, name=found.name))

    def no_victim(self, part: Part, draft: Draft | None, _found: grammar.NoVictim) -> None:
        # the line floods a log where a task at -1000 is alone in its cgroup: one event holds them all
        if draft is None:
            draft = self._open(part)
        draft.no_victim = True

    def panic(self, part: Part, draft: Draft | None, found: grammar.Panic) -> None:
        if draft is None:
            if not found.text.lower().startswith(("out of memory", "system is deadlocked")):
                return
            draft = self._open(part)
        draft.panic = found.text


_TAKE: Final = {
    grammar.Header: Assembler.header,
    grammar.Summary: Assembler.summary,
    grammar.Selected: Assembler.selected,
    grammar.Killed: Assembler.killed,
    grammar.Group: Assembler.group,
    grammar.Sharer: Assembler.sharer,
    grammar.Skipped: Assembler.skipped,
    grammar.NoVictim: Assembler.no_victim,
    grammar.Panic: Assembler.panic,
}


def _within(draft: Draft, found: grammar.Line) -> None:
    """Take a line that says more of an event that is open."""
    match found:
        case grammar.Cpu():
            if draft.header is not None and draft.cpu is None and found.name == draft.header.name:
                draft.cpu = found
        case grammar.Mems():
            draft.mems = draft.mems or found.mems
        case grammar.Limit():
            draft.limit_task = draft.limit_task or found.task
            draft.limit_of = draft.limit_of or found.of
        case grammar.Usage():
            draft.usages.setdefault(found.what, found)
        case grammar.Reaped():
            draft.reaped.append(found.pid)
        case grammar.Amounts():
            _amounts(draft, found)


def _amounts(draft: Draft, found: grammar.Amounts) -> None:
    if draft.victims:  # a failed allocation of who was killed has a dump of its own behind it (mm/page_alloc.c: warn_alloc)
        return
    if found.stats_of is not None:
        draft.in_stats = draft.stats_of is None
        draft.stats_of = draft.stats_of or found.stats_of
        if draft.in_stats:
            draft.stats.update(found.pages)
        return
    draft.meminfo = True
    if found.zone is not None:
        draft.zones.setdefault((found.zone.node, found.zone.name), found.zone)
    for key, value in found.pages.items():
        draft.pages.setdefault(key, value)
    for key, value in found.kb.items():
        if key in ("zone_kernel_stack", "node_kernel_stack", "hugetlb"):
            draft.kb[key] = draft.kb.get(key, 0) + value
        else:
            draft.kb.setdefault(key, value)


def _other(draft: Draft, text: str) -> bool:
    """Look at a line that is nothing by itself: a row, a statistic, a frame of the call trace; whether it was one."""
    if (columns := _table.heading(text)) is not None:
        draft.columns, draft.in_stats = columns, False
    elif (task := _table.row(text, draft.columns)) is not None:
        if len(draft.tasks) < _MOST_TASKS:
            draft.tasks.append(task)
    elif draft.in_stats and (pair := grammar.stat(text)) is not None:
        draft.stats.setdefault(*pair)
    elif is_charge(text):
        draft.charge = True
    elif "moom_callback" in text:
        draft.sysrq = True
    else:
        return False
    draft.quiet = 0
    return True


def _fuller(first: Victim, second: Victim) -> Victim:
    """Of two lines about one process, the one that says more."""
    return second if first.total_vm_kb is None and second.total_vm_kb is not None else first
