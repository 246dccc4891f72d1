"""PostgreSQL backends that keep the postmaster's score."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._edits import inserted

_FILE: Final = re.compile(r"""(?:^|[\s"'])PG_OOM_ADJUST_FILE=([^\s"']*)""")


@rule(on=Entry, severity=Severity.ERROR)
def postgresql_oom_adjust_file(entry: Entry, around: Context) -> Iterator[Problem]:
    """PG_OOM_ADJUST_FILE without its leading slash leaves every backend as protected as the postmaster.

    A backend of PostgreSQL writes PG_OOM_ADJUST_VALUE (0) into the file that PG_OOM_ADJUST_FILE names, and takes no notice if that
    fails (src/backend/postmaster/fork_process.c). Its working directory is the data directory, so `proc/self/oom_score_adj` names
    nothing. The postmaster's -900 or -1000 then stays on the backends, which hold the memory; at -1000 none of them can be
    killed. A spec cannot make this mistake: it does not set the variable.

    ```ini bad etc/systemd/system/postgresql.service
    [Service]
    ExecStart=/usr/bin/postgres -D /var/lib/postgresql
    OOMScoreAdjust=-900
    Environment=PG_OOM_ADJUST_FILE=proc/self/oom_score_adj   ⟵
    ```

    ```ini good etc/systemd/system/postgresql.service
    [Service]
    ExecStart=/usr/bin/postgres -D /var/lib/postgresql
    OOMScoreAdjust=-900
    Environment=PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj
    ```
    """
    found = _FILE.search(entry.value) if entry.key == "Environment" and not entry.fault else None
    if found is not None and found[1].startswith(("proc/", "self/")):
        yield Problem(
            entry.at,
            f"PG_OOM_ADJUST_FILE={found[1]} names a file below PostgreSQL's data directory, so backends keep the postmaster's score",
            "write PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj",
            fix=(inserted(entry.at, found.start(1), "/"),) if entry.at.line == entry.at.end_line and found[1].startswith("proc/") else (),
        )
