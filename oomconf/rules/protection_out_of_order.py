"""Orders of protection that sizes turn round."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from oomconf.kernel.badness import ADJ_MIN, ADJ_NEVER, OLDEST, adj_to_outrank, adj_weight, badness
from oomconf.kernel.version import KernelVersion
from oomconf.policy import Policy, Setting, Workload, size_of
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._scores import heeded, limits, part_score, program, score


class _Candidate(NamedTuple):
    """A process as the machine's OOM killer would weigh it."""

    size: Size
    adj: int


class _Pair(NamedTuple):
    dear: Workload
    other: Workload
    first: _Candidate
    second: _Candidate


class _Rival(NamedTuple):
    """A workload that is to go before others, at its heaviest."""

    adj: int
    points: int
    other: Workload
    heaviest: _Candidate


@rule(on=Policy, severity=Severity.WARNING, needs=("memory_total", "swap_total"))
def protection_out_of_order(policy: Policy, around: Context) -> Iterator[Problem]:
    """A big service with the better protection is killed before a small one with less.

    Protection promises an order, and the score alone does not give it. The kernel adds the pages of a process and
    oom_score_adj times a thousandth of RAM and swap, and kills the largest sum (mm/oom_kill.c: oom_badness): one point on
    8 GiB is about 8 MiB. A service at 0 that holds 6 GiB goes before one at 300 that holds 1 GiB (1 + 2.4 = 3.4).

    Compared are services on one machine at their limits, the nearest of their own and their slices', swap included. The better
    protected is taken as one process that fills its limit, or as its declared `processes` with their memory; programs that
    are known to spread over children are left out. The other is taken at its heaviest: one process with all it may have.
    So a pair is named only if the order fails however the second is split. Services without a limit, without a score or at -1000
    are not compared.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      search:
        protect: normal   ⟵
        memory: {max: 6G}
        systemd: {unit: search.service}
      thumbnails:
        protect: low
        memory: {max: 1G}
        systemd: {unit: thumbnails.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      search:
        protect: high
        memory: {max: 6G}
        systemd: {unit: search.service}
      thumbnails:
        protect: low
        memory: {max: 1G}
        systemd: {unit: thumbnails.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      search:
        protect: normal
        memory: {max: 6G}
        systemd: {unit: search.service}
        processes: [{name: shard, count: 6, memory: 1G}]
      thumbnails:
        protect: low
        memory: {max: 1G}
        systemd: {unit: thumbnails.service}
    ```

    ```ini bad etc/systemd/system/search.service memory_total=8589934592 swap_total=0
    [Service]
    ExecStart=/usr/bin/search
    OOMScoreAdjust=-100   ⟵
    MemoryMax=6G
    ```

    ```ini with etc/systemd/system/thumbnails.service
    [Service]
    ExecStart=/usr/bin/thumbnails
    OOMScoreAdjust=0
    MemoryMax=1G
    ```
    """
    pages, kernel = around.total_pages, _kernel(around)
    if pages is None or (kernel is not None and kernel < OLDEST):
        return
    scale = _Scale(pages, around.page_size, kernel)
    lightest = _lightest(around, scale)
    levels = [rival.adj for rival in lightest]
    for dear in around.services:
        own = score(dear)
        if own is None or own.value is None or (own.value < 0 and not heeded(dear, around.facts)):
            continue
        worst, most = None, 0
        for first in _at_least(dear, around):
            index = bisect_right(levels, max(own.value, first.adj))
            points = scale.points(first)
            if index < len(lightest) and points is not None and points - lightest[index].points > most:
                worst, most = _Pair(dear, lightest[index].other, first, lightest[index].heaviest), points - lightest[index].points
        if worst is not None:
            yield _problem(worst, own, pages, around)


def _kernel(around: Context) -> KernelVersion | None:
    said = around.facts.kernel
    try:
        return None if said is None or said.value is None else KernelVersion.parse(said.value)
    except ValueError:
        return None


class _Scale(NamedTuple):
    """The machine on which processes are weighed."""

    pages: int
    page_size: int
    kernel: KernelVersion | None

    def points(self, one: _Candidate) -> int | None:
        return badness(
            rss_pages=one.size // self.page_size,
            swap_pages=0,
            pgtables_bytes=0,
            oom_score_adj=one.adj,
            total_pages=self.pages,
            page_size=self.page_size,
            kernel=self.kernel,
        )


