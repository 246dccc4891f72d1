"""The cgroup script: up, run, status and down, twice over, and what a failure in the middle leaves behind: nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from inforce import cells_of, held, look, wait_for
from installing import ROOT, Host, facts, steps
from machine import Done, Machine, Shape
from record import Proven

import oomconf
from oomconf.ledger import Cell, Status
from oomconf.policy import Policy

Render = Callable[..., Path]
_EXAMPLE: Final = ROOT / "examples/edge-without-systemd/oomconf.yaml"
_SCRIPT: Final = "/usr/local/sbin/oomconf-cgroup"
_GROUPS: Final = {"gateway": "/oomconf/gateway", "sync": "/oomconf/sync"}
_WITHOUT_SYSTEMD: Final = "mount -t tmpfs none /run/systemd"
"""What the script goes by; to it the machine is then one without systemd."""
_SNAPSHOT: Final = r"""
import json, os, sys
found = {}
for folder, folders, files in os.walk("/sys/fs/cgroup"):
    folders[:] = [one for one in folders if not one.endswith((".scope", ".service", ".slice"))]
    found[folder] = {}
    for name in files:
        if name in ("cgroup.subtree_control", "cgroup.procs") or name.startswith("memory.") and name.endswith((".max", ".high", ".min", ".low", ".group")):
            found[folder][name] = open(os.path.join(folder, name)).read()
found["/sys/fs/cgroup"].pop("cgroup.procs")
json.dump(found, sys.stdout)
"""


def tree(machine: Machine) -> dict[str, dict[str, str]]:
    """Every group outside systemd's units, and what is set in it, byte for byte."""
    found: dict[str, dict[str, str]] = json.loads(machine.run("python3 -", stdin=_SNAPSHOT.encode()).out)
    return found


def alone(machine: Machine, command: str, *, before: str = "true", shell: str = "") -> Done:
    """Run the script as on a machine without systemd; `before` makes what is to be in its way."""
    text = f"{_WITHOUT_SYSTEMD}\n{before}\n{shell} {_SCRIPT} {command}"
    return machine.run(["unshare", "--mount", "sh", "-c", text], check=False)


@pytest.fixture
def edge(machine: Machine, render: Render) -> tuple[Machine, Policy, list[Cell]]:
    """A machine with the example's files in place, and its programs."""
    spec = oomconf.load(_EXAMPLE)
    [policy] = oomconf.resolve(spec).policies
    machine.put_tree(render(_EXAMPLE) / "edge/root")
    program = ("#!/bin/sh\nexec sleep infinity\n", 0o755)
    machine.put({"/usr/bin/gateway": program, "/usr/bin/sync-agent": program})
    return machine, policy, list(oomconf.render(spec).ledger)


@pytest.mark.first_on("bookworm")
def test_up_run_status_and_down_twice_over_by_dash_and_by_busybox(
    edge: tuple[Machine, Policy, list[Cell]], shape: Shape, proven: Proven
) -> None:
    machine, policy, ledger = edge
    cells = cells_of(ledger, "cgroup")
    assert all(cell.status is Status.EXACT for cell in cells)
    before = tree(machine)

    # systemd's own tree is refused, and not touched
    for verb in ("up", "run gateway", "status", "down"):
        done = machine.run(f"{_SCRIPT} {verb}", check=False)
        assert (done.status, done.err) == (
            1,
            "oomconf-cgroup: systemd owns this cgroup tree: use a unit or systemd-run, or a unit with Delegate=yes\n",
        ), verb
    assert tree(machine) == before

    count = 0
    for shell in ("", "busybox sh"):
        assert alone(machine, "status", shell=shell).status == 1
        assert alone(machine, "up", shell=shell).status == 0
        first = tree(machine)
        assert alone(machine, "up", shell=shell).status == 0
        assert tree(machine) == first
        for name in _GROUPS:
            command = f"run {name} </dev/null >/dev/null 2>&1 &"
            assert alone(machine, f"{command}\n{shell} {_SCRIPT} {command}", shell=shell).status == 0
        wait_for(machine, "[ $(pgrep -xc sleep) = 4 ]")
        seen = look(machine, policy, (), groups=_GROUPS.values())
        count += held(cells, seen, lambda cell: _GROUPS[cell.object.removeprefix("services.")])
        assert [len(group["processes"]) for group in seen.raw["groups"].values()] == [2, 2]
        done = alone(machine, "status", shell=shell)
        assert (done.status, done.out.count("2 processes")) == (0, 2)
        done = alone(machine, "down", shell=shell)
        assert (done.status, done.err) == (1, "oomconf-cgroup: sync still runs: stop it, or say down --kill\n")
        for _ in range(2):
            assert alone(machine, "down --kill", shell=shell).status == 0
        assert set(tree(machine)) == set(before)
    # sysctls by the command of the file's own header, with procps and with busybox, and swap by its script
    applied = machine.out("sed -n 's/^# Applied at boot and by: //p' /etc/sysctl.d/90-oomconf.conf")
    other = [cell for target in ("sysctl", "swap") for cell in cells_of(ledger, target)]
    machine.run("oomconf-swap up")
    for tool in ("", "busybox "):
        machine.run("sysctl -w vm.swappiness=1 vm.panic_on_oom=1 vm.overcommit_memory=1 vm.oom_dump_tasks=0 vm.oom_kill_allocating_task=1")
        machine.run(tool + applied)
        count += held(other, look(machine, policy, ()))
    assert {cell.target for cell in [*cells, *other]} == {cell.target for cell in ledger}
    # the README's own lines
    assert machine.run(["unshare", "--mount", "sh", "-ec", f"{_WITHOUT_SYSTEMD}\n{steps()['cgroup']}"]).err == ""
    wait_for(machine, "pgrep -x sleep >/dev/null")
    assert alone(machine, "down --kill").status == 0
    proven(
        "edge-without-systemd, as if without it: exact cells of cgroup, sysctl and swap in force, by dash and by busybox",
        shape.title,
        count,
    )


