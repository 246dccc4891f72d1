"""Limits on addresses instead of memory."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.NOTE)
def address_space_limit(entry: Entry, around: Context) -> Iterator[Problem]:
    """LimitAS= and LimitDATA= limit addresses of each process, not the memory of a service.

    A process meets them with malloc() failing long before it uses that much: Java, Go, Node.js and anything with many threads
    reserve far more addresses than memory (getrlimit(2)). And each process has the limit for itself, so ten workers have ten of it.
    A spec cannot make this mistake: it has no rlimits.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    LimitAS=2G   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    ```
    """
    if entry.dialect == "systemd" and entry.key in ("LimitAS", "LimitDATA") and not entry.fault and entry.value not in ("", "infinity"):
        yield Problem(
            entry.at, f"{entry.key}= counts addresses of each process, not memory", "write MemoryMax= for memory", object=entry.object
        )
