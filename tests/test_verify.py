"""The rendered checklist, run by every shell against hosts made of files and of recorded tools."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from zlib import crc32

import generated
import pytest
from checked_host import API, FILES, FRONT, UNITS, Host, M, expected, rows_of, unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oomconf
from oomconf import dialects
from oomconf.dialect import Mapped, Rendered
from oomconf.dialects._shell import word
from oomconf.ledger import Cell, Status
from oomconf.placement import CgroupLeaf, DockerContainer, SystemdUnit
from oomconf.policy import Facts, Policy, Setting, Swap, Workload
from oomconf.quantity import Size
from oomconf.templating import Templates

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*/oomconf.yaml"))
SHELLS = [one for one in (["sh"], ["dash"], ["busybox", "sh"]) if shutil.which(one[0])]


@pytest.fixture(params=SHELLS, ids=" ".join)
def each(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """The host under every shell."""
    return Host(tmp_path, request.param)


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """The host under one of the shells, which the row's name chooses."""
    return Host(tmp_path, SHELLS[crc32(request.node.name.encode()) % len(SHELLS)])


# ── what it says of a host ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_host_as_the_policy_wants_it_passes(each: Host) -> None:
    code, said = each.run("--verbose")
    assert "does not hold" not in said
    assert "pending" not in said
    assert code == 0, said
    assert said.count("\nholds: ") == 48
    assert "note: user:mine.service: units of user managers are not looked at\n" in said
    assert "note: no mark was set" in said
    assert "note: once.service is not installed: its script runs it\n" in said
    assert said.splitlines()[-1] == "oomconf-verify: 48 hold, 0 do not, 0 wait for a restart, 0 could not be looked at, 3 notes"


def test_quiet_says_nothing(each: Host) -> None:
    assert each.run("-q") == (0, "")
    each.swap("root/proc/sys/vm/swappiness", "10", "60")
    assert each.run("--quiet") == (1, "")


