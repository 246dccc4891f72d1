"""Services that matter and are not started again."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.placement import ComposeService, DockerContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._scores import protected


@rule(on=Workload, severity=Severity.WARNING)
def dead_after_oom(workload: Workload, around: Context) -> Iterator[Problem]:
    """A protected service that one OOM kill ends for good.

    A negative score says that the service matters; protection makes a kill less likely, and only a restart mends one.
    Under `stop` (systemd's default) and `kill` a unit fails with the result `oom-kill`, under `continue` with `signal` once
    its main process is the victim (systemd.service(5), Restart=; src/core/service.c: service_shall_restart):

        Restart=      after oom-kill   after signal
        no            -                -
        on-success    -                -
        on-watchdog   -                -
        on-abort      -                restart
        on-abnormal   restart          restart
        on-failure    restart          restart
        always        restart          restart

    on-abort is the trap: MariaDB's unit stayed dead on hosts that way until it said on-abnormal. A container with
    `--restart no` stays dead alike. Under `continue` nothing is reported: there the program handles the loss. Unsaid restart
    is not reported either, since the vendor's unit may say it.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        protect: critical
        restart: "no"   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        protect: critical
        restart: on-failure
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/mariadb.service
    [Service]
    ExecStart=/usr/sbin/mariadbd
    OOMScoreAdjust=-600
    Restart=on-abort   ⟵
    ```

    ```ini good etc/systemd/system/mariadb.service
    [Service]
    ExecStart=/usr/sbin/mariadbd
    OOMScoreAdjust=-600
    Restart=on-abnormal
    ```

    ```ini good etc/systemd/system/apache2.service
    [Service]
    ExecStart=/usr/sbin/apachectl start
    OOMScoreAdjust=-600
    Restart=on-abort
    OOMPolicy=continue
    ```

    ```yaml bad compose.yaml
    services:
      api:
        image: registry.example/api:1
        oom_score_adj: -500
        restart: "no"   ⟵
    ```
    """
    said, adj = workload.restart, protected(workload)
    if said is None or adj is None or said.value not in ("no", "on-success", "on-watchdog", "on-abort"):
        return
    policy = None if workload.oom_policy is None else workload.oom_policy.value
    if isinstance(workload.placement, SystemdUnit | QuadletUnit):
        if policy == "continue":
            return
    elif not isinstance(workload.placement, DockerContainer | ComposeService) or said.value != "no":
        return
    related = [Related(adj.at, f"it is protected here, at {adj.value}")]
    if policy is not None and workload.oom_policy is not None:
        related.append(Related(workload.oom_policy.at, f"{policy} ends the whole service at the first kill"))
    yield Problem(
        said.at,
        f"{workload.name} is protected at {adj.value}, yet with restart {said.value} one OOM kill ends it for good",
        "say on-failure (or on-abnormal)",
        tuple(related),
    )
