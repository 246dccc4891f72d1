"""Heaps that fit one by one and not together."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._heaps import Heap, heaps, named, room


@rule(on=Workload, severity=Severity.WARNING)
def several_heaps(workload: Workload, around: Context) -> Iterator[Problem]:
    """The heaps inside one memory limit fit one by one, but not together.

    Each runtime that looks at its cgroup sees the whole limit and takes its share of it as if it were alone: two JVMs at 75 %
    may grow to one and a half times `memory.max`. A variable of the environment is passed on to every process of the service,
    so four workers that were each told 1G may take 4G. Direct buffers of a JVM (-XX:MaxDirectMemorySize) stand beside its heap. No
    heap is at fault when the kernel kills, so nobody's log explains it.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      site:
        memory: {max: 2G}
        runtime:
          jvm: {heap: 70%}   ⟵
          node: {heap: 50%}
        systemd: {unit: site.service}
    ```

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      site:
        memory: {max: 4G}
        runtime: {node: {heap: 1.5G}}   ⟵
        processes: [{name: worker, count: 4}]
        systemd: {unit: site.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      site:
        memory: {max: 2G}
        runtime: {jvm: {heap: 50%}, node: {heap: 25%}}
        systemd: {unit: site.service}
    ```

    ```ini bad etc/systemd/system/site.service
    [Service]
    MemoryMax=2G
    Environment=JAVA_TOOL_OPTIONS=-Xmx1536m   ⟵
    Environment=NODE_OPTIONS=--max-old-space-size=1024
    ExecStart=/usr/local/bin/site
    ```

    ```yaml bad compose.yaml
    services:
      site:
        image: registry.example/site
        mem_limit: 1g
        environment:
          JAVA_TOOL_OPTIONS: -Xmx768m -XX:MaxDirectMemorySize=512m   ⟵
    ```

    ```yaml good compose.yaml
    services:
      site:
        image: registry.example/site
        mem_limit: 2g
        environment:
          JAVA_TOOL_OPTIONS: -Xmx768m -XX:MaxDirectMemorySize=512m
    ```
    """
    held = room(workload, around)
    if held is None:
        return
    found = [heap for heap in heaps(workload, held.size) if heap.size < held.size]
    times = workload.processes[0].count if len(workload.processes) == 1 else 1
    total = Size(sum(heap.size for heap in found) * times)
    if len(found) * times < 2 or total < held.size:
        return
    biggest = max(found, key=lambda heap: heap.size)
    related = [Related(heap.at, f"{named(heap.runtime)} takes {heap.size}") for heap in found if heap is not biggest]
    yield Problem(
        biggest.at,
        f"the heaps of {_listed(found, times)} may grow to {total} together, more than {held.what}, {held.size}",
        "give each heap its part of the limit, or each runtime a service of its own",
        (held.related, *related),
    )


def _listed(found: list[Heap], times: int) -> str:
    words = [f"{named(heap.runtime)} with {heap.size}" for heap in found]
    return f"{times} processes of {' and '.join(words)} each" if times > 1 else " and ".join(words)
