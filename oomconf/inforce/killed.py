"""Was it the killer: the kills that the log tells of, and those that only the kernel's counters know."""

from __future__ import annotations

from oomconf.inforce.nouns import Kill, Killer, Use
from oomconf.oomlog import OomEvent, read
from oomconf.oomlog.needles import EVERY, FEW, JSON, hits
from oomconf.snapshot import Snapshot

__all__ = ["recent"]


def recent(taken: Snapshot, users: tuple[Use, ...]) -> Killer:
    """Read the log of the capture as `diagnose` does; kills in the order of the log."""
    kills: list[Kill] = []
    told = 0
    block = "\n".join(taken.log).encode("utf-8", "backslashreplace")
    is_calm = not hits(block, len(block), (*FEW, *EVERY, *JSON))
    for event in () if is_calm else read(taken.log, "log"):
        if event.killer in ("none", "unknown") or event.outcome is None:
            continue
        kills.append(_kill(event))
        told += _counted(event)
    counted = sorted(((one.name, one.kills) for one in users if one.kills), key=lambda row: (-row[1], row[0]))
    return Killer(
        kills=tuple(kills),
        counter=taken.vmstat.get("oom_kill"),
        told=told,
        log_seen=any(line.strip() for line in taken.log),
        by_group=tuple(counted),
    )


def _counted(event: OomEvent) -> int:
    """How many processes of an event the kernel's counter has."""
    return len(event.victims) if event.killer == "kernel" and event.outcome == "killed" else 0


def _kill(event: OomEvent) -> Kill:
    from oomconf.diagnosis import explain  # noqa: PLC0415

    victim = event.victim
    return Kill(
        line=event.line,
        at=event.at,
        text=explain(event).headline,
        killer=event.killer,
        kind=event.kind,
        outcome=event.outcome,
        victim=None if victim is None else victim.name,
        pid=None if victim is None else victim.pid,
        unit=None if victim is None else victim.owner.unit,
        container=None if victim is None else victim.owner.container,
        limit=None if event.memcg is None or event.memcg.limit_kb is None else event.memcg.limit_kb * 1024,
    )
