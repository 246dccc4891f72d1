"""Machines that kill whoever asks last."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy
from oomconf.rule import Context, Problem, Related, Severity, rule


@rule(on=Policy, severity=Severity.WARNING)
def kill_allocating_task(policy: Policy, around: Context) -> Iterator[Problem]:
    """oom_kill_allocating_task ignores every protection level.

    With it a global shortage kills the task that happens to ask for memory, if it is not at -1000, and reads no score
    (mm/oom_kill.c: out_of_memory). `protect` and `oom_score_adj` then order nothing on this machine; limits of cgroups are
    not concerned, they choose as ever. On a booted machine it has killed systemd-journald for a stranger's leak.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web:
        ram: 8G
        swap: 0
        sysctl:
          set:
            vm.oom_kill_allocating_task: 1   ⟵
    services:
      api: {protect: critical, systemd: {unit: api.service}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web:
        ram: 8G
        swap: 0
        sysctl:
          set:
            vm.oom_kill_allocating_task: 0
    services:
      api: {protect: critical, systemd: {unit: api.service}}
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    OOMScoreAdjust=-900
    ```

    ```ini with etc/sysctl.d/90-oom.conf
    vm.oom_kill_allocating_task = 1   ⟵
    ```
    """
    protected = [workload for workload in around.services if workload.oom_score_adj is not None and (workload.oom_score_adj.value or 0) < 0]
    if not around.sysctl("vm.oom_kill_allocating_task") or not protected:
        return
    first = protected[0].oom_score_adj
    yield Problem(
        policy.sysctls["vm.oom_kill_allocating_task"].at,
        f"the task that asks last dies on {policy.name}, whatever its protection: {len(protected)} here say one",
        "say 0: the scores decide then",
        () if first is None else (Related(first.at, f"{protected[0].name} is protected here"),),
    )
