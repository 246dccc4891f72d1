"""What the manager and the engines printed about units and containers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from oomconf.snapshot.nouns import ContainerState, UnitState

__all__ = ["containers", "units"]


def units(lines: Iterable[str]) -> dict[str, UnitState]:
    """Read what `systemctl show` printed of several units: blocks of KEY=VALUE with an empty line between them."""
    found: dict[str, UnitState] = {}
    block: dict[str, str] = {}
    for line in (*lines, ""):
        key, equals, value = line.partition("=")
        if equals:
            block[key] = value
        elif not line:
            if name := block.get("Id"):
                found[name] = UnitState(name=name, properties=block)
            block = {}
    return found


def containers(engine: str, lines: Iterable[str]) -> Iterator[ContainerState]:
    """Read a line of JSON for each container; one that cannot be read is left out."""
    for line in lines:
        try:
            row = json.loads(line) if line.startswith("{") else None
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and isinstance(row.get("Id"), str):
            yield _container(engine, row)


def _container(engine: str, row: dict[str, object]) -> ContainerState:
    def text(key: str) -> str:
        value = row.get(key)
        return value if isinstance(value, str) else ""

    def number(key: str) -> int:
        value = row.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    return ContainerState(
        engine=engine,
        id=text("Id"),
        name=text("Name").removeprefix("/"),
        image=text("Image"),
        running=row.get("Running") is True,
        pid=number("Pid"),
        oom_killed=row.get("OOMKilled") is True,
        exit_code=number("ExitCode"),
        restarts=number("RestartCount"),
        memory=number("Memory"),
        memory_swap=number("MemorySwap"),
        memory_reservation=number("MemoryReservation"),
        oom_score_adj=number("OomScoreAdj"),
        restart=text("Restart"),
        compose_service=text("Service"),
        compose_project=text("Project"),
    )
