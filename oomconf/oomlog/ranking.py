"""Every task of a report weighed again by the formula of its kernel, and who the formula would have killed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from oomconf.kernel.badness import ADJ_MAX, ADJ_NEVER, OLDEST, badness, newest_wins
from oomconf.kernel.version import KernelVersion
from oomconf.oomlog.events import OomEvent, Task

__all__ = ["Ranked", "Ranking", "rank", "weigh"]

_V: Final = KernelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A task and its badness in pages; None is never killed."""

    task: Task
    points: int | None
    pages: int
    """What it holds: RSS, swap and page tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All tasks of a report, the one to be killed first in front, those that cannot be killed last."""

    rows: tuple[Ranked, ...] = ()
    total_pages: int | None = None
    """The scope's size that oom_score_adj is a thousandth of; None where the report does not tell it."""
    page_kb: int = 4
    kernel: KernelVersion | None = None
    whole: bool = False
    """Whether the table holds the victim that the report names: only then is it worth a prediction."""
    doubts: tuple[str, ...] = ()
    allocating: Ranked | None = None
    """The task that asked, where vm.oom_kill_allocating_task passes the formula over."""

    @property
    def predicted(self) -> Ranked | None:
        """Whom the kernel kills; None where the report does not tell enough."""
        if self.allocating is not None:
            return self.allocating
        if not self.whole or not self.rows or self.rows[0].points is None:
            return None
        return self.rows[0]

    @property
    def unit(self) -> int | None:
        """Pages that one point of oom_score_adj weighs."""
        return None if self.total_pages is None else self.total_pages // 1000


def rank(event: OomEvent) -> Ranking:
    """Weigh the tasks of an event as its kernel did (mm/oom_kill.c: select_bad_process), with the documented tie-break of its version.

    Sizes are in pages of the report's own page size, 4K where it does not show. CAP_SYS_ADMIN, which weighs before 4.17, is taken to
    go with uid 0. Without the scope's size equal scores still rank; where they differ the ranking says so in `doubts`.
    """
    kernel = event.kernel or _by_format(event)
    if kernel is not None and kernel < OLDEST and any(task.oom_score_adj is not None for task in event.tasks):
        kernel = OLDEST  # a vendor's kernel with the newer killer: only that has the column (RHEL 6)
    page_kb = event.page_kb or 4
    total, doubts = _scope(event, page_kb)
    rows = [row for task in event.tasks if (row := _weigh(task, total, page_kb, kernel)) is not None]
    if kernel is not None and kernel < OLDEST:
        doubts = (*doubts, f"Linux {kernel} weighed run time and nice too, which the report does not tell")
        rows = []
    order = list(enumerate(rows))
    newest = newest_wins(kernel)
    order.sort(key=lambda pair: (pair[1].points is None, -(pair[1].points or 0), -pair[0] if newest else pair[0]))
    asking = [
        row for row in rows if event.allocating_task and row.points is not None and event.trigger.pid in (row.task.pid, row.task.tgid)
    ]
    spread = {row.task.oom_score_adj for row in rows} - {ADJ_NEVER}
    sure = total is not None or len(spread) <= 1
    return Ranking(
        rows=tuple(row for _, row in order),
        total_pages=total,
        page_kb=page_kb,
        kernel=kernel,
        whole=bool(rows) and sure and _holds_victim(event),
        doubts=doubts,
        allocating=asking[0] if asking else None,
    )


def weigh(task: Task, ranking: Ranking, oom_score_adj: int) -> int | None:
    """Weigh a task of a ranking as if it had another oom_score_adj, in pages; None is never killed."""
    return _points(task, oom_score_adj, ranking.total_pages, ranking.page_kb, ranking.kernel)


def _weigh(task: Task, total: int | None, page_kb: int, kernel: KernelVersion | None) -> Ranked | None:
    adj = task.oom_score_adj
    if adj is None or not ADJ_NEVER <= adj <= ADJ_MAX:
        return None
    pages = task.rss + (task.swapents or 0) + _tables(task, page_kb) // (page_kb * 1024)
    return Ranked(task=task, points=_points(task, adj, total, page_kb, kernel), pages=pages)


def _points(task: Task, adj: int, total: int | None, page_kb: int, kernel: KernelVersion | None) -> int | None:
    if task.tgid == 1 or (kernel is not None and kernel < OLDEST):
        return None
    return badness(
        rss_pages=task.rss,
        swap_pages=task.swapents or 0,
        pgtables_bytes=_tables(task, page_kb),
        oom_score_adj=adj,
        total_pages=total or 0,
        page_size=page_kb * 1024,
        kernel=kernel,
        privileged=task.uid == 0,
    )


def _tables(task: Task, page_kb: int) -> int:
    return (task.pgtables_bytes or 0) if task.pgtables_pages is None else task.pgtables_pages * page_kb * 1024


def _scope(event: OomEvent, page_kb: int) -> tuple[int | None, tuple[str, ...]]:
    """Count the pages of the scope that ran short: the machine, the cgroup, or the nodes that the task may use."""
    if event.kind == "memcg":
        return _memcg_scope(event, page_kb)
    machine = event.machine
    if machine is None or machine.managed_pages is None:
        return None, ("the report does not tell how large the machine is",)
    swap = (machine.swap_total_kb or 0) // page_kb
    if event.kind in ("cpuset", "mempolicy"):
        nodes = _nodes(event.mems_allowed)
        present = sum(zone.present_kb or 0 for zone in machine.zones if zone.node in nodes)
        if not present:
            return None, ("the report does not tell how large the allowed nodes are",)
        return present // page_kb + swap, ()
    return max(machine.managed_pages, 0) + swap, ()


def _memcg_scope(event: OomEvent, page_kb: int) -> tuple[int | None, tuple[str, ...]]:
    memcg = event.memcg
    if memcg is None or memcg.limit_kb is None:
        return None, ("the report does not tell the cgroup's limit",)
    limit = memcg.limit_kb // page_kb
    swap = memcg.swap_limit_kb
    if swap is None:
        if any(task.swapents for task in event.tasks):
            return max(1, limit), ("how much swap the cgroup could use is not told; scores are weighed by its memory alone",)
        return max(1, limit), ()
    return max(1, limit + (max(0, swap - memcg.limit_kb) if memcg.memsw else swap) // page_kb), ()


def _nodes(text: str | None) -> set[int]:
    """Read a list of nodes such as `0-1,3`; of ranges without end only the first thousand."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first.isdecimal():
            low = int(first[:9])
            high = int(last[:9]) if last.isdecimal() else low
            found.update(range(low, min(high, low + 1023) + 1))
    return found


def _holds_victim(event: OomEvent) -> bool:
    chosen = event.selected or event.victim
    if chosen is None:
        return event.outcome in ("panic", None)
    pids = {task.pid for task in event.tasks} | {task.tgid for task in event.tasks}
    return chosen.pid in pids


def _by_format(event: OomEvent) -> KernelVersion | None:
    """Tell a kernel's age by what its report looks like, where no line names it: only what decides the formula and ties."""
    if any(victim.pgtables_kb is not None for victim in event.victims) or any(task.rss_anon is not None for task in event.tasks):
        return None
    if event.selected is not None and event.constraint is None:
        pages = any(task.pgtables_pages is not None for task in event.tasks)
        return _V(4, 14) if pages else _V(4, 18)
    return None
