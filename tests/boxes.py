"""Machines and hosts made by hand, for the tests of simulate."""

from __future__ import annotations

from pathlib import Path

from oomconf.simulation import Machine, play
from oomconf.simulation.nouns import Group, Member, Part

MIB, GIB = 1 << 20, 1 << 30


def member(name: str, adj: int = 0, **more: object) -> Member:
    parts = more.pop("parts", (Part(name=name, oom_score_adj=adj),))
    return Member(name=name, parts=parts, **{"use": 100 * MIB, **more})  # type: ignore[arg-type]


def host(*members: Member, swap: int = 0, groups: tuple[Group, ...] = (), **more: object) -> Machine:
    return Machine(
        name="box",
        memory=1000 * MIB,
        memory_total=1000 * MIB,
        swap=swap,
        members=members,
        groups={group.name: group for group in groups},
        **more,  # type: ignore[arg-type]
    )


def told(found: Machine, scenario: str) -> list[str]:
    return [f"{step.kind}: {step.text}" for step in play(found, scenario).steps]


def fake(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = "MemTotal:       1024000 kB\nMemFree:         100000 kB\nMemAvailable:    200000 kB\nSwapTotal:       512000 kB\nSwapFree:        412000 kB\n"


def process(pid: int, name: str, rss: int, *, adj: int = 0, swap: int = 0, cgroup: str = "0::/", uid: int = 0) -> dict[str, str]:
    return {
        f"proc/{pid}/status": f"Name:\t{name}\nPid:\t{pid}\nPPid:\t1\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nVmRSS:\t{rss} kB\nVmPTE:\t0 kB\nVmSwap:\t{swap} kB\n",
        f"proc/{pid}/oom_score_adj": f"{adj}\n",
        f"proc/{pid}/cgroup": f"{cgroup}\n",
    }


def v2(path: str, **files: object) -> dict[str, str]:
    return {f"sys/fs/cgroup/{path}/memory.{name}": f"{value}\n" for name, value in files.items()}
