"""An event of the kernel's while its lines come in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from oomconf.kernel.version import KernelVersion
from oomconf.oomlog import _grammar as grammar
from oomconf.oomlog._clue import Clue
from oomconf.oomlog.events import Kind, Machine, Memcg, OomEvent, Outcome, Task, Trigger, Victim, Zone
from oomconf.oomlog.owners import NOBODY, Owner, owner_of

__all__ = ["Draft"]

_UNLIMITED_KB: Final = 9007199254740000
"""Limits from here on are the kernel's way to say that there is none, in pages of 4K to 64K."""
_NOTES: Final = 12
_CHARGE: Final = re.compile(r"\b(?:mem_cgroup_out_of_memory|mem_cgroup_oom|try_charge|mem_cgroup_oom_synchronize|mem_cgroup_try_charge)")


@dataclass(slots=True)
class Draft:
    """What is known so far; `quiet` counts the lines since the last that was of it."""

    path: str
    line: int
    at: str | None
    host: str | None
    header: grammar.Header | None = None
    cpu: grammar.Cpu | None = None
    columns: tuple[str, ...] | None = None
    tasks: list[Task] = field(default_factory=list)
    summary: grammar.Summary | None = None
    selected: grammar.Selected | None = None
    victims: dict[int, Victim] = field(default_factory=dict)
    prefix: str = ""
    group: str | None = None
    limit_task: str | None = None
    limit_of: str | None = None
    usages: dict[str, grammar.Usage] = field(default_factory=dict)
    stats: dict[str, int] = field(default_factory=dict)
    stats_of: str | None = None
    in_stats: bool = False
    mems: str | None = None
    pages: dict[str, int] = field(default_factory=dict)
    kb: dict[str, int] = field(default_factory=dict)
    zones: dict[tuple[int, str], Zone] = field(default_factory=dict)
    meminfo: bool = False
    no_victim: bool = False
    panic: str | None = None
    reaped: list[int] = field(default_factory=list)
    charge: bool = False
    sysrq: bool = False
    quiet: int = 0
    notes: list[str] = field(default_factory=list)
    heard: Owner = NOBODY
    """Whose it was by what programs said of it, where the kernel's own path is lost."""

    def claims(self, clue: Clue) -> bool:
        """Whether a program's line speaks of this kill: of its unit, container or process, or of a unit where the path is lost."""
        pids = set(self.victims) | ({self.summary.pid} if self.summary is not None else set())
        if not pids:
            return False
        if clue.pid is not None:
            return clue.pid in pids
        owner = self._owner()
        if clue.container is not None and owner.container is not None:
            return owner.container.startswith(clue.container) or clue.container.startswith(owner.container)
        if clue.pod is not None:
            return owner.pod == clue.pod
        if clue.unit is not None:
            return (
                owner.unit == clue.unit if owner.unit is not None else clue.verdict in ("oom", "signal") and clue.killer in (None, "kernel")
            )
        return clue.container is None and clue.verdict == "signal"

    def note(self, line: int, clue: Clue) -> None:
        """Take what a program said of this kill."""
        if len(self.notes) < _NOTES:
            self.notes.append(f"line {line}: {clue.words}")
        if self._owner().unit is None and clue.unit is not None:
            self.heard = replace(self.heard, unit=clue.unit)

    def _owner(self) -> Owner:
        owner = owner_of(self._task_memcg())
        return owner if owner != NOBODY else self.heard

    def finish(self) -> OomEvent:
        """Give the event as far as the text told it."""
        kind = self._kind()
        return OomEvent(
            path=self.path,
            line=self.line,
            at=self.at,
            host=self.host,
            killer="kernel",
            kind=kind,
            constraint=None if self.summary is None else self.summary.constraint,
            outcome=self._outcome(),
            kernel=self._version(),
            kernel_text=None if self.cpu is None else self.cpu.kernel,
            header=self.header is not None,
            trigger=self._trigger(),
            allocating_task="oom_kill_allocating_task" in self.prefix,
            group=self.group,
            memcg=self._memcg() if kind == "memcg" else None,
            task_memcg=self._task_memcg(),
            machine=self._machine(),
            mems_allowed=(self.summary.mems if self.summary is not None else None) or self.mems,
            selected=None if self.selected is None else Victim(pid=self.selected.pid, name=self.selected.name, score=self.selected.score),
            victims=self._victims(),
            tasks=tuple(self.tasks),
            page_kb=self._page_kb(),
            panic=self.panic,
            reaped=tuple(dict.fromkeys(self.reaped)),
            evidence=tuple(self.notes),
        )

    def _kind(self) -> Kind:
        constraint = "" if self.summary is None else self.summary.constraint or ""
        if (
            self.prefix.startswith("Memory cgroup")
            or constraint == "CONSTRAINT_MEMCG"
            or (self.summary is not None and self.summary.oom_memcg)
        ):
            return "memcg"
        if constraint == "CONSTRAINT_CPUSET":
            return "cpuset"
        if constraint == "CONSTRAINT_MEMORY_POLICY":
            return "mempolicy"
        if self.prefix.startswith("Out of"):
            return "global"
        if self.usages or self.limit_of or self.stats_of is not None:
            return "memcg"
        return "memcg" if self.charge and not self.meminfo else "global"

    def _outcome(self) -> Outcome | None:
        if self.victims or (self.summary is not None and self.summary.pid is not None):
            return "killed"
        if self.panic:
            return "panic"
        return "no_victim" if self.no_victim else None

    def _version(self) -> KernelVersion | None:
        if self.cpu is None or self.cpu.kernel is None:
            return None
        try:
            return KernelVersion.parse(self.cpu.kernel)
        except ValueError:
            return None

    def _trigger(self) -> Trigger:
        if self.header is None:
            return Trigger()
        return Trigger(
            pid=None if self.cpu is None else self.cpu.pid,
            name=self.header.name,
            kind="sysrq" if self.header.order == -1 or self.sysrq else "allocation",
            order=self.header.order,
            gfp=self.header.gfp,
            oom_score_adj=self.header.oom_score_adj,
        )

    def _memcg(self) -> Memcg:
        memory, memsw, swap = (self.usages.get(key) for key in ("memory", "memory+swap", "swap"))
        extra = swap or memsw
        kmem = self.usages.get("kmem")
        path = (None if self.summary is None else self.summary.oom_memcg) or self.limit_of
        return Memcg(
            path=path or _whole(self.stats_of),
            usage_kb=None if memory is None else memory.usage_kb,
            limit_kb=None if memory is None else _limited(memory.limit_kb),
            failcnt=None if memory is None else memory.failcnt,
            swap_usage_kb=None if extra is None else extra.usage_kb,
            swap_limit_kb=None if extra is None else _limited(extra.limit_kb),
            memsw=swap is None and memsw is not None,
            kmem_kb=None if kmem is None else kmem.usage_kb,
            stats=dict(self.stats),
        )

    def _task_memcg(self) -> str | None:
        return (None if self.summary is None else self.summary.task_memcg) or self.limit_task

    def _machine(self) -> Machine | None:
        if not self.pages and not self.kb:
            return None
        return Machine(
            pages=dict(self.pages),
            ram_pages=self.pages.get("RAM"),
            reserved_pages=self.pages.get("reserved"),
            swap_total_kb=self.kb.get("swap_total"),
            swap_free_kb=self.kb.get("swap_free"),
            kernel_stack_kb=self.kb.get("node_kernel_stack", self.kb.get("zone_kernel_stack")),
            hugetlb_kb=self.kb.get("hugetlb", 0),
            zones=tuple(self.zones.values()),
        )

    def _victims(self) -> tuple[Victim, ...]:
        owner = self._owner()
        found = [replace(victim, owner=owner) if index == 0 or self.group else victim for index, victim in enumerate(self.victims.values())]
        if not found and self.summary is not None and self.summary.pid is not None:
            found = [Victim(pid=self.summary.pid, name=self.summary.name, uid=self.summary.uid, owner=owner)]
        if found and found[0].uid is None and self.summary is not None and self.summary.pid == found[0].pid:
            found[0] = replace(found[0], uid=self.summary.uid)
        if found and self.selected is not None and self.selected.pid == found[0].pid:
            found[0] = replace(found[0], score=self.selected.score)
        return tuple(found)

    def _page_kb(self) -> int | None:
        """Tell the page size: from the victim's size in the table and in the kill, from the smallest order of the buddy lists."""
        rows = {task.pid: task for task in self.tasks} | {task.tgid: task for task in self.tasks}
        for victim in self.victims.values():
            task = rows.get(victim.pid or -1)
            if task is not None and victim.total_vm_kb and task.total_vm and victim.total_vm_kb % task.total_vm == 0:
                size = victim.total_vm_kb // task.total_vm
                if size in (4, 8, 16, 64):
                    return size
        size = self.kb.get("page", 0)
        return size if size in (4, 8, 16, 64) else None


def _limited(kb: int) -> int | None:
    return None if kb >= _UNLIMITED_KB else kb


def _whole(path: str | None) -> str | None:
    """A path that a pager has cut is not known."""
    return None if path is None or path.endswith("...") else path


def is_charge(text: str) -> bool:
    """Whether a line of a call trace shows that a cgroup's limit was met."""
    return _CHARGE.search(text) is not None
