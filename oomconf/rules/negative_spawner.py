"""Protection that is handed on."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kernel.badness import ADJ_MIN, adj_weight
from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._scores import heeded, part_score, program, set_by_vendor


@rule(on=Workload, severity=Severity.WARNING)
def negative_spawner(workload: Workload, around: Context) -> Iterator[Problem]:
    """A protected program hands its score to everything that it starts.

    fork(2) copies oom_score_adj and execve(2) keeps it; sshd gives sessions the value that it was started with. A job of a
    cron daemon at -500 is then protected by half of the machine's memory (1 point is a thousandth of RAM and swap), and a
    leaking job outlives the services it leaks beside. Programs that give their children a score of their own are no subject.
    -999 and -1000 are that of unkillable-spawner.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      cron:
        protect: high   ⟵
        systemd: {unit: cron.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      cron:
        protect: high
        systemd: {unit: cron.service}
        processes: [{name: cron}, {name: job, count: 10, oom_score_adj: 0}]
    ```

    ```ini bad etc/systemd/system/cron.service.d/oom.conf
    [Service]
    OOMScoreAdjust=-500   ⟵
    ```

    ```ini good etc/systemd/system/docker.service.d/oom.conf
    [Service]
    OOMScoreAdjust=-500
    ```
    """
    known, adj = program(workload), workload.oom_score_adj
    if known is None or not known.leaks or adj is None or adj.value is None or not ADJ_MIN < adj.value < 0:
        return
    if set_by_vendor(workload) or not heeded(workload, around.facts):
        return
    if any((own := part_score(process, workload)) is not None and own.value != adj.value for process in workload.processes):
        return
    pages = around.total_pages
    much = "" if pages is None else f", worth {-adj.value * adj_weight(pages, around.page_size) >> 20}M each"
    yield Problem(
        adj.at,
        f"{known.spawns} that {workload.name} starts get its {adj.value}{much}",
        "leave the score at 0 or above, or start children with one of their own (choom -n 0 --)"
        + around.said(" and declare them under 'processes:'"),
    )
