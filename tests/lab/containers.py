"""Containers in a booted machine: how they are made, what is seen of them, and the reader of every cell of the ledger about them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from machine import Machine, Shape

from oomconf.ledger import Cell, Status
from oomconf.placement import ComposeService, DockerContainer, QuadletUnit
from oomconf.policy import Policy, Runtime, Setting, Workload
from oomconf.quantity import INFINITY, Percent
from oomconf.runtimes._words import JAVA, NODE, split

__all__ = ["FACTS", "HOSTILE", "SLOW", "Seen", "engine", "held", "host", "images", "limit_of", "runtime_held", "together", "units"]

SLOW: Final = 600
"""Seconds that containers may take to start on a machine that is emulated on a busy one."""
M: Final = 1 << 20
HOSTILE: Final = r"""it's "quoted" $HOME ${PATH} $$ $(id) `id` 100% %n %%n back\slash \n \\ ;#&|<>*?[]{}~! a=b, é€ 'x' ""  end"""
FACTS: Final = {
    "bookworm": {"systemd": 252, "docker": "20.10", "podman": "4.3"},
    "trixie": {"systemd": 257, "docker": "26.1", "podman": "5.4"},
}
"""What a spec says of the two machines; a test holds them to it."""


def host(machine: Machine, shape: Shape) -> dict[str, Any]:
    """Give the host of a spec that is this machine."""
    said = FACTS[shape.image.suite]
    return {
        "ram": "1G",
        "memtotal": re.sub(r"^MemTotal: +(\d+) kB$", r"\1K", machine.out("grep ^MemTotal: /proc/meminfo")),
        "systemd": said["systemd"],
        "cgroup_version": 2,
        "docker": {"version": said["docker"], "cgroup_driver": "systemd"},
        "podman": {"version": said["podman"]},
    }


def images(machine: Machine, *names: str) -> None:
    """Make images of these names that sleep, also as the server of an example, and that have an environment of their own."""
    machine.put({"/root/image/bin/valkey-server": ("#!/bin/sh\nexec sleep 100000\n", 0o755)})
    change = "--change 'CMD [\"sleep\", \"100000\"]' --change 'ENV JAVA_TOOL_OPTIONS=-Dof=image'"
    pack = "cp -a /usr/local/lib/lab-image/. /root/image && tar -c -C /root/image ."
    more = "".join(f"\ndocker tag {names[0]} {name}" for name in names[1:])
    machine.run(f"set -e; {pack} | docker import {change} - {names[0]}{more}", timeout=SLOW)


def together(commands: str) -> str:
    """Make a shell command that runs what a loop over `$one` names side by side, and fails where one of them does."""
    return f'pids=; for one in {commands}; do $one & pids="$pids $!"; done; for pid in $pids; do wait $pid || exit 1; done'


# ── what is seen ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Seen:
    """A running container: what its manager says of it, its cgroup's files, and its first process."""

    said: Mapping[str, Any]
    """HostConfig of `docker inspect`, or the properties of `systemctl show`."""
    group: str
    files: Mapping[str, str]
    inner: Mapping[str, str]
    """The files of the cgroup that holds the process itself, where that is a deeper one."""
    score: int
    environ: Mapping[str, str]
    marks: frozenset[str]
    """systemd-oomd's marks: extended attributes of the cgroup."""


_LOOK: Final = r"""
import glob, json, os, subprocess, sys

def group(path):
    root = "/sys/fs/cgroup" + path
    names = ("memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max", "memory.oom.group")
    return {name: open(root + "/" + name).read().strip() for name in names}

def of(pid):
    return open(f"/proc/{pid}/cgroup").read().split("::", 1)[1].strip()

def seen(said, outer, pid):
    marks = [name for name in os.listxattr("/sys/fs/cgroup" + outer) if "oomd" in name]
    env = dict(one.partition("=")[::2] for one in open(f"/proc/{pid}/environ", errors="surrogateescape").read().split("\0")[:-1])
    score = int(open(f"/proc/{pid}/oom_score_adj").read())
    return [said, outer, group(outer), group(of(pid)), score, env, marks]

found = {}
kind, *names = sys.argv[1:]
if kind == "docker":
    for one in json.loads(subprocess.run(["docker", "inspect", *names], check=True, capture_output=True).stdout):
        pid = one["State"]["Pid"]
        found[one["Name"][1:]] = seen(one["HostConfig"] | {"Labels": one["Config"]["Labels"]}, of(pid), pid)
else:
    for name in names:
        keys = "ControlGroup,Slice,OOMPolicy,Restart,MemoryMin,MemoryLow,MemoryHigh,MemoryMax,MemorySwapMax,ManagedOOMPreference,ActiveState"
        shown = subprocess.run(["systemctl", "show", "-p", keys, name], check=True, capture_output=True, text=True).stdout
        said = dict(line.partition("=")[::2] for line in shown.splitlines())
        (procs,) = glob.glob(f"/sys/fs/cgroup{said['ControlGroup']}/libpod-payload-*/cgroup.procs")
        found[name] = seen(said, said["ControlGroup"], open(procs).read().split()[0])
print(json.dumps(found))
"""


