"""What is known of a unit, gathered once, and what the manager has loaded for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from oomconf.dialects.systemd.judge import Judged
from oomconf.explanation import tree
from oomconf.policy import Setting
from oomconf.quantity import INFINITY, Percent
from oomconf.snapshot import Snapshot, UnitState

__all__ = ["PROPERTIES", "Look", "loaded"]

PROPERTIES: Final = {
    "memory_min": "MemoryMin",
    "memory_low": "MemoryLow",
    "memory_high": "MemoryHigh",
    "memory_max": "MemoryMax",
    "memory_swap_max": "MemorySwapMax",
    "oom_score_adj": "OOMScoreAdjust",
    "oom_policy": "OOMPolicy",
    "slice": "Slice",
    "restart": "Restart",
    "managed_oom_swap": "ManagedOOMSwap",
    "managed_oom_memory_pressure": "ManagedOOMMemoryPressure",
    "managed_oom_memory_pressure_limit": "ManagedOOMMemoryPressureLimit",
    "managed_oom_preference": "ManagedOOMPreference",
}
"""The manager's word for each of the policy's."""
_WHOLE: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is known of a unit, gathered once."""

    taken: Snapshot
    unit: str
    cgroup: str
    judged: Sequence[Judged]
    said: Mapping[str, Setting[Any]]
    state: UnitState | None
    defaults: Mapping[str, Setting[Any]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.unit.rpartition(".")[2]

    @property
    def is_stale(self) -> bool:
        return self.state is not None and self.state.get("NeedDaemonReload") == "yes"


def loaded(look: Look, name: str) -> int | str | None:
    """What the manager has loaded for a setting, in the words of `systemctl show` read as values."""
    text = "" if look.state is None else look.state.get(PROPERTIES[name])
    if not text or text == "[not set]":
        return None
    if name == "managed_oom_memory_pressure_limit":
        if text.isdecimal():
            return str(Percent(min(10_000, (int(text[:10]) * 10_000 + _WHOLE // 2) // _WHOLE)))
        return f"{text.removesuffix('%').rstrip('0').rstrip('.') or '0'}%" if "." in text else text
    if name in tree.FILES or name == "oom_score_adj":
        if text == "infinity":
            return INFINITY
        return int(text[:20]) if text.removeprefix("-").isdecimal() else None
    return text
