"""What happened and why this one, in sentences of figures."""

from __future__ import annotations

from oomconf.diagnosis.nouns import Consumer, Holding
from oomconf.kernel.badness import ADJ_NEVER
from oomconf.oomlog.events import OomEvent, Victim
from oomconf.oomlog.owners import Owner
from oomconf.oomlog.ranking import Ranked, Ranking
from oomconf.quantity import roughly

__all__ = ["headline", "owner_words", "why"]


def headline(event: OomEvent) -> str:
    """Say in a line who died, whose it was, and of what."""
    victim = event.victim
    who = _who(victim, event)
    if event.killer == "none":
        actor = event.actor or ""
        by = f"by hand, with {actor.removesuffix(' by hand')}" if actor.endswith(" by hand") else f"by {actor}"
        return f"{who} was not killed by an OOM killer{f', but {by}' if actor else ''}"
    if event.killer == "unknown":
        return f"{who} ended by SIGKILL; whether an OOM killer sent it, this log does not tell"
    if event.killer == "kubelet" and event.actor:
        return f"{who} was evicted by the kubelet: {event.actor}"
    if event.killer != "kernel":
        by = {"kubelet": "reported by the kubelet"}.get(event.killer, f"by {event.killer}")
        return f"{who} was killed for memory, {by}"
    if event.panic and not event.victims:
        return f"the kernel stopped the machine: {event.panic}"
    if event.outcome == "no_victim":
        return f"out of memory{_where(event)}, and nothing could be killed"
    if victim is None:
        return f"out of memory{_where(event)}; whom it killed, this log does not tell"
    more = len(event.victims) - 1
    group = f" and {more} more of {event.group}" if more and event.group else f" and {more} more" if more else ""
    return f"{who}{group} {'were' if more else 'was'} killed: out of memory{_where(event)}"


def _who(victim: Victim | None, event: OomEvent) -> str:
    if victim is None:
        return "a process"
    name = "" if victim.name is None else victim.name
    pid = "" if victim.pid is None else f"({victim.pid})" if name else f"process {victim.pid}"
    owner = owner_words(victim.owner)
    plain = " ".join(part for part in (name, pid) if part)
    if owner and plain:
        return f"{plain} of {owner}"
    return owner or plain or event.task_memcg or "a process"


def owner_words(owner: Owner) -> str:
    """Name a unit, container or pod, the container first."""
    if owner.pod is not None:
        container = f"{owner.container_words} of " if owner.container else ""
        return f"{container}pod {owner.pod}"
    if owner.container is not None:
        return owner.container_words
    return owner.unit or ""


def _where(event: OomEvent) -> str:
    if event.kind == "memcg":
        path = event.memcg.path if event.memcg is not None else None
        limit = event.memcg.limit_kb if event.memcg is not None else None
        at = f" of {roughly(limit * 1024)}" if limit is not None else ""
        if event.memcg is not None and event.memcg.together_full:
            at = f" of {roughly((event.memcg.swap_limit_kb or 0) * 1024)} for memory and swap together"
        return f" in the cgroup {path} at its limit{at}" if path else f" in a cgroup at its limit{at}"
    if event.kind == "cpuset":
        return f" on the nodes of a cpuset{f' ({event.mems_allowed})' if event.mems_allowed else ''}"
    if event.kind == "mempolicy":
        return " on the nodes of a memory policy"
    if event.trigger.kind == "sysrq":
        return ", by hand (SysRq-f)"
    told = event.machine is not None or event.constraint is not None or event.victims
    return " on the whole machine" if event.kind == "global" and told else ""


def why(event: OomEvent, ranking: Ranking, next_up: tuple[Ranked, ...], consumers: tuple[Consumer, ...]) -> tuple[str, ...]:
    """Say why the kernel ran short and why it chose this one, each sentence with the figures that it stands on."""
    if event.killer != "kernel" or event.kind is None:
        return ()
    said = [*_trigger(event)]
    if event.allocating_task:
        said.append("vm.oom_kill_allocating_task is set: whoever asks for memory at that moment dies, no matter how small")
    said += _choice(event, ranking, next_up)
    said += _sacrifice(event)
    said += _crowd(ranking, consumers)
    if event.group:
        said.append(f"memory.oom.group is set on {event.group}: all of its processes but those at {ADJ_NEVER} die together")
    said += _spared(ranking)
    if event.outcome == "no_victim":
        said.append(
            f"every process that could be asked has oom_score_adj {ADJ_NEVER}, or is init, or was dying already: the kernel had "
            "nobody to kill"
        )
    if event.panic:
        said.append(f"the machine stopped: {event.panic}")
    return tuple(said)


