"""Heaps that their memory cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._heaps import DIRECT, heaps, named, room
from oomconf.runtimes import overhead


@rule(on=Workload, severity=Severity.ERROR)
def heap_above_limit(workload: Workload, around: Context) -> Iterator[Problem]:
    """A heap as large as the memory limit is killed before it is full.

    A runtime collects garbage when its heap nears the size that it was told, not when the cgroup nears `memory.max`. If the
    heap may be as large as the limit, the kernel acts first: exit 137 and no OutOfMemoryError, no heap dump, no log line of
    the program (mm/memcontrol.c: mem_cgroup_out_of_memory). The JVM takes -Xmx whatever the limit is, and rounds it up; so do
    `--max-old-space-size`, DOTNET_GCHeapHardLimit and redis' `maxmemory`. A slice's limit counts for all that is in it; where
    there is no limit, RAM is it.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 2G}
        runtime: {jvm: {heap: 3G}}   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 4G}
        runtime: {jvm: {heap: 3G}}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    MemoryMax=1G
    Environment=JAVA_TOOL_OPTIONS=-Xmx1g   ⟵
    ExecStart=/usr/bin/java -jar /srv/api.jar
    ```

    ```yaml bad compose.yaml
    services:
      cache:
        image: redis:7
        command: ["redis-server", "--maxmemory", "512mb"]   ⟵
        mem_limit: 256m
    ```

    ```yaml bad compose.yaml
    services:
      game:
        image: itzg/minecraft-server
        environment: {MEMORY: 4G}   ⟵
        mem_limit: 4g
      search:
        image: solr:9
        environment: {SOLR_HEAP: 2g}   ⟵
        mem_limit: 2g
      rows:
        image: cassandra:5
        environment: {MAX_HEAP_SIZE: 8G}   ⟵
        mem_limit: 6g
    ```

    ```yaml good compose.yaml
    services:
      mail:
        image: registry.example/mail/solr
        environment: {SOLR_HEAP: "1024", MEMORY: 4G, MAX_HEAP_SIZE: 4G}
        mem_limit: 2g
    ```

    ```yaml bad k8s/api.yaml
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: api, namespace: prod}
    spec:
      template:
        spec:
          containers:
            - name: api
              image: registry.example/api:1
              env:
                - {name: NODE_OPTIONS, value: --max-old-space-size=1024}   ⟵
              resources: {limits: {memory: 512Mi}}
    ```
    """
    held = room(workload, around)
    if held is None:
        return
    for heap in heaps(workload, held.size):
        if heap.size >= held.size and heap.runtime.knob != DIRECT:
            fits = held.size - overhead(heap.runtime.kind, held.size)
            least = "" if fits >= held.size else f" of at most {type(held.size)(fits)}"
            yield Problem(
                heap.at,
                f"the heap of {named(heap.runtime)} may grow to {heap.size}, which {held.what} of {held.size} cannot hold",
                f"say a heap{least or ' below it'}, or raise the limit",
                (held.related,),
            )
