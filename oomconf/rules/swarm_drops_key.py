"""Limits that a swarm does not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule

_INSTEAD: Final = {
    "oom_score_adj": "say deploy.resources.limits.memory; a task's score cannot be said",
    "shm_size": "mount a tmpfs of that size at /dev/shm (volumes: type: tmpfs, tmpfs.size)",
    "cgroup_parent": "say cgroup-parent in the daemon.json of the nodes",
    "mem_reservation": "say deploy.resources.reservations.memory",
    "memswap_limit": "remove it: the swap of a task cannot be said",
    "mem_swappiness": "remove it: the swap of a task cannot be said",
    "oom_kill_disable": "remove it, and say deploy.resources.limits.memory",
}


@rule(on=Entry, severity=Severity.WARNING)
def swarm_drops_key(entry: Entry, around: Context) -> Iterator[Problem]:
    """docker stack deploy refuses mem_limit, and drops oom_score_adj without a word.

    A stack file is read by an older schema (docker/cli: cli/compose/types): mem_limit, memswap_limit and mem_reservation make it
    refuse the file; oom_score_adj, shm_size and cgroup_parent are passed over with a warning. Only deploy.resources limits a task
    of a swarm. Looked at where deploy has what only a swarm heeds: placement, update_config, rollback_config, endpoint_mode or
    mode: global. A spec cannot make this mistake: it is not rendered for a swarm.

    ```yaml bad compose.yaml
    services:
      api:
        image: registry.example/api
        oom_score_adj: -500   ⟵
        deploy:
          placement: {constraints: [node.role == worker]}
          resources: {limits: {memory: 512M}}
    ```

    ```yaml good compose.yaml
    services:
      chrome:
        image: registry.example/chrome
        restart: always
        shm_size: 2g
        deploy:
          mode: replicated
          replicas: 5
          resources: {limits: {memory: 4G}}
    ```

    ```yaml good compose.yaml
    services:
      api:
        image: registry.example/api
        deploy:
          placement: {constraints: [node.role == worker]}
          resources: {limits: {memory: 512M}}
    ```
    """
    if entry.dialect == "compose" and entry.section == "swarm":
        what = "docker stack deploy refuses the file for it" if entry.value == "refused" else "docker stack deploy drops it"
        yield Problem(
            entry.at,
            f"{entry.key} is none of a swarm's keys: {what}",
            _INSTEAD.get(entry.key, "say deploy.resources.limits.memory"),
            object=entry.object,
        )
