"""Strict overcommit that refuses what the machine could give."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Policy, Workload, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._commit import limited
from oomconf.rules._heaps import heaps


@rule(on=Policy, severity=Severity.ERROR, needs=("memory_total", "swap_total"))
def overcommit_limit_too_low(policy: Policy, around: Context) -> Iterator[Problem]:
    """Under vm.overcommit_memory=2 the commit limit is below what the services are promised.

    With 2 the kernel refuses every allocation beyond CommitLimit, which is vm.overcommit_ratio percent of RAM plus all swap
    (mm/util.c: vm_commit_limit). The ratio is 50 unless it is said: without swap half of RAM can never be allocated, and
    services that are promised it get ENOMEM, and fork fails, while the machine is half empty. Promises (`min`, `low`), the heaps that
    runtimes are told and the machine's `reserved` need to be committed, each in full.

    ```yaml bad oomconf.yaml
    version: 1
    hosts:
      db:
        ram: 16G
        swap: 0
        sysctl:
          set:
            vm.overcommit_memory: 2   ⟵
    slices: {data.slice: {}}
    services:
      postgresql: {slice: data.slice, systemd: {unit: postgresql.service}, memory: {min: 10G}}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts:
      db:
        ram: 16G
        swap: 0
        sysctl:
          set:
            vm.overcommit_memory: 2
            vm.overcommit_ratio: 90
    slices: {data.slice: {}}
    services:
      postgresql: {slice: data.slice, systemd: {unit: postgresql.service}, memory: {min: 10G}}
    ```
    """
    known = limited(around)
    if known is None:
        return
    limit, setting, sum_of = known
    needs = [(workload, _need(workload)) for workload in around.services]
    reserve = around.facts.reserved
    needed = sum(size for _, size in needs) + (reserve.value or 0 if reserve is not None else 0)
    if needed <= limit:
        return
    biggest = sorted((pair for pair in needs if pair[1]), key=lambda pair: -pair[1])[:5]
    yield Problem(
        setting.at,
        f"the kernel commits at most {limit} on {policy.name} ({sum_of}), but its services are promised {Size(needed)}",
        "raise vm.overcommit_ratio, add swap, or promise less",
        tuple(Related(workload.at, f"{workload.name} needs {size}") for workload, size in biggest),
    )


def _need(workload: Workload) -> Size:
    promise = max(size_of(workload.memory_min) or 0, size_of(workload.memory_low) or 0)
    own = size_of(workload.memory_max) or INFINITY
    heap = sum(heap.size for heap in heaps(workload, own) if heap.size < own)
    return Size(max(promise, heap) * workload.copies)
