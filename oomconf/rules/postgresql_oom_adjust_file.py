"""PostgreSQL backends that keep the postmaster's score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.finding import Edit
from oomconf.policy import Setting, Workload
from oomconf.rule import Context, Problem, Severity, rule

_NAME: Final = "PG_OOM_ADJUST_FILE="
_FILLED_IN: Final = ("$", "%", "{{")


@rule(on=Workload, severity=Severity.ERROR)
def postgresql_oom_adjust_file(workload: Workload, around: Context) -> Iterator[Problem]:
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

    ```yaml bad compose.yaml
    services:
      db:
        image: postgres:17
        oom_score_adj: -900
        environment:
          PG_OOM_ADJUST_FILE: proc/self/oom_score_adj   ⟵
    ```
    """
    said = workload.oom_adjust_file
    if said is None or not said.value or said.value.startswith("/") or any(mark in said.value for mark in _FILLED_IN):
        return
    yield Problem(
        said.at,
        f"backends keep the postmaster's score: PG_OOM_ADJUST_FILE={said.value[:80]} names a file below PostgreSQL's data directory",
        "write PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj",
        fix=_slash(said, said.value),
    )


def _slash(said: Setting[str], value: str) -> tuple[Edit, ...]:
    width = said.at.end_column - said.at.column
    before = width - len(value)
    if said.at.line != said.at.end_line or before not in (0, len(_NAME)) or not value.startswith("proc/"):
        return ()
    return (Edit(said.at._replace(column=said.at.column + before), f"/{value}", value),)
