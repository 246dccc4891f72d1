"""Percent signs that cut a command in two."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.finding import Edit
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.ERROR)
def percent_in_crontab(entry: Entry, around: Context) -> Iterator[Problem]:
    r"""A bare percent sign in a crontab ends the command, and the limit with it.

    cron hands what stands behind the first unescaped `%` to the command as its input (crontab(5)): `MemoryMax=50%` arrives as 50
    bytes, and the rest of the line is never run. A spec cannot make this mistake: it writes no scripts.

    ```crontab bad etc/cron.d/report
    0 3 * * * root systemd-run --scope -p MemoryMax=50% /usr/bin/report   ⟵
    ```

    ```crontab good etc/cron.d/report
    0 3 * * * root systemd-run --scope -p MemoryMax=50\% /usr/bin/report
    ```
    """
    if entry.dialect == "script" and entry.key == "%":
        yield Problem(
            entry.at,
            "cron ends the command here, and gives what stands behind % to it as input",
            "write \\% in a crontab, or put the command into a script",
            object=entry.object,
            fix=(Edit(entry.at, "\\%", "%"),),
        )
