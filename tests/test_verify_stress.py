"""The checklist's stress run: it dies at a limit of its own, leaves nothing behind, and says who fell with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from pathlib import Path
from zlib import crc32

import pytest
from checked_host import SHELLS, UNITS, Host, M


@pytest.fixture(params=SHELLS, ids=" ".join)
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """The host under every shell."""
    return Host(tmp_path, request.param)


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """The host under one of the shells, which the row's name chooses."""
    return Host(tmp_path, SHELLS[crc32(request.node.name.encode()) % len(SHELLS)])


KILLED = {"proc/vmstat": "oom_kill 7\n", "sys/fs/cgroup/stress/memory.events": "oom_kill 4\n"}
STRESSED: list[tuple[dict[str, str], int, str]] = [
    (KILLED, 0, "no new OOM kills on this host beside the 4 of the stress run"),
    ({**KILLED, "proc/vmstat": "oom_kill 8\n"}, 1, "expected none that are new beside the 4 of the stress run, found 1"),
    ({"sys/fs/cgroup/stress/memory.events": "oom_kill 0\n"}, 3, "the stress run never came to its limit"),
    ({**KILLED, "../fake/units/db.service": UNITS["units/db.service"].replace("=11", "=12")}, 1, "db.service: its main process after the stress run: expected 11, found 12"),
    ({**KILLED, "../fake/units/db.service": UNITS["units/db.service"].replace("=active", "=failed")}, 1, "db.service is protected: expected active"),
]  # fmt: skip


@pytest.mark.parametrize(("after", "code", "says"), STRESSED, ids=[row[2] for row in STRESSED])
def test_a_stress_run_dies_alone_or_says_who_fell_with_it(after: dict[str, str], code: int, says: str, host: Host) -> None:
    for name, text in after.items():
        host.write(f"fake/after/{name}" if not name.startswith("..") else f"fake/beside/{name.rpartition('/')[2]}", text)
        if name.startswith(".."):
            host.swap("bin/stress-ng", "cp -R", 'cp "$FAKE/beside/db.service" "$FAKE/units/db.service"\ncp -R')
    done, out = host.run("stress", "--seconds", "7", "-v")
    assert says in out
    assert done == code, out
    asked = (host.folder / "fake/systemd-run").read_text().splitlines()
    for word_ in ("MemoryMax=536870912", "MemorySwapMax=0", "OOMScoreAdjust=1000", "OOMPolicy=continue", "RuntimeMaxSec=37"):
        assert f"--property={word_}" in asked
    assert f"--vm-bytes\n{576 * M}\n--vm-keep\n--timeout\n7s\n" in (host.folder / "fake/stress-ng").read_text()


def bare(host: Host) -> None:
    """Take systemd away, and all that is its from the policy; let groups be removed with what is in them once nothing runs there."""
    host.script.write_text(re.sub(r"^    (unit|slice|leaf) rows_.*\n", "", host.script.read_text(), flags=re.MULTILINE))
    shutil.rmtree(host.folder / "root/run/systemd")
    host.write("root/sys/fs/cgroup/cgroup.subtree_control", "cpu memory\n")
    for name, text in KILLED.items():
        host.write(f"fake/after/{name}", text)
    alive = 'while read -r one; do [ "$one" = 0 ] || ! kill -0 "$one" 2>/dev/null || exit 1; done <"$1/cgroup.procs"'
    host.write("bin/rmdir", f'#!/bin/sh\n{alive}\nmv "$1" "$FAKE/removed"\n').chmod(0o755)


@pytest.mark.parametrize(("controllers", "code"), [("cpu memory", 0), ("cpu", 3)])
def test_without_systemd_the_stress_run_has_a_cgroup_of_its_own(controllers: str, code: int, each: Host) -> None:
    bare(each)
    each.write("root/sys/fs/cgroup/cgroup.subtree_control", f"{controllers}\n")
    done, said = each.run("stress", "--bytes", "512M")
    assert done == code, said
    assert ("has no memory controller to pass on" in said) == (code == 3)
    removed = each.folder / "fake/removed"
    assert removed.exists() == (code == 0)
    if removed.exists():
        assert (removed / "memory.max").read_text() == f"{512 * M}\n"
        assert (removed / "cgroup.procs").read_text() == "0\n"
        assert (each.folder / "root/proc/self/oom_score_adj").read_text() == "1000\n"


