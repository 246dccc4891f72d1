"""Group kills of programs that recover by themselves."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.placement import ComposeService, DockerContainer, KubernetesContainer
from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._scores import program


@rule(on=Workload, severity=Severity.WARNING)
def group_kill_breaks_recovery(workload: Workload, around: Context) -> Iterator[Problem]:
    """oom_policy kill or stop takes down a program that would have survived the loss of one process.

    PostgreSQL's postmaster sees a killed backend, ends the others, replays its log and serves again within seconds. With
    `kill` (memory.oom.group) the kernel takes the postmaster with the backend, and with `stop` systemd ends the unit after
    the first kill: one greedy query is then an outage, and a long recovery at the next start. Only `continue` leaves it to
    the program that knows how (systemd.service(5), OOMPolicy=).

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {db: {ram: 8G, swap: 0}}
    services:
      postgresql:
        oom_policy: kill   ⟵
        systemd: {unit: postgresql@.service, instances: [15-main]}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {db: {ram: 8G, swap: 0}}
    services:
      postgresql:
        oom_policy: continue
        systemd: {unit: postgresql@.service, instances: [15-main]}
    ```

    ```ini bad etc/systemd/system/postgresql.service.d/oom.conf
    [Service]
    OOMPolicy=stop   ⟵
    ```
    """
    said, known = workload.oom_policy, program(workload)
    if said is None or said.value not in ("kill", "stop") or known is None or known.expects_oom_policy != "continue":
        return
    # no engine does what is said there: the ledger reports it
    if isinstance(workload.placement, DockerContainer | ComposeService | KubernetesContainer):
        return
    word = "kills all of it" if said.value == "kill" else "stops all of it"
    yield Problem(
        said.at,
        f"{said.value} {word} when one process is killed, and {known.name} would have recovered by itself",
        f"say {around.said('continue', 'OOMPolicy=continue')}",
    )
