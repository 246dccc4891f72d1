"""Explains what a name stands for; on the host itself with the administrator's files read whole."""

from __future__ import annotations

from oomconf.errors import CallError
from oomconf.explanation import Explanation, explain, find, units_of
from oomconf.host.whole_files import with_sysctls, with_units
from oomconf.kernel.sysctls import suggest
from oomconf.policy import Policy
from oomconf.safe import clean
from oomconf.snapshot import Snapshot

__all__ = ["explained"]


def explained(taken: Snapshot, name: str, policy: Policy | None = None, root: str | None = None) -> list[Explanation]:
    """Explain each thing that a name stands for; `root` is where the host's files can be read, None for a capture of another one.

    Raise CallError for a name that nothing has.
    """
    found: list[Explanation] = []
    for target in find(taken, name, policy):
        known = taken
        if root is not None:
            known = with_sysctls(taken, target.sysctl, root) if target.sysctl else with_units(taken, units_of(taken, target), root)
        one = explain(known, target, policy, whole=root is not None)
        if target.sysctl and one.unseen and not one.settings[0].lines:
            near = suggest(target.sysctl)
            if root is None:
                raise CallError(
                    f"{clean(target.sysctl)} is not in this snapshot, neither its value nor a file's line"
                    f"{f'; did you mean {near}?' if near else ': ask on the host itself, or capture it again'}"
                )
            raise CallError(f"no file and no kernel here knows '{clean(target.sysctl)}'{f'; did you mean {near}?' if near else ''}")
        found.append(one)
    return found
