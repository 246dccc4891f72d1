"""Limits with nobody to kill."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kernel.badness import ADJ_NEVER
from oomconf.policy import Setting, Workload, size_of
from oomconf.quantity import INFINITY
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._scores import Limit, by_default, heeded, immortal, limits, part_score, program


@rule(on=Workload, severity=Severity.ERROR)
def unkillable_inside_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """A service at -1000 inside a memory limit hangs at the limit instead of dying there.

    The OOM killer of a cgroup reads the same score as the machine's (mm/oom_kill.c: oom_badness): at `memory.max` with only
    -1000 inside it finds "no killable processes", the allocation is tried again, and again. A booted machine wrote 30,000 to
    50,000 lines to its log in 8 seconds of that. With the limit on a slice its other members die first, for a growth that is
    not theirs. Inside a limit of its own a service needs no protection from the machine's killer: -999 is as good there.
    Silent where a declared process is killable, unless the others alone are declared to fill the limit.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      ledger:
        oom_score_adj: {value: -1000, reason: "the books must never close"}   ⟵
        memory: {max: 2G}
        systemd: {unit: ledger.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      ledger:
        oom_score_adj: -999
        memory: {max: 2G}
        systemd: {unit: ledger.service}
    ```

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    slices: {books.slice: {memory: {max: 2G}}}
    services:
      ledger:
        slice: books.slice
        systemd: {unit: ledger.service}
        processes:
          - {name: ledger, oom_score_adj: -1000, memory: 2G}   ⟵
          - {name: printer, oom_score_adj: 0, memory: 20M}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {db: {ram: 8G, swap: 0}}
    services:
      postgresql:
        oom_score_adj: {value: -1000, reason: "a killed postmaster ends every connection"}
        memory: {max: 6G}
        systemd: {unit: postgresql.service}
        processes: [{name: postmaster}, {name: backend, count: 100, oom_score_adj: 0}]
    ```

    ```ini bad etc/systemd/system/ledger.service
    [Service]
    ExecStart=/usr/bin/ledger
    Slice=books.slice
    OOMScoreAdjust=-1000   ⟵
    ```

    ```ini with etc/systemd/system/books.slice
    [Slice]
    MemoryMax=2G
    ```

    ```yaml bad compose.yaml
    services:
      ledger:
        image: registry.example/ledger:1
        mem_limit: 2g
        oom_score_adj: -1000   ⟵
    ```

    ```sh bad docker/ledger.run.sh
    docker run --name ledger --memory 2g \\
      --oom-score-adj -1000 \\   ⟵
      registry.example/ledger:1
    ```
    """
    held, known = limits(workload, around), program(workload)
    if not held or (known is not None and known.leaks):
        return
    adj = immortal(workload, around.facts) or _filling(workload, held, around)
    if adj is None or by_default(adj, around.policy):
        return
    nearest = held[0]
    what = "nothing there can be killed" if nearest.own else "only its neighbours there can be killed"
    yield Problem(
        adj.at,
        f"{workload.name} is at -1000 inside the limit of {nearest.name}, {nearest.setting.value}: {what}",
        "say -999: inside the limit it is then the last to be killed, and the machine still chooses it last",
        (nearest.related,),
    )


def _filling(workload: Workload, held: tuple[Limit, ...], around: Context) -> Setting[int] | None:
    """The -1000 of processes that are declared to need the whole limit by themselves, though others are killable."""
    if not heeded(workload, around.facts):
        return None
    never = [part for part in workload.processes if (adj := part_score(part, workload)) is not None and adj.value == ADJ_NEVER]
    sizes = [size for limit in held if (size := size_of(limit.setting)) is not None and size < INFINITY]
    if not never or not sizes or sum((size_of(part.memory) or 0) * part.count for part in never) < min(sizes):
        return None
    return part_score(never[0], workload)
