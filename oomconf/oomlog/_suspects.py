"""Deaths that programs report: clues of one death together, and whether the OOM killer was behind it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from oomconf.oomlog._clue import Clue
from oomconf.oomlog._transport import Part
from oomconf.oomlog.events import Killer, OomEvent, Victim
from oomconf.oomlog.owners import Owner, owner_of

__all__ = ["Kill", "Suspects"]

_PATIENCE: Final = 200
_MOST: Final = 256
"""Deaths that are open at once, and kills that are remembered."""
_CLUES: Final = 12
_NEAR: Final = 20
_SOON: Final = 50
"""Lines between a kill by hand and the death that it may explain."""


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill of the kernel's, as far as programs' lines about it can be known by."""

    host: str | None
    owner: Owner
    pids: frozenset[int]

    def fits(self, host: str | None, clue: Clue) -> bool:
        """Whether a clue speaks of this kill."""
        if clue.container is not None and self.owner.container is not None:
            return self.owner.container.startswith(clue.container) or clue.container.startswith(self.owner.container)
        if clue.pod is not None and self.owner.pod is not None and clue.pod == self.owner.pod:
            return True
        if host is not None and self.host is not None and host != self.host:
            return False
        if clue.pid is not None and clue.pid in self.pids:
            return True
        return clue.unit is not None and clue.unit == self.owner.unit


@dataclass(slots=True)
class _Suspect:
    host: str | None
    line: int
    at: str | None
    kernel_before: bool
    clues: list[tuple[int, Clue]] = field(default_factory=list)
    touched: int = 0


