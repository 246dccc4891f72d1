"""Machines whose limits do not fit together."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy, Workload, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._huge_pages import huge_pages


@rule(on=Policy, severity=Severity.WARNING, needs=("memory_total",))
def ceilings_above_ram(policy: Policy, around: Context) -> Iterator[Problem]:
    """The limits of a machine add up to more than its RAM.

    The kernel lets limits be oversold. If the services grow at the same time, no limit is met and the machine runs out: the
    global OOM killer then takes the biggest by `oom_score_adj`, whoever broke his promise (mm/oom_kill.c). That can be meant,
    where peaks do not meet: then accept the factor with a reason. A slice's own limit counts instead of its members' sum;
    what may be swapped out is not counted, nor are pods, which are placed by request.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web: {ram: 8G, swap: 0}   ⟵
    services:
      api: {systemd: {unit: api.service}, memory: {max: 6G}}
      jobs: {systemd: {unit: jobs.service}, memory: {max: 6G}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      web: {ram: 8G, swap: 0}
    slices: {work.slice: {memory: {max: 7G}}}
    services:
      api: {slice: work.slice, systemd: {unit: api.service}, memory: {max: 6G}}
      jobs: {slice: work.slice, systemd: {unit: jobs.service}, memory: {max: 6G}}
    ```

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      web: {ram: 16G, swap: 0, sysctl: {set: {vm.nr_hugepages: 3000}}}   ⟵
    services:
      api: {systemd: {unit: api.service}, memory: {max: 6G}}
      jobs: {systemd: {unit: jobs.service}, memory: {max: 6G}}
    ```

    ```yaml bad compose.yaml memory_total=8589934592
    services:
      api:
        image: registry.example/api
        mem_limit: 4g   ⟵
        deploy: {replicas: 8}
    ```
    """
    ram = around.memory_total
    if ram is None or ram.value is None:
        return
    counted = _ceilings(around)
    most = sum(size for _, size in counted)
    huge = huge_pages(around)
    room = Size(ram.value - huge.size)
    if most <= room or (len(counted) == 1 and counted[0][0].copies == 1):
        return
    biggest = sorted(counted, key=lambda pair: -pair[1])[:5]
    largest = biggest[0][0].memory_max
    yield Problem(
        # in a raw file nothing says what RAM there is
        ram.at if policy.source or largest is None else largest.at,
        f"limits on {policy.name} add up to {Size(most)}, {most / room:.1f} times its {room} of RAM{huge.less}",
        "lower limits, put services that do not peak together into a slice with a max, or accept it with a reason",
        (
            *(Related(thing.memory_max.at, f"{thing.name} may use {size}") for thing, size in biggest if thing.memory_max is not None),
            *huge.related,
        ),
    )


def _ceilings(around: Context) -> list[tuple[Workload, Size]]:
    """Count each workload's limit, scaled down where its slice allows the members less together."""
    own: list[tuple[Workload, Size]] = []
    for workload in around.services:
        size = size_of(workload.memory_max)
        if size is not None and 0 < size < INFINITY:
            own.append((workload, Size(size * workload.copies)))
    sums: dict[str, int] = {}
    for workload, size in own:
        for group in around.ancestors(None if workload.slice is None else workload.slice.value):
            sums[group.name] = sums.get(group.name, 0) + size
    found: list[tuple[Workload, Size]] = []
    for workload, size in own:
        share = int(size)
        for group in around.ancestors(None if workload.slice is None else workload.slice.value):
            cap = size_of(group.memory_max)
            if cap is not None and cap < sums[group.name]:
                share = min(share, size * cap // sums[group.name])
        found.append((workload, Size(share)))
    return found
