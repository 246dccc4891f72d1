"""Caches that a timer throws away."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def caches_dropped_regularly(entry: Entry, around: Context) -> Iterator[Problem]:
    """Dropping caches by a timer frees nothing that the kernel would not free, and costs reads.

    The page cache is memory that is free when it is asked for; throwing it away makes `free` look better and every program slower
    until it is read again (Documentation/admin-guide/sysctl/vm.rst: drop_caches is not a means to control growth). If kills stop
    while it runs, a limit is too small for what is written back. A spec cannot make this mistake: it writes no scripts.

    ```crontab bad etc/cron.d/free
    */30 * * * * root sync; echo 3 > /proc/sys/vm/drop_caches   ⟵
    ```

    ```sh bad etc/cron.daily/free
    #!/bin/sh
    sync && sysctl -w vm.drop_caches=3   ⟵
    ```

    ```sh bad free.sh
    while true; do
      echo 3 > /proc/sys/vm/drop_caches   ⟵
      sleep 60
    done
    ```

    ```ini bad etc/systemd/system/free.service
    [Service]
    Type=oneshot
    ExecStart=/bin/sh -c "sync; echo 3 > /proc/sys/vm/drop_caches"   ⟵
    ```

    ```ini with etc/systemd/system/free.timer
    [Timer]
    OnCalendar=hourly
    ```

    ```sh good bench.sh
    for run in 1 2 3; do
      echo 3 > /proc/sys/vm/drop_caches
      sleep 1
      ./read-all
    done
    ```

    ```crontab good etc/cron.d/report
    */30 * * * * root free -h >> /var/log/free.log
    ```
    """
    if entry.dialect == "script" and entry.section == "again" and entry.key == "vm.drop_caches":
        yield Problem(
            entry.at,
            "the page cache is thrown away again and again",
            "remove it; look at MemAvailable, which counts the cache as what it is",
            object=entry.object,
        )
