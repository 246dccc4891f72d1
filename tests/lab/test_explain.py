"""explain on a booted machine: it says what systemctl, systemd-analyze and the kernel say, of every unit of the image and of drift by hand."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from machine import Machine, Shape
from record import Proven
from strewn import host

from oomconf.explanation.look import PROPERTIES
from oomconf.snapshot.form import FILE_LINES

ROOT = Path(__file__).parent.parent.parent
SIZES = ("memory_min", "memory_low", "memory_high", "memory_max", "memory_swap_max")
ASKED = (
    *PROPERTIES.values(),
    "Id",
    "LoadState",
    "ControlGroup",
    "FragmentPath",
    "DropInPaths",
    "EffectiveMemoryMax",
    "EffectiveMemoryHigh",
)
MIB = 1 << 20
PATIENT = "SYSTEMD_BUS_TIMEOUT=600"
MADE = {"gen": "generator", "early": "generator.early", "late": "generator.late"}
OWN = {
    "/etc/systemd/system-generators/strewn": ("#!/bin/sh\ncp -r /root/gen/. $1; cp -r /root/early/. $2; cp -r /root/late/. $3\n", 0o755),
    "/root/gen/ga.service": "[Service]\nExecStart=sleep 1\nMemoryMax=7M\n",
    "/root/gen/gb.service.d/50.conf": "[Service]\nMemoryMax=6M\n",
    "/root/early/gb.service": "[Service]\nExecStart=sleep 1\nMemoryHigh=5M\n",
    "/root/early/gc.service.d/10.conf": "[Service]\nMemoryHigh=4M\nMemoryLow=\n",
    "/root/late/gc.service": "[Service]\nExecStart=sleep 1\nMemoryHigh=3M\n",
    "/root/late/ga.service.d/50.conf": "[Service]\nMemoryMax=2M\n",
    "/etc/systemd/system.attached/at.service": "[Service]\nExecStart=sleep 1\nMemoryHigh=8M\n",
    "/run/systemd/system.attached/at.service.d/10.conf": "[Service]\nMemoryHigh=9M\nRestart=always\n",
    "/run/systemd/transient/at.service.d/20 b'c.conf": "[Service]\nMemoryMax=50%\n",
    "/etc/systemd/system/service.d/15-all.conf": "[Service]\nMemoryLow=1M\n",
    "/etc/systemd/system/live-web.slice": "[Slice]\nMemoryMax=96M\nMemoryLow=8M\n",
    "/etc/systemd/system/live.service": "[Service]\nExecStart=sleep infinity\nSlice=live-web.slice\nMemoryMax=128M\nOOMScoreAdjust=-7\n",
    "/etc/systemd/system/off.service": "",
    "/etc/systemd/system/to@.service": "[Service]\nExecStart=sleep 1\nSlice=to-%i.slice\n",
    "/etc/systemd/system/to@one.service.d/a.conf": "[Service]\nSlice=to\nOOMPolicy=kill\n",
    "/etc/systemd/system/de.service": "[Service]\nExecStart=sleep 1\nDelegate=memory\n",
}
UNITS = [
    *("ga.service", "gb.service", "gc.service", "at.service", "live.service", "live-web.slice", "live.slice", "off.service"),
    *("to@one.service", "de.service", "run1.service"),
]
SYSCTLS = {
    "/etc/sysctl.d/20-a.conf": "vm.swappiness = 31\n-vm.dirty_ratio=22\nvm/page-cluster=2\nvm.swappiness=\n",
    "/run/sysctl.d/20-a.conf": "vm.swappiness = 99\n",
    "/run/sysctl.d/30-b.conf": "vm.swappiness=010\nvm.vfs_cache_pressure=0x32\n",
    "/usr/local/lib/sysctl.d/99-zz.conf": "vm.vfs_cache_pressure=60\nvm.min_slab_r*=7\nnonsense\n",
    "/usr/lib/sysctl.d/10-c.conf": "vm.dirty_ratio=33\nkernel.panic=5\nvm.dirty_background_ratio=6\n",
}


def install(machine: Machine, folder: Path) -> None:
    shutil.copytree(ROOT / "oomconf", folder / "oomconf", ignore=shutil.ignore_patterns("__pycache__"))
    machine.put_tree(folder, "/root/lib")


def explained(machine: Machine, names: Iterable[str]) -> dict[str, Any]:
    """Ask explain on the machine itself; a manager that is too busy to answer in its time is asked again."""
    words = shlex.join(names)
    for _ in range(4):
        done = machine.run(f"cd /root/lib && python3 -m oomconf explain --format json -- {words}", timeout=900)
        told = {one["name"]: one for one in json.loads(done.out)["explained"]}
        if not any("systemd was not asked" in text for one in told.values() for text in one["unseen"]):
            return told
    raise AssertionError(f"systemd never answered: {told}")


def blocks(machine: Machine, names: Iterable[str]) -> dict[str, dict[str, str]]:
    text = machine.out(f"{PATIENT} systemctl show -p {','.join(ASKED)} -- {shlex.join(names)}", timeout=900)
    rows = [dict(line.split("=", 1) for line in block.split("\n") if "=" in line) for block in text.split("\n\n")]
    return {row["Id"]: row for row in rows if "Id" in row}


def every_unit(machine: Machine) -> list[str]:
    """All services and slices that have a file, templates by an instance; links are other names of these."""
    folders = " ".join(folder for folder in FILE_LINES[0].folders if not folder.startswith("/lib/"))
    found = machine.out(f"find {folders} -maxdepth 1 '(' -name '*.service' -o -name '*.slice' ')' -printf '%f\\t%l\\n' 2>/dev/null; true")
    rows = [line.split("\t") for line in found.split("\n") if line]
    return sorted({name.replace("@.", "@probe.") for name, link in rows if link in ("", "/dev/null")})


def loaded_units(machine: Machine) -> list[str]:
    lines = machine.out(
        f"{PATIENT} systemctl list-units --all --no-legend --no-pager --plain --type=service,slice,scope", timeout=900
    ).split("\n")
    return [words[0] for line in lines if (words := line.split()) and words[1] == "loaded"]


def catted(machine: Machine, names: Iterable[str]) -> dict[str, list[str]]:
    script = 'while read -r u; do echo "@@ $u"; SYSTEMD_BUS_TIMEOUT=600 systemctl cat --no-pager -- "$u" 2>/dev/null; echo; done'
    text = machine.run(script, stdin="".join(f"{name}\n" for name in names).encode(), timeout=900).out
    found: dict[str, list[str]] = {}
    for part in text.split("@@ ")[1:]:
        name, _, rest = part.partition("\n")
        found[name] = re.findall(r"^(?:(?<=\A)|(?<=\n\n))# (/.*\.(?:service|slice|scope|conf))$", rest, re.MULTILINE)
    return found


def merged(path: str) -> str:
    """A path where /lib is a link to /usr/lib."""
    return path.removeprefix("/usr") if path.startswith("/usr/lib/") else path


def words(field: str, value: Any) -> str:
    return "infinity" if value == "max" else str(value)


def real(field: str, row: dict[str, str]) -> str | None:
    text = row.get(PROPERTIES[field])
    if text is not None and field == "managed_oom_memory_pressure_limit":
        return f"{round(int(text) * 100 / (2**32 - 1), 2):g}%"
    return text


@pytest.fixture
def drifted(machine: Machine, tmp_path: Path) -> Machine:
    """A machine with units in every folder of the load path: UNITS, strewn ones, one changed by set-property, one made by systemd-run."""
    install(machine, tmp_path / "put")
    files, _ = host(Random(12), 12, silent=True)
    strewn = {f"/{path}": text for path, text in files.items() if "/service.d/" not in path}
    machine.put({**strewn, **OWN})
    machine.run(f"export {PATIENT}; systemctl daemon-reload; systemctl start live.service", timeout=900)
    machine.run(f"{PATIENT} systemctl set-property --runtime live.service MemoryHigh=64M", timeout=900)
    machine.run(f"{PATIENT} systemd-run --unit=run1 -p MemoryMax=33M -p OOMScoreAdjust=44 sleep infinity", timeout=900)
    return machine


@pytest.mark.first_on("trixie")
def test_every_unit_is_explained_as_systemd_has_it(drifted: Machine, shape: Shape, proven: Proven) -> None:
    machine = drifted
    counted = list(dict.fromkeys([*every_unit(machine), *UNITS]))
    names = list(dict.fromkeys([*counted, *loaded_units(machine)]))
    shown = blocks(machine, names)
    names = [name for name in names if shown.get(name, {}).get("LoadState") in ("loaded", "masked")]
    cats = catted(machine, names)
    told = explained(machine, names)
    ram = next(int(line.split()[1]) * 1024 for line in machine.read("/proc/meminfo").split("\n") if line.startswith("MemTotal"))
    wrong: list[Any] = []
    files = values = limits = 0
    for name in names:
        one, row = told[name], shown[name]
        counts = name in counted
        mine = [merged(path) for path in one["files"]]
        if row["LoadState"] == "masked":
            wrong += [(name, mine)] if mine else []
            continue
        if mine != [merged(path) for path in cats[name]]:
            wrong.append((name, mine, cats[name]))
        files += counts
        for field, found in one["settings"].items():
            expected = real(field, row)
            if expected is None:
                continue
            said = found["loaded"] if field == "oom_score_adj" and found["loaded"] is not None else found["value"]
            for value in (said, *([found["files"]] if found["files"] is not None else [])):
                if words(field, value) != expected:
                    wrong.append((name, field, value, expected, found))
            values += counts
        for field, key in (("memory_max", "EffectiveMemoryMax"), ("memory_high", "EffectiveMemoryHigh")):
            if row.get(key, "").isdecimal() or row.get(key) == "infinity":
                bound = one["settings"][field]["bound"]
                least = min(ram, ram if bound is None or bound["value"] == "max" else bound["value"])
                if least != min(ram, ram if row[key] == "infinity" else int(row[key])):
                    wrong.append((name, key, row[key], bound))
                limits += counts
    assert not wrong, "\n".join(str(one)[:600] for one in wrong[:30]) + f"\n{len(wrong)} in all"
    assert files > 100
    proven("explain: the files of every unit are those of systemctl cat, in its order", shape.title, files)
    proven("explain: the values of every unit are those of systemctl show", shape.title, values)
    if limits:
        proven("explain: the ancestor that limits a unit is the one of EffectiveMemoryMax and EffectiveMemoryHigh", shape.title, limits)


@pytest.mark.first_on("bookworm")
def test_drift_is_told_apart_by_whose_hand_it_was(drifted: Machine, shape: Shape, proven: Proven) -> None:
    machine = drifted
    pid = machine.out("systemctl show -p MainPID --value live.service")
    machine.run("docker run -d --name box --memory 64m --memory-swap 96m --oom-score-adj 300 lab sleep 1000", timeout=900)
    machine.run(f"choom -n 77 -p {pid}; echo 50M > /sys/fs/cgroup$(systemctl show -p ControlGroup --value live.service)/memory.max")
    machine.put({"/etc/systemd/system/live-web.slice": "[Slice]\n# more\nMemoryMax=80M\n"})
    told = explained(machine, ["live.service", "live-web.slice", "box", pid])
    live = told["live.service"]["settings"]
    assert live["memory_max"]["value"] == 50 * MIB
    assert live["memory_max"]["loaded"] == live["memory_max"]["files"] == 128 * MIB
    assert "another hand wrote it" in live["memory_max"]["notes"][0]
    assert (live["memory_high"]["value"], live["memory_high"]["lines"][0]["path"]) == (
        64 * MIB,
        "/run/systemd/system.control/live.service.d/50-MemoryHigh.conf",
    )
    assert live["oom_score_adj"]["value"] == 77
    assert f"[{pid}] runs with 77, not -7" in live["oom_score_adj"]["notes"][0]
    slice_ = told["live-web.slice"]
    assert "systemctl daemon-reload" in slice_["notes"][0]
    assert slice_["settings"]["memory_max"]["notes"][0] == "systemd has loaded 96M; its files now say 80M"
    box = told["box"]["settings"]
    cgroup = f"/sys/fs/cgroup{told['box']['cgroup']}"
    assert box["memory_max"]["value"] == int(machine.read(f"{cgroup}/memory.max")) == 64 * MIB
    assert box["memory_swap_max"]["value"] == int(machine.read(f"{cgroup}/memory.swap.max")) == 32 * MIB
    assert box["oom_score_adj"]["value"] == 300
    assert not any(row["notes"] for row in box.values())
    proven("explain: a value written by hand, a file not loaded yet, a score that was changed, a container's limits", shape.title, 4)


@pytest.mark.first_on("trixie")
def test_a_sysctl_has_the_value_that_systemd_wrote_and_the_line_it_came_from(
    machine: Machine, shape: Shape, proven: Proven, tmp_path: Path
) -> None:
    install(machine, tmp_path / "put")
    machine.put(SYSCTLS)
    machine.run("$(ls /lib/systemd/systemd-sysctl /usr/lib/systemd/systemd-sysctl | head -n 1); true")
    text = machine.out("SYSTEMD_COLORS=0 systemd-analyze cat-config --no-pager sysctl.d")
    order = [line.removeprefix("# ") for line in text.split("\n") if re.fullmatch(r"# /\S+/sysctl\.d/\S+\.conf", line)]
    lines = [line.strip() for line in text.split("\n") if line.strip() and line.strip()[0] not in "#;"]
    keys = {line.lstrip("-").partition("=")[0].strip().replace("/", ".") for line in lines if "=" in line}
    known = sorted(
        key for key in keys if "*" not in key and machine.run(f"test -e /proc/sys/{key.replace('.', '/')}", check=False).status == 0
    )
    assert len(known) > 6
    known.append("vm.min_slab_ratio")
    told = explained(machine, known)
    for key in known:
        one = told[key]
        assert [merged(path) for path in one["files"]] == [merged(path) for path in order], key
        (row,) = one["settings"].values()
        assert row["value"].split() == machine.read(f"/proc/sys/{key.replace('.', '/')}").split(), key
        assert row["notes"] == [], (key, row)
        assert row["lines"][0]["fate"] == "wins", key
    proven(
        "explain: sysctls have the value that systemd-sysctl wrote, from the order of systemd-analyze cat-config", shape.title, len(known)
    )
