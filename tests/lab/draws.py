"""Machines drawn by seed, to run out of memory: processes of sizes and scores, cgroups with limits, swap, and who grows."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from oomconf.quantity import INFINITY
from oomconf.simulation import Machine, play
from oomconf.simulation.nouns import Group, Member, Part, Run
from oomconf.snapshot.form import CGROUP_FILES, FILES, HEAD, STATUS, TAIL

__all__ = ["KINDS", "Box", "Case", "Hog", "cases", "margin", "nearest"]

MIB: Final = 1 << 20
KINDS: Final = {
    "global": "victims and order as simulated, the machine runs out, no swap",
    "global-swap": "victims and order as simulated, the machine and its swap run out",
    "own": "victims and order as simulated, a cgroup at its limit",
    "parent": "victims and order as simulated, a cgroup above others at its limit",
    "group": "victims and order as simulated, memory.oom.group",
    "allocating": "victims as simulated or who asked first, vm.oom_kill_allocating_task",
}
_OVERHEAD: Final = 900 << 10
"""What a hog holds beyond what it is told to: its program, its stack, its page tables."""
_MOST_KILLS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """The machine that cases are drawn for, as it is when nothing of them runs; bytes."""

    total: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hog:
    """A drawn process."""

    name: str
    size: int
    adj: int
    cgroup: str
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A drawn machine, and which of its processes grows."""

    seed: str
    kind: str
    swap: int
    sysctls: dict[str, str]
    cgroups: dict[str, dict[str, str]]
    """By path below /sys/fs/cgroup, parents first."""
    hogs: tuple[Hog, ...]
    grower: int
    rate: int

    def order(self, *, script: bool) -> dict[str, Any]:
        """Write it for the machine's player (players/cases.py); with `script` it is captured by the project's own."""
        return {
            "swap": self.swap,
            "sysctls": {f"/proc/sys/{name.replace('.', '/')}": value for name, value in self.sysctls.items()},
            "cgroups": list(self.cgroups.items()),
            "hogs": [
                {"name": one.name, "size": one.size, "adj": one.adj, "cgroup": one.cgroup, "shared": one.shared, "rate": self.rate}
                for one in self.hogs
            ],
            "grower": self.grower,
            "seconds": 60,
            "script": script,
            "captured": {"head": HEAD, "tail": TAIL, "files": FILES, "status": STATUS, "cgroup_files": CGROUP_FILES},
        }

    def limit(self, path: str, name: str) -> int:
        said = self.cgroups[path].get(name, "max")
        return INFINITY if said == "max" else int(said)

    def service(self, cgroup: str) -> str:
        """Name what runs in a cgroup in a spec."""
        return cgroup.replace("/", "-").replace(".", "-")

    def top(self, cgroup: str) -> str:
        """Name the cgroup below the root that holds one."""
        return cgroup.partition("/")[0].removesuffix(".slice")

    def spec(self, box: Box) -> str | None:
        """Write it as a spec of services, as JSON, which is YAML; None where a cgroup above services dies as one, or its parts as none."""
        tops = {self.top(path): files for path, files in self.cgroups.items() if any(o.startswith(f"{path}/") for o in self.cgroups)}
        if any(files.get("memory.oom.group") for files in tops.values()):
            return None
        services: dict[str, Any] = {}
        for path in dict.fromkeys(hog.cgroup for hog in self.hogs):
            files = self.cgroups[path]
            said: dict[str, Any] = {
                "systemd": {"unit": f"{self.service(path)}.service"},
                "oom_policy": "kill" if files.get("memory.oom.group") else "continue",
                "memory": _memory(files, self.swap),
                # systemd ends a service with its main process, which nobody does here
                "processes": [{"name": "main", "count": 1, "memory": 4096, "oom_score_adj": -1000}]
                + [
                    {"name": hog.name, "count": 1, "memory": hog.size + _OVERHEAD, "oom_score_adj": hog.adj}
                    for hog in self.hogs
                    if hog.cgroup == path
                ],
            }
            if "/" in path:
                said["slice"] = f"{self.top(path)}.slice"
            services[self.service(path)] = said
        host: dict[str, Any] = {"memtotal": box.total, "reserved": box.total - box.free}
        if self.swap:
            host["swap"] = [{"file": "/swapfile", "size": self.swap}]
        if self.sysctls:
            host["sysctl"] = {"set": self.sysctls}
        slices = {f"{top}.slice": {"memory": _memory(files, self.swap)} for top, files in tops.items()}
        return json.dumps({"version": 1, "hosts": {"lab": host}, "slices": slices, "services": services})

    def machine(self, box: Box) -> Machine:
        """What it is to `simulate`, made by hand: services are the cgroups that hold processes, named as `told` names them."""
        limited = {
            told(path): Group(
                name=told(path),
                max=self.limit(path, "memory.max"),
                swap_max=self.limit(path, "memory.swap.max"),
                oom_group=files.get("memory.oom.group") == "1",
            )
            for path, files in self.cgroups.items()
            if files
        }
        members = []
        for path in dict.fromkeys(hog.cgroup for hog in self.hogs):
            own = limited.get(told(path))
            hogs = [hog for hog in self.hogs if hog.cgroup == path]
            parts = tuple(Part(name=hog.name, oom_score_adj=hog.adj, count=1, size=hog.size + _OVERHEAD) for hog in hogs)
            members.append(
                Member(
                    name=told(path),
                    parts=parts,
                    use=sum(part.size or 0 for part in parts),
                    max=INFINITY if own is None else own.max,
                    swap_max=INFINITY if own is None else own.swap_max,
                    groups=tuple(told(up) for up in _above(path) if told(up) in limited),
                    oom_policy="kill" if own is not None and own.oom_group else "continue",
                    keeper="unknown",
                )
            )
        return Machine(
            name="box",
            memory=box.free,
            memory_total=box.total,
            swap=self.swap,
            members=tuple(members),
            groups=limited,
            allocating_task=self.sysctls.get("vm.oom_kill_allocating_task") == "1",
            swappiness=int(self.sysctls.get("vm.swappiness", "60")),
        )


