"""Readers of what is in force, one for every kind of cell that a ledger can have; a cell without a reader is an error."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from machine import Machine

from oomconf.ledger import Cell, Status
from oomconf.policy import Policy, Workload, size_of
from oomconf.quantity import INFINITY, Percent

__all__ = ["ELSEWHERE", "Fact", "Seen", "cells_of", "held", "look", "reader_of", "until_held", "wait_for"]

_INSIDE: Final = Path(__file__).with_name("seen_inside.py")
_SOON: Final = 120
ELSEWHERE: Final = frozenset({"docker", "compose", "quadlet", "kubernetes", "kubelet", "prometheus", "zabbix"})
"""Targets whose consumer is no part of the host: they are read back in tests of their own."""


class Fact(NamedTuple):
    """One reading: where, what is in force there, and what the policy says."""

    where: str
    found: object
    said: object

    @property
    def holds(self) -> bool:
        return self.found == self.said


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in force in a machine, and the policy that it is held against."""

    policy: Policy
    raw: dict[str, Any]

    def show(self, unit: str, name: str) -> str | None:
        """Give a property of a unit, as systemctl says it."""
        value: str | None = self.raw["show"][unit].get(name)
        return value

    def group(self, unit: str) -> dict[str, Any]:
        """Give the cgroup of a unit; empty if it has none."""
        found: dict[str, Any] = self.raw["groups"].get(self.show(unit, "ControlGroup") or "", {})
        return found

    def processes(self, unit: str) -> list[dict[str, Any]]:
        """Give the processes of a unit; of a unit without any an error, so that nothing is held of nobody."""
        found = list(self.group(unit).get("processes", {}).values())
        assert found, f"nothing of {unit} runs"
        return found

    def workload(self, cell: Cell) -> Workload:
        """Give the workload that a cell speaks of."""
        return next(workload for workload in self.policy.workloads if cell.identity in workload.placement.identities)


def look(
    machine: Machine,
    policy: Policy,
    units: Iterable[str],
    *,
    groups: Iterable[str] = (),
    oomd: bool = False,
    among: Iterable[str] | None = None,
    user: int | None = None,
) -> Seen:
    """Read what is in force of these units (of a user's manager where one is said) and cgroups, of the policy's swaps and its sysctls."""
    swaps = [swap.path for swap in policy.swaps]
    keys = sorted(policy.sysctls) if among is None else sorted(among)
    asked = {
        "units": list(units),
        "groups": list(groups),
        "sysctls": keys,
        "swaps": swaps,
        "oomd": oomd,
        "user": "" if user is None else str(user),
    }
    machine.put({"/root/seen_inside.py": _INSIDE.read_text("utf-8")})
    said = machine.run("python3 seen_inside.py", stdin=json.dumps(asked).encode())
    return Seen(policy, json.loads(said.out))


def wait_for(machine: Machine, condition: str) -> None:
    """Wait until a shell's condition holds in the machine."""
    machine.run(f"for turn in $(seq {_SOON * 5}); do if {condition}; then exit 0; fi; sleep 0.2; done; ps -e; exit 1", timeout=_SOON * 2)


# ── readers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

Reader = Callable[[Cell, Seen, str], Iterator[Fact]]
"""Takes a cell, what was seen, and the unit (or scope, or cgroup) in which the cell's object is there."""

_FILES: Final = {
    "memory_min": ("MemoryMin", "memory.min"),
    "memory_low": ("MemoryLow", "memory.low"),
    "memory_high": ("MemoryHigh", "memory.high"),
    "memory_max": ("MemoryMax", "memory.max"),
    "memory_swap_max": ("MemorySwapMax", "memory.swap.max"),
}
_WORDS: Final = {
    "restart": "Restart",
    "managed_oom_swap": "ManagedOOMSwap",
    "managed_oom_memory_pressure": "ManagedOOMMemoryPressure",
}
_HEAPS: Final = {
    "go": ("GOMEMLIMIT", re.compile(r"(\d+)MiB"), 1 << 20),
    "node": ("NODE_OPTIONS", re.compile(r".*--max-old-space-size=(\d+)"), 1 << 20),
}


def size(text: str | None) -> int | None:
    """Read an amount as systemctl or the kernel prints it; None for what is no amount."""
    if text in ("infinity", "max"):
        return int(INFINITY)
    return int(text) if text is not None and text.isdecimal() else None


def _memory(cell: Cell, seen: Seen, unit: str) -> Iterator[Fact]:
    name, file = _FILES[cell.field]
    said = int(cell.setting.value)
    yield Fact(f"systemctl show {unit} {name}", size(seen.show(unit, name)), said)
    yield Fact(f"{unit} {file}", size(seen.group(unit)["files"][file]), said)


