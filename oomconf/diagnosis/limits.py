"""What to change after a kill at a cgroup's limit: whose limit, by how much, and with which command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

from oomconf.diagnosis.nouns import Advice, Holding
from oomconf.oomlog.events import Memcg, OomEvent
from oomconf.oomlog.owners import Owner, owner_of
from oomconf.oomlog.ranking import Ranking
from oomconf.quantity import Size, roughly

__all__ = ["limits", "wanted_limit"]

_MIB: Final = 1 << 20
_PODS: Final = re.compile(r"^kubepods(?:-burstable|-besteffort)?(?:\.slice)?$")
_UNITS: Final = (".service", ".slice", ".scope", ".mount", ".socket", ".swap")


def wanted_limit(limit: int) -> int:
    """Give the limit to try next, in bytes: a quarter more, in whole MiB.

    What the group wanted beyond its limit no report tells: it was stopped there. A quarter is what is left free by a limit that is
    kept to 80 %.
    """
    return -(-(limit + limit // 4) // _MIB) * _MIB if limit >= _MIB else limit * 2


def limits(event: OomEvent, ranking: Ranking, holdings: tuple[Holding, ...]) -> Iterator[Advice]:
    """Say what would help a cgroup at its limit."""
    memcg = event.memcg or Memcg()
    limit = None if memcg.limit_kb is None else memcg.limit_kb * 1024
    if memcg.path is not None and event.task_memcg is not None and event.task_memcg != memcg.path:
        yield _above(memcg.path, event.task_memcg)
    if limit is not None:
        yield from _filled(memcg, limit, holdings)
        if not _PODS.match((memcg.path or "").rstrip("/").rpartition("/")[2]):
            yield _raise(event, memcg, limit)
    elif memcg.path is not None:
        yield Advice(id="limit-not-told", text=f"how much {memcg.path} may hold is not in this log: read its memory.max before changing it")
    if memcg.swap_limit_kb == 0 and not memcg.memsw:
        yield Advice(id="no-swap", text="it may not swap (memory.swap.max is 0): cold pages could not be moved out of the way first")
    yield from _left(event, ranking)


def _above(path: str, own: str) -> Advice:
    """Tell whose limit was met, where it is not that of the victim's own cgroup."""
    whose = owner_of(path)
    last = path.rstrip("/").rpartition("/")[2]
    if whose.pod is not None:
        text = "the limit that was met is the whole pod's, the sum of its containers' or the pod's own, not one container's"
    elif _PODS.match(last):
        text = (
            f"the limit that was met is that of all pods together ({last}: what the kubelet leaves them of the node): smaller limits or "
            "fewer pods, or less reserved by kubeReserved and systemReserved"
        )
    else:
        mine = owner_of(own)
        name = mine.container_words if mine.container else mine.unit or own
        if (mine.unit, mine.container) == (whose.unit, whose.container):
            name = own
        text = f"the limit is that of {path}, above the victim's own cgroup: raising that of {name} changes nothing"
    return Advice(id="ancestors-limit", text=text)


def _filled(memcg: Memcg, limit: int, holdings: tuple[Holding, ...]) -> Iterator[Advice]:
    """Tell of fillings that a kill frees badly, and that a larger limit only feeds."""
    sizes = {one.name: one.size for one in holdings}
    if memcg.together_full:
        yield Advice(
            id="memory-and-swap",
            text=f"memory and swap are together at their limit, {roughly((memcg.swap_limit_kb or 0) * 1024)} "
            "(memory.memsw.limit_in_bytes), memory alone is not: raising memory.limit_in_bytes changes nothing",
        )
    elif memcg.usage_kb is not None and memcg.usage_kb * 1024 * 10 < limit * 9:
        yield Advice(
            id="not-full",
            text=f"only {roughly(memcg.usage_kb * 1024)} of {roughly(limit)} was in use when the kernel wrote this: what filled "
            "it was given back in between",
        )
    if (shmem := sizes.get("shared memory and tmpfs", 0)) * 5 > limit:
        yield Advice(
            id="tmpfs",
            text=f"{roughly(shmem)} is shared memory or files in a tmpfs, which no kill frees: cap the tmpfs (size=), or remove its files",
        )
    if (cache := sizes.get("page cache", 0)) * 2 > limit:
        late = memcg.stats.get("file_dirty", 0) + memcg.stats.get("file_writeback", 0) + memcg.stats.get("dirty", 0)
        slow = f", {roughly(late)} of it not yet written to disk" if late * 10 > cache else ""
        slower = "" if _is_v1(memcg) else "a MemoryHigh= below the limit slows the writer first, and "
        yield Advice(
            id="page-cache",
            text=f"{roughly(cache)} is page cache{slow}, which the kernel did not get back in time: {slower}a faster disk or fewer "
            "writers at once help more than a larger limit",
        )
    if (kernel := sizes.get("kernel memory", 0)) * 5 > limit * 2:
        yield Advice(
            id="kernel-memory",
            text=f"{roughly(kernel)} is the kernel's memory on its behalf (slab, sockets, page tables, stacks): a kill frees only "
            "what goes with its "
            "processes; look for very many files, threads, connections or mounts",
        )


