"""Keys of units that systemd does not know, and the ones that were meant."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from functools import cache
from typing import Final

from oomconf.dialects import _units

__all__ = ["default_of", "near"]

_NEAR: Final = 0.84
_SHARED: Final = 3
# Keys whose names nobody takes for another's.
_DISTINCT: Final = frozenset(
    {"Slice", "Restart", "RestartSec", "Environment", "EnvironmentFile", "Delegate", "What", "Priority", "Options"}
    | {"ExecStart", "ExecStartPre", "ExecStartPost", "ExecReload", "StartLimitIntervalSec"}
)


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _trigrams(name: str) -> set[str]:
    return {name[start : start + 3] for start in range(len(name) - 2)}


_PLAIN: Final = {_plain(name): name for name in _units.known() if name not in _DISTINCT}


@cache
def _sharing() -> dict[str, tuple[str, ...]]:
    """Names by the trigrams that they share; wanted only where a key is unknown."""
    found: dict[str, list[str]] = {}
    for name in _PLAIN:
        for trigram in sorted(_trigrams(name)):
            found.setdefault(trigram, []).append(name)
    return {trigram: tuple(names) for trigram, names in found.items()}


def near(key: str, kind: str) -> _units.Directive | None:
    """Give the row that a key unknown to systemd was meant to be: another case, other signs, or a slip of the pen; None if none is near."""
    if key.startswith("X-"):
        return None
    plain = _plain(key[:80])
    best = plain if plain in _PLAIN else ""
    if not best:
        # a slip spoils three of them at most
        fewest = max(_SHARED, len(plain) // 2 - 1)
        shared = Counter(name for trigram in _trigrams(plain) for name in _sharing().get(trigram, ()))
        scored = [(SequenceMatcher(None, plain, name).ratio(), name) for name, count in shared.most_common(5) if count >= fewest]
        score, name = max(scored, default=(0.0, ""))
        best = name if score >= _NEAR else ""
    row = _units.find(_PLAIN[best]) if best else None
    return row if row is not None and kind in row.kinds else None


def default_of(key: str, kind: str) -> _units.Directive | None:
    """Give the row that a key of a manager would be the default of, if there were one."""
    row = _units.find(key.removeprefix("Default")) if kind == "manager" and key.startswith("DefaultMemory") else None
    return row if row is not None and row.name in ("MemoryHigh", "MemoryMax", "MemorySwapMax", "MemoryLimit") else None
