"""What to change after a kill: which limit, protection or setting, and by how much."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.diagnosis.limits import limits
from oomconf.diagnosis.nouns import Advice, Consumer, Holding
from oomconf.diagnosis.shortage import nodes, shortage
from oomconf.kernel.badness import ADJ_NEVER
from oomconf.oomlog.events import OomEvent
from oomconf.oomlog.ranking import Ranking
from oomconf.quantity import roughly

__all__ = ["advise"]


def advise(
    event: OomEvent, ranking: Ranking, holdings: tuple[Holding, ...], consumers: tuple[Consumer, ...], scope: int | None
) -> tuple[Advice, ...]:
    """Say what would help, the nearest cause first; commands stand alone, quoted, and hold until the next boot at most."""
    if event.killer in ("none", "unknown"):
        return tuple(_not_oom(event))
    if event.killer != "kernel":
        return tuple(_userspace(event))
    if event.kind is None:
        return (
            Advice(
                id="look-at-the-kernel",
                text="this log has only programs' words for it: the kernel's own report tells whether a limit or the machine ran short, "
                "and of what",
                command="journalctl -k -o short-iso | oomconf diagnose -",
            ),
        )
    if event.trigger.kind == "sysrq":
        return (
            Advice(
                id="sysrq",
                text="nothing about memory: where SysRq-f was not meant, forbid it by a kernel.sysrq without bit 64 "
                "(kernel.sysrq=0 forbids all)",
            ),
        )
    found = [*_never(event, ranking), *_panic(event, holdings)]
    if event.allocating_task:
        found.append(
            Advice(
                id="allocating-task",
                text="let the formula choose, or no oom_score_adj has an effect (and vm.oom_kill_allocating_task = 0 in sysctl.d "
                "to keep it)",
                command="sysctl -w vm.oom_kill_allocating_task=0",
            )
        )
    if event.kind == "memcg":
        found += limits(event, ranking, holdings)
    elif event.kind in ("cpuset", "mempolicy"):
        found += nodes(event)
    else:
        found += shortage(event, ranking, holdings, consumers, scope)
    return tuple(found)


def _never(event: OomEvent, ranking: Ranking) -> Iterator[Advice]:
    immune = [row.task for row in ranking.rows if row.task.oom_score_adj == ADJ_NEVER and row.task.tgid != 1]
    if event.outcome != "no_victim" or not immune:
        return
    names = tuple(dict.fromkeys(task.name for task in immune))[:3]
    yield Advice(
        id="nobody-killable",
        text=f"{', '.join(names)} at oom_score_adj {ADJ_NEVER} leave{'s' if len(names) == 1 else ''} nothing to kill, and the "
        "report repeats until "
        "something gives way: -999 is asked last, and can die",
        command=f"choom -p {immune[0].tgid} -n -999",
    )


def _panic(event: OomEvent, holdings: tuple[Holding, ...]) -> Iterator[Advice]:
    panic = event.panic or ""
    if "panic_on_oom" in panic:
        scope = " (it is 2: a cgroup's limit or a cpuset does it too)" if "compulsory" in panic else ""
        yield Advice(
            id="panic",
            text=f"vm.panic_on_oom stops the machine where a kill would do{scope} (and vm.panic_on_oom = 0 in sysctl.d to keep it)",
            command="sysctl -w vm.panic_on_oom=0",
        )
    elif "kill init" in panic:
        yield Advice(
            id="init-died",
            text="init died with the others, and no machine lives without it"
            + (f": keep PID 1 out of {event.group}, or memory.oom.group off it" if event.group else ""),
        )
    elif panic:
        most = f"; most of it is {holdings[0].name} ({roughly(holdings[0].size)})" if holdings else ""
        early = " while the machine was booting" if event.trigger.pid == 1 else ""
        yield Advice(
            id="nobody-left",
            text=f"there was no process left to kill{early}: what fills the memory is not a process{most}",
        )


def _not_oom(event: OomEvent) -> Iterator[Advice]:
    if event.killer == "unknown":
        yield Advice(
            id="look-at-the-kernel",
            text="status 137 says SIGKILL, not who sent it: the kernel's log of that moment decides, on the host and not in the container",
            command="journalctl -k -o short-iso | oomconf diagnose -",
        )
        return
    actor = event.actor or ""
    if "watchdog" in actor:
        text = "it did not answer systemd's watchdog in time (WatchdogSec=): a hang, or a machine too busy or too short of memory to let it"
    elif "RuntimeMaxSec" in actor:
        text = "no memory setting is to blame: its time was up (RuntimeMaxSec=)"
    elif "timeout" in actor and "docker" not in actor:
        text = "no memory setting is to blame: make it end at SIGTERM, or give it longer (TimeoutStopSec=, TimeoutStartSec=)"
    elif "docker" in actor:
        text = "no memory setting is to blame: make it end at SIGTERM, or give it longer (docker stop -t, stop_grace_period)"
    else:
        text = "no memory setting is to blame: look for who sent the signal"
    yield Advice(id="not-oom", text=text)


def _userspace(event: OomEvent) -> Iterator[Advice]:
    unit = event.victim.owner.unit if event.victim is not None else None
    if event.killer == "systemd-oomd":
        swap = any("due to memory used" in text or "due to swap" in text for text in event.evidence)
        knob = "SwapUsedLimit= in oomd.conf" if swap else "ManagedOOMMemoryPressureLimit= of the slice that it watches"
        yield Advice(
            id="oomd",
            text=f"systemd-oomd does not look at oom_score_adj: protect {unit or 'the unit'} by ManagedOOMPreference=avoid, or by "
            "MemoryLow= on it and its "
            f"slices; when it acts is set by {knob}",
        )
    elif event.killer == "earlyoom":
        yield Advice(
            id="earlyoom",
            text="earlyoom chooses by oom_score: lower the oom_score_adj of what must live, or name it in --avoid; -m and -s set "
            "when it acts",
        )
    elif event.killer == "nohang":
        yield Advice(
            id="nohang", text="nohang chooses by badness and its own rules: see the badness adjustments and thresholds in nohang.conf"
        )
    elif event.killer == "kubelet" and event.actor:
        yield Advice(
            id="evicted",
            text="the kubelet evicts who holds more than it requested, the lowest priority first: give the pod a memory request of what it "
            "needs, and what grew a limit; evictionHard and evictionSoft set when it acts",
        )
    elif event.killer == "kubelet":
        yield Advice(
            id="kubelet",
            text="the container was at its memory limit, or its node was full: the kernel's log of the node tells which",
            command="journalctl -k -o short-iso | oomconf diagnose -",
        )
