"""Scores that a user's manager may not set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.policy import Origin, Workload
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._scores import by_user, score

_FLOOR: Final = 100
"""OOMScoreAdjust= of user@.service."""


@rule(on=Workload, severity=Severity.ERROR)
def user_unit_cannot_lower(workload: Workload, around: Context) -> Iterator[Problem]:
    """A user unit cannot have a score below its manager's 100.

    user@.service runs at OOMScoreAdjust=100, and to go below what one was started with takes CAP_SYS_RESOURCE
    (fs/proc/base.c: __set_oom_adj). systemd drops the failed write without a word above debug level, so OOMScoreAdjust=-500 in a
    user unit, and 0 as well, leaves it at 200: 100 and 100 more for services of a user (systemd 250). It is killed before every
    ordinary system service. What must be protected runs as a system service, with User= if need be. A level that comes from
    `defaults` is not reported.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {desk: {ram: 8G, swap: 0}}
    services:
      sync:
        protect: high   ⟵
        systemd: {unit: sync.service, user: true}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {desk: {ram: 8G, swap: 0}}
    services:
      sync:
        protect: high
        systemd: {unit: sync.service}
    ```

    ```ini bad etc/systemd/user/sync.service
    [Service]
    ExecStart=/usr/bin/sync-files
    OOMScoreAdjust=-500   ⟵
    ```

    ```ini bad etc/containers/systemd/users/sync.container
    [Container]
    Image=registry.example/sync
    PodmanArgs=--oom-score-adj=-500   ⟵
    ```

    ```ini good etc/systemd/user/sync.service
    [Service]
    ExecStart=/usr/bin/sync-files
    OOMScoreAdjust=300
    ```
    """
    adj = score(workload)
    if adj is None or adj.value is None or adj.value >= _FLOOR or not by_user(workload):
        return
    if workload.protect is not None and workload.protect.origin is Origin.DEFAULT:
        return
    yield Problem(
        adj.at,
        f"{workload.name} is a unit of a user's manager, which runs at {_FLOOR}: {adj.value} is dropped in silence",
        f"make it a system unit with User=, or say {_FLOOR} or more, or nothing",
    )