def _slice(cell: Cell, seen: Seen, unit: str) -> Iterator[Fact]:
    yield Fact(f"systemctl show {unit} Slice", seen.show(unit, "Slice"), cell.setting.value)
    # a-b.slice lives in a.slice (systemd.slice(5))
    parts = cell.setting.value.removesuffix(".slice").split("-")
    folders = "".join(f"/{'-'.join(parts[: depth + 1])}.slice" for depth in range(len(parts)))
    for process in seen.processes(unit):
        below = re.sub(r"^/user\.slice/user-\d+\.slice/user@\d+\.service", "", process["group"])
        yield Fact(f"a process of {unit}: cgroup", below.startswith(f"{folders}/{unit}"), True)


def _score(cell: Cell, seen: Seen, unit: str) -> Iterator[Fact]:
    if cell.target == "systemd":
        yield Fact(f"systemctl show {unit} OOMScoreAdjust", int(seen.show(unit, "OOMScoreAdjust") or 0), cell.setting.value)
    for process in seen.processes(unit):
        yield Fact(f"a process of {unit}: oom_score_adj", int(process["adj"]), cell.setting.value)


def _oom_policy(cell: Cell, seen: Seen, unit: str) -> Iterator[Fact]:
    yield Fact(f"systemctl show {unit} OOMPolicy", seen.show(unit, "OOMPolicy"), cell.setting.value)
    yield Fact(f"{unit} memory.oom.group", seen.group(unit)["files"]["memory.oom.group"], str(int(cell.setting.value == "kill")))


def _word(cell: Cell, seen: Seen, unit: str) -> Iterator[Fact]:
    yield Fact(f"systemctl show {unit} {_WORDS[cell.field]}", seen.show(unit, _WORDS[cell.field]), cell.setting.value)


def _preference(cell: Cell, seen: Seen, unit: str) -> Iterator[Fact]:
    yield Fact(f"systemctl show {unit} ManagedOOMPreference", seen.show(unit, "ManagedOOMPreference"), cell.setting.value)
    marks = [] if cell.setting.value == "none" else [f"user.oomd_{cell.setting.value}"]
    yield Fact(f"{unit} extended attributes", seen.group(unit)["marks"], marks)


def _pressure_limit(cell: Cell, seen: Seen, unit: str) -> Iterator[Fact]:
    # systemd keeps a share of 2**32 - 1, rounded from permyriads (src/basic/percent-util.h: UINT32_SCALE_FROM_PERMYRIAD)
    said = (cell.setting.value.permyriad * (2**32 - 1) + 5_000) // 10_000
    yield Fact(f"systemctl show {unit} ManagedOOMMemoryPressureLimit", int(seen.show(unit, "ManagedOOMMemoryPressureLimit") or -1), said)


def _oomd(cell: Cell, seen: Seen, _: str) -> Iterator[Fact]:
    words = {
        "swap_used_limit": r"^\s*Swap Used Limit: (.+)$",
        "default_memory_pressure_limit": r"^\s*Default Memory Pressure Limit: (.+)$",
        "default_memory_pressure_duration": r"^\s*Default Memory Pressure Duration: (.+)$",
    }
    found = re.search(words[cell.field], seen.raw["oomd"], re.MULTILINE)
    assert found is not None, seen.raw["oomd"]
    value = cell.setting.value
    if isinstance(value, Percent):
        yield Fact(f"oomctl {cell.field}", round(float(found[1].removesuffix("%")) * 100), value.permyriad)
    else:
        yield Fact(f"oomctl {cell.field}", seconds(found[1]), value)


def seconds(text: str) -> int:
    """Read a time span as systemd prints it."""
    units = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(s|min|h|d)\b", text))


