"""The table of cgroup v2 control files, held by the tree of the machine that runs the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oomconf.kernel.controls import CONTROLS
from oomconf.kernel.version import KernelVersion

DEFAULTS = [
    ("memory.min", "0"),
    ("memory.low", "0"),
    ("memory.high", "max"),
    ("memory.max", "max"),
    ("memory.swap.max", "max"),
    ("memory.swap.high", "max"),
    ("memory.zswap.max", "max"),
    ("memory.zswap.writeback", "1"),
    ("memory.oom.group", "0"),
]


@pytest.mark.parametrize(("name", "default"), DEFAULTS)
def test_a_new_group_is_neither_protected_nor_limited(name: str, default: str) -> None:
    assert CONTROLS[name].default == default
    assert CONTROLS[name].access == "rw"


SINCE = [
    ("memory.max", "4.5"),
    ("memory.min", "4.18"),
    ("memory.oom.group", "4.19"),
    ("memory.swap.high", "5.8"),
    ("cgroup.kill", "5.14"),
    ("memory.peak", "5.19"),
    ("memory.reclaim", "5.19"),
    ("memory.zswap.writeback", "6.8"),
]


@pytest.mark.parametrize(("name", "kernel"), SINCE)
def test_a_control_came_with_a_kernel(name: str, kernel: str) -> None:
    assert CONTROLS[name].since == KernelVersion.parse(kernel)


def test_every_row_is_whole() -> None:
    for name, control in CONTROLS.items():
        assert control.name == name
        assert re.fullmatch(r"(memory|cgroup)\.[a-z.]+(_[a-z]+)?", name)
        assert not control.note.endswith(".")
        assert control.access == "rw" or control.default is None, f"{name} is measured or only written"


def test_the_root_has_no_limits() -> None:
    on_root = {name for name, control in CONTROLS.items() if name.startswith("memory.") and control.on_root}
    assert on_root == {"memory.stat", "memory.numa_stat", "memory.reclaim", "memory.pressure", "memory.zswap.writeback"}


def tree() -> Path | None:
    mounts = [line.split(" ") for line in Path("/proc/self/mountinfo").read_text("utf-8").splitlines()]
    roots = [Path(fields[4]) for fields in mounts if "cgroup2" in fields[fields.index("-") :] and fields[3] == "/"]
    return roots[0] if roots else None


def test_the_root_of_this_machine_has_what_the_table_says() -> None:
    root = tree()
    if root is None:
        pytest.skip("no cgroup v2 is mounted here")
    if (root / "cgroup.type").exists():
        pytest.skip(f"{root} is not the root of the tree, only that of a namespace")
    files = {path.name: path for path in root.iterdir() if path.name in CONTROLS}
    assert "cgroup.procs" in files
    for name, path in files.items():
        control = CONTROLS[name]
        assert control.on_root, f"{name} is on the root"
        mode = path.stat().st_mode
        assert bool(mode & 0o444) == ("r" in control.access), f"{name} is read"
        assert bool(mode & 0o222) == ("w" in control.access) or name == "memory.peak", f"{name} is written"