@dataclass(slots=True)
class Suspects:
    """Holds the deaths that are not yet explained; what it holds does not grow with the log."""

    path: str
    open: dict[tuple[str | None, str], _Suspect] = field(default_factory=dict)
    """The one that was spoken of last stands last."""
    clock: int = 0
    """Lines that have passed while deaths were open."""
    kills: deque[Kill] = field(default_factory=lambda: deque(maxlen=_MOST))
    kernel_lines: int = 0
    who: Clue | None = None
    aside: dict[tuple[str | None, str], tuple[int, Clue]] = field(default_factory=dict)
    """What was said of something whose death nothing has told of yet."""
    by_hand: tuple[Part, Clue] | None = None
    """A kill that somebody ran, which the next death by SIGKILL may be the end of."""

    def kernel_spoke(self) -> None:
        """Count a line of the kernel's: where it is in the log at all, its silence says something."""
        self.kernel_lines += 1

    def take(self, part: Part, clue: Clue) -> Iterator[OomEvent]:
        """Take a clue that no open event of the kernel's claims; gives the death that it ends."""
        if clue.killer == "nohang":
            named = self._nohang(clue)
            if named is None:
                return
            clue = named
        if any(kill.fits(part.host, clue) for kill in self.kills):
            return
        if clue.by_hand:
            self.by_hand = (part, clue)
            return
        key = self._within(part.host, clue) or (part.host, clue.key)
        if (clue.verdict == "other" or clue.weak) and key not in self.open:
            self.aside[key] = (part.number, clue)
            if len(self.aside) > _MOST:
                del self.aside[next(iter(self.aside))]
            return
        known = self.open.get(key)
        if known is not None and _again(known, clue):
            yield from self._end(key)
            known = None
        if known is None:
            if len(self.open) >= _MOST:
                yield from self._end(next(iter(self.open)))
            known = self.open[key] = _Suspect(part.host, part.number, part.at, self.kernel_lines > 0)
            if clue.verdict == "signal" and (hand := self._hand(part)) is not None:
                known.clues.append(hand)
            earlier = self.aside.pop(key, None)
            # what names nobody belongs to what stands near it
            if earlier is not None and (key[1] or part.number - earlier[0] <= _NEAR):
                known.clues.append(earlier)
        if len(known.clues) < _CLUES:
            known.clues.append((part.number, clue))
        known.touched = self.clock
        self.open[key] = self.open.pop(key)

    def _within(self, host: str | None, clue: Clue) -> tuple[str | None, str] | None:
        """Find the cgroup that systemd-oomd has just killed in a unit, of which the unit's own manager tells too."""
        if clue.killer != "systemd-oomd" or clue.cgroup is not None:
            return None
        for key, suspect in self.open.items():
            if key[0] == host and any(other.cgroup and f"/{clue.unit}/" in other.cgroup for _, other in suspect.clues):
                return key
        return None

    def _nohang(self, clue: Clue) -> Clue | None:
        """Put together what nohang says in several lines: whom, in which cgroup, and at last that it sent the signal."""
        if clue.verdict == "oom":
            who, self.who = self.who, None
            return clue if who is None else replace(clue, pid=who.pid, name=who.name, uid=who.uid, cgroup=who.cgroup)
        self.who = clue if self.who is None or clue.cgroup is None else replace(self.who, cgroup=clue.cgroup)
        return None

    def _hand(self, part: Part) -> tuple[int, Clue] | None:
        """Give the kill that somebody ran shortly before on this host, once."""
        if self.by_hand is None:
            return None
        earlier, clue = self.by_hand
        if earlier.host != part.host or part.number - earlier.number > _SOON:
            return None
        self.by_hand = None
        return earlier.number, clue

    def age(self) -> Iterator[OomEvent]:
        """A line has passed."""
        self.clock += 1
        while self.open:
            oldest = next(iter(self.open))
            if self.clock - self.open[oldest].touched <= _PATIENCE:
                return
            yield from self._end(oldest)

    def flush(self) -> Iterator[OomEvent]:
        """The log is over."""
        for key in list(self.open):
            yield from self._end(key)

    def _end(self, key: tuple[str | None, str]) -> Iterator[OomEvent]:
        suspect = self.open.pop(key)
        if any(kill.fits(suspect.host, clue) for kill in self.kills for _, clue in suspect.clues):
            return
        event = self._judge(suspect)
        if event is not None:
            yield event

    def _judge(self, suspect: _Suspect) -> OomEvent | None:
        clues = suspect.clues
        said = tuple(f"line {line}: {clue.words}" for line, clue in clues)
        about = [clue for _, clue in clues]
        event = OomEvent(path=self.path, line=suspect.line, at=suspect.at, host=suspect.host, victims=(_victim(about),))
        ooms = [clue for clue in about if clue.verdict == "oom"]
        if ooms:
            killer: Killer | None = next((clue.killer for clue in ooms if clue.killer not in (None, "kernel")), None)
            cgroup = next((clue.cgroup for clue in ooms if clue.cgroup), None)
            by = next((clue.actor for clue in ooms if clue.actor is not None), None)
            return replace(event, killer=killer or "kernel", outcome="killed", task_memcg=cgroup, evidence=said, actor=by)
        stops = [clue for clue in about if clue.verdict == "stop"]
        if not any(clue.verdict == "signal" for clue in about) and not stops:
            return None
        against = tuple(text for text, clue in zip(said, about, strict=True) if clue.verdict in ("stop", "other"))
        against += tuple(f"line {line}: {clue.against}" for line, clue in clues if clue.against is not None)
        signals = tuple(text for text, clue in zip(said, about, strict=True) if clue.verdict == "signal")
        if suspect.kernel_before:
            against += ("the log holds lines of the kernel's, and none of the OOM killer's about this process",)
        none = bool(stops) or suspect.kernel_before
        actor = stops[0].actor if stops else None
        return replace(event, killer="none" if none else "unknown", actor=actor, evidence=signals, against=against)


def _again(known: _Suspect, clue: Clue) -> bool:
    """Whether a clue begins another death of the same unit: the same words would not be said twice of one."""
    return clue.verdict == "signal" and any(clue.words == other.words and other.pid == clue.pid for _, other in known.clues)


def _victim(clues: list[Clue]) -> Victim:
    def first(name: str) -> object:
        return next((getattr(clue, name) for clue in clues if getattr(clue, name) is not None), None)

    cgroup = first("cgroup")
    owner = owner_of(cgroup if isinstance(cgroup, str) else None)
    unit, container, pod, pid, name, uid = (first(key) for key in ("unit", "container", "pod", "pid", "name", "uid"))
    return Victim(
        pid=pid if isinstance(pid, int) else None,
        name=name if isinstance(name, str) else None,
        uid=uid if isinstance(uid, int) else None,
        owner=replace(
            owner,
            unit=unit if isinstance(unit, str) else owner.unit,
            container=container if isinstance(container, str) else owner.container,
            pod=pod if isinstance(pod, str) else owner.pod,
        ),
    )