@pytest.mark.deep
def test_a_failure_in_the_middle_puts_everything_back(edge: tuple[Machine, Policy, list[Cell]], shape: Shape, proven: Proven) -> None:
    machine, _, _ = edge
    # what somebody had there before: groups with values of their own
    machine.run(
        "cd /sys/fs/cgroup && mkdir oomconf && echo +memory >oomconf/cgroup.subtree_control && mkdir oomconf/sync && cd oomconf/sync"
        " && echo 123M >memory.high && echo 7M >memory.low && echo 99M >memory.swap.max"
    )
    before = tree(machine)
    sync = "/sys/fs/cgroup/oomconf/sync"
    readonly = f"mount --bind {sync}/{{0}} {sync}/{{0}} && mount -o remount,bind,ro {sync}/{{0}}"
    failures = 0
    for file, message in (
        ("memory.max", "the kernel refuses 201326592 in"),
        ("memory.swap.max", "the kernel refuses 134217728 in"),
        ("memory.oom.group", "the kernel refuses 1 in"),
        ("memory.high", "the kernel refuses 167772160 in"),
    ):
        done = alone(machine, "up", before=readonly.format(file))
        assert done.status == 1, done
        assert f"oomconf-cgroup: {message} {sync}/{file}" in done.err
        assert tree(machine) == before, file
        failures += 1
    # a file that this kernel lacks
    done = alone(machine, "up", before=f"mount --bind {sync} {sync} && mount -t tmpfs none {sync}")
    assert (done.status, f"{sync}/memory.swap.max does not exist: this kernel lacks it" in done.err) == (1, True), done
    assert tree(machine) == before
    # a value that reads back as another
    done = alone(machine, "up", before=f"echo 4096 >/tmp/other && mount --bind /dev/null {sync}/memory.max")
    assert (done.status, f"{sync}/memory.max reads , not 201326592" in done.err) == (1, True), done
    assert tree(machine) == before
    # a signal, while it waits for a file that never answers
    machine.run("mkfifo /tmp/never")
    waiting = f"mount --bind /tmp/never {sync}/memory.max"
    until = f"until pgrep -xf 'cat {sync}/memory.max'; do sleep 0.1; done; /bin/kill -TERM -- -$!; wait $!"
    done = machine.run(["unshare", "--mount", "sh", "-c", f"{_WITHOUT_SYSTEMD}\n{waiting}\nsetsid {_SCRIPT} up & {until}"], check=False)
    assert done.status == 130, done
    assert tree(machine) == before
    failures += 3

    # a parent that is busy cannot pass the controller on
    machine.run(f"rmdir {sync} && cd /sys/fs/cgroup/oomconf && echo -memory >cgroup.subtree_control")
    machine.run("sleep infinity >/dev/null 2>&1 </dev/null & echo $! >/sys/fs/cgroup/oomconf/cgroup.procs")
    busy = tree(machine)
    done = alone(machine, "up")
    assert (done.status, "oomconf cannot pass the memory controller on: it has processes of its own" in done.err) == (1, True), done
    assert tree(machine) == busy
    proven("cgroup script: failures in the middle that leave every file as it was", shape.title, failures + 1)