def _heap(cell: Cell, seen: Seen, unit: str) -> Iterator[Fact]:
    """The heap that the environment of each process says: the share of the service's limit, in the variable's own unit."""
    kind = cell.field.removeprefix("runtime.")
    limit = size_of(seen.workload(cell).memory_max)
    for process in seen.processes(unit):
        if kind == "python":
            yield Fact(
                f"a process of {unit}: MALLOC_ARENA_MAX",
                int(process["environ"]["MALLOC_ARENA_MAX"]),
                seen.workload(cell).runtimes[0].arenas,
            )
            continue
        name, pattern, step = _HEAPS[kind]
        said = cell.setting.value
        heap = said.of(limit or 0, 1) if isinstance(said, Percent) else said
        found = pattern.fullmatch(process["environ"].get(name, ""))
        yield Fact(f"a process of {unit}: {name}", None if found is None else int(found[1]), heap // step)


def _sysctl(cell: Cell, seen: Seen, _: str) -> Iterator[Fact]:
    found = seen.raw["sysctls"][cell.field]
    yield Fact(f"/proc/sys {cell.field}", None if found is None else found.split(), cell.setting.value.split())


def _swap_size(cell: Cell, seen: Seen, _: str) -> Iterator[Fact]:
    page = 4096
    said = int(cell.setting.value)
    yield Fact(f"bytes of {cell.identity}", seen.raw["sizes"][cell.identity], said)
    row = seen.raw["swaps"].get(cell.identity)
    yield Fact(f"/proc/swaps {cell.identity}", None if row is None else int(row[1]) * 1024, said // page * page - page)


def _swap_priority(cell: Cell, seen: Seen, _: str) -> Iterator[Fact]:
    row = seen.raw["swaps"].get(cell.identity)
    yield Fact(f"/proc/swaps {cell.identity}: priority", None if row is None else int(row[3]), cell.setting.value)


def _file(cell: Cell, seen: Seen, group: str) -> Iterator[Fact]:
    file = _FILES[cell.field][1]
    yield Fact(f"{group} {file}", size(seen.raw["groups"][group]["files"][file]), int(cell.setting.value))


def _group_kill(cell: Cell, seen: Seen, group: str) -> Iterator[Fact]:
    yield Fact(f"{group} memory.oom.group", seen.raw["groups"][group]["files"]["memory.oom.group"], str(int(cell.setting.value == "kill")))


def _leaf_score(cell: Cell, seen: Seen, group: str) -> Iterator[Fact]:
    processes = list(seen.raw["groups"][group]["processes"].values())
    assert processes, f"nothing runs in {group}"
    for process in processes:
        yield Fact(f"a process in {group}: oom_score_adj", int(process["adj"]), cell.setting.value)


_UNIT: Final[dict[str, Reader]] = {
    **dict.fromkeys(_FILES, _memory),
    **dict.fromkeys(_WORDS, _word),
    "slice": _slice,
    "oom_score_adj": _score,
    "oom_policy": _oom_policy,
    "managed_oom_preference": _preference,
    "managed_oom_memory_pressure_limit": _pressure_limit,
    "runtime.go": _heap,
    "runtime.node": _heap,
    "runtime.python": _heap,
}
_READERS: Final[dict[str, dict[str, Reader]]] = {
    "systemd": {
        **_UNIT,
        **dict.fromkeys(("swap_used_limit", "default_memory_pressure_limit", "default_memory_pressure_duration"), _oomd),
    },
    "systemd-run": {
        key: reader for key, reader in _UNIT.items() if key not in ("restart", "managed_oom_swap", "managed_oom_memory_pressure")
    },
    "oom-score-adj": {"oom_score_adj": _score},
    "swap": {"size": _swap_size, "priority": _swap_priority},
    "cgroup": {**dict.fromkeys(_FILES, _file), "oom_policy": _group_kill, "oom_score_adj": _leaf_score},
}


def reader_of(cell: Cell) -> Reader:
    """Give the reader of a cell; AssertionError where nobody would look whether it holds."""
    if cell.target == "sysctl":
        return _sysctl
    found = _READERS.get(cell.target, {}).get(cell.field)
    assert found is not None, f"nobody reads {cell.field} of {cell.target} back: {cell.object}"
    return found


def cells_of(cells: Iterable[Cell], target: str) -> list[Cell]:
    """Give the cells of a target that speak of the host itself, not of its containers."""
    return [
        cell
        for cell in cells
        if cell.target == target and not cell.identity.startswith("docker:") and not cell.identity.endswith(".container")
    ]


def held(cells: Iterable[Cell], seen: Seen, where: Callable[[Cell], str] = lambda cell: cell.identity) -> int:
    """Hold exact cells to what is in force; count the readings. AssertionError names every one that differs."""
    count, wrong = _compared(cells, seen, where)
    assert not wrong, "\n".join(wrong)
    return count


def until_held(
    cells: Iterable[Cell], looking: Callable[[], Seen], where: Callable[[Cell], str] = lambda cell: cell.identity
) -> tuple[int, Seen]:
    """Look again until exact cells hold: systemd writes cgroups after it has answered. Give the readings and what was seen last."""
    cells = list(cells)
    deadline = time.monotonic() + _SOON
    while True:
        seen = looking()
        count, wrong = _compared(cells, seen, where)
        if not wrong:
            return count, seen
        assert time.monotonic() < deadline, "\n".join(wrong)
        time.sleep(0.2)


def _compared(cells: Iterable[Cell], seen: Seen, where: Callable[[Cell], str]) -> tuple[int, list[str]]:
    count = 0
    wrong: list[str] = []
    for cell in cells:
        assert cell.status is Status.EXACT, cell
        facts = list(reader_of(cell)(cell, seen, where(cell)))
        assert facts, f"no reading of {cell.object} {cell.field}"
        count += len(facts)
        wrong += [f"{cell.target} {cell.object} {cell.field}: {one.where} is {one.found}, not {one.said}" for one in facts if not one.holds]
    return count, wrong