# PLACE, what stands there, what it becomes, the line's beginning and the words that must stand in it; None takes the file away
DRIFT = [
    ("root/proc/sys/vm/swappiness", "10", "60", "sysctl vm.swappiness: expected 10, found 60", "systemctl restart systemd-sysctl; if that does not help"),
    ("root/proc/sys/vm/swappiness", None, None, "sysctl vm.swappiness: expected 10, found no such file", "remove it"),
    ("root/proc/sys/vm/lowmem_reserve_ratio", "32", "31", "sysctl vm.lowmem_reserve_ratio: expected 256 256 32, found 256 256 31", ""),
    ("root/proc/swaps", "/swapfile", "/other", "swap /swapfile: expected it on, found it off", "oomconf-swap up"),
    ("root/proc/swaps", "1020", "1024", "swap /swapfile: bytes: expected 1044480, found 1048576", "oomconf-swap down"),
    ("root/proc/swaps", "0 5", "0 -2", "swap /swapfile: priority: expected 5, found -2", ""),
    ("root/sys/fs/cgroup/web.slice/memory.max", None, "max", "web.slice: memory.max: expected 1073741824, found max", "systemctl cat web.slice"),
    ("root/proc/21/oom_score_adj", "-500", "7", "container api: oom_score_adj: expected -500, found 7", "run systemd/api.oom-score-adj.sh, or run it again with docker/"),
    ("fake/units/web.slice", "2576980377", "0", "web.slice: ManagedOOMMemoryPressureLimit: expected 60%, found 0", ""),
    ("fake/units/db.service", "=active", "=failed", "db.service is protected: expected active, found failed", "systemctl start db.service"),
    ("fake/units/db.service", "=loaded", "=not-found", "db.service: expected a unit, found none", "install it"),
    ("fake/units/db.service", "=loaded", "=masked", "db.service: expected a loaded unit, found masked", ""),
    ("fake/units/db.service", "Slice=web.slice", "Slice=system.slice", "db.service: Slice: expected web.slice, found system.slice", ""),
    ("fake/units/db.service", "=always", "=no", "db.service: Restart: expected always, found no", "systemctl cat db.service"),
    ("fake/units/db.service", "=kill", "=stop", "db.service: OOMPolicy: expected kill, found stop", ""),
    ("fake/units/db.service", "=omit", "=none", "db.service: ManagedOOMPreference: expected omit, found none", ""),
    ("root/sys/fs/cgroup/web.slice/db.service/memory.high", None, "max", "db.service: memory.high: expected 134217728, found max", "systemctl daemon-reload && systemd-run --slice=web.slice true; only if that does not help, systemctl restart db.service"),
    ("root/sys/fs/cgroup/web.slice/db.service/memory.swap.max", None, None, "db.service: memory.swap.max: expected 0, found no such file", "controller"),
    ("root/sys/fs/cgroup/system.slice/job@a.service/memory.max", None, "4096", "job@a.service: memory.max: expected 67108864, found 4096", ""),
    ("fake/containers/idapi", "|268435456|", "|0|", "container api: HostConfig.Memory: expected 268435456, found 0", "docker/api.run.sh"),
    ("fake/containers/idapi", "|335544320|", "|-1|", "container api: HostConfig.MemorySwap: expected 335544320, found -1", ""),
    ("fake/containers/idapi", "|-500|", "|0|", "container api: HostConfig.OomScoreAdj: expected -500, found 0", ""),
    ("fake/containers/idapi", "|true|", "|false|", "container api is protected: expected running, found that it is not", "docker start"),
    ("root/proc/21/cgroup", "/web.slice/", "/other.slice/", "container api: expected a group below web.slice, found /other.slice", ""),
    ("root/proc/21/oom_score_adj", "-500", "0", "container api: oom_score_adj: expected -500, found 0", "docker/api.run.sh"),
    (f"root/sys/fs/cgroup{API}/memory.low", None, "0", "container api: memory.low: expected 67108864, found 0", ""),
    ("fake/containers/api", None, None, "container api: expected one, found none", "docker/api.run.sh"),
    ("fake/compose/front", None, "", "compose service front: expected a container, found none", "-f compose.yaml -f compose.oomconf.yaml"),
    (f"root/sys/fs/cgroup{FRONT}/memory.max", None, "max", "compose service front, container idfront: memory.max: expected 134217728", ""),
    ("fake/units/pod.service", "=avoid", "=none", "pod.service: ManagedOOMPreference: expected avoid, found none", ""),
        ("fake/units/deleg.service", "/system.slice/deleg.service", "", "cgroup inner/leaf: expected a group below deleg.service, found that it", ""),
    ("root/proc/51/oom_score_adj", "-500", "0", "cgroup inner/leaf: oom_score_adj: expected -500, found 51 at 0", "oomconf-cgroup run"),
    ("root/sys/fs/cgroup/system.slice/deleg.service/inner/leaf/cgroup.procs", None, "", "cgroup inner/leaf is protected: expected a process", ""),
    ("root/sys/fs/cgroup/system.slice/deleg.service/inner/leaf/memory.oom.group", None, "0", "cgroup inner/leaf: memory.oom.group: expected 1", ""),
]  # fmt: skip


@pytest.mark.parametrize("row", DRIFT, ids=[row[3] for row in DRIFT])
def test_what_differs_is_said_with_what_to_do(row: tuple[str, str | None, str | None, str, str], host: Host) -> None:
    place, old, new, said, todo = row
    host.change(place, old, new)
    code, out = host.run()
    (line,) = [one for one in out.splitlines() if one.startswith(f"does not hold: {said}")]
    remedy = line.partition("; do: ")[2]
    assert remedy
    assert todo in remedy
    assert code == 1


PENDING = [
    ("root/proc/11/oom_score_adj", "-900", "0", "db.service: oom_score_adj: expected -900, found 0"),
    ("fake/units/db.service", "/web.slice/db", "/system.slice/job@a", "db.service is to be in web.slice and still is in /system.slice"),
    ("root/sys/fs/cgroup/web.slice/db.service/memory.oom.group", "1", "0", "db.service: memory.oom.group: expected 1, found 0"),
    ("root/proc/41/oom_score_adj", "-500", "0", "pod.service: oom_score_adj: expected -500, found 0"),
]


@pytest.mark.parametrize("row", PENDING, ids=[row[3] for row in PENDING])
def test_what_a_restart_brings_is_a_state_of_its_own(row: tuple[str, str, str, str], host: Host) -> None:
    place, old, new, said = row
    host.swap(place, old, new)
    strict, out = host.run("--strict")
    (line,) = [one for one in out.splitlines() if one.startswith(f"pending restart: {said}")]
    name = said.partition(".service")[0]
    scored = f"run systemd/{name}.oom-score-adj.sh, or " if "oom_score_adj" in said else ""
    assert f"; do: {scored}systemctl restart {name}.service" in line
    assert strict == 1
    if "slice" not in said:
        assert host.run()[0] == 0, "it does not count by itself"


