"""Was it the killer: the kills that the log tells of, and those that only the kernel's counters know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from oomconf.inforce.host import Host
from oomconf.inforce.nouns import Kill, Killer, Use
from oomconf.kernel.version import KernelVersion
from oomconf.oomlog import OomEvent, read
from oomconf.oomlog.needles import EVERY, FEW, JSON, hits
from oomconf.snapshot import Snapshot

__all__ = ["own_kills", "recent"]

_TREE: Final = KernelVersion(5, 2)
"""From when on memory.events of a cgroup counts what is below too (mm/memcontrol.c: memcg_memory_event); cgroup v1 never does."""


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


def own_kills(host: Host, told: Iterable[Use]) -> dict[str, int]:
    """Kills of each cgroup that has a metric, by its path, less those that a metric below it has: their sum is the number of kills.

    A container is no part of a slice's kills, but of those of the service that runs it. What a cgroup below had when it went stays in the
    one above, for no other still knows it.
    """
    counted = {one.path: one for one in told if one.path and one.kills is not None}
    own = {path: one.kills or 0 for path, one in counted.items()}
    old = host.taken.kernel is not None and host.taken.kernel < _TREE
    if host.v1 or old:
        return own
    for path, one in counted.items():
        above = path.rpartition("/")[0]
        while above and above not in counted:
            above = above.rpartition("/")[0]
        if above and (one.kind != "container" or above.endswith(".slice")):
            own[above] -= one.kills or 0
    return {path: max(0, kills, host.state(path).values.get("memory.events.local.oom_kill", 0)) for path, kills in own.items()}


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
