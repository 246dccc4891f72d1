"""Heaps that leave their process no room."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import Workload
from oomconf.quantity import Size
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._heaps import DIRECT, heaps, named, room
from oomconf.runtimes import overhead

_ENOUGH = 512 << 20


@rule(on=Workload, severity=Severity.WARNING)
def heap_without_headroom(workload: Workload, around: Context) -> Iterator[Problem]:
    """A heap just below the memory limit leaves no room for the rest of the process.

    The heap is not the process. A JVM has metaspace, up to 240 MiB of compiled code, a stack of a megabyte for each thread and
    direct buffers outside of `-Xmx`; V8's young generation, buffers and native code are outside of `--max-old-space-size`;
    GOMEMLIMIT does not count cgo and is passed in a burst. Whatever is outside is charged to the same `memory.max`. A quarter
    of the limit is a good rule for java and node, a fifth for .NET, a tenth for Go; this is found below half of that, unless
    512 MiB are left.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 1G}
        runtime: {jvm: {heap: 95%}}   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 0}}
    services:
      api:
        memory: {max: 1G}
        runtime: {jvm: {heap: 75%}}
        systemd: {unit: api.service}
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    MemoryMax=1G
    ExecStart=/usr/bin/node --max-old-space-size=1000 /srv/api.js   ⟵
    ```

    ```ini good etc/systemd/system/api.service
    [Service]
    MemoryMax=1G
    ExecStart=/usr/bin/node --max-old-space-size=768 /srv/api.js
    ```
    """
    held = room(workload, around)
    if held is None or held.what == "the RAM of the machine":
        return
    for heap in heaps(workload, held.size):
        wanted = overhead(heap.runtime.kind, held.size)
        left = held.size - heap.size
        if 0 < left < min(wanted // 2, _ENOUGH) and heap.runtime.knob != DIRECT:
            yield Problem(
                heap.at,
                f"the heap of {named(heap.runtime)} may grow to {heap.size} and leaves {Size(left)} of {held.size} for all else",
                f"say a heap of about {Size((held.size - wanted) >> 20 << 20)}, or raise the limit",
                (held.related,),
            )