def _look(machine: Machine, kind: str, names: Iterable[str]) -> dict[str, Seen]:
    machine.put({"/root/look.py": _LOOK})
    rows = json.loads(machine.out(["python3", "/root/look.py", kind, *names], timeout=SLOW))
    return {name: Seen(*row[:6], frozenset(row[6])) for name, row in rows.items()}


def engine(machine: Machine, *names: str) -> dict[str, Seen]:
    """See docker's running containers."""
    return _look(machine, "docker", names)


def units(machine: Machine, *names: str) -> dict[str, Seen]:
    """See the services that quadlet made."""
    return _look(machine, "unit", names)


# ── the readers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

Reader = Callable[[Any, Workload, Seen], bool]


def _text(value: int) -> str:
    return "max" if value == INFINITY else str(int(value))


def limit_of(workload: Workload) -> int:
    assert workload.memory_max is not None
    assert workload.memory_max.value is not None
    assert not isinstance(workload.memory_max.value, Percent)
    return int(workload.memory_max.value)


def _swap(value: int, workload: Workload, seen: Seen) -> bool:
    total = -1 if value == INFINITY else limit_of(workload) + value
    return bool(seen.said["MemorySwap"] == total and seen.files["memory.swap.max"] == _text(value))


_ENGINE: Final[Mapping[str, Reader]] = {
    "memory_max": lambda value, _, seen: seen.said["Memory"] == value and seen.files["memory.max"] == _text(value),
    "memory_swap_max": _swap,
    "memory_low": lambda value, _, seen: seen.said["MemoryReservation"] == value and seen.files["memory.low"] == _text(value),
    "oom_score_adj": lambda value, _, seen: seen.said["OomScoreAdj"] == value and seen.score == value,
    "slice": lambda value, _, seen: seen.said["CgroupParent"] == value and seen.group.split("/")[-2] == value,
    "restart": lambda value, _, seen: seen.said["RestartPolicy"]["Name"] == value,
    "oom_policy": lambda value, _, seen: value == "continue" and seen.files["memory.oom.group"] == "0",
}
_ENGINE_ELSE: Final[Mapping[tuple[str, Status], Reader]] = {
    ("memory_min", Status.IMPOSSIBLE): lambda _, __, seen: seen.files["memory.min"] == "0",
    ("memory_high", Status.IMPOSSIBLE): lambda _, __, seen: seen.files["memory.high"] == "max",
    ("memory_high", Status.APPROXIMATED): lambda value, _, seen: seen.files["memory.high"] == _text(value),
    ("memory_max", Status.APPROXIMATED): lambda _, __, seen: seen.said["Memory"] == 0 and seen.files["memory.max"] == "max",
    ("memory_swap_max", Status.IMPOSSIBLE): lambda _, __, seen: seen.said["MemorySwap"] == 0 and seen.files["memory.swap.max"] == "max",
    ("memory_swap_max", Status.APPROXIMATED): lambda value, workload, seen: value == 0 and _swap(value, workload, seen),
    ("oom_policy", Status.IMPOSSIBLE): lambda value, _, seen: value != "continue" and seen.files["memory.oom.group"] == "0",
    ("restart", Status.APPROXIMATED): lambda value, _, seen: seen.said["RestartPolicy"]["Name"] == "on-failure" != value,
    ("managed_oom_preference", Status.IMPOSSIBLE): lambda _, __, seen: not seen.marks,
}


def _of_unit(key: str, file: str) -> Reader:
    return lambda value, _, seen: (
        seen.said[key] == ("infinity" if value == INFINITY else str(int(value))) and seen.files[file] == _text(value)
    )


_UNIT: Final[Mapping[str, Reader]] = {
    "memory_min": _of_unit("MemoryMin", "memory.min"),
    "memory_low": _of_unit("MemoryLow", "memory.low"),
    "memory_high": _of_unit("MemoryHigh", "memory.high"),
    "memory_max": _of_unit("MemoryMax", "memory.max"),
    "memory_swap_max": _of_unit("MemorySwapMax", "memory.swap.max"),
    "oom_score_adj": lambda value, _, seen: seen.score == value,
    "slice": lambda value, _, seen: seen.said["Slice"] == value and seen.group.split("/")[-2] == value,
    "restart": lambda value, _, seen: seen.said["Restart"] == value,
    "oom_policy": lambda value, _, seen: (
        seen.said["OOMPolicy"] == value and seen.files["memory.oom.group"] == ("1" if value == "kill" else "0")
    ),
    "managed_oom_preference": lambda value, _, seen: (
        seen.said["ManagedOOMPreference"] == value and seen.marks == ({f"user.oomd_{value}"} if value != "none" else set())
    ),
}


