"""The record of what booted machines have proven: claims, and how many facts of each held on which machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Proven"]

RESULTS: Final = Path(__file__).with_name("results.json")
COMMAND: Final = "pytest -m lab --update tests/lab, then pytest --update tests/test_house.py -k table"
_LEAST: Final = 0.9
"""A Debian that has been mended since has a unit more or less; what falls further than this is lost, not gone."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Hold the record to what a test has just proven, or rewrite it; the README's table is made of it (tests/test_house.py)."""

    update: bool

    def __call__(self, claim: str, machine: str, count: int, *, least: float = _LEAST) -> None:
        known: dict[str, dict[str, int]] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        if self.update:
            known.setdefault(claim, {})[machine] = count
            ordered = {name: dict(sorted(row.items())) for name, row in sorted(known.items())}
            RESULTS.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", "utf-8")
            return
        said = known.get(claim, {}).get(machine)
        hint = f"{RESULTS.name} says {said} for '{claim}' on {machine}, {count} held now: {COMMAND}"
        assert said is not None, hint
        assert count >= said * least, hint
