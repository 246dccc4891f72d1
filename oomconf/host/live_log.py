"""This host's own log of the running boot: the journal, or else the kernel's ring buffer."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Final

from oomconf.errors import InputError

__all__ = ["live_lines"]

_COMMANDS: Final = (("journalctl", "-b", "--no-pager", "-q", "-o", "short-iso"), ("dmesg",))


def live_lines() -> Iterator[tuple[int, str]]:
    """Give the numbered lines of the first of journalctl and dmesg that answers; raises InputError with their reasons where none does."""
    reasons: list[str] = []
    for command in _COMMANDS:
        given = False
        try:
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:  # noqa: S603
                if process.stdout is None or process.stderr is None:
                    continue
                for number, line in enumerate(process.stdout, 1):
                    given = True
                    yield number, line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
                said = process.stderr.read(4096).decode("utf-8", "replace").strip().splitlines()
            if given:
                return
            reasons.append(f"{command[0]}: {said[0] if said else 'says nothing'}")
        except OSError as error:
            reasons.append(f"{command[0]}: {(error.strerror or str(error)).lower()}")
    raise InputError(f"this host's log cannot be read ({'; '.join(reasons)}): name a file, or - for standard input")
