"""Runs in the machine: print as JSON what is in force, by systemd, by the kernel's files and by the processes themselves.

In comes {"units": [...], "groups": [...], "sysctls": [...], "swaps": [...], "oomd": bool, "user": "" or a number} on the standard input:
with a number the units are those of that user's own manager.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path("/sys/fs/cgroup")
LIMITS = ("memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max", "memory.oom.group")
PROPERTIES = (
    "ControlGroup", "MemoryMin", "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax", "OOMPolicy", "OOMScoreAdjust", "Slice", "Restart",
    "ManagedOOMPreference", "ManagedOOMSwap", "ManagedOOMMemoryPressure", "ManagedOOMMemoryPressureLimit",
)  # fmt: skip


def text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace").rstrip("\n")
    except OSError:
        return None


def process(pid: str) -> dict[str, Any]:
    folder = Path("/proc") / pid
    environ = (text(folder / "environ") or "").split("\0")
    return {
        "adj": text(folder / "oom_score_adj"),
        "group": next((line[3:] for line in (text(folder / "cgroup") or "").splitlines() if line.startswith("0::")), None),
        "environ": dict(pair.split("=", 1) for pair in environ if "=" in pair),
    }


def group(path: str) -> dict[str, Any]:
    folder = ROOT / path.lstrip("/")
    if not folder.is_dir():
        return {}
    # what a process has made below the unit's own group belongs to the unit too
    pids = [pid for file in sorted(folder.rglob("cgroup.procs")) for pid in (text(file) or "").split()]
    return {
        "files": {name: text(folder / name) for name in LIMITS},
        "marks": sorted(name for name in os.listxattr(folder) if name.startswith("user.oomd")),
        "processes": {pid: process(pid) for pid in pids},
    }


def manager(user: str) -> list[str]:
    if not user:
        return ["systemctl"]
    return [
        "setpriv",
        f"--reuid={user}",
        f"--regid={user}",
        "--clear-groups",
        "env",
        f"XDG_RUNTIME_DIR=/run/user/{user}",
        "systemctl",
        "--user",
    ]


def shown(units: list[str], user: str) -> dict[str, dict[str, str]]:
    if not units:
        return {}
    said = subprocess.run(
        [*manager(user), "show", f"--property={','.join(PROPERTIES)}", "--", *units], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, dict[str, str]] = {}
    for name, block in zip(units, said.split("\n\n"), strict=True):
        found[name] = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    return found


def swaps() -> dict[str, list[str]]:
    return {row.split()[0]: row.split()[1:] for row in (text(Path("/proc/swaps")) or "").splitlines()[1:]}


def size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except OSError:
        return None


def oomctl() -> str:
    said = subprocess.run(["oomctl", "--no-pager"], capture_output=True, text=True, check=False)
    return said.stdout + said.stderr


def main() -> None:
    asked = json.load(sys.stdin)
    show = shown(asked["units"], asked["user"])
    groups = {one["ControlGroup"] for one in show.values() if one.get("ControlGroup")} | set(asked["groups"])
    seen = {
        "show": show,
        "groups": {path: group(path) for path in sorted(groups)},
        "sysctls": {key: text(Path("/proc/sys") / key.replace(".", "/")) for key in asked["sysctls"]},
        "swaps": swaps(),
        "sizes": {path: size(path) for path in asked["swaps"]},
        "oomd": oomctl() if asked["oomd"] else "",
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
