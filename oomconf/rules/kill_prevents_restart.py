"""Restarts that an OOM kill forbids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule

_KILL: Final = ("SIGKILL", "KILL")


@rule(on=Entry, severity=Severity.WARNING)
def kill_prevents_restart(entry: Entry, around: Context) -> Iterator[Problem]:
    """RestartPreventExitStatus=SIGKILL or SuccessExitStatus=SIGKILL leaves a service dead after an OOM kill.

    The OOM killer kills by SIGKILL, and so does systemd-oomd. Before it looks at Restart= systemd compares how the main process
    ended with RestartPreventExitStatus= (src/core/service.c: service_shall_restart), so Restart=always does not bring such
    a service back. Numbers there are exit codes, 9 is not SIGKILL. SuccessExitStatus=SIGKILL hides the kill from the values of
    Restart= that ask for a failure, and 137 does where another program passes it on, as `docker run` or a shell.
    A spec cannot make this mistake: it has no word for it.

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Restart=always
    RestartPreventExitStatus=SIGKILL   ⟵
    ```

    ```ini good etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Restart=always
    RestartPreventExitStatus=9
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Restart=on-failure
    SuccessExitStatus=143 SIGKILL   ⟵
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/docker run --rm --name api registry.example/api:1
    Restart=on-failure
    SuccessExitStatus=137   ⟵
    ```

    ```ini good etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Restart=on-failure
    SuccessExitStatus=137 143
    ```

    ```ini good etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Restart=always
    SuccessExitStatus=SIGKILL
    ```
    """
    if entry.section == "hidden-kill":
        kill, restart = entry.value.split()
        yield Problem(
            entry.at,
            f"{kill} is a success here, so Restart={restart} does not bring the service back after an OOM kill",
            f"remove {kill}, or say Restart=always",
            object=entry.object,
        )
    if entry.key != "RestartPreventExitStatus" or entry.fault:
        return
    word = next((word for word in entry.value.split() if word in _KILL), None)
    if word is not None:
        yield Problem(
            entry.at,
            f"{word} prevents every restart after an OOM kill",
            f"remove {word}: a service that is stopped by hand is not restarted in any case",
        )