def _memory(files: Mapping[str, str], swap: int) -> dict[str, int]:
    """Write a cgroup's limits as a spec does, which wants to be told of all the swap too."""
    told = {key: int(files[name]) for key, name in (("max", "memory.max"), ("swap_max", "memory.swap.max")) if name in files}
    return {"swap_max": swap, **told} if swap and told else told


def told(path: str) -> str:
    """Name a cgroup in a scenario, where a slash stands before a process."""
    return path.replace("/", ":")


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def cases(kind: str, seed: int, count: int, box: Box) -> Iterator[Case]:
    """Draw so many of a kind; one that hangs on less than the margin, ends in a panic or kills too many is drawn again."""
    for number in range(count):
        rng = random.Random(f"{kind}-{seed}-{number}")
        for attempt in range(2000):
            case = _draw(rng, kind, f"{kind}-{seed}-{number}.{attempt}", box)
            if case is not None:
                yield case
                break
        else:
            raise AssertionError(f"nothing of the kind {kind} can be drawn for {box}")


def margin(size: int, *, whole: bool) -> int:
    """Bytes of badness that nothing is decided by: how much the killer lets grow before it is asked is not known better.

    Of a whole machine its caches give more, or less, than MemAvailable says (on 6.12 some 16 MiB of 387 more); a cgroup's limit is met exactly,
    but for its page tables and programs that are charged elsewhere.
    """
    return 3 * MIB + size * 4 // 100 if whole else 2 * MIB + size // 100