def _trigger(event: OomEvent) -> list[str]:
    trigger = event.trigger
    if trigger.name is None:
        return (
            ["the line that says who asked for memory is not in this log: the kernel left it out (rate limit), or it was cut"]
            if event.outcome == "killed"
            else []
        )
    if trigger.kind == "sysrq":
        return ["somebody asked for it: SysRq-f, from a keyboard or /proc/sysrq-trigger; memory need not have been short"]
    size = (
        ""
        if trigger.order is None or trigger.order < 0
        else f" {'a page' if trigger.order == 0 else f'{1 << min(trigger.order, 30)} pages in a row'}"
    )
    pid = "" if trigger.pid is None else f" ({trigger.pid})"
    same = event.victim is not None and event.victim.pid == trigger.pid and trigger.pid is not None
    blame = "" if same or event.victim is None else "; it need not be the one at fault"
    short = "the cgroup was at its limit" if event.kind == "memcg" else "there was none"
    return [f"{trigger.name}{pid} asked for{size or ' memory'} and {short}{blame}"]


def _choice(event: OomEvent, ranking: Ranking, next_up: tuple[Ranked, ...]) -> list[str]:
    best = ranking.predicted
    chosen = event.selected or event.victim
    if best is None or chosen is None or event.allocating_task:
        return []
    page = ranking.page_kb * 1024
    mine = chosen.pid in (best.task.pid, best.task.tgid)
    if not mine:
        passed = (
            f"by the formula {best.task.name} ({best.task.pid}) weighs most; the kernel passed it over, as it does with tasks that are "
            "already dying, share the memory of init, or appeared after the choice"
        )
        return [passed]
    said = f"{best.task.name} weighed most: {_weight(best, ranking, page)}"
    if next_up and next_up[0].points is not None:
        said += f"; next was {next_up[0].task.name} ({next_up[0].task.pid}) with {_points(next_up[0].points, page)}"
    if event.kind == "memcg":
        said += "; only processes of that cgroup are asked"
    return [said]


def _weight(row: Ranked, ranking: Ranking, page: int) -> str:
    adj = row.task.oom_score_adj or 0
    held = f"{roughly(row.pages * page)} held"
    if adj == 0 or not ranking.unit:
        return held
    extra = adj * ranking.unit * page
    return f"{held} {'+' if extra >= 0 else '-'} {roughly(abs(extra))} for oom_score_adj {adj} = {_points(row.points or 0, page)}"


def _points(points: int, page: int) -> str:
    return roughly(points * page)


def _sacrifice(event: OomEvent) -> list[str]:
    if event.selected is None or event.victim is None or event.selected.pid == event.victim.pid:
        return []
    victim = event.victim
    chose = f"the kernel chose {event.selected.name} ({event.selected.pid}) and killed its child {victim.name} ({victim.pid})"
    return [f"{chose} in its place, as kernels before 5.1 do"]


def _crowd(ranking: Ranking, consumers: tuple[Consumer, ...]) -> list[str]:
    """Tell of many small processes that together hold more than the one that died."""
    if not consumers or not ranking.rows:
        return []
    top = consumers[0]
    if top.count < 4 or top.largest * 3 > top.size:  # noqa: PLR2004
        return []
    sums = f"{top.count} processes named {top.name} held {roughly(top.size)} together, what they share counted in each"
    return [f"{sums}, and none of them more than {roughly(top.largest)}: the formula sees one at a time"]


def _spared(ranking: Ranking) -> list[str]:
    """Tell of those who held most and were not asked."""
    if ranking.predicted is None:
        return []
    page = ranking.page_kb * 1024
    larger = [row for row in ranking.rows if row.points is None and row.pages > ranking.predicted.pages]
    larger.sort(key=lambda row: -row.pages)
    return [
        f"{row.task.name} ({row.task.pid}) held more, {roughly(row.pages * page)}, and is never asked: "
        + ("it is init" if row.task.tgid == 1 else f"oom_score_adj {ADJ_NEVER}")
        for row in larger[:2]
    ]


def share(holding: Holding, scope: int | None) -> float | None:
    """Give a holding's share of what ran short, 0 to 1; None where that is not known."""
    return None if not scope else min(1.0, holding.size / scope)
