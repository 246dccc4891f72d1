"""Programs that want opposite overcommit settings."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy, Workload
from oomconf.programs import Program
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._commit import MODE
from oomconf.rules._scores import program


@rule(on=Policy, severity=Severity.WARNING)
def overcommit_conflict(policy: Policy, around: Context) -> Iterator[Problem]:
    """One machine has one vm.overcommit_memory, and its programs want different ones.

    Redis and Valkey save by forking a copy of themselves and ask for 1: under 2 the fork needs the whole size again and fails,
    and with it every snapshot and replica. PostgreSQL's manual advises 2 on machines of its own: a backend then gets an error
    instead of a SIGKILL that restarts the server. The kubelet sets 1 at its start, whatever a file says. There is no value that serves
    two of them: give them machines of their own, or set what the one that cannot do without asks for and limit the other
    by its cgroup. Of raw files nothing is said unless one of them sets it.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      db:
        ram: 16G
        swap: 4G
        sysctl:
          set:
            vm.overcommit_memory: 2   ⟵
            vm.overcommit_ratio: 90
    services:
      redis: {systemd: {unit: redis-server.service}, memory: {max: 4G, swap_max: 0}}
    ```

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {db: {ram: 16G, swap: 4G}}
    services:
      postgresql: {systemd: {unit: postgresql.service}, memory: {max: 8G, swap_max: 0}}
      redis: {systemd: {unit: redis-server.service}, memory: {max: 4G, swap_max: 0}}   ⟵
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      db:
        ram: 16G
        swap: 4G
        sysctl: {set: {vm.overcommit_memory: 1}}
    services:
      postgresql: {systemd: {unit: postgresql.service}, memory: {max: 8G, swap_max: 0}}
      redis: {systemd: {unit: redis-server.service}, memory: {max: 4G, swap_max: 0}}
    ```
    """
    wants = [(workload, known) for workload in around.services if (known := program(workload)) and known.wants_overcommit is not None]
    forks = [pair for pair in wants if pair[1].wants_overcommit == 1]
    strict = [pair for pair in wants if pair[1].wants_overcommit == 2]
    said = around.sysctl(MODE)
    if said == 2 and forks:
        workload, known = forks[0]
        yield Problem(
            policy.sysctls[MODE].at,
            f"vm.overcommit_memory 2 refuses the fork of {known.name} ({workload.name}), which wants 1: {known.overcommit_why}",
            "say 1, or move it to a machine of its own",
            _related(forks),
        )
    elif said is None and policy.source and strict and (forks or policy.kubelet is not None):
        workload, known = forks[0] if forks else strict[0]
        other = strict[0][1].name if forks else "the kubelet"
        yield Problem(
            workload.at,
            f"no vm.overcommit_memory serves both: {known.name} wants {known.wants_overcommit}, {other} {2 if forks else 1}",
            "move one to a machine of its own, or say the value that is meant",
            _related([*forks[1:], *strict] if forks else strict[1:]),
        )


def _related(found: list[tuple[Workload, Program]]) -> tuple[Related, ...]:
    return tuple(Related(workload.at, f"{known.name} wants {known.wants_overcommit}: {known.overcommit_why}") for workload, known in found)