def nearest(run: Run, size: int, *, whole: bool) -> list[int]:
    """For each kill how much the second lags behind the first, in margins of what has run out, in thousandths."""
    found = []
    for step in run.steps:
        if step.kind == "kill":
            weights = [row[3] for row in step.ranking]
            lag = weights[0] - weights[1] if len(weights) > 1 else INFINITY
            found.append(lag * 1000 // margin(size, whole=whole))
    return found


def _score(rng: random.Random) -> int:
    kind = rng.random()
    if kind < 0.3:
        return 0
    if kind < 0.6:
        return rng.randint(-150, 150)
    if kind < 0.92:
        return rng.randint(-999, 1000)
    return rng.choice((-1000, -999, 1000, 999, 1, -1))


def _shares(rng: random.Random, total: int, count: int) -> list[int]:
    """Split a size into whole MiB, unevenly, one at least each."""
    parts = [rng.paretovariate(1.2) for _ in range(count)]
    return [max(1, int(total / MIB * part / sum(parts))) * MIB for part in parts]


_Groups = dict[str, dict[str, str]]


def _draw(rng: random.Random, kind: str, seed: str, box: Box) -> Case | None:
    where = rng.choice(("global", "own", "parent")) if kind in ("group", "allocating") else kind
    if kind == "allocating" and rng.random() < 0.7:
        where = "global"
    swap = 0
    if kind == "global-swap" or (kind != "global" and rng.random() < 0.5):
        swap = rng.randint(16, 48) * MIB
    sysctls = {"vm.oom_kill_allocating_task": "1"} if kind == "allocating" else {}
    if swap and where in ("own", "parent") and rng.random() < 0.15:
        sysctls["vm.swappiness"] = "0"
    cgroups: _Groups = {}
    if where.startswith("global"):
        hogs, grows = _everywhere(rng, cgroups, box.free + swap)
    else:
        hogs, grows = _within(rng, cgroups, where, box.free, swap, swaps="vm.swappiness" not in sysctls)
    used = {hog.cgroup for hog in hogs}
    for path in [path for path in cgroups if path not in used and not any(other.startswith(f"{path}/") for other in used)]:
        del cgroups[path]
    chance = 0.6 if kind == "group" else 0.1
    for files in cgroups.values():
        if rng.random() < chance:
            files["memory.oom.group"] = "1"
    if not 2 <= len(hogs) <= 12 or hogs[grows].adj == -1000:
        return None
    home = hogs[grows].cgroup
    if kind == "group" and not any("memory.oom.group" in cgroups[path] for path in (home, *_above(home))):
        cgroups[home]["memory.oom.group"] = "1"
    case = Case(seed=seed, kind=kind, swap=swap, sysctls=sysctls, cgroups=cgroups, hogs=tuple(hogs), grower=grows, rate=100)
    return case if _clear(case, box, where) else None


def _everywhere(rng: random.Random, cgroups: _Groups, room: int) -> tuple[list[Hog], int]:
    """Processes that nearly fill the machine, and which of them grows; some cgroups have limits that they are far from."""
    count = rng.randint(2, 12)
    places = [_place(rng, cgroups, f"g{index}") for index in range(rng.randint(1, count))]
    sizes = _shares(rng, room - rng.randint(6, 24) * MIB - count * _OVERHEAD, count)
    hogs = [
        Hog(name=f"p{index}", size=size, adj=_score(rng), cgroup=rng.choice(places), shared=rng.random() < 0.1)
        for index, size in enumerate(sizes)
    ]
    grows = rng.randrange(count)
    for path, files in cgroups.items():
        held = sum(hog.size + _OVERHEAD for hog in hogs if hog.cgroup == path)
        if hogs[grows].cgroup != path and held and rng.random() < 0.3:
            files["memory.max"] = str(held + rng.randint(16, 64) * MIB)
    return hogs, grows


def _within(rng: random.Random, cgroups: _Groups, where: str, free: int, swap: int, *, swaps: bool) -> tuple[list[Hog], int]:
    """Processes that nearly fill a cgroup, or one above theirs, others that the kernel is not to touch, and which of the first grows."""
    inside = rng.randint(1 if where == "own" else 2, 8)
    outside = rng.randint(0 if inside > 1 else 1, 4)
    room = rng.randint(40, 100) * MIB
    top = rng.choice(("in.service", "in")) if where == "own" else rng.choice(("lab.slice", "lab"))
    cgroups[top] = {"memory.max": str(room)}
    places = [top] if where == "own" else [_place(rng, cgroups, f"{top}/c{index}") for index in range(rng.randint(2, min(4, inside)))]
    if swap:
        swap_max = rng.choice((swap, 0, rng.randint(8, 24) * MIB))
        if swap_max < swap or rng.random() < 0.5:
            cgroups[top]["memory.swap.max"] = str(swap_max)
        room += min(swap, swap_max) if swaps else 0
    sizes = _shares(rng, room - min(rng.randint(6, 24) * MIB, room // 3) - inside * _OVERHEAD, inside)
    hogs = [Hog(name=f"p{index}", size=size, adj=_score(rng), cgroup=rng.choice(places)) for index, size in enumerate(sizes)]
    grows = rng.randrange(inside)
    rest = free - room - 24 * MIB
    if rest < outside * 4 * MIB:
        return [], 0
    others = [_place(rng, cgroups, f"o{index}") for index in range(outside)]
    sizes = _shares(rng, rng.randint(4 * outside, rest // MIB) * MIB, outside)
    hogs += [
        Hog(name=f"q{index}", size=size, adj=rng.choice((0, 500, 1000)), cgroup=place)
        for index, (size, place) in enumerate(zip(sizes, others, strict=True))
    ]
    return hogs, grows


def _place(rng: random.Random, cgroups: _Groups, stem: str) -> str:
    path = f"{stem}.service" if rng.random() < 0.6 else stem
    cgroups[path] = {}
    return path


def _clear(case: Case, box: Box, where: str) -> bool:
    """Whether its order of kills hangs on no near tie: all of it is then to be as `simulate` says."""
    machine = case.machine(box)
    grower = case.hogs[case.grower]
    run = play(machine, f"leak:{told(grower.cgroup)}/{grower.name}")
    kills = [step for step in run.steps if step.kind == "kill"]
    if not kills or len(kills) > _MOST_KILLS or any(step.kind in ("panic", "stuck") for step in run.steps):
        return False
    # by the machine's own processes, which hold little at a score of 0 or below, the kernel is not to be tempted
    if where.startswith("global") and min(step.ranking[0][3] for step in kills) < 24 * MIB:
        return False
    wanted = "box" if where.startswith("global") else next(path for path in case.cgroups if "memory.max" in case.cgroups[path])
    if {step.domain for step in kills} != {wanted}:
        return False
    if machine.allocating_task and wanted == "box":
        return True
    last = kills[-1].ranking[0]
    if last[:2] != (told(grower.cgroup), grower.name) and not any(step.kind == "group_kill" for step in run.steps):
        return False
    whole = wanted == "box"
    return min(nearest(run, box.total if whole else case.limit(wanted, "memory.max"), whole=whole)) >= 1500
