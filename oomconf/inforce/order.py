"""Who is next: the processes as the OOM killer of the whole machine weighs them now, and how those at -1000 came to it."""

from __future__ import annotations

from typing import Final, Literal

from oomconf import programs
from oomconf.inforce.host import Host
from oomconf.inforce.judge import score_in
from oomconf.inforce.nouns import Candidate
from oomconf.kernel import badness as killer
from oomconf.snapshot import ProcessState, name_of

__all__ = ["order_of_death"]

Exempt = Literal["", "declared", "itself", "inherited", "unknown"]
_THEMSELVES: Final = frozenset({"auditd", "conmon", "multipathd", "iscsid", "dmeventd", "sshd", "systemd-udevd"})
"""Programs that come to -1000 by themselves or by their vendor's unit: sshd's listener, podman's conmon, auditd, those of device-mapper."""
_CHAIN: Final = 64
"""Ancestors that are looked at."""


def order_of_death(host: Host) -> tuple[Candidate, ...]:
    """Give every process, the first choice first; of equals the newest, which the kernel takes since 5.2 (mm/oom_kill.c).

    A snapshot of another machine's container weighs as the machine does: its limits are the business of `simulate`.
    """
    taken = host.taken
    total = killer.total_pages(taken.memory_total or 0, taken.swap_total, taken.page_size)
    names = {path: name_of(processes[0]) for path, processes in host.inside.items() if host.owner(path).unit or host.owner(path).container}
    containers = {one.id: one.name for one in taken.containers}
    found = [_candidate(host, process, total, names, containers) for process in taken.processes]
    sign = -1 if killer.newest_wins(taken.kernel) else 1
    found.sort(key=lambda one: (one.badness is None, -(one.badness or 0), sign * one.pid))
    return tuple(found)


def _candidate(host: Host, process: ProcessState, total: int, names: dict[str, str], containers: dict[str, str]) -> Candidate:
    taken = host.taken
    points = None
    if process.pid != 1:
        try:
            points = killer.badness(
                rss_pages=process.rss // taken.page_size,
                swap_pages=process.swap // taken.page_size,
                pgtables_bytes=process.tables,
                oom_score_adj=process.oom_score_adj,
                total_pages=total,
                page_size=taken.page_size,
                kernel=taken.kernel,
            )
        except ValueError:  # a kernel of before 2.6.36, which weighed by other rules
            points = None if process.oom_score_adj == killer.ADJ_NEVER else process.size // taken.page_size
    of = names.get(process.cgroup) or name_of(process)
    ident = host.owner(process.cgroup).container
    if ident is not None and ident in containers:
        of = containers[ident]
    exempt: Exempt = ""
    giver = ""
    if process.oom_score_adj == killer.ADJ_NEVER and process.pid != 1:
        exempt, giver = _exemption(host, process)
    return Candidate(
        pid=process.pid,
        name=process.name,
        of=of,
        uid=process.uid,
        oom_score_adj=process.oom_score_adj,
        size=process.size,
        badness=None if points is None else points * taken.page_size,
        exempt=exempt,
        giver=giver,
    )


def _exemption(host: Host, process: ProcessState) -> tuple[Exempt, str]:
    """Say how a process came to -1000, and from whom."""
    owner = host.owner(process.cgroup)
    unit = None if owner.user is not None or owner.unit is None else host.unit(owner.unit)
    if owner.container is not None:
        known = next((one for one in host.taken.containers if one.id == owner.container), None)
        if known is not None and known.oom_score_adj == killer.ADJ_NEVER:
            return "declared", f"{known.engine} run --oom-score-adj"
    elif unit is not None and score_in(unit.get("OOMScoreAdjust")) == killer.ADJ_NEVER:
        return "declared", unit.name
    program = programs.find(command=process.name)
    # a name of the kernel's is cut to 15 characters
    if process.name in _THEMSELVES or (program is not None and program.self_protects == killer.ADJ_NEVER):
        return "itself", process.name
    above = _ancestor(host, process)
    if above is not None:
        return "inherited", f"{above.name}[{above.pid}]"
    told = owner.container is not None or owner.unit is None or not owner.unit.endswith(".service") or unit is not None
    if told and ("systemctl" in host.taken.asked or owner.unit is None):
        return "inherited", ""
    return "unknown", ""


def _ancestor(host: Host, process: ProcessState) -> ProcessState | None:
    """The furthest process above that is at -1000 too: from it the ones between have it."""
    at, seen = process, {process.pid}
    found = None
    for _ in range(_CHAIN):
        above = host.by_pid.get(at.ppid)
        if above is None or above.pid in seen or above.pid == 1:
            break
        if above.oom_score_adj == killer.ADJ_NEVER:
            found = above
        seen.add(above.pid)
        at = above
    return found
