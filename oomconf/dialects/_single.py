"""What single lines say that is wrong wherever they stand: all that is told of a text of which others fill in the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from oomconf.dialect import Entry, FaultOf, Reading
from oomconf.dialects._templates import is_templated
from oomconf.kernel.sysctls import SYSCTLS, check_value

__all__ = ["LINES", "VALUES", "single"]

VALUES: Final[frozenset[FaultOf]] = frozenset({"value", "key", "gone"})
"""Faults for which nothing but the line itself matters."""
LINES: Final[frozenset[FaultOf]] = VALUES | {"place"}
"""Faults for which the section that holds the line matters too."""
_GOING: Final = "MemoryLimit"
_PAIRED: Final = (("compose", "memswap_limit"), ("kubelet", "evictionSoft"), ("systemd", "What"))
"""Of these it matters what other lines say, or what the file is called."""


def single(reading: Reading, kept: frozenset[FaultOf]) -> Reading:
    """Leave the faults of these kinds, and sysctls that no kernel has or takes."""
    policies = [
        replace(policy, workloads=(), groups=(), swaps=(), kubelet=None, oomd=None, sysctls=wrong)
        for policy in reading.policies
        if (wrong := {key: one for key, one in policy.sysctls.items() if key not in SYSCTLS or check_value(key, one.value or "")})
    ]
    return replace(reading, policies=tuple(policies), entries=tuple(one for one in reading.entries if _is_single(one, kept)), nested=())


def _is_single(entry: Entry, kept: frozenset[FaultOf]) -> bool:
    is_filled_in = is_templated(entry.key) or is_templated(entry.value)
    is_paired = entry.section == "cgroup" or (entry.dialect, entry.key) in _PAIRED
    return (bool(entry.fault) or entry.key == _GOING) and entry.kind in kept and not is_filled_in and not is_paired
