"""A host made of files, recorded tools, and the spec that it fulfils, for the rendered checklist."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import oomconf
from oomconf.dialects._shell import word
from oomconf.ledger import Cell
from oomconf.quantity import INFINITY

SPEC = """\
version: 1
hosts:
  h:
    ram: 4G
    memtotal: 4194304K
    systemd: 252
    cgroup_version: 2
    docker: {version: "28", cgroup_driver: systemd}
    podman: {version: "5.4"}
    swap: [{file: /swapfile, size: 1M, priority: 5}]
    sysctl: {set: {vm.swappiness: 10, vm.lowmem_reserve_ratio: 256 256 32}}
slices:
  web.slice: {memory: {max: 1G}, managed_oom: {memory_pressure: kill, memory_pressure_limit: 60%}}
services:
  db:
    slice: web.slice
    protect: critical
    oom_policy: kill
    restart: always
    memory: {min: 32M, high: 128M, max: infinity, swap_max: 0}
    systemd: {unit: db.service}
  job: {memory: {max: 64M, swap_max: 0}, systemd: {unit: job@.service}}
  api:
    slice: web.slice
    protect: high
    memory: {low: 64M, max: 256M, swap_max: 64M}
    docker: {name: api, image: i}
  front: {memory: {max: 128M, swap_max: infinity}, compose: {file: compose.yaml, service: front}}
  pod: {protect: high, memory: {max: 96M, swap_max: 0}, quadlet: {unit: pod.container}}
  leaf: {protect: high, oom_policy: kill, memory: {max: 48M, swap_max: 0}, cgroup: {path: inner/leaf, delegated_by: deleg.service, command: [x]}}
  once: {memory: {max: 48M, swap_max: 0}, systemd: {unit: once.service, command: [/bin/once]}}
  mine: {memory: {max: 48M, swap_max: 0}, systemd: {unit: mine.service, user: true}}
"""
M = 1 << 20
TOOLS = {
    "id": "echo 0",
    "getconf": "echo 4096",
    "systemctl": r"""