def _heap(runtime: Runtime, workload: Workload) -> int:
    """The bytes that the policy says; its specs here always say them."""
    assert runtime.heap is not None
    assert runtime.heap.value is not None
    value = runtime.heap.value
    return value.of(limit_of(workload), 1) if isinstance(value, Percent) else value


def runtime_held(runtime: Runtime, workload: Workload, seen: Seen) -> bool:
    """Whether the process has the variables of a runtime, each number the policy's."""
    environ = seen.environ
    if runtime.arenas is not None:
        assert environ["MALLOC_ARENA_MAX"] == str(runtime.arenas)
    if runtime.kind == "go":
        said = re.fullmatch(r"(\d+)MiB", environ["GOMEMLIMIT"])
        return said is not None and int(said[1]) == _heap(runtime, workload) // M
    if runtime.kind == "dotnet":
        return int(environ["DOTNET_GCHeapHardLimit"], 16) == _heap(runtime, workload)
    if runtime.kind == "node":
        words, fault = split(environ["NODE_OPTIONS"], NODE)
        return (words, fault) == ((*runtime.options, f"--max-old-space-size={_heap(runtime, workload) // M}"), None)
    if runtime.kind == "jvm":
        words, fault = split(environ["JAVA_TOOL_OPTIONS"], JAVA)
        share = isinstance(runtime.heap and runtime.heap.value, Percent)
        if limit_of(workload) >= 256 * M and share:
            ours = re.fullmatch(r"-XX:MaxRAMPercentage=([\d.]+)", words[-1])
            number = ours is not None and Percent(round(float(ours[1]) * 100)).of(limit_of(workload), 1)
            return (number, words[:-1], fault) == (_heap(runtime, workload), runtime.options, None)
        # a share is floored to what the JVM rounds to, a size is said as it is
        step = 2 if share else 1
        heap = _heap(runtime, workload) // (step * M) * step
        mebibytes = re.fullmatch(r"-Xmx(\d+)m", words[-1])
        return (mebibytes and int(mebibytes[1]), words[:-1], fault) == (heap, runtime.options, None)
    return runtime.kind == "python"


def _reads(cell: Cell, workload: Workload, seen: Seen) -> bool:
    if cell.field.startswith("runtime."):
        (runtime,) = [one for one in workload.runtimes if f"runtime.{one.kind}" == cell.field]
        # what is approximated is only that a variable of the image is replaced: the readers see that it is
        return cell.status is not Status.IMPOSSIBLE and runtime_held(runtime, workload, seen)
    reader: Reader | None
    if cell.status is Status.EXACT:
        reader = (_UNIT if cell.target == "quadlet" else _ENGINE).get(cell.field)
    else:
        reader = None if cell.target == "quadlet" else _ENGINE_ELSE.get((cell.field, cell.status))
    assert reader is not None, f"no reader knows {cell.target} {cell.field} {cell.status}"
    return reader(cell.setting.value, workload, seen)


def _other(value: Any) -> Any:
    """Another value of the same kind, the nearest that the kernel tells apart."""
    if isinstance(value, str):
        return f"other-{value}"
    return 4096 if value == INFINITY else value + 4096


def held(ledger: Iterable[Cell], policy: Policy, target: str, found: Mapping[str, Seen], fields: Iterable[str] = ()) -> tuple[int, int]:
    """Hold every cell of a target, or of some fields, to what is seen; give how many are exact, and how many are not.

    A cell that no reader knows fails, and so does a reader that takes another value as well.
    """
    placed = {identity: one for one in policy.workloads for identity in one.placement.identities if one.placement.target == target}
    counts = {True: 0, False: 0}
    for cell in ledger:
        if cell.target != target or (fields and cell.field not in fields):
            continue
        workload = placed[cell.identity]
        place = workload.placement
        assert isinstance(place, DockerContainer | ComposeService | QuadletUnit)
        name = place.service if isinstance(place, ComposeService | QuadletUnit) else place.name
        seen = found[name]
        assert _reads(cell, workload, seen), f"{target} {cell.field} = {cell.setting.value} ({cell.status}): {seen}"
        if cell.status is Status.EXACT and not cell.field.startswith("runtime."):
            other = replace(cell, setting=Setting(_other(cell.setting.value)))
            assert not _reads(other, workload, seen), f"the reader of {target} {cell.field} takes {other.setting.value} as well"
        counts[cell.status is Status.EXACT] += 1
    return counts[True], counts[False]
