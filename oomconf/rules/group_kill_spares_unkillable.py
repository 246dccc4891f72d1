"""Group kills that leave somebody behind."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kernel.badness import ADJ_NEVER
from oomconf.location import Location
from oomconf.placement import ComposeService, DockerContainer, KubernetesContainer
from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._scores import heeded, part_score, score


@rule(on=Workload, severity=Severity.WARNING)
def group_kill_spares_unkillable(workload: Workload, around: Context) -> Iterator[Problem]:
    """oom_policy kill does not kill the parts at -1000.

    `kill` sets memory.oom.group: the kernel then kills every task of the cgroup, except those at -1000
    (mm/oom_kill.c: oom_kill_memcg_member). What was meant to die as one leaves a half: a parent whose workers are gone, with
    its memory, its locks and its sockets, and systemd goes on to wait for it.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      render:
        oom_policy: kill   ⟵
        memory: {max: 2G}
        systemd: {unit: render.service}
        processes: [{name: parent, oom_score_adj: -1000}, {name: worker, count: 4, oom_score_adj: 0}]
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      render:
        oom_policy: kill
        memory: {max: 2G}
        systemd: {unit: render.service}
        processes: [{name: parent, oom_score_adj: -999}, {name: worker, count: 4, oom_score_adj: 0}]
    ```

    ```ini bad etc/systemd/system/render.service
    [Service]
    ExecStart=/usr/bin/render
    OOMScoreAdjust=-1000
    OOMPolicy=kill   ⟵
    ```
    """
    policy = workload.oom_policy
    if policy is None or policy.value != "kill" or not heeded(workload, around.facts):
        return
    if isinstance(workload.placement, DockerContainer | ComposeService | KubernetesContainer):
        return
    spared = _spared(workload)
    if spared is None:
        return
    name, at = spared
    yield Problem(
        policy.at,
        f"{workload.name} is to be killed as one, but {name} is at -1000 and is spared",
        "say -999: the group is then killed whole; or "
        f"{around.said('oom_policy: continue', 'OOMPolicy=continue')}, if that part starts the others again",
        (Related(at, f"{name} is at -1000 here"),),
    )


def _spared(workload: Workload) -> tuple[str, Location] | None:
    for process in workload.processes:
        adj = part_score(process, workload)
        if adj is not None and adj.value == ADJ_NEVER:
            return process.name, adj.at
    own = score(workload)
    return (workload.name, own.at) if own is not None and own.value == ADJ_NEVER and not workload.processes else None
