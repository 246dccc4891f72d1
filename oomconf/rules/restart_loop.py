"""Services that are started again into the same kill."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.finding import Related
from oomconf.placement import KubernetesContainer
from oomconf.policy import Workload, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._heaps import heaps

_AGAIN = ("always", "on-failure", "on-abnormal")


@rule(on=Workload, severity=Severity.WARNING)
def restart_loop(workload: Workload, around: Context) -> Iterator[Problem]:
    """A service that cannot fit into its limit is started again for ever.

    A restart mends a kill that was bad luck. Where the heap that the service is told, or the memory of its declared processes,
    is more than its limit, every start ends the same way. systemd gives up only after 5 starts within 10 seconds
    (systemd.unit(5), StartLimitIntervalSec=), which a service that takes a minute to fill never reaches; Docker and podman go on without
    end, at most a minute apart. Each round reads everything from disk anew and throws other services' page cache out, so
    one wrong limit is felt by the whole machine. `restart: on-failure` does not help: a kill is a failure.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        restart: always   ⟵
        memory: {max: 1G}
        runtime: {jvm: {heap: 2G}}
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        restart: always
        memory: {max: 3G}
        runtime: {jvm: {heap: 2G}}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    MemoryMax=1G
    MemorySwapMax=0
    Environment=JAVA_TOOL_OPTIONS=-Xmx2g
    ExecStart=/usr/bin/java -jar /srv/api.jar
    Restart=always   ⟵
    ```
    """
    again, limit = workload.restart, size_of(workload.memory_max)
    if again is None or again.value not in _AGAIN or not limit or limit >= INFINITY or workload.memory_max is None:
        return
    if isinstance(workload.placement, KubernetesContainer):
        return
    swap = min((size for size in (size_of(workload.memory_swap_max), around.swap_total) if size is not None), default=None)
    if swap is None:
        return
    room = Size(limit + min(swap, INFINITY - limit))
    told = max((heap.size for heap in heaps(workload, limit)), default=Size(0))
    parts = Size(sum((size_of(part.memory) or 0) * part.count for part in workload.processes))
    what, need = ("a heap", told) if told >= parts else ("processes", parts)
    if need > room:
        yield Problem(
            again.at,
            f"{workload.name} is started again whenever it is killed, and {what} of {need} cannot fit into {room}",
            "mend the limit or what is to fit into it; the restart is right then",
            (Related(workload.memory_max.at, "the limit is declared here"),),
        )
