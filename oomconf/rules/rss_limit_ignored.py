"""A limit that the kernel passes over."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def rss_limit_ignored(entry: Entry, around: Context) -> Iterator[Problem]:
    """LimitRSS= limits nothing.

    Linux heeds RLIMIT_RSS in 2.4 before 2.4.30 alone (getrlimit(2)): the line is accepted, the number stands in /proc/PID/limits,
    and nothing happens at it. A spec cannot make this mistake: it has no rlimits.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    LimitRSS=2G   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    ```
    """
    if entry.dialect == "systemd" and entry.key == "LimitRSS" and not entry.fault and entry.value not in ("", "infinity"):
        yield Problem(entry.at, "the kernel does nothing at RLIMIT_RSS", "write MemoryMax= instead", object=entry.object)