verb=$1 asked=${2#--property=}
while [ $# -gt 1 ]; do shift; done
[ "$verb" = show ] || exec cat "$FAKE/instances"
[ -e "$FAKE/units/$1" ] || { echo LoadState=not-found; exit 0; }
tr , '\n' <<END | while read -r key; do grep "^$key=" "$FAKE/units/$1"; done
$asked
END
exit 0""",
    "docker": r"""
[ ! -e "$FAKE/no-engine" ] || exit 1
format='' label=''
for one; do case $one in *{{*) format=$one ;; label=*service=*) label=${one##*=} ;; esac; done
case $1 in
ps) [ -z "$label" ] || cat "$FAKE/compose/$label" 2>/dev/null ;;
inspect)
    while [ $# -gt 1 ]; do shift; done
    [ -e "$FAKE/containers/$1" ] || exit 1
    printf '%s\n' "$format" | sed -f "$FAKE/containers/$1" ;;
esac""",
    "systemd-run": r"""
printf '%s\n' "$@" >"$FAKE/systemd-run"
while [ "$1" != /bin/sh ]; do shift; done
exec "$@" """,
    "stress-ng": r"""
printf '%s\n' "$@" >"$FAKE/stress-ng"
cp -R "$FAKE/after/." "$OOMCONF_ROOT" """,
}


def lines(values: Mapping[str, object]) -> str:
    return "".join(f"{key}={value}\n" for key, value in values.items())


def unit(**said: object) -> str:
    return lines({"LoadState": "loaded", "ActiveState": "active", "NeedDaemonReload": "no", "MainPID": 0, **said})


def engine(name: str, pid: int, **said: object) -> dict[str, str]:
    values = {"Id": f"id{name}", "State.Running": "true", "State.Pid": pid, **said}
    script = "".join(f"s|{{{{\\.{key.replace('_', '.')}}}}}|{value}|\n" for key, value in values.items())
    script += "s|{{index .*}}|/srv/compose.yaml,/srv/compose.oomconf.yaml|\n"
    return {f"containers/{name}": script, f"containers/id{name}": script}


def group(path: str, pids: str = "", kills: int = 0, **said: object) -> dict[str, str]:
    found = {f"sys/fs/cgroup{path}/memory.{name.replace('_', '.')}": f"{value}\n" for name, value in said.items()}
    found[f"sys/fs/cgroup{path}/cgroup.procs"] = "".join(f"{pid}\n" for pid in pids.split())
    found[f"sys/fs/cgroup{path}/memory.events"] = f"low 0\noom {kills}\noom_kill {kills}\noom_group_kill 0\n"
    return found


def process(pid: int, score: int, cgroup: str = "/", comm: str = "x") -> dict[str, str]:
    return {f"proc/{pid}/oom_score_adj": f"{score}\n", f"proc/{pid}/comm": f"{comm}\n", f"proc/{pid}/cgroup": f"0::{cgroup}\n"}


API, FRONT = "/web.slice/docker-idapi.scope", "/system.slice/docker-idfront.scope"
ROOT = {
    "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
    "run/systemd/system/x": "",
    "proc/sys/kernel/random/boot_id": "0a-1\n",
    "proc/vmstat": "pgfault 1\noom_kill 3\n",
    "proc/meminfo": "MemTotal: 4194304 kB\nMemAvailable: 1048576 kB\n",
    "proc/swaps": "Filename Type Size Used Priority\n/swapfile file 1020 0 5\n",
    "proc/sys/vm/swappiness": "10\n",
    "proc/sys/vm/lowmem_reserve_ratio": "256\t256 32\n",
    "proc/self/cgroup": "0::/stress\n",
    "proc/self/oom_score_adj": "0\n",
    **group("/stress", max=512 * M),
    **group("/web.slice", min=32 * M, low=64 * M, max=1 << 30),
    **group("/web.slice/db.service", "11", min=32 * M, high=128 * M, max="max", swap_max=0, oom_group=1),
    **group("/system.slice/job@a.service", "61", max=64 * M, swap_max=0),
    **group("/other.slice/docker-idapi.scope", "21", low=64 * M, max=256 * M, swap_max=64 * M, oom_group=0),
    **group(API, "21", low=64 * M, max=256 * M, swap_max=64 * M, oom_group=0),
    **group(FRONT, "31", max=128 * M, swap_max="max"),
    **group("/system.slice/pod.service", "40", max=96 * M, swap_max=0),
    **group("/system.slice/pod.service/libpod-payload-1", "41"),
    **group("/system.slice/deleg.service/inner/leaf", "51", max=48 * M, swap_max=0, oom_group=1),
    **process(11, -900), **process(61, 0), **process(21, -500, f"{API}/init"), **process(31, 0, FRONT), **process(40, -1000, comm="conmon"),
    **process(41, -500), **process(51, -500),
}  # fmt: skip
UNITS = {
    "units/web.slice": unit(ControlGroup="/web.slice", ManagedOOMMemoryPressure="kill", ManagedOOMMemoryPressureLimit=2576980377),
    "units/db.service": unit(
        ControlGroup="/web.slice/db.service", MainPID=11, Slice="web.slice", OOMScoreAdjust=-900, OOMPolicy="kill", Restart="always",
        ManagedOOMPreference="omit", MemoryMin=32 * M, MemoryHigh=128 * M, MemoryMax="infinity", MemorySwapMax=0,
    ),
    "units/job@a.service": unit(ControlGroup="/system.slice/job@a.service", MainPID=61, MemoryMax=64 * M, MemorySwapMax=0),
    "units/pod.service": unit(
        ControlGroup="/system.slice/pod.service", MainPID=40, ManagedOOMPreference="avoid", MemoryMax=96 * M, MemorySwapMax=0,
        ExecStart="{ argv[]=podman run --oom-score-adj=-500 i ; }",
    ),
    "units/deleg.service": unit(ControlGroup="/system.slice/deleg.service"),
    "instances": "job@a.service loaded active running A job\n",
    "compose/front": "idfront\n",
}  # fmt: skip
UNITS |= engine(
    "api",
    21,
    HostConfig_Memory=256 * M,
    HostConfig_MemorySwap=320 * M,
    HostConfig_MemoryReservation=64 * M,
    HostConfig_OomScoreAdj=-500,
    HostConfig_CgroupParent="web.slice",
)
UNITS |= engine("front", 31, HostConfig_Memory=128 * M, HostConfig_MemorySwap=-1)


@cache
def script() -> str:
    """The checklist of the spec above."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "oomconf.yaml"
        path.write_text(SPEC)
        (Path(folder) / "compose.yaml").write_text("services: {front: {image: i}}\n")
        (artifact,) = oomconf.render(oomconf.load(path), target=["verify"]).artifacts
    return artifact.text


BELOW = "oomconf-verify: looks below /root (OOMCONF_ROOT)\n"


SHELLS = [one for one in (["sh"], ["dash"], ["busybox", "sh"]) if shutil.which(one[0])]
"""Shells that run the script."""


class Host:
    """A host of files below a folder, with the script on it."""

    def __init__(self, folder: Path, shell: list[str]) -> None:
        self.folder, self.shell = folder, shell
        for place, files in {"root": ROOT, "fake": UNITS}.items():
            for name, text in files.items():
                self.write(f"{place}/{name}", text)
        for name, text in TOOLS.items():
            self.write(f"bin/{name}", f"#!/bin/sh\n{text}\n").chmod(0o755)
        self.script = self.put("oomconf-verify", script())

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def put(self, name: str, text: str) -> Path:
        """Write a checklist that finds the recorded tools, though it sets its own PATH."""
        assert "\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n" in text
        return self.write(name, text.replace("\nPATH=/usr/local/sbin:/usr/local/bin:", f"\nPATH='{self.folder}/bin':"))

    def swap(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def change(self, name: str, old: str | None, new: str | None) -> None:
        """Replace a text in a file, or the whole of it if no old one is given; without a new one take it away."""
        if new is None:
            (self.folder / name).unlink()
        elif old is None:
            self.write(name, new)
        else:
            self.swap(name, old, new)

    def run(self, *words: str, by: str | None = None) -> tuple[int, str]:
        """Run it, called by a name if one is given."""
        done = subprocess.run(
            [*self.shell, by or str(self.script), *words],
            env={"PATH": "/usr/bin:/bin", "OOMCONF_ROOT": f"{self.folder}/root", "FAKE": f"{self.folder}/fake"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        said = (done.stdout + done.stderr).replace(str(self.folder), "")
        self.told_where = BELOW in said
        return done.returncode, said.replace(BELOW, "")


# ── what must be in it ───────────────────────────────────────────────────────────────────────────────────────────────────

FILES = {"memory_min": "min", "memory_low": "low", "memory_high": "high", "memory_max": "max", "memory_swap_max": "swap.max"}
KEYS = {
    "restart": "Restart",
    "oom_policy": "OOMPolicy",
    "managed_oom_preference": "ManagedOOMPreference",
    "managed_oom_swap": "ManagedOOMSwap",
}


def expected(cell: Cell, adj: str) -> str:
    """The row for an exact cell, by hand."""
    value, container = cell.setting.value, cell.target in ("docker", "compose")
    if cell.field in FILES:
        return f"    limit memory.{FILES[cell.field]} {'max' if value >= INFINITY else int(value)}"
    if cell.field == "oom_score_adj":
        return f"    {adj} {value}\n"
    if cell.field == "slice":
        return f"    in_slice {value}\n"
    if container or cell.target == "cgroup":
        return "    oom_group " if cell.field == "oom_policy" else f"    inspects HostConfig.RestartPolicy.Name {value}"
    return f"    shows {KEYS[cell.field]} {value}\n"


def rows_of(text: str, name: str) -> str:
    """The body of the function that is called for a name."""
    (call,) = [line.split() for line in text.splitlines() if line.startswith("    ") and word(name) in line.split() and "rows_" in line]
    return text.partition(f"\n{call[1]}() {{\n")[2].partition("\n}")[0] + "\n"