def _lightest(around: Context, scale: _Scale) -> list[_Rival]:
    """By rising score: of all workloads at that score or a worse one, the one that the kernel weighs least."""
    rivals: list[_Rival] = []
    for other in around.services:
        theirs = score(other)
        if theirs is None or theirs.value is None:
            continue
        for heaviest in _at_most(other, around)[:1]:
            points = scale.points(heaviest)
            if points is not None:
                rivals.append(_Rival(theirs.value, points, other, heaviest))
    rivals.sort(key=lambda rival: rival.adj)
    for index in range(len(rivals) - 2, -1, -1):
        if rivals[index].points > rivals[index + 1].points:
            rivals[index] = rivals[index + 1]._replace(adj=rivals[index].adj)
    return rivals


def _at_least(workload: Workload, around: Context) -> list[_Candidate]:
    """Processes that it surely has when it is at its limit, if it is one process where it declares none."""
    most = _room(workload, around, spare_swap=Size(0))
    if most is None:
        return []
    if workload.processes:
        sizes = [(size_of(part.memory), part_score(part, workload)) for part in workload.processes]
        return [
            _Candidate(min(size, most), adj.value)
            for size, adj in sizes
            if size is not None and adj is not None and adj.value is not None and adj.value != ADJ_NEVER
        ]
    known, own = program(workload), score(workload)
    if own is None or own.value is None or own.value == ADJ_NEVER or (known is not None and (known.spawns or known.children == "reset")):
        return []
    return [_Candidate(most, own.value)]


def _at_most(workload: Workload, around: Context) -> list[_Candidate]:
    """Its heaviest candidate when it is at its limit, first; none if its size is not known or a part of it has no score."""
    swap = around.swap_total
    most = None if swap is None else _room(workload, around, spare_swap=swap)
    if most is None:
        return []
    scores: list[tuple[Size | None, Setting[int] | None]] = [
        (size_of(part.memory), part_score(part, workload)) for part in workload.processes
    ] or [(None, score(workload))]
    found = [
        _Candidate(most if size is None else min(size, most), adj.value)
        for size, adj in scores
        if adj is not None and adj.value is not None
    ]
    killable = [one for one in found if one.adj != ADJ_NEVER]
    unit = (around.total_pages or 0) // 1000 * around.page_size
    return sorted(killable, key=lambda one: -(one.size + one.adj * unit)) if len(found) == len(scores) else []


def _room(workload: Workload, around: Context, *, spare_swap: Size) -> Size | None:
    """RAM and swap that it may fill; `spare_swap` where nothing says how much it may swap. None without a limit."""
    ram, swap = around.memory_total, around.swap_total
    limit = around.limit(workload)
    if limit is None or ram is None or ram.value is None or swap is None:
        return None
    above = around.ancestors(None if workload.slice is None else workload.slice.value)
    own = size_of(workload.memory_swap_max)
    caps = [spare_swap if own is None else own, *(size for group in above if (size := size_of(group.memory_swap_max)) is not None)]
    return Size(min(limit, ram.value) + min(swap, *caps))


def _problem(pair: _Pair, at: Setting[int], pages: int, around: Context) -> Problem:
    dear, other, first, second = pair
    size, unit = around.page_size, pages // 1000
    raised = adj_to_outrank(pages=second.size // size, rival_pages=first.size // size, rival_adj=first.adj, total_pages=pages)
    lowered = None if unit == 0 else second.adj - (first.size // size - second.size // size) // unit - 1
    ways = [] if lowered is None or lowered < ADJ_MIN else [f"oom_score_adj {lowered} or less for {dear.name}"]
    ways += [] if raised is None else [f"{raised} or more for {other.name}"]
    ways.append("a smaller limit")
    nearest = [limit.related for limit in (*limits(dear, around)[:1], *limits(other, around)[:1])]
    theirs = score(other)
    return Problem(
        at.at,
        f"{dear.name} ({first.adj}, up to {first.size}) would be killed before {other.name} ({second.adj}, up to {second.size}): "
        f"1 point is {_round(adj_weight(pages, size))} here",
        f"say {', '.join(ways[:-1])}{' or ' if len(ways) > 1 else ''}{ways[-1]}"
        + around.said("; or declare its 'processes:' with their memory"),
        (*(() if theirs is None else (Related(theirs.at, f"{other.name} is at {second.adj} here"),)), *nearest),
        object=dear.object,
    )


def _round(size: Size) -> str:
    return f"{size / (1 << 20):.1f}M" if size >= 1 << 20 else f"{size}"
