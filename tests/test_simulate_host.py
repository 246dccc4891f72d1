"""Captured hosts: what a snapshot holds, in Python and in shell, and who dies next on it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from boxes import MEMINFO, MIB, fake, host, process, told, v2

from oomconf.cli import main
from oomconf.host.snapshot import capture, collector
from oomconf.quantity import INFINITY
from oomconf.simulation import machine_of_snapshot, play, simulate_host
from oomconf.simulation.decide import own_domain
from oomconf.snapshot import read

UNIT = "0::/system.slice/web.service"
HOST = {
    "proc/meminfo": MEMINFO,
    "proc/sys/kernel/osrelease": "6.1.0-test\n",
    "proc/sys/vm/panic_on_oom": "0\n",
    **process(1, "systemd", 10_000),
    **process(2, "kthreadd", 0),
    **process(10, "web", 300_000, adj=-500, cgroup=UNIT, uid=33),
    **process(11, "web", 50_000, swap=100_000, cgroup=UNIT, uid=33),
    **process(20, "sshd", 5_000, adj=-1000, cgroup="0::/system.slice/ssh.service"),
    **process(30, "big", 200_000, cgroup="0::/user.slice/user-1000.slice/session-3.scope", uid=1000),
    **v2("system.slice/web.service", max=600_000 * 1024, high="max", low=0, min=0, current=360_000 * 1024),
}
del HOST["proc/2/status"]


def test_a_capture_shows_who_dies_next(tmp_path: Path) -> None:
    taken = read(capture(str(fake(tmp_path, HOST))))
    assert taken.whole
    assert [one.name for one in taken.processes] == ["systemd", "web", "web", "sshd", "big"]
    box = machine_of_snapshot(taken)
    assert box.swap == 512_000 * 1024
    assert box.memory == (565_000 + 200_000) * 1024
    assert box.total_pages == 1_024_000 // 4 + 512_000 // 4
    found = simulate_host(box)
    order = [row.process for row in found.standing if row.badness is not None]
    assert order == ["big[30]", "web[11]", "web[10]"]
    assert {row.process for row in found.standing if row.badness is None} == {"systemd[1]", "sshd[20]"}
    assert next(one for one in box.members if one.name == "web.service").max == 600_000 * 1024
    assert play(box, "leak:web.service").deaths == ("session-3.scope", "web.service")
    lines = told(box, "leak:web.service")
    assert "stop: session-3.scope is gone; whether it is started again is not in a capture" in lines
    assert "stop: the rest of web.service runs on, unless its OOMPolicy= says otherwise" in lines


def test_cgroup_v1_and_hybrid_are_read(tmp_path: Path) -> None:
    row = process(10, "web", 300_000, cgroup="4:memory:/docker/abc\n1:name=systemd:/x\n0::/y")
    limit = {
        "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "536870912\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{(1 << 63) - 4096}\n",
    }
    limit["sys/fs/cgroup/memory/docker/abc/memory.memsw.limit_in_bytes"] = "805306368\n"
    taken = read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **row, **limit}))))
    (only,) = machine_of_snapshot(taken).members
    assert (only.max, only.swap_max) == (512 * MIB, 256 * MIB)
    assert taken.cgroups["/"].get("memory.limit_in_bytes", 0) == INFINITY


def test_the_processes_of_a_bare_cgroup_are_one_service_and_die_as_one(tmp_path: Path) -> None:
    rows = {
        **process(10, "etl", 100_000, cgroup="0::/batch/night"),
        **process(11, "copy", 20_000, cgroup="0::/batch/night"),
        **process(12, "lone", 10_000),
        **v2("batch/night", max=150_000 * 1024, current=121_000 * 1024, **{"oom.group": 1, "swap.max": 0}),
    }
    box = machine_of_snapshot(read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **rows})))))
    assert [one.name for one in box.members] == ["batch/night", "lone"]
    run = play(box, "leak:batch/night/copy[11]")
    assert [(step.kind, step.domain) for step in run.steps if step.kind in ("oom", "group_kill")] == [
        ("oom", "batch/night"),
        ("group_kill", None),
    ]
    assert next(step for step in run.steps if step.kind == "kill").ranking[0][1] == "etl[10]"


def test_a_unit_that_limits_cgroups_of_its_own_is_a_service_for_each(tmp_path: Path) -> None:
    rows = {
        **process(10, "main", 10_000, cgroup="0::/system.slice/app.service/main"),
        **process(11, "job", 50_000, cgroup="0::/system.slice/app.service/a"),
        **process(12, "job", 60_000, cgroup="0::/system.slice/app.service/b"),
        **v2("system.slice/app.service/a", max=100_000 * 1024),
        **v2("system.slice/app.service/b", max=100_000 * 1024),
    }
    box = machine_of_snapshot(read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **rows})))))
    assert [(one.name, one.max) for one in box.members] == [
        ("app.service", INFINITY),
        ("app.service/a", 100_000 * 1024),
        ("app.service/b", 100_000 * 1024),
    ]
    assert play(box, "leak:app.service/a").deaths == ("app.service/a",)


@pytest.mark.parametrize(
    ("current", "swap", "room"),
    [(100_000, 0, 200_000), (70_000, 0, 230_000), (100_000, 90_000, 200_000)],
    ids=["charged here", "a part is charged elsewhere or shared", "what is swapped out is not in memory"],
)
def test_the_room_in_a_cgroup_is_its_limit_and_what_is_not_charged_to_it(tmp_path: Path, current: int, swap: int, room: int) -> None:
    rows = {**process(10, "a", 60_000, swap=swap, cgroup="0::/x.service"), **process(11, "b", 40_000, cgroup="0::/x.service")}
    rows |= v2("x.service", max=200_000 * 1024, current=current * 1024)
    (only,) = machine_of_snapshot(read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **rows}))))).members
    assert (only.max, only.limit) == (room * 1024, 200_000 * 1024)
    assert own_domain(host(only, swap=0), only).total_pages == 50_000


def test_a_cgroup_at_its_limit_does_not_swap_where_swappiness_is_0(tmp_path: Path) -> None:
    rows = {
        **process(10, "a", 60_000, adj=300, cgroup="0::/x.service"),
        **process(11, "b", 100_000, cgroup="0::/x.service"),
        **v2("x.service", max=200_000 * 1024, current=160_000 * 1024),
    }
    for swappiness, freed in ((0, 100_000), (60, 100_000 + 412_000)):
        files = {"proc/meminfo": MEMINFO, "proc/sys/vm/swappiness": f"{swappiness}\n", **rows}
        box = machine_of_snapshot(read(capture(str(fake(tmp_path / str(swappiness), files)))))
        kill = next(step for step in play(box, "leak:x.service/a[10]").steps if step.kind == "kill")
        assert kill.ranking[0][1:3] == ("a[10]", freed * 1024)


def test_a_capture_without_rights_says_so(tmp_path: Path) -> None:
    taken = read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **process(10, "sh", 1000, uid=1000)}))))
    said = " ".join(machine_of_snapshot(taken).assumptions)
    assert "no process of root is seen" in said
    assert "no limits of cgroups are seen" in said
    cut = machine_of_snapshot(read(capture(str(tmp_path))[:-8]))
    assert "the capture has no end: it was cut" in cut.assumptions


def test_an_empty_host_is_survived(tmp_path: Path) -> None:
    found = simulate_host(machine_of_snapshot(read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO}))))))
    assert found.runs == ()
    assert "no process is seen" in found.machine.assumptions


def test_files_that_vanish_are_left_out(tmp_path: Path) -> None:
    root = fake(tmp_path, HOST)
    (root / "proc/10/status").unlink()
    (root / "proc/11/oom_score_adj").unlink()
    (root / "proc/30/cgroup").unlink()
    taken = read(capture(str(root)))
    assert [(one.pid, one.oom_score_adj, one.cgroup) for one in taken.processes if one.pid in (10, 11, 30)] == [
        (11, 0, "/system.slice/web.service"),
        (30, 0, "/"),
    ]


def test_hostile_names_neither_break_a_capture_nor_drive_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {
        **process(10, "a\\nVmRSS:\\t1 kB", 1000),
        **process(11, "x\x1b[31m\x07", 2000),
        **process(12, ") (", 3000),
        **process(13, "ü\\\\n", 10),
        **process(14, "v\x0bVmRSS:\t9 kB\u2028\x85", 20),
    }
    taken = tmp_path / "taken"
    taken.write_text(capture(str(fake(tmp_path / "root", {"proc/meminfo": MEMINFO, **rows}))))
    assert [one.name for one in read(taken.read_text()).processes] == [
        "a\nVmRSS:\\t1 kB",
        "x\x1b[31m\x07",
        ") (",
        "ü\\n",
        "v\x0bVmRSS:\t9 kB\u2028\x85",
    ]
    assert read(taken.read_text()).processes[-1].rss == 20 * 1024
    assert main(["simulate", "--snapshot", str(taken)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "x\\x1b[31m\\x07[11]" in out


@pytest.mark.parametrize("shell", [["sh"], ["dash"], ["bash"], ["busybox", "sh"]], ids=" ".join)
def test_the_shell_collector_sees_what_python_sees(tmp_path: Path, shell: list[str]) -> None:
    script = tmp_path / "collect.sh"
    script.write_text(collector())
    before = read(capture())
    try:
        done = subprocess.run([*shell, str(script)], capture_output=True, text=True, check=True, errors="surrogateescape")
    except FileNotFoundError:
        pytest.skip(f"{shell[0]} is not there")
    theirs, ours = read(done.stdout), read(capture())
    assert theirs.whole
    assert (theirs.memory_total, theirs.page_size, theirs.kernel) == (ours.memory_total, ours.page_size, ours.kernel)
    assert theirs.sysctls == ours.sysctls
    # a process may be put elsewhere while it is looked at: those that are as they were before
    same = {(one.pid, one.name, one.oom_score_adj, one.cgroup, one.uid) for one in before.processes}
    both = {one.pid: one for one in ours.processes if (one.pid, one.name, one.oom_score_adj, one.cgroup, one.uid) in same}
    seen = [(one, both[one.pid]) for one in theirs.processes if one.pid in both]
    assert seen
    for one, other in seen:
        assert (one.name, one.oom_score_adj, one.cgroup, one.uid) == (other.name, other.oom_score_adj, other.cgroup, other.uid)
    assert set(theirs.cgroups) & set(ours.cgroups) or not ours.cgroups


def test_shellcheck_finds_nothing_in_the_collector(tmp_path: Path) -> None:
    script = tmp_path / "collect.sh"
    script.write_text(collector())
    try:
        done = subprocess.run(["shellcheck", "-s", "sh", str(script)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("shellcheck is not there")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_capture_of_ten_thousand_processes_is_read_in_a_moment() -> None:
    lines = ["/proc/meminfo:MemTotal: 264000000 kB", "/proc/meminfo:MemAvailable: 64000000 kB"]
    for pid in range(1, 10_001):
        lines += [f"/proc/{pid}/status:Name:\tp", f"/proc/{pid}/status:VmRSS:\t{pid} kB", f"/proc/{pid}/oom_score_adj:0"]
        lines.append(f"/proc/{pid}/cgroup:0::/system.slice/u{pid % 50}.service")
    box = machine_of_snapshot(read("\n".join(lines)))
    assert len(box.members) == 50
    assert max(len(one.parts) for one in box.members) <= 42
    assert sum(part.count or 0 for one in box.members for part in one.parts) == 10_000
    assert simulate_host(box).runs[0].deaths
