"""Scores that the program replaces."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._scores import program, score


@rule(on=Workload, severity=Severity.NOTE)
def score_overwritten(workload: Workload, around: Context) -> Iterator[Problem]:
    """Some programs set their own score when they start, and what the unit says is gone.

    The kubelet and kube-proxy write -999 to their oom_score_adj, or what `--oom-score-adj` says (cmd/kubelet/app/server.go,
    cmd/kube-proxy/app/server.go). OOMScoreAdjust= of the unit holds until then, some milliseconds. sshd does the same and is left
    out: its sessions get the value that it was started with, so the unit's value does mean something.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {node: {ram: 8G, swap: 0}}
    services:
      kubelet:
        protect: high   ⟵
        systemd: {unit: kubelet.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {node: {ram: 8G, swap: 0}}
    services:
      kubelet:
        oom_score_adj: -999
        systemd: {unit: kubelet.service}
    ```

    ```ini bad etc/systemd/system/kubelet.service.d/oom.conf
    [Service]
    OOMScoreAdjust=-500   ⟵
    ```
    """
    known, adj = program(workload), score(workload)
    if known is None or known.self_protects is None or known.children == "restore" or adj is None or adj.value == known.self_protects:
        return
    yield Problem(
        adj.at,
        f"{known.name} sets its own score to {known.self_protects} when it starts: {adj.value} does not last",
        f"leave it out, or say --oom-score-adj={adj.value} on its command line",
    )