def test_a_unit_that_was_changed_and_not_reloaded_is_told_to_be(each: Host) -> None:
    each.swap("root/sys/fs/cgroup/web.slice/db.service/memory.max", "max", "4096")
    each.swap("fake/units/db.service", "NeedDaemonReload=no", "NeedDaemonReload=yes")
    code, said = each.run()
    assert code == 1
    assert (
        "db.service: memory.max: expected max, found 4096 (/root/sys/fs/cgroup/web.slice/db.service/memory.max); do: "
        "systemctl daemon-reload && systemd-run --slice=web.slice true\n" in said
    )


def test_of_a_slice_that_is_not_in_force_no_restart_is_advised(host: Host) -> None:
    """Restarting a slice stops all that is in it."""
    host.write("root/sys/fs/cgroup/web.slice/memory.max", "max\n")
    host.write("fake/units/web.slice", (host.folder / "fake/units/web.slice").read_text() + f"MemoryMax={1 << 30}\n")
    code, said = host.run()
    assert code == 1
    assert (
        "; do: systemctl daemon-reload && systemd-run --slice=web.slice true; if that does not help, something else writes there\n" in said
    )
    assert "restart web.slice" not in said


def test_without_systemd_sysctls_are_set_by_sysctl(host: Host) -> None:
    shutil.rmtree(host.folder / "root/run/systemd")
    host.swap("root/proc/sys/vm/swappiness", "10", "60")
    assert "; do: sysctl -p /etc/sysctl.d/90-oomconf.conf; " in host.run()[1]


def test_a_score_without_a_script_for_it_is_given_by_a_restart(host: Host) -> None:
    host.swap("oomconf-verify", " systemd/db.oom-score-adj.sh", "")
    host.swap("root/proc/11/oom_score_adj", "-900", "0")
    assert "; do: systemctl restart db.service; if" in host.run()[1]


def test_of_compose_projects_the_one_with_our_override_is_looked_at(host: Host) -> None:
    host.write("fake/compose/front", "idother\nidfront\n")
    foreign = (host.folder / "fake/containers/idfront").read_text().replace("idfront", "idother").replace(f"|{128 * M}|", "|0|")
    host.write("fake/containers/idother", foreign.replace("compose.oomconf.yaml", "more.yaml"))
    assert host.run()[0] == 0
    host.write("fake/containers/idother", foreign)
    code, said = host.run()
    assert code == 1
    assert "compose service front, container idother: HostConfig.Memory: expected 134217728, found 0" in said


def test_a_swap_file_is_known_by_what_it_is_a_link_to(each: Host) -> None:
    each.write("root/a b\\c", "")
    (each.folder / "root/swapfile").symlink_to("a b\\c")
    each.write("root/proc/swaps", "Filename Type Size Used Priority\n/a\\040b\\134c file 1020 0 5\n")
    assert each.run()[0] == 0


def test_of_a_service_that_does_not_run_the_unit_is_compared(each: Host) -> None:
    each.write("fake/units/job@a.service", unit(ActiveState="inactive", MemoryMax="infinity", MemorySwapMax=0))
    code, said = each.run()
    assert code == 1
    assert "note: job@a.service is not running (inactive)" in said
    assert "does not hold: job@a.service: MemoryMax: expected 67108864, found infinity (systemctl show)" in said
    each.write("fake/units/job@a.service", unit(ActiveState="inactive", MemoryMax=64 * M, MemorySwapMax=0))
    assert each.run()[0] == 0, "a service that is not protected may rest"


BLIND = [
    ("fake/no-engine", None, "", "cannot look: container api: the docker engine does not answer"),
    ("bin/systemctl", None, "#!/bin/sh\nexit 1\n", "cannot look: db.service: systemctl shows nothing of it"),
    ("root/sys/fs/cgroup/cgroup.controllers", None, None, "is not cgroup v2"),
    ("bin/id", None, "#!/bin/sh\necho 1000\n", "must run as root"),
    ("root/run/oomconf-verify.mark", None, "nonsense\n", "cannot look: /root/run/oomconf-verify.mark is no mark"),
    ("root/proc/21/cgroup", None, "0::/elsewhere\n", "cannot look: container api: its group /elsewhere is not below"),
]


