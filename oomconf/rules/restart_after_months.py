"""Waits of months."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule

_MONTHS = re.compile(r"[0-9]\s*M(?![a-z])")


@rule(on=Entry, severity=Severity.ERROR)
def restart_after_months(entry: Entry, around: Context) -> Iterator[Problem]:
    """M is months to systemd: RestartSec=5M starts a killed service again after five of them.

    systemd.time(7) knows `M` and `month` as 30.44 days and `m`, `min` as minutes. A service that an OOM kill ended then looks
    restarted and is not. A spec cannot make this mistake: it has no waits.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    Restart=on-failure
    RestartSec=5M   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    Restart=on-failure
    RestartSec=5min
    ```
    """
    if entry.key == "RestartSec" and not entry.fault and _MONTHS.search(entry.value):
        yield Problem(entry.at, f"RestartSec={entry.value[:20]} waits for months", "write min for minutes", object=entry.object)
