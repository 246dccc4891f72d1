"""What a capture says of units, containers, the administrator's files and the log, in Python and in shell."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from boxes import MEMINFO, fake, process, v2

from oomconf.host.snapshot import capture, collector
from oomconf.snapshot import read

SHOW = "Id=web.service\nActiveState=active\nMainPID=10\nFragmentPath=/usr/lib/systemd/system/web.service\nDropInPaths=/etc/systemd/system/web.service.d/a.conf /run/b.conf\nMemoryMax=infinity\n\nId=web.slice\nMemoryMax=1073741824\nOdd=a=b\n"
INSPECT = '{"Id":"ab12","Name":"/api","Image":"i","Running":true,"Pid":7,"OOMKilled":false,"ExitCode":0,"RestartCount":2,"Memory":67108864,"MemorySwap":-1,"MemoryReservation":0,"OomScoreAdj":-500,"Restart":"on-failure","Service":"","Project":null}\nno json\n{"Id":7}\n'
HOST = {
    "proc/meminfo": MEMINFO,
    "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/a\\040b  file  1048572  512  10\n/dev/vdb partition 100 0 -2\nbroken\n",
    "proc/vmstat": "nr_free_pages 5\noom_kill 3\nodd\n",
    "proc/pressure/memory": "some avg10=1.50 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=3\n",
    "proc/sys/kernel/hostname": "box\n",
    "proc/sys/vm/swappiness": "60\n",
    "etc/systemd/system/web.service.d/a.conf": "# it is secret\n[Service]\nEnvironment=PASSWORD=x\nMemoryMax=1G\n",
    "etc/systemd/system/multi-user.target.wants/web.service": "[Service]\nMemoryMax=2G\n",
    "etc/sysctl.d/10.conf": "net.ipv4.ip_forward=1\n-vm.swappiness = 10\n",
    "etc/fstab": "# /old none swap sw 0 0\n/swapfile none swap sw 0 0\nUUID=1 / ext4 defaults 0 1\n",
    **process(7, "dockerd", 1000),
    **v2("web.slice", max="max", current=4096 * 100, events="low 0\nhigh 2\nmax 9\noom 1\noom_kill 1", stat="anon 5\nfile 6\ninactive_file 4096\nslab 9"),
}  # fmt: skip


def answers(command: Sequence[str]) -> str | None:
    match command:
        case ["systemctl", "--version"]:
            return "systemd 252 (252.39)\n+PAM\n"
        case ["systemctl", "show", *_]:
            return SHOW
        case ["docker", "ps", *_]:
            return "ab12\n"
        case ["docker", "inspect", *_]:
            return INSPECT
        case ["journalctl", *_]:
            return "a line: with\n$odd marks\n"
        case _:
            return None


def test_everything_that_is_asked_is_read_back(tmp_path: Path) -> None:
    taken = read(capture(str(fake(tmp_path, HOST)), answers))
    assert (taken.hostname, taken.systemd, taken.cgroup_version, taken.whole) == ("box", 252, 2, True)
    assert taken.swaps == (("/a b", "file", 1048572 * 1024, 512 * 1024, 10), ("/dev/vdb", "partition", 102400, 0, -2))
    assert taken.vmstat == {"nr_free_pages": 5, "oom_kill": 3}
    assert (taken.pressure["some.avg10"], taken.pressure["full.avg10"]) == (1.5, 0.25)
    assert taken.sysctls["vm.swappiness"] == "60"
    web = taken.units["web.service"]
    assert (web.is_active, web.main_pid, web.get("MemoryMax"), web.get("Nothing")) == (True, 10, "infinity", "")
    assert web.files == ("/usr/lib/systemd/system/web.service", "/etc/systemd/system/web.service.d/a.conf", "/run/b.conf")
    assert taken.units["web.slice"].get("Odd") == "a=b"
    (api,) = taken.containers
    assert (api.engine, api.name, api.memory, api.memory_swap, api.oom_score_adj, api.running, api.compose_project) == (
        "docker", "api", 67108864, -1, -500, True, "",
    )  # fmt: skip
    assert taken.log == ("a line: with", "$odd marks")
    assert taken.asked == {"systemctl", "docker", "log"}
    events = taken.cgroups["/web.slice"]
    assert (events.get("memory.events.oom_kill", 0), events.get("memory.stat.anon", 0), events.working_set) == (1, 5, 4096 * 99)


def test_of_the_administrators_files_only_lines_on_memory_are_taken(tmp_path: Path) -> None:
    text = capture(str(fake(tmp_path, HOST)), answers)
    assert "PASSWORD" not in text
    assert "secret" not in text
    assert read(text).files == {
        "/etc/systemd/system/web.service.d/a.conf": ((2, "[Service]"), (4, "MemoryMax=1G")),
        "/etc/sysctl.d/10.conf": ((2, "-vm.swappiness = 10"),),
        "/etc/fstab": ((2, "/swapfile none swap sw 0 0"),),
    }


def test_a_host_below_a_root_is_not_asked(tmp_path: Path) -> None:
    taken = read(capture(str(fake(tmp_path, HOST))))
    assert (taken.asked, taken.systemd, dict(taken.units)) == (frozenset(), None, {})


def test_a_container_engine_that_does_not_run_is_not_woken(tmp_path: Path) -> None:
    said: list[str] = []

    def note(command: Sequence[str]) -> str | None:
        said.append(command[0])
        return None

    capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **process(7, "sh", 10)})), note)
    assert "docker" not in said
    assert "podman" not in said


@pytest.mark.parametrize("shell", [["sh"], ["dash"], ["bash"], ["busybox", "sh"]], ids=" ".join)
def test_the_shell_takes_the_same_lines_of_the_administrators_files(tmp_path: Path, shell: list[str]) -> None:
    script = tmp_path / "collect.sh"
    script.write_text(collector())
    try:
        done = subprocess.run([*shell, str(script)], capture_output=True, text=True, check=True, errors="surrogateescape")
    except FileNotFoundError:
        pytest.skip(f"{shell[0]} is not there")
    assert done.stderr == ""
    theirs, ours = read(done.stdout), read(capture())
    assert theirs.files == ours.files
    assert (theirs.hostname, theirs.systemd, theirs.swaps) == (ours.hostname, ours.systemd, ours.swaps)
    assert {line.split(":")[0] for line in done.stdout.split("\n") if line.startswith("$")} <= {
        "$version",
        "$systemctl",
        "$docker",
        "$podman",
        "$log",
    }