_DELEGATED: Final = """
slices: {box.slice: {}}
services:
  box: {slice: box.slice, memory: {max: 300M, swap_max: infinity}, systemd: {unit: box.service}}
  worker:
    protect: low
    oom_policy: kill
    restart: always
    managed_oom_preference: avoid
    memory: {min: 8M, low: 16777217, high: 64M, max: 80M, swap_max: 0}
    cgroup: {path: jobs/worker, command: [sleep, infinity], delegated_by: box.service}
  other:
    oom_policy: stop
    memory: {max: infinity, swap_max: 4097}
    cgroup: {path: jobs/other, command: [sleep, infinity], delegated_by: box.service}
"""


@pytest.mark.deep
def test_below_a_delegated_unit_the_limits_stay_and_the_promise_is_not_carried(
    machine: Machine, shape: Shape, proven: Proven, render: Render, tmp_path: Path
) -> None:
    path = tmp_path / "delegated.yaml"
    path.write_text(facts(machine, "m", "memtotal: 977928K") + _DELEGATED)
    spec = oomconf.load(path)
    [policy] = oomconf.resolve(spec).policies
    cells = cells_of(oomconf.render(spec).ledger, "cgroup")
    host = Host(machine=machine, policy=policy, out=render(path, "--no-lint"))
    machine.put_tree(host.out, "/root/out")
    machine.put({"/etc/systemd/system/box.service": "[Service]\nExecStart=/bin/sleep infinity\nDelegate=yes\n"})
    host.step("files")
    machine.run("systemctl start box.service")
    done = machine.run(f"{_SCRIPT} up", check=False)
    assert (done.status, "it has processes of its own" in done.err) == (1, True), done
    # as the message says: the unit's own process moves into a group below
    box = machine.out("systemctl show -P ControlGroup box.service")
    machine.run(f"cd /sys/fs/cgroup{box} && mkdir own && cat cgroup.procs >own/cgroup.procs")
    groups = {"worker": f"{box}/jobs/worker", "other": f"{box}/jobs/other"}
    for _ in range(2):
        machine.run(f"{_SCRIPT} up")
    for name in groups:
        machine.run(f"{_SCRIPT} run {name} >/dev/null 2>&1 </dev/null &")
    wait_for(machine, "[ $(pgrep -xc sleep) = 3 ]")
    # a reload takes nothing away from what is delegated
    machine.run("systemctl daemon-reload && systemd-run --quiet --wait --slice=box.slice true")
    seen = look(machine, policy, ["box.service"], groups=[*groups.values(), f"{box}/jobs"])
    exact = [cell for cell in cells if cell.status is Status.EXACT]
    count = held(exact, seen, lambda cell: groups[cell.object.removeprefix("services.")])
    inexact = {(cell.object, cell.field): cell for cell in cells if cell.status is not Status.EXACT}
    promised = {field for thing, field in inexact if inexact[thing, field].status is Status.APPROXIMATED}
    assert promised == {"memory_min", "memory_low"}
    for field in promised:
        file = field.replace("_", ".", 1)
        said = str(int(inexact["services.worker", field].setting.value))
        assert [seen.raw["groups"][one]["files"][file] for one in (groups["worker"], f"{box}/jobs", box)] == [said, said, "0"]
    assert {key for key in inexact if key[1] not in promised} == {
        ("services.worker", "restart"), ("services.worker", "managed_oom_preference"), ("services.other", "oom_policy"),
    }  # fmt: skip
    assert seen.raw["groups"][groups["worker"]]["marks"] == []
    assert seen.raw["groups"][groups["other"]]["files"]["memory.oom.group"] == "0"
    machine.run(f"echo 1 >/sys/fs/cgroup{groups['worker']}/cgroup.kill")
    wait_for(machine, "[ $(pgrep -xc sleep) = 2 ]")
    done = machine.run(f"{_SCRIPT} status", check=False)
    assert (done.status, re.findall(r"worker: uses \d+ bytes, (\d+) processes", done.out)) == (0, ["0"])
    machine.run(f"{_SCRIPT} down --kill; {_SCRIPT} down")
    assert machine.out(f"ls -d /sys/fs/cgroup{box}/*/") == f"/sys/fs/cgroup{box}/own/"
    proven("cgroup script below a delegated unit: exact cells in force, others not", shape.title, count + len(inexact))
