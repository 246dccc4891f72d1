"""Scores in another base than meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule

_OCTAL: Final = re.compile(r"([+-]?)0+([0-7]+)")


@rule(on=Entry, severity=Severity.WARNING)
def octal_score(entry: Entry, around: Context) -> Iterator[Problem]:
    """A score with a leading zero is read as an octal number.

    systemd reads OOMScoreAdjust= as C does, by its prefix: `0x10` is 16 and `-0500` is -320 (src/basic/parse-util.c: safe_atoi;
    the kernel's own file does alike, fs/proc/base.c). A spec cannot make this mistake: it has no such numbers.

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    OOMScoreAdjust=-0500   ⟵
    ```

    ```ini good etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    OOMScoreAdjust=-500
    ```
    """
    found = _OCTAL.fullmatch(entry.value) if entry.key == "OOMScoreAdjust" and not entry.fault else None
    if found is None:
        return
    meant, read = int(found[1] + found[2]), int(found[1] + found[2], 8)
    if meant != read:
        yield Problem(entry.at, f"{entry.value} is octal for {read}", f"write {meant}, or {read} if that is meant")
