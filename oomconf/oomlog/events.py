"""What a log tells of a kill: nouns, every field of which may be unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from oomconf.kernel.version import KernelVersion
from oomconf.oomlog.owners import NOBODY, Owner

Killer = Literal["kernel", "systemd-oomd", "earlyoom", "nohang", "kubelet", "none", "unknown"]
"""`none`: shown not to be an OOM kill. `unknown`: the evidence does not decide."""
Kind = Literal["global", "memcg", "cpuset", "mempolicy"]
Outcome = Literal["killed", "panic", "no_victim"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Who asked for memory when there was none, or for a kill by SysRq."""

    pid: int | None = None
    name: str | None = None
    kind: Literal["allocation", "sysrq"] = "allocation"
    order: int | None = None
    """The request was for 2^order pages."""
    gfp: str | None = None
    oom_score_adj: int | None = None


class Task(NamedTuple):
    """A row of the kernel's table of tasks; amounts in pages, page tables in bytes (mm/oom_kill.c: dump_tasks)."""

    pid: int
    tgid: int
    uid: int
    name: str
    total_vm: int
    rss: int
    rss_anon: int | None = None
    rss_file: int | None = None
    rss_shmem: int | None = None
    pgtables_bytes: int | None = None
    pgtables_pages: int | None = None
    """What kernels before 4.15 print: nr_ptes and nr_pmds."""
    swapents: int | None = None
    oom_score_adj: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A process that was killed, as the line that says so gives it; sizes in kB."""

    pid: int | None
    name: str | None
    uid: int | None = None
    total_vm_kb: int | None = None
    anon_rss_kb: int | None = None
    file_rss_kb: int | None = None
    shmem_rss_kb: int | None = None
    pgtables_kb: int | None = None
    oom_score_adj: int | None = None
    score: int | None = None
    owner: Owner = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A zone of a node, in kB (mm/page_alloc.c: show_free_areas)."""

    node: int
    name: str
    free_kb: int
    min_kb: int | None = None
    present_kb: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The Mem-Info block: `pages` by the kernel's own names, the rest in kB."""

    pages: Mapping[str, int] = field(default_factory=dict)
    ram_pages: int | None = None
    reserved_pages: int | None = None
    swap_total_kb: int | None = None
    swap_free_kb: int | None = None
    kernel_stack_kb: int | None = None
    hugetlb_kb: int = 0
    zones: tuple[Zone, ...] = ()

    @property
    def managed_pages(self) -> int | None:
        """What the kernel can hand out: RAM less what firmware and kernel keep for themselves."""
        return None if self.ram_pages is None else self.ram_pages - (self.reserved_pages or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memcg:
    """The cgroup that was at its limit; limits in kB, None where there is none or it is not told."""

    path: str | None = None
    usage_kb: int | None = None
    limit_kb: int | None = None
    failcnt: int | None = None
    swap_usage_kb: int | None = None
    swap_limit_kb: int | None = None
    """Of swap alone under cgroup v2; under v1 what RAM and swap together may be, see `memsw`."""
    memsw: bool = False
    kmem_kb: int | None = None
    """What of its usage is the kernel's memory, where cgroup v1 counts it apart."""
    stats: Mapping[str, int] = field(default_factory=dict)
    """Bytes, by the kernel's own names."""

    @property
    def together_full(self) -> bool:
        """Whether cgroup v1's limit of memory and swap together was met, and not that of memory: within a hundredth."""
        if not self.memsw or self.swap_limit_kb is None or self.swap_usage_kb is None:
            return False
        met = self.swap_usage_kb * 100 >= self.swap_limit_kb * 99
        return met and (self.limit_kb is None or self.usage_kb is None or self.usage_kb * 100 < self.limit_kb * 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class OomEvent:
    """One kill, or what looked like one, as a log tells it; None is what the text does not give."""

    path: str
    line: int
    at: str | None = None
    host: str | None = None
    killer: Killer = "kernel"
    kind: Kind | None = None
    constraint: str | None = None
    outcome: Outcome | None = None
    kernel: KernelVersion | None = None
    kernel_text: str | None = None
    header: bool = False
    """Whether the `invoked oom-killer` line was seen: a kill without it is an orphan of the rate limit or of a cut."""
    trigger: Trigger = Trigger()
    allocating_task: bool = False
    group: str | None = None
    """The cgroup that memory.oom.group took down as a whole."""
    memcg: Memcg | None = None
    task_memcg: str | None = None
    machine: Machine | None = None
    mems_allowed: str | None = None
    selected: Victim | None = None
    """Before 5.1: whom the formula chose; a child may have died in its place."""
    victims: tuple[Victim, ...] = ()
    tasks: tuple[Task, ...] = ()
    page_kb: int | None = None
    panic: str | None = None
    reaped: tuple[int, ...] = ()
    evidence: tuple[str, ...] = ()
    """What speaks for the reading, in words, each with the line where it stands."""
    against: tuple[str, ...] = ()
    actor: str | None = None
    """Who sent the signal where it was not the kernel: `docker kill`, `systemd: stop timeout`."""

    @property
    def victim(self) -> Victim | None:
        """The process that the killer chose, the first where a group died."""
        return self.victims[0] if self.victims else None
