"""An independent reading of the kernel's reports, by regular expressions on dmesg's own lines, for what `read_log` says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from oomconf.kernel.version import KernelVersion
from oomconf.oomlog import OomEvent
from oomconf.oomlog.ranking import rank

__all__ = ["judge"]

_FAILURE: Final = re.compile(r"^.*: page allocation failure: ", re.MULTILINE)
_HEAD: Final = re.compile(r"^\[ *(\d+\.\d+)\] (.+) invoked oom-killer: gfp_mask=(\S+), order=(-?\d+), oom_score_adj=(-?\d+)$", re.MULTILINE)
_NO_LIMIT: Final = 9007199254740988
_MS: Final = re.compile(r"^\[ *\d+\.\d+\] ", re.MULTILINE)
_KILLED: Final = re.compile(
    r"^(Out of memory|Memory cgroup out of memory|Out of memory \(oom_kill_allocating_task\)): Killed process (\d+) \((.+)\) "
    r"total-vm:(\d+)kB, anon-rss:(\d+)kB, file-rss:(\d+)kB, shmem-rss:(\d+)kB, UID:(\d+) pgtables:(\d+)kB oom_score_adj:(-?\d+)$",
    re.MULTILINE,
)


def _all(pattern: str, text: str) -> list[tuple[str, ...]]:
    return [match.groups() for match in re.finditer(pattern, text, re.MULTILINE)]


def _one(pattern: str, text: str) -> tuple[str, ...]:
    (found,) = _all(pattern, text)
    return found


def _limit(text: str) -> int | None:
    return None if int(text) == _NO_LIMIT else int(text)


def judge(log: str, events: list[OomEvent]) -> tuple[set[str], list[str]]:
    """Hold every field of every event against the text; gives the names of those that were held, and what differs."""
    heads = list(_HEAD.finditer(log))
    wrong = [] if len(heads) == len(events) else [f"{len(heads)} reports, {len(events)} events"]
    held: set[str] = set()
    ends = [match.start() for match in heads[1:]] + [len(log)]
    for head, following, event in zip(heads, ends, events, strict=False):
        # who was killed while it asked may be told of once more, with a dump of its own (mm/page_alloc.c: warn_alloc)
        failure = _FAILURE.search(log, head.end(), following)
        end = following if failure is None else failure.start()
        line = log.count("\n", 0, head.start()) + 1
        for name, said, there in _fields(head, line, _MS.sub("", log[head.end() : end]), event):
            held.add(re.sub(r" \d+'s", "'s", name))
            if said != there:
                wrong.append(f"line {line}: {name} is {said!r}, the text has {there!r}")
    return held, wrong


def _fields(head: re.Match[str], line: int, body: str, event: OomEvent) -> Iterator[tuple[str, Any, Any]]:
    """Give name, what read_log says, what the lines say."""
    yield "line", event.line, line
    yield "at", event.at, head[1]
    yield "killer", (event.killer, event.outcome, event.header, event.panic, event.actor), ("kernel", "killed", True, None, None)
    pid, comm, release = _one(r"^CPU: \d+ (?:UID: \d+ )?PID: (\d+) Comm: (.+) (?:Not tainted|Tainted: \S.*?) (\S+) #\d", body)
    yield "trigger", event.trigger.name, head[2]
    yield "trigger's pid", (event.trigger.pid, event.trigger.name), (int(pid), comm)
    yield "trigger's request", (event.trigger.gfp, event.trigger.order, event.trigger.kind), (head[3], int(head[4]), "allocation")
    yield "trigger's score", event.trigger.oom_score_adj, int(head[5])
    yield "kernel", (event.kernel_text, event.kernel), (release, KernelVersion(*(int(part) for part in re.findall(r"\d+", release)[:3])))
    verdict = _one(
        r"^oom-kill:constraint=(\w+),nodemask=(\S+?),(?:cpuset=(.*?),)?mems_allowed=(\S+?)(,.*),task=(.+),pid=(\d+),uid=(\d+)$", body
    )
    constraint, _, _, mems, where, task, victim_pid, uid = verdict
    yield "constraint", event.constraint, constraint
    yield "mems_allowed", event.mems_allowed, mems
    memcg = re.match(r",oom_memcg=(.*?),task_memcg=(.*)$", where)
    yield "kind", event.kind, "memcg" if memcg else "global"
    yield "task_memcg", event.task_memcg, memcg[2] if memcg else where.removeprefix(",global_oom,task_memcg=")
    yield from _victims(body, event, (task, victim_pid, uid))
    yield from _table(body, event)
    if memcg:
        yield from _memcg(body, event, memcg[1])
    else:
        yield from _machine(body, event)


def _victims(body: str, event: OomEvent, chosen: tuple[str, str, str]) -> Iterator[tuple[str, Any, Any]]:
    rows = [match.groups() for match in _KILLED.finditer(body)]
    yield "allocating", event.allocating_task, "allocating" in rows[0][0]
    group = _all(r"^Tasks in (.*) are going to be killed due to memory\.oom\.group set$", body)
    yield "group", event.group, group[0][0] if group else None
    # the victim of a group comes twice, by then perhaps a page smaller or larger: the first line is what it was killed for
    once: dict[str, tuple[str, ...]] = {}
    for row in rows:
        once.setdefault(row[1], row[1:])
    there = [(int(pid), name, *map(int, rest)) for pid, name, *rest in once.values()]
    said = [
        (
            one.pid,
            one.name,
            one.total_vm_kb,
            one.anon_rss_kb,
            one.file_rss_kb,
            one.shmem_rss_kb,
            one.uid,
            one.pgtables_kb,
            one.oom_score_adj,
        )
        for one in event.victims
    ]
    for number in range(max(len(said), len(there))):
        one, other = said[number : number + 1], there[number : number + 1]
        for name, left, right in zip(
            ("pid", "name", "total-vm", "anon-rss", "file-rss", "shmem-rss", "uid", "pgtables", "oom_score_adj"),
            one[0] if one else (None,) * 9,
            other[0] if other else (None,) * 9,
            strict=True,
        ):
            yield f"victim {number}'s {name}", left, right
    if event.victim is not None:
        yield "the chosen", (event.victim.name, event.victim.pid, event.victim.uid), (chosen[0], int(chosen[1]), int(chosen[2]))
        unit = next(
            (part for part in reversed((event.task_memcg or "").split("/")) if re.search(r"\.(service|scope|socket|mount|swap)$", part)),
            None,
        )
        yield "the chosen's unit", event.victim.owner.unit, unit


def _table(body: str, event: OomEvent) -> Iterator[tuple[str, Any, Any]]:
    head = _one(r"^\[ *pid *\] +(.+)$", body)[0].split()
    rows = _all(r"^\[ *(\d+)\] +(.+)$", body)
    yield "rows of the table", len(event.tasks), len(rows)
    for (pid, text), task in zip(rows, event.tasks, strict=False):
        cells = dict(zip(head, text.split(maxsplit=len(head) - 1), strict=True))
        yield "a task's name", (task.pid, task.name), (int(pid), cells.pop("name"))
        for name, value in cells.items():
            yield f"task {pid}'s {name}", getattr(task, name), int(value)
    ranking = rank(event)
    chosen = ranking.predicted
    yield "who the formula kills", None if chosen is None else chosen.task.tgid, None if event.victim is None else event.victim.pid


def _memcg(body: str, event: OomEvent, path: str) -> Iterator[tuple[str, Any, Any]]:
    memcg = event.memcg
    if memcg is None:
        yield "memcg", None, path
        return
    usage, limit, failcnt = _one(r"^memory: usage (\d+)kB, limit (\d+)kB, failcnt (\d+)$", body)
    swap, most, _ = _one(r"^swap: usage (\d+)kB, limit (\d+)kB, failcnt (\d+)$", body)
    yield "memcg's path", (memcg.path, *_one(r"^Memory cgroup stats for (.*):$", body)), (path, path)
    yield "memcg's usage", memcg.usage_kb, int(usage)
    yield "memcg's limit", memcg.limit_kb, _limit(limit)
    yield "memcg's failcnt", memcg.failcnt, int(failcnt)
    yield "memcg's swap", (memcg.swap_usage_kb, memcg.swap_limit_kb, memcg.memsw), (int(swap), _limit(most), False)
    inside = body[body.index("Memory cgroup stats") : body.index("Tasks state")]
    stats = {name: int(value) for name, value in _all(r"^([a-z_]+) (\d+)$", inside)}
    yield "names of the memcg's statistics", sorted(memcg.stats), sorted(stats)
    for name, value in stats.items():
        yield f"memcg's {name}", memcg.stats.get(name), value


def _machine(body: str, event: OomEvent) -> Iterator[tuple[str, Any, Any]]:
    machine = event.machine
    if machine is None:
        yield "machine", None, "Mem-Info"
        return
    totals = body[body.index("Mem-Info:") : body.index("Node 0 active_anon")]
    for name, value in _all(r"([a-z_]+):(\d+)", totals) + _all(r"(isolated_\w+):(\d+)", totals):
        yield f"pages of {name}", machine.pages.get(name), int(value)
    yield "pages of RAM", machine.ram_pages, int(*_one(r"^(\d+) pages RAM$", body))
    yield "reserved pages", machine.reserved_pages, int(*_one(r"^(\d+) pages reserved$", body))
    yield "swap", machine.swap_total_kb, int(*_one(r"^Total swap = (\d+)kB$", body))
    yield "free swap", machine.swap_free_kb, int(*_one(r"^Free swap  = (\d+)kB$", body))
    yield "stacks", machine.kernel_stack_kb, int(*_one(r"^Node 0 active_anon.* kernel_stack:(\d+)kB", body))
    pages, size = _one(r"^Node 0 hugepages_total=(\d+) .*hugepages_size=(\d+)kB$", body)
    yield "huge pages", machine.hugetlb_kb, int(pages) * int(size)
    zones = _all(r"^Node (\d+) (\w+) free:(\d+)kB boost:\d+kB min:(\d+)kB .* present:(\d+)kB", body)
    there = [(int(node), name, int(free), int(least), int(present)) for node, name, free, least, present in zones]
    yield "zones", [(one.node, one.name, one.free_kb, one.min_kb, one.present_kb) for one in machine.zones], there
