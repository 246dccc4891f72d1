"""Whether the machine is the one that the spec speaks of: its RAM, kernel, systemd and cgroups as said and as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from oomconf.inforce.nouns import Note
from oomconf.policy import Facts, Origin, Setting
from oomconf.quantity import Size, human, roughly
from oomconf.snapshot import Snapshot

__all__ = ["other_machine"]

_SLACK: Final = 2
"""Percent by which MemTotal may differ: a kernel's update takes some."""
_ABOVE: Final = 25
"""Percent by which the RAM that was bought may be more than MemTotal: what firmware, the kernel and a crash kernel keep."""


def other_machine(taken: Snapshot, facts: Facts) -> Iterator[Note]:
    """Give what is said of the machine and is otherwise, for then it is another one or its spec is old; what is not seen is not held."""
    total, said = taken.memory_total, facts.memory_total
    if said is not None and said.value is not None and total:
        is_nominal = said.origin is Origin.NOMINAL
        if is_nominal and not total <= said.value <= total + total * _ABOVE // 100:
            yield _note("ram", said, roughly(said.value), f"{roughly(total)} (MemTotal)")
        elif not is_nominal and abs(said.value - total) * 100 > total * _SLACK:
            yield _note("memtotal", said, _both(said.value), _both(Size(total)))
    kernel = facts.kernel
    if kernel is not None and kernel.value is not None and taken.kernel is not None:
        wanted = [int(part) for part in kernel.value.split(".") if part.isdecimal()][:3]
        if wanted != [taken.kernel.major, taken.kernel.minor, taken.kernel.patch][: len(wanted)]:
            yield _note("kernel", kernel, kernel.value, taken.release or str(taken.kernel))
    systemd = facts.systemd
    if systemd is not None and systemd.value is not None and (taken.systemd is not None or taken.is_without_systemd):
        runs = taken.manager or 0
        if systemd.value != runs:
            here = str(runs) if runs else f"none: PID 1 is {taken.init}"
            yield _note("systemd", systemd, str(systemd.value) if systemd.value else "none", here)
    version = facts.cgroup_version
    if version is not None and taken.cgroup_version is not None and version.value not in (None, taken.cgroup_version):
        yield _note("cgroup_version", version, f"v{version.value}", f"v{taken.cgroup_version}")


def _both(size: Size) -> str:
    exact, short = human(size), roughly(size)
    return exact if exact == short else f"{exact} ({short})"


def _note(name: str, said: Setting[Any], expected: str, found: str) -> Note:
    where = f" at {said.at.path}:{said.at.line}" if said.at.line else ""
    text = f"{name} is {expected} in the spec{where}, here {found}: another machine (--host), or the spec is old"
    return Note(id="other-machine", object=name, text=text)