@pytest.mark.parametrize("row", BLIND, ids=[row[3] for row in BLIND])
def test_what_cannot_be_looked_at_is_exit_3(row: tuple[str, str | None, str | None, str], host: Host) -> None:
    host.change(*row[:3])
    code, said = host.run()
    assert row[3] in said
    assert code == 3


@pytest.mark.parametrize("row", BLIND[:2] + BLIND[4:], ids=[row[3] for row in BLIND[:2] + BLIND[4:]])
def test_what_does_not_hold_outdoes_what_cannot_be_looked_at(row: tuple[str, str | None, str | None, str], host: Host) -> None:
    host.change(*row[:3])
    host.swap("root/proc/sys/vm/swappiness", "10", "60")
    code, said = host.run()
    assert row[3] in said
    assert "does not hold: sysctl vm.swappiness: expected 10, found 60" in said
    assert code == 1


def test_under_strict_what_waits_outdoes_what_cannot_be_looked_at(host: Host) -> None:
    host.write("fake/no-engine", "")
    host.swap("root/proc/11/oom_score_adj", "-900", "0")
    assert host.run()[0] == 3
    assert host.run("--strict")[0] == 1


WRONG = [
    "verify", "check mark", "--seconds 5", "check --bytes 1G", "mark --bytes 1G", "stress --seconds 0", "stress --seconds 601", "stress --seconds 08",
    "stress --seconds 1e2", "stress --bytes 1X", "stress --bytes -1", "stress --bytes 63M", "stress --bytes 1G", "stress --bytes 911M", "stress --bytes 17592186044544M", "stress --bytes 8388608T", "stress --bytes 8388607T",
    "stress --bytes 9999999999999999", "stress --bytes 010M", "stress --bytes",
    "--mark", "-q -v", "stress --mark x", "mark --strict", "under-pressure 1 2", "--no-such",
]  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_call_is_exit_2_and_looks_at_nothing(words: str, host: Host) -> None:
    code, said = host.run(*words.split())
    assert code == 2
    assert "usage: oomconf-verify [check | mark | stress]" in said
    assert not (host.folder / "fake/stress-ng").exists()


# ── marks ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

EVENTS = "root/sys/fs/cgroup/web.slice/db.service/memory.events"
MARKS = [
    ([], 0, []),
    ([(EVENTS, "oom_kill 0", "oom_kill 2"), ("root/proc/vmstat", "oom_kill 3", "oom_kill 5")], 1, ["db.service: expected no new OOM kills, found 2", "expected none that are new, found 2"]),
    ([(EVENTS, "group_kill 0", "group_kill 1")], 1, ["db.service: expected no new OOM kills, found 0, of the whole group 1 times"]),
    ([("root/proc/vmstat", "oom_kill 3", "oom_kill 4")], 1, ["OOM kills on this host: expected none that are new, found 1"]),
    ([("root/proc/sys/kernel/random/boot_id", "0a-1", "0a-2")], 1, ["the mark is of an earlier boot", "expected none that are new, found 3"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "says"), MARKS)
def test_kills_since_a_mark_are_told(changes: list[tuple[str, str, str]], code: int, says: list[str], each: Host) -> None:
    mark = str(each.folder / "mark of mine")
    assert each.run("mark", "--mark", mark)[0] == 0
    for place, old, new in changes:
        each.swap(place, old, new)
    done, out = each.run("--mark", mark)
    assert done == code, out
    assert "no mark was set" not in out
    for said in says:
        assert said in out
    assert [path.name for path in each.folder.glob("mark*")] == ["mark of mine"], "nothing is left beside it"


def test_a_group_that_was_made_anew_counts_from_nought(each: Host) -> None:
    each.write(EVENTS, "oom_kill 7\n")
    assert each.run("mark")[0] == 0
    each.write(EVENTS, "oom_kill 1\n")
    code, said = each.run()
    assert code == 1
    assert "db.service: expected no new OOM kills, found 1" in said


# ── the stress run ───────────────────────────────────────────────────────────────────────────────────────────────────────

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
    """Take systemd away, and let groups be removed with what is in them once nothing runs there."""
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


# ── what is in it ────────────────────────────────────────────────────────────────────────────────────────────────────────

ROWS = ("systemd", "quadlet", "docker", "compose", "cgroup")


def check_covered(cells: list[Cell], text: str) -> int:
    """Every exact cell has its row; give how many there are."""
    exact = [
        cell for cell in cells if cell.status is Status.EXACT and not cell.field.startswith("runtime.") and cell.identity != "oomd.conf"
    ]
    adj = {"quadlet": "payload_score", "cgroup": "scores"}
    for cell in exact:
        if cell.target in ROWS:
            name = cell.identity.rpartition(":")[2].replace(".container", ".service")
            assert expected(cell, adj.get(cell.target, "score")) in rows_of(text, name), cell
        elif cell.target == "sysctl":
            assert f" {word(cell.setting.value)} {cell.field}\n" in text
        else:
            (line,) = [line for line in text.splitlines() if line.startswith(f"    swaps_on {cell.identity} ")]
            assert str(int(cell.setting.value)) in line.split()
    return len(exact)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.parent.name for path in EXAMPLES])