def _raise(event: OomEvent, memcg: Memcg, limit: int) -> Advice:
    if memcg.together_full:
        limit = (memcg.swap_limit_kb or 0) * 1024
    wanted = wanted_limit(limit)
    whose = owner_of(memcg.path or event.task_memcg)
    how, command = _change(whose, memcg, memcg.path or event.task_memcg, wanted, group=event.group is not None)
    return Advice(
        id="raise-limit",
        text=f"if {_named(whose, memcg.path, event)} needs what it held, raise its limit "
        f"{'of memory and swap together ' if memcg.together_full else ''}"
        f"{'by a quarter' if wanted * 4 <= limit * 5 + 4 * _MIB and limit >= _MIB else 'twofold'}, from {Size(limit)} to "
        f"{Size(wanted)}{how}; if it leaks, a larger limit only puts it off",
        command=command,
    )


def _named(whose: Owner, path: str | None, event: OomEvent) -> str:
    last = (path or "").rstrip("/").rpartition("/")[2]
    if last.endswith(".slice") and not whose.pod:
        return last
    if whose.container:
        return whose.container_words
    if whose.pod:
        return f"pod {whose.pod}"
    return whose.unit or path or (event.victim.owner.unit if event.victim is not None else None) or "the cgroup"


def _change(whose: Owner, memcg: Memcg, path: str | None, wanted: int, *, group: bool) -> tuple[str, str]:
    """Say how the limit of a path is changed: words, and a command where one does it and is safe to run.

    Only cgroup v2 kills groups; else `memory+swap` and `kmem` in the report are v1's (mm/memcontrol.c: mem_cgroup_print_oom_meminfo).
    """
    mebibytes = wanted // _MIB
    last = (path or "").rstrip("/").rpartition("/")[2]
    if whose.pod is not None:
        return f" (resources.limits.memory: {mebibytes}Mi in its manifest)", ""
    if whose.container is not None and whose.runtime == "lxc":
        return f" (lxc.cgroup2.memory.max = {mebibytes}M, or limits.memory: {mebibytes}MiB under LXD and Incus)", ""
    if whose.container is not None and whose.runtime in ("docker", "podman", "nerdctl"):
        sizes = f"--memory {mebibytes}m --memory-swap {_total(memcg, mebibytes)}"
        if memcg.together_full:
            sizes = f"--memory-swap {mebibytes}m"
        return "", f"{whose.runtime} update {sizes} {whose.container[:12]}"
    if last.endswith(_UNITS) and not memcg.together_full:  # systemd has no setting for it
        return _set_property(path or "", last, mebibytes)
    if path is None or path == "/" or not path.isprintable() or mebibytes == 0:
        return "", ""
    old = not group and _is_v1(memcg)
    knob = "memory.memsw.limit_in_bytes" if memcg.together_full else "memory.limit_in_bytes"
    file = f"/sys/fs/cgroup/memory{path}/{knob}" if old else f"/sys/fs/cgroup{path}/memory.max"
    write = f"echo {wanted} > {shlex.quote(file)}"
    total = None if memcg.swap_limit_kb is None or not memcg.memsw or memcg.together_full else memcg.swap_limit_kb * 1024
    if old and total is not None and total < wanted:  # memory may not have more than both together
        both = wanted + max(0, total - (memcg.limit_kb or 0) * 1024)
        write = f"echo {both} > {shlex.quote(f'/sys/fs/cgroup/memory{path}/memory.memsw.limit_in_bytes')} && {write}"
    return "", write


def _is_v1(memcg: Memcg) -> bool:
    return memcg.memsw or "total_rss" in memcg.stats or "rss" in memcg.stats or memcg.kmem_kb is not None


def _total(memcg: Memcg, mebibytes: int) -> str:
    """Give Docker's total of memory and swap that leaves the swap as it is; as much swap as memory where the log does not tell it."""
    if memcg.swap_limit_kb is None:
        return "-1" if memcg.swap_usage_kb is not None else f"{2 * mebibytes}m"
    swap = memcg.swap_limit_kb - (memcg.limit_kb or 0) if memcg.memsw else memcg.swap_limit_kb
    return f"{mebibytes + max(0, swap) // 1024}m"


def _set_property(path: str, unit: str, mebibytes: int) -> tuple[str, str]:
    """Give the words and the command that set MemoryMax= of a unit until the next boot."""
    if not unit.isprintable() or not unit.isascii() or mebibytes == 0:
        return f" (MemoryMax={mebibytes}M)", ""
    user = owner_of(path.rstrip("/").rpartition("/")[0]).user if "/user@" in path else None
    name = shlex.quote(unit)
    manager = "--user " if user is not None else ""
    command = f"systemctl {manager}set-property --runtime {'-- ' if unit.startswith('-') else ''}{name} MemoryMax={mebibytes}M"
    keep = "" if unit.endswith(".scope") else f"; MemoryMax={mebibytes}M in a drop-in to keep it"
    return f" (at once{f', as user {user}' if user is not None else ''}, until the next boot{keep})", command


def _left(event: OomEvent, ranking: Ranking) -> Iterator[Advice]:
    """Tell of a service that lost one of its processes."""
    unit = None if event.victim is None else event.victim.owner.unit
    dead = {victim.pid for victim in event.victims}
    left = [row for row in ranking.rows if row.task.tgid not in dead and row.task.pid not in dead]
    same = event.memcg is not None and event.task_memcg == event.memcg.path
    if (
        unit is None
        or not unit.endswith(".service")
        or event.group
        or not left
        or not same
        or (event.victim and event.victim.owner.container)
    ):
        return
    yield Advice(
        id="half-dead",
        text=f"the kernel left {len(left)} other process{'' if len(left) == 1 else 'es'} of {unit} alive; systemd stops the rest "
        "unless OOMPolicy=continue: "
        "OOMPolicy=kill ends all at once, and Restart=on-failure starts it again",
    )
