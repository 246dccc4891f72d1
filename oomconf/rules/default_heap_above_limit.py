"""Runtimes whose own choice of heap does not fit."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload, size_of
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._scores import program
from oomconf.runtimes import default_heap


@rule(on=Workload, severity=Severity.NOTE)
def default_heap_above_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """A small limit does not hold the heap that the runtime takes by itself.

    Node.js makes its old space half of the limit, but never less than 256 MiB: under a limit of 200 MiB its heap may grow to 256 MiB,
    so V8 sees no reason to collect before the kernel kills (measured on Node.js 20 in cgroup v2). Java and .NET shrink with
    the limit; Go and Python take no bound of their own. A heap that is said settles it.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0, docker: {version: "28"}}}
    services:
      hook:
        memory: {max: 192M}   ⟵
        docker: {name: hook, image: node:22}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0, docker: {version: "28"}}}
    services:
      hook:
        memory: {max: 192M}
        runtime: {node: {heap: 60%}}
        docker: {name: hook, image: node:22}
    ```

    ```yaml bad compose.yaml
    services:
      hook:
        image: node:22-alpine
        mem_limit: 128m   ⟵
    ```
    """
    known, limit = program(workload), size_of(workload.memory_max)
    if known is None or known.heap is None or not limit or workload.memory_max is None:
        return
    if any(runtime.kind == known.heap for runtime in workload.runtimes):
        return
    heap = default_heap(known.heap, limit)
    if heap is not None and heap >= limit:
        yield Problem(
            workload.memory_max.at,
            f"the heap of {known.name} may grow to {heap} unless it is told otherwise, and {workload.name} is limited to {limit}",
            "say a heap in the service's runtime, such as --max-old-space-size",
        )
