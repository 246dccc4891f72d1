"""Drawn cases, played on a booted machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from draws import KINDS, Box, Case, cases
from machine import Machine, Shape

from oomconf.host.snapshot import collector

__all__ = ["Lived", "live"]

_PLAYER: Final = (Path(__file__).parent / "players/cases.py").read_text("utf-8")
_AT_ONCE: Final = 9
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """A case, and what came of it."""

    case: Case
    box: Box
    played: dict[str, Any]
    """What the player says (players/cases.py)."""


def live(shape: Shape, seed: int, count: int, folder: Path) -> list[Lived]:
    """Draw so many cases of each kind for a machine, and play them on one that is just booted; all that came of it is kept in a folder."""
    with shape.machine() as machine:
        machine.put({"/root/snapshot.sh": collector(), "/root/cases.py": _PLAYER})
        machine.run("systemctl stop containerd; dmesg -C")
        (said,) = _play(machine, [])
        # in steps, so that the same seed draws the same on a machine that has booted with a page more
        box = Box(total=said["total"], free=(said["free"] // (8 * _MIB) - 1) * 8 * _MIB)
        drawn = [case for row in zip(*(cases(kind, seed, count, box) for kind in KINDS), strict=True) for case in row]
        found: list[Lived] = []
        for at in range(0, len(drawn), _AT_ONCE):
            batch = drawn[at : at + _AT_ONCE]
            _, *played = _play(machine, batch)
            for case, one in zip(batch, played, strict=True):
                found.append(Lived(case=case, box=box, played=one))
                (folder / f"{case.seed}.json").write_text(json.dumps([asdict(case), asdict(box), one]))
        return found


def _play(machine: Machine, batch: Sequence[Case]) -> list[dict[str, Any]]:
    orders = "".join(json.dumps(case.order(script=not number)) + "\n" for number, case in enumerate(batch))
    done = machine.run("exec python3 /root/cases.py", stdin=orders.encode(), timeout=1200)
    return [json.loads(line) for line in done.out.splitlines()]
