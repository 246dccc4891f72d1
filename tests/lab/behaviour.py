"""A policy in force on a booted machine: spec, render, units, and what became of them, beside what was predicted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from machine import BOOKWORM_SMALL, TRIXIE_SMALL, Machine, Shape

import oomconf
from oomconf.oomlog import OomEvent
from oomconf.policy import Policy, Workload
from oomconf.simulation import Run

__all__ = ["Stage", "pids", "small", "unit_of", "until"]

_PATIENCE: Final = 400
"""Seconds that a test waits for something that will be; none is asserted to take less."""
_UNIT: Final = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart={command}\n"


def until(machine: Machine, condition: str, *, patience: float = _PATIENCE) -> None:
    """Wait, in the machine, until a shell condition holds; what a machine short of memory takes is its own."""
    loop = f"end=$(($(date +%s) + {patience:.0f})); until {condition}; do [ $(date +%s) -lt $end ] || exit 1; sleep 0.2; done"
    done = machine.run(loop, check=False, timeout=patience + 60)
    if done.status:
        state = machine.run("systemctl --no-pager --failed; free -m; swapon --show; dmesg | tail -n 40", check=False)
        raise AssertionError(f"never came to be: {condition}\n{state.out}")


def unit_of(command: str, extra: str = "") -> str:
    """Write a base unit, as a package or an operator would: nothing of memory in it."""
    return _UNIT.format(command=command) + extra


@dataclass
class Stage:
    """One machine and the spec that holds for it; the host's facts are read from the machine."""

    machine: Machine
    systemd: str
    """Its version."""
    folder: Path
    render: Callable[..., Path]
    swap: int = 0
    """Bytes of swap that the machine has."""
    host: str = ""
    """More lines of the host in the spec."""
    memory_total: int = field(init=False)
    free: int = field(init=False)
    """What a service could fill when the stage was made."""

    def __post_init__(self) -> None:
        rows = dict(line.split(":") for line in self.machine.read("/proc/meminfo").splitlines())
        self.memory_total, self.free = (int(rows[name].split()[0]) << 10 for name in ("MemTotal", "MemAvailable"))

    def spec(self, text: str, *more: str) -> oomconf.Spec:
        """Load the services of a spec, on this machine; later texts win over earlier ones."""
        kernel = self.machine.out("uname -r").split("-")[0]
        head = (
            f"version: 1\nhosts:\n  lab:\n    memtotal: {self.memory_total >> 10}K\n    reserved: {(self.memory_total - self.free) >> 12 << 2}K\n"
            f'    kernel: "{kernel}"\n    systemd: {self.systemd}\n    cgroup_version: 2\n    swap: {self.swap >> 10}K\n{self.host}'
        )
        paths = []
        for part in (head, *(f"version: 1\n{one}" for one in (text, *more))):
            paths.append(self.folder / f"spec{len(list(self.folder.glob('spec*')))}.yaml")
            paths[-1].write_text(part)
        return oomconf.load(*paths)

    def install(self, spec: oomconf.Spec, *, without: Sequence[str] = ()) -> Path:
        """Render as the command line does, and copy the host's tree onto /, but for the paths `without`."""
        out = self.render(*spec.paths)
        root = out / "lab" / "root"
        for path in without:
            (root / path).unlink()
        if root.exists():
            self.machine.put_tree(root)
        return out / "lab"

    def policy(self, spec: oomconf.Spec) -> Policy:
        return next(policy for policy in oomconf.resolve(spec).policies if policy.name == "lab")

    def workload(self, spec: oomconf.Spec, name: str) -> Workload:
        return next(one for one in self.policy(spec).workloads if one.name == name)

    def predicted(self, spec: oomconf.Spec, scenario: str, use: Mapping[str, int] | None = None) -> Run:
        """Say what `oomconf simulate --scenario` does; sizes in MiB."""
        (found,) = oomconf.simulate(spec, scenario=[scenario], use={name: size << 20 for name, size in (use or {}).items()})
        return found.runs[0]

    # ── what the machine says ────────────────────────────────────────────────────────────────────────────────────────────

    def show(self, unit: str, *names: str) -> tuple[str, ...]:
        """Give properties of a unit as systemd has them."""
        rows = dict(
            line.split("=", 1) for line in self.machine.out(["systemctl", "show", unit, *(f"-p{one}" for one in names)]).splitlines()
        )
        return tuple(rows[name] for name in names)

    def units(self, which: Iterable[str], *names: str) -> dict[str, tuple[str, ...]]:
        """Give properties of units as systemd has them, in one call."""
        told = self.machine.out(["systemctl", "show", *which, "-pId", *(f"-p{one}" for one in names)])
        found: dict[str, tuple[str, ...]] = {}
        for block in told.split("\n\n"):
            rows = dict(line.split("=", 1) for line in block.splitlines())
            found[rows["Id"]] = tuple(rows[name] for name in names)
        return found

    def cgroup(self, path: str, *files: str) -> dict[str, int]:
        """Read one number of each file of a cgroup: its own, or `file:key`."""
        words = [
            f"cat memory.{name}" if ":" not in name else f"sed -n 's/^{name.split(':')[1]} //p' memory.{name.split(':')[0]}"
            for name in files
        ]
        told = self.machine.out(f"cd /sys/fs/cgroup/{path} && {{ {'; '.join(words)}; }}")
        return {name: oomconf.INFINITY if word == "max" else int(word) for name, word in zip(files, told.split(), strict=True)}

    def kills(self) -> list[OomEvent]:
        """Give the kills that the kernel's log tells of, since it was emptied."""
        return list(oomconf.read_log(self.machine.kernel_log().splitlines()))

    def wait(self, *, patience: float = _PATIENCE, **states: str) -> None:
        """Wait until units are in a state: `db="failed"`."""
        for name, state in states.items():
            until(self.machine, f'[ "$(systemctl show -P ActiveState {name})" = {state} ]', patience=patience)


def pids(stage: Stage, units: Iterable[str]) -> dict[str, dict[str, set[int]]]:
    """Give the processes of services by name: `{"db.service": {"db": {12}}}`; none of a service that has no cgroup."""
    script = """
import json, pathlib, sys
found = {}
for unit, path in zip(sys.argv[1::2], sys.argv[2::2]):
    names = {}
    try:
        for pid in pathlib.Path("/sys/fs/cgroup" + path, "cgroup.procs").read_text().split():
            names.setdefault(pathlib.Path("/proc", pid, "comm").read_text().strip(), []).append(int(pid))
    except OSError:
        pass
    found[unit] = names
print(json.dumps(found))
"""
    words = [word for unit, (path,) in stage.units(units, "ControlGroup").items() for word in (unit, path or "/none")]
    told = json.loads(stage.machine.out(["python3", "-c", script, *words]))
    return {unit: {name: set(found) for name, found in names.items()} for unit, names in told.items()}


def small() -> list[Shape]:
    """Give the machines that fill fastest."""
    return [BOOKWORM_SMALL, TRIXIE_SMALL]
