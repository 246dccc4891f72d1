"""Immunity that is handed on."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.kernel.badness import ADJ_MIN
from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._scores import heeded, part_score, program, set_by_vendor


@rule(on=Workload, severity=Severity.ERROR)
def unkillable_spawner(workload: Workload, around: Context) -> Iterator[Problem]:
    """-1000 on a program that starts other people's programs makes all of those unkillable too.

    fork(2) copies oom_score_adj and execve(2) keeps it. Whatever cron, a supervisor or a CI runner starts then can never be
    killed, or at -999 goes last. sshd is the trap: it sets -1000 for itself in any case, and gives every session the value
    that it was *started with* (openbsd-compat/port-linux.c: oom_adjust_restore), so OOMScoreAdjust=-1000 on ssh.service
    adds nothing for sshd and makes each login and all that runs in it immune. One such host hung at the limit of its
    user slice with "no killable processes". Programs that give their children a score of their own are no subject
    (systemd-udevd, containerd, dockerd, the kubelet, GitHub's runner), nor are scores that the vendor ships.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      ssh:
        oom_score_adj: {value: -1000, reason: "we must be able to log in"}   ⟵
        systemd: {unit: ssh.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      ssh:
        oom_score_adj: 0
        systemd: {unit: ssh.service}
    ```

    ```ini bad etc/systemd/system/ssh.service.d/oom.conf
    [Service]
    OOMScoreAdjust=-1000   ⟵
    ```

    ```ini good usr/lib/systemd/system/containerd.service
    [Service]
    ExecStart=/usr/bin/containerd
    OOMScoreAdjust=-999
    ```

    ```ini bad etc/systemd/system/gitlab-runner.service
    [Service]
    ExecStart=/usr/bin/gitlab-runner run
    OOMScoreAdjust=-999   ⟵
    ```
    """
    known, adj = program(workload), workload.oom_score_adj
    if known is None or not known.leaks or adj is None or adj.value is None or adj.value > ADJ_MIN:
        return
    if set_by_vendor(workload) or not heeded(workload, around.facts):
        return
    if any((own := part_score(process, workload)) is not None and own.value != adj.value for process in workload.processes):
        return
    itself = f"it sets {known.self_protects} for itself in any case; " if known.self_protects is not None else ""
    yield Problem(
        adj.at,
        f"{known.spawns} that {workload.name} starts get its {adj.value}, and are as good as immune",
        f"{itself}leave the score out, or give what it starts one of its own (OOMScoreAdjust=, choom -n 0 --)",
    )
