"""Comments that destroy the value before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.finding import Edit
from oomconf.location import Location
from oomconf.rule import Context, Problem, Severity, rule

_DIALECTS: Final = ("systemd", "quadlet", "sysctl")
_COMMENT: Final = re.compile(r"(?<=.)(?:#|(?<=\s);|(?<=\s)//).*$")
_COMMANDS: Final = ("ExecStart", "Environment", "PodmanArgs", "Exec")
"""Keys whose value may hold these signs."""


@rule(on=Entry, severity=Severity.ERROR)
def comment_is_value(entry: Entry, around: Context) -> Iterator[Problem]:
    """A comment at the end of a line is part of the value, and destroys it.

    Unit files, quadlets and sysctl.d know comments only where the line begins with # or ; (systemd.syntax(7), sysctl.d(5)).
    `MemoryMax=1G # cap` is an invalid size to systemd: the line is dropped with a warning, `systemd-analyze verify` exits 0, and
    the service has no limit. Behind a section's header it keeps the whole unit from loading. The kernel takes
    `vm.swappiness = 10 # why` as 10 and refuses `10# why`; the first is not reported. An `# oomconf: ignore[...]` at
    the end of such a line does the same harm and silences nothing. A spec cannot make this mistake: it is YAML, where such a comment is
    one.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=1G # cap   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    # cap
    MemoryMax=1G
    ```

    ```ini bad etc/systemd/system/web.service
    [Service] # limits   ⟵
    ExecStart=/usr/bin/web
    MemoryMax=1G
    ```

    ```ini bad etc/containers/systemd/web.container
    [Container]
    Image=registry.example/web

    [Service]
    MemoryMax=1G ; cap   ⟵
    ```

    ```ini bad etc/sysctl.d/90-vm.conf
    vm.swappiness = 10# low   ⟵
    ```

    ```ini good etc/sysctl.d/90-vm.conf
    # low
    vm.swappiness = 10
    ```
    """
    found = _COMMENT.search(entry.value)
    if entry.dialect not in _DIALECTS or not entry.fault or found is None or entry.key in _COMMANDS:
        return
    lost = entry.value[: found.start()].rstrip()
    if entry.key:
        effect = "the kernel refuses it" if entry.dialect == "sysctl" else "the line is dropped"
        message = f"'{found[0][:60]}' is no comment but part of {entry.key}'s value: {effect}"
        remedy = f"put the comment on a line of its own above, and leave '{lost[:60]}'"
    elif lost.endswith("]"):
        message = f"'{found[0][:60]}' behind the header {lost[:60]} is no comment: systemd reads no further"
        remedy = "put the comment on a line of its own above"
    else:
        return
    yield Problem(entry.at, message, remedy, fix=_moved(entry.at, len(lost), found[0], entry.value))


def _moved(at: Location, start: int, comment: str, value: str) -> tuple[Edit, ...]:
    """The comment on a line of its own, and the value without it."""
    if at.line != at.end_line or "oomconf:" in comment:  # on a line of its own an ignore would begin to hold
        return ()
    above = comment if comment[0] in "#;" else f"# {comment.lstrip('/ ')}"
    line = Location(at.path, at.line, 1, at.line, 1)
    return (Edit(line, f"{above}\n"), Edit(at._replace(column=at.column + start), "", value[start:]))
