"""The host that a call is about: this one, or a captured one; what is wrong with a capture is said."""

from __future__ import annotations

import sys
from collections.abc import Callable

from oomconf.cli._plain import complain
from oomconf.host import STDIN
from oomconf.snapshot import Snapshot, read

__all__ = ["captured", "has_memory"]

_MAKE = "'oomconf simulate --capture-script' prints the script that makes one"


def has_memory(taken: Snapshot) -> bool:
    """Whether a capture is one of a host."""
    return taken.memory_total is not None


def captured(snapshot: str | None, enough: Callable[[Snapshot], bool] = has_memory) -> Snapshot | int:
    """Read this host, or the capture that an option names, with a word on stderr if it was cut; an exit code if it is none."""
    if snapshot is None:
        from oomconf.host.snapshot import capture

        taken = read(capture())
    else:
        from oomconf.host.files import read_loose

        taken = read(read_loose(STDIN if snapshot == "-" else snapshot))
    if not enough(taken):
        lacks = "its /proc/meminfo tells no MemTotal that a machine has" if taken.meminfo else "it has no /proc/meminfo"
        return complain(f"{snapshot or 'this host'}: no snapshot of a host: {lacks}{f'; {_MAKE}' if snapshot else ''}")
    if not taken.whole:
        print(
            f"oomconf: {snapshot}: the capture was cut (its last line, '# end', is missing): what stood behind the cut is not known; "
            "copy it again, or make it anew",
            file=sys.stderr,
        )
    return taken
