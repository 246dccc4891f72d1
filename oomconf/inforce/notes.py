"""What is worth knowing of a host and is no drift: limits nearly met, no limits at all, no swap, scores that nobody gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from oomconf.inforce.host import Host
from oomconf.inforce.nouns import Candidate, Headroom, Killer, Note, Row, Use
from oomconf.quantity import INFINITY, roughly, share

__all__ = ["headroom", "notes", "unseen", "unseen_values"]

_NEAR: Final = 90
"""Percent of a limit from which it is called nearly met."""
_SHORT: Final = 10
"""Percent of RAM that should be available."""
_STALLED: Final = 10.0
"""Percent of time in which something waited for memory, over ten seconds."""
_THROTTLED: Final = 98
"""Percent of memory.high from which a cgroup is called slowed down."""
_STRICT: Final = 2
"""vm.overcommit_memory under which the commit limit binds."""
_MOST_NAMES: Final = 5


def headroom(host: Host) -> Headroom:
    """Read what there is: available is what could be had without swapping, free is what lies idle (proc(5), MemAvailable)."""
    taken = host.taken
    info = taken.meminfo
    mode = taken.sysctls.get("vm.overcommit_memory", "")
    return Headroom(
        total=taken.memory_total,
        available=info.get("MemAvailable"),
        free=info.get("MemFree"),
        cache=info.get("Buffers", 0) + info.get("Cached", 0) + info.get("SReclaimable", 0),
        swap_total=info.get("SwapTotal", 0),
        swap_free=info.get("SwapFree", 0),
        swap_seen=taken.whole or "SwapTotal" in info,
        commit_limit=info.get("CommitLimit"),
        committed=info.get("Committed_AS"),
        overcommit=int(mode) if mode in ("0", "1", "2") else None,
        pressure={key: value for key, value in taken.pressure.items() if not key.endswith(".total")},
    )


def notes(host: Host, memory: Headroom, users: tuple[Use, ...], slices: tuple[Use, ...], order: tuple[Candidate, ...]) -> Iterator[Note]:
    """Judge what needs no spec."""
    yield from _machine(memory)
    for one in (*users, *slices):
        yield from _limit(host, one)
    for one in users:
        if one.kind == "container" and one.limit is None and host.taken.cgroup_version is not None:
            text = f"the container {one.name} has no memory limit: a leak in it takes the whole machine"
            yield Note(id="no-limit", object=one.name, text=text)
    yield from _inherited(order)
    for name, state in sorted(host.taken.units.items()):
        # what a transient unit says is there twice, and the manager calls that changed
        if state.get("NeedDaemonReload") == "yes" and not name.endswith(".scope") and any(path in host.taken.files for path in state.files):
            text = f"{name}: its files have changed since systemd read them: systemctl daemon-reload"
            yield Note(id="not-reloaded", object=name, text=text)


def _inherited(order: tuple[Candidate, ...]) -> Iterator[Note]:
    """Processes at -1000 that nobody meant to protect, by whom they have it from."""
    givers: dict[str, list[Candidate]] = {}
    for one in order:
        if one.exempt == "inherited":
            givers.setdefault(one.giver, []).append(one)
    for giver, every in givers.items():
        names = ", ".join(f"{one.name}[{one.pid}]" for one in every[:_MOST_NAMES])
        more = f" and {len(every) - _MOST_NAMES} more" if len(every) > _MOST_NAMES else ""
        whence = f"inherited from {giver}" if giver else "and no unit says so: its parent is gone, or somebody wrote it"
        verb = "stands" if len(every) == 1 else "stand"
        yield Note(id="inherited-score", object=every[0].of, text=f"{names}{more} {verb} at -1000, {whence}")


def _machine(memory: Headroom) -> Iterator[Note]:
    def note(name: str, text: str) -> Note:
        return Note(id=name, object="memory", text=text)

    if memory.total and memory.available is not None and memory.available * 100 < memory.total * _SHORT:
        part = share(memory.available, memory.total)
        yield note("little-available", f"only {roughly(memory.available)} of {roughly(memory.total)} ({part}) can still be had")
    if memory.total is not None and memory.swap_seen and not memory.swap_total:
        yield note("no-swap", "there is no swap: what is not used cannot be put aside, and the killer comes sooner")
    if memory.swap_total and memory.swap_free * 100 < memory.swap_total * _SHORT:
        yield note("swap-full", f"swap is nearly full: {roughly(memory.swap_free)} of {roughly(memory.swap_total)} left")
    stalled = memory.pressure.get("some.avg10", 0.0)
    if stalled >= _STALLED:
        yield note("pressure", f"tasks waited for memory during {stalled:g}% of the last ten seconds")
    if memory.overcommit == _STRICT and memory.commit_limit and memory.committed is not None:
        left = memory.commit_limit - memory.committed
        if left * 100 < memory.commit_limit * _SHORT:
            yield note("commit-limit", f"{roughly(max(0, left))} can be promised: beyond it allocations fail (vm.overcommit_memory=2)")


def _limit(host: Host, one: Use) -> Iterator[Note]:
    used = one.used
    if one.limit and one.current is not None and used * 100 >= one.limit * _NEAR:
        text = f"{one.name} uses {roughly(used)} of its limit of {roughly(one.limit)} ({share(used, one.limit)})"
        yield Note(id="near-limit", object=one.name, text=text)
    high = host.state(one.path).values.get("memory.high")
    if high is not None and 0 < high < INFINITY and one.current is not None and one.current * 100 >= high * _THROTTLED:
        yield Note(id="throttled", object=one.name, text=f"{one.name} is at its memory.high of {roughly(high)}: it is being slowed down")


def unseen_values(rows: Iterable[Row]) -> list[str]:
    """Say for each reason how many values could not be looked at, and of what; the reasons of most values first."""
    by_why: dict[str, list[Row]] = {}
    for row in rows:
        if row.blind:
            by_why.setdefault(row.why, []).append(row)
    reasons = sorted(by_why.items(), key=lambda pair: -len(pair[1]))
    lines = [f"{_values(len(found))} of {_things(found)} could not be looked at: {why}" for why, found in reasons[:_MOST_NAMES]]
    rest = sum(len(found) for _, found in reasons[_MOST_NAMES:])
    return [*lines, f"{_values(rest)} more could not be looked at"] if rest else lines


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


def _things(rows: list[Row]) -> str:
    names = list(dict.fromkeys(row.thing for row in rows))
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    *first, last = [*names[:_MOST_NAMES], *more]
    return f"{', '.join(first)} and {last}" if first else last


def unseen(host: Host, killer: Killer, memory: Headroom) -> Iterator[str]:
    """Say what the capture could not look at."""
    taken = host.taken
    if not taken.whole:
        yield "the capture has no end: it was cut"
    if not taken.processes:
        yield "no process is seen: hidepid, or a container without the rights to look out of it"
    elif not host.sees_root():
        yield "no process of root is seen: hidepid, or a container without the rights to look out of it"
    if not taken.cgroups:
        yield "no cgroup's limits are seen"
    if "systemctl" not in taken.asked and (any(unit.endswith(".service") for unit in host.of_unit) or taken.manager is not None):
        yield "systemctl gave no answer: what the manager has is not known"
    for engine, process in (("docker", "dockerd"), ("podman", "conmon")):
        if engine not in taken.asked and any(one.name == process for one in taken.processes):
            yield f"{engine} gave no answer: what its containers were told is not known (it takes root, or its group)"
    if not killer.log_seen:
        why = ": it takes root, or the groups adm and systemd-journal, and in a container root may not see it either"
        yield f"the kernel's log is not seen{why if taken.whole else ''}"
    if not memory.pressure and taken.cgroup_version != 1:
        yield f"/proc/pressure/memory is not {'there' if taken.whole else 'seen'}, so it is not known how long tasks wait for memory"
