"""Limits on a unit that only asks an engine."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.placement import SystemdUnit
from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule

_ENGINES = ("docker", "podman", "nerdctl", "docker-compose", "podman-compose")


def _asks(command: tuple[str, ...]) -> bool:
    """Whether a command line hands its work to an engine."""
    words = [word for word in command if not word.startswith("-")]
    if not words or words[0].rpartition("/")[2] not in _ENGINES or any(word.startswith("--cgroups=") for word in command):
        return False
    return words[0].endswith("compose") or any(word in ("run", "start", "up", "create") for word in words[1:4])


@rule(on=Workload, severity=Severity.WARNING)
def limit_on_client(workload: Workload, around: Context) -> Iterator[Problem]:
    """A memory limit on a unit that runs docker or compose limits the client, not the container.

    The engine starts the container in a cgroup of its own, below the daemon or system.slice: `docker run` in ExecStart= only waits
    for it, so MemoryMax= and OOMScoreAdjust= of the unit are for a few megabytes of client. podman run is the same unless it is
    told --cgroups=split. Say the limit to the engine. A spec cannot make this mistake: a service has one placement.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/docker run --rm --name web registry.example/web
    MemoryMax=2G   ⟵
    ```

    ```ini bad etc/systemd/system/app.service
    [Service]
    WorkingDirectory=/srv/app
    ExecStart=/usr/bin/docker compose up
    OOMScoreAdjust=-500   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/docker run --rm --name web -m 2g --memory-swap 2g registry.example/web
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/podman run --cgroups=split --name web registry.example/web
    MemoryMax=2G
    ```
    """
    place = workload.placement
    if not isinstance(place, SystemdUnit) or not _asks(place.command):
        return
    for name in ("memory_max", "memory_high", "oom_score_adj", "memory_min", "memory_low"):
        setting = getattr(workload, name)
        if setting is not None and setting.value is not None:
            yield Problem(
                setting.at,
                f"the container of {workload.name} runs in a cgroup of its engine, which this line does not reach",
                "say it to the engine: -m, --memory-swap and --oom-score-adj, or in the compose file",
            )
            return