def test_a_stress_run_that_is_broken_off_is_stopped(each: Host) -> None:
    each.swap("bin/systemctl", "verb=$1", '[ "$1" != stop ] || exec touch "$FAKE/stopped-$2"\nverb=$1')
    each.swap("bin/systemd-run", "exec", "kill -TERM $PPID; kill -TERM $(cat $FAKE/shell)\nexec")
    each.script = each.write("started", f'#!/bin/sh\necho $$ >"$FAKE/shell"\n{each.script.read_text()}')
    code, _ = each.run("stress")
    assert code == 130
    assert list((each.folder / "fake").glob("stopped-oomconf-verify-stress-*.service"))


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "PIPE"])
def test_without_systemd_too_a_run_that_is_broken_off_ends_at_once_and_leaves_nothing(name: str, host: Host) -> None:
    if name in ("INT", "HUP") and signal.getsignal(getattr(signal, f"SIG{name}")) is signal.SIG_IGN:
        pytest.skip("what is ignored when a shell starts cannot be trapped by it")
    bare(host)
    (host.folder / "tmp").mkdir()
    group = '"$OOMCONF_ROOT/sys/fs/cgroup/oomconf-verify-stress"'
    host.swap("bin/stress-ng", "cp -R", f'echo $$ >{group}/cgroup.procs; kill -{name} "$(cat "$FAKE/shell")"; exec sleep 20\ncp -R')
    host.script = host.write(
        "started",
        f'#!/bin/sh\nTMPDIR={host.folder}/tmp; export TMPDIR\n[ -e "$FAKE/shell" ] || echo $$ >"$FAKE/shell"\n{host.script.read_text()}',
    )
    began = time.monotonic()
    code, said = host.run("stress", "--bytes", "512M")
    assert time.monotonic() - began < 10
    assert code == 130, said
    assert (host.folder / "fake/removed/memory.max").read_text() == f"{512 * M}\n"
    assert list((host.folder / "tmp").iterdir()) == []


def test_the_group_of_an_earlier_stress_run_is_taken_away_or_told(host: Host) -> None:
    bare(host)
    host.write("root/sys/fs/cgroup/oomconf-verify-stress/cgroup.procs", f"{os.getpid()}\n")
    code, said = host.run("stress")
    assert code == 3
    assert "/root/sys/fs/cgroup/oomconf-verify-stress is of another stress run; if none is under way: " in said
    assert "rmdir /root/sys/fs/cgroup/oomconf-verify-stress\n" in said
    host.write("root/sys/fs/cgroup/oomconf-verify-stress/cgroup.procs", "")
    host.swap("bin/rmdir", 'mv "$1" "$FAKE/removed"', 'mv "$1" "$FAKE/removed-$$"')
    assert "the stress run was killed 4 times" in host.run("stress", "-v")[1]
    assert len(list((host.folder / "fake").glob("removed-*"))) == 2


def test_no_stress_run_where_nothing_of_the_policy_is_seen(host: Host) -> None:
    host.write("fake/no-engine", "")
    host.write("bin/systemctl", "#!/bin/sh\nexit 1\n")
    code, said = host.run("stress")
    assert code == 3
    assert "nothing of the policy could be looked at, so a stress run would show nothing" in said
    assert not (host.folder / "fake/stress-ng").exists()


def test_nothing_is_pressed_without_the_limit(each: Host) -> None:
    each.write("root/sys/fs/cgroup/stress/memory.max", "max\n")
    code, said = each.run("stress")
    assert code == 3
    assert "the stress run ended without telling of its kills" in said
    assert not (each.folder / "fake/stress-ng").exists()


def test_it_finds_itself_by_a_name_without_a_path(host: Host) -> None:
    """The shell takes it from the current folder, and so does what it starts of itself."""
    for name, text in KILLED.items():
        host.write(f"fake/after/{name}", text)
    assert host.run("stress", by="oomconf-verify")[0] == 0
    assert host.run("--help", by="oomconf-verify")[1].startswith("generated by oomconf")