def test_every_exact_value_of_an_example_is_checked(path: Path) -> None:
    spec = oomconf.load(path)
    cells = [cell for cell in oomconf.render(spec).ledger if cell.target in (*ROWS, "sysctl", "swap")]
    (script,) = oomconf.render(spec, target=["verify"]).artifacts
    assert check_covered(cells, script.text) > 0


@st.composite
def by_hand(draw) -> Policy:  # type: ignore[no-untyped-def]
    place = draw(st.sampled_from([SystemdUnit(unit="w.service"), CgroupLeaf(path="a/w"), CgroupLeaf(path="w", delegated_by="d.service")]))
    return Policy(
        name="h", object="hosts.h", source="oomconf.yaml", facts=draw(generated.facts), workloads=(draw(generated.workloads(place)),)
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(by_hand(), generated.docker(), generated.compose(), generated.quadlet()))
def test_what_the_ledger_calls_exact_is_checked_and_nothing_else(policy: Policy) -> None:
    needs = Rendered(Templates(), Mapped({"deploy/compose.yaml": generated.BASE}))
    ledger, verify = [], dialects.find("verify")
    for name in ROWS:
        dialect = dialects.find(name)
        assert dialect is not None
        assert dialect.render is not None
        ledger += dialect.render(policy, needs).ledger
    assert verify is not None
    assert verify.render is not None
    made = verify.render(policy, needs)
    assert made.ledger == (), "it says nothing to a consumer"
    text = made.artifacts[0].text if made.artifacts else ""
    facts, place = policy.facts, policy.workloads[0].placement
    rootless = facts.docker_rootless is not None and facts.docker_rootless.value and place.target in ("docker", "compose")
    if rootless or getattr(place, "user", False):
        assert made.artifacts == ()
    elif facts.cgroup_version is not None and facts.cgroup_version.value == 1:
        assert "    limit " not in text
    else:
        check_covered(ledger, text)
        for cell in ledger:
            if cell.status is not Status.EXACT and text.count("\nrows_") == 1 and cell.field in FILES:
                assert f"    limit memory.{FILES[cell.field]} " not in text


HOSTILE = [
    "a b", "$(touch PWNED)", "`touch PWNED`", "'", "'; touch PWNED; '", '"', "\\", "-rf", "a\nb", "%s", "é", "*", "~", "#x", "a;b", "&&", "$HOME", "{}", "{{ x }}",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_and_no_value_breaks_out(text: str, host: Host) -> None:
    said = {"slice": Setting(f"{text}.slice"), "memory_max": Setting(Size(4096)), "oom_score_adj": Setting(-5)}
    places = (SystemdUnit(unit=f"{text}.service"), CgroupLeaf(path=text, delegated_by=text), DockerContainer(name=text))
    policy = Policy(
        name="h", object=f"hosts.{text}", source=text, facts=Facts(systemd=Setting(252)), sysctls={f"vm.{text}": Setting(text)},
        workloads=tuple(Workload(name=text, object=f"services.{text}", placement=place, **said) for place in places),  # type: ignore[arg-type]
        swaps=(Swap(path=f"/{text}", kind="file", priority=Setting(1)),),
    )  # fmt: skip
    verify = dialects.find("verify")
    assert verify is not None
    assert verify.render is not None
    (artifact,) = verify.render(policy, Rendered(Templates())).artifacts
    host.script = host.write("hostile", artifact.text)
    host.write(f"fake/units/{text}.service", unit())
    code, out = host.run("-v")
    assert f"{text}.service is active" in out
    assert f"sysctl vm.{text}: expected {' '.join(text.split())}, found no such file" in out
    assert f"swap /{text}: expected it on" in out
    assert f"container {text}: expected one, found none" in out
    assert code == 1, out
    assert not list(host.folder.rglob("PWNED"))
