"""Redirections that no shell sees."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def redirect_without_shell(entry: Entry, around: Context) -> Iterator[Problem]:
    """A `>` in a unit or in a list of arguments is an argument like any other, and nothing is written.

    systemd starts programs without a shell (systemd.service(5): Command Lines), and so do engines whose command is a list:
    `/bin/echo -1000 > /proc/$MAINPID/oom_score_adj` prints its arguments into the journal, succeeds, and the score stays what it
    was. A spec cannot make this mistake: it writes no commands of this kind.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    ExecStartPost=/bin/echo -500 > /proc/$MAINPID/oom_score_adj   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    ExecStartPost=/bin/sh -c 'echo -500 > /proc/$MAINPID/oom_score_adj'
    ```

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web:1
        command: [echo, "500", ">", /proc/self/oom_score_adj]   ⟵
    ```
    """
    if entry.dialect == "script" and entry.section == "argument":
        yield Problem(
            entry.at,
            f"no shell sees this '{entry.key}': it is an argument, and nothing is written to {entry.value[:80]}",
            "put the whole command into /bin/sh -c '…'; for a score say OOMScoreAdjust= or oom_score_adj instead",
            object=entry.object,
        )
