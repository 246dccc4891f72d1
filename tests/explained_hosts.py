"""Captured hosts, and what is explained of their things."""

from __future__ import annotations

from pathlib import Path

import oomconf
from oomconf.explanation import Explanation
from oomconf.host.explained import explained
from oomconf.snapshot import Snapshot, read

MIB, GIB = 1 << 20, 1 << 30
ROOT = Path(__file__).parent
DRIFTED = str(ROOT / "data/drifted.snapshot")
SPEC = str(ROOT.parent / "examples/small-vm/oomconf.yaml")


def drifted(*changes: tuple[str, str]) -> Snapshot:
    text = Path(DRIFTED).read_text()
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return read(text)


def one(taken: Snapshot, name: str) -> Explanation:
    (found,) = explained(taken, name)
    return found


def setting(taken: Snapshot, name: str, field: str) -> oomconf.Explanation:  # type: ignore[name-defined]
    return next(row for row in one(taken, name).settings if row.field == field)  # type: ignore[return-value]
