"""The rendered checklist, run by every shell against hosts made of files and of recorded tools."""

from __future__ import annotations

import shutil
from pathlib import Path
from zlib import crc32

import pytest
from checked_host import API, FRONT, SHELLS, Host, M, unit

from oomconf import dialects
from oomconf.dialect import Rendered
from oomconf.placement import CgroupLeaf, DockerContainer, SystemdUnit
from oomconf.policy import Facts, Policy, Setting, Swap, Workload
from oomconf.quantity import Size
from oomconf.templating import Templates

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*/oomconf.yaml"))


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


def test_it_says_that_it_looks_elsewhere(host: Host) -> None:
    host.run()
    assert host.told_where
    host.run("-q")
    assert not host.told_where
    assert "OOMCONF_ROOT" in host.run("--help")[1]


@pytest.mark.parametrize("words", [("-q",), ("mark", "-q"), ("stress", "-q")], ids=" ".join)
def test_quiet_says_nothing_of_why_it_cannot_look_either(words: tuple[str, ...], host: Host) -> None:
    host.write("bin/id", "#!/bin/sh\necho 1000\n")
    assert host.run(*words) == (3, "")


def test_a_quiet_stress_run_says_nothing_of_its_parts(host: Host) -> None:
    host.write("root/sys/fs/cgroup/stress/memory.max", "max\n")
    host.swap("bin/systemd-run", "exec", "echo noise >&2\nexec")
    assert host.run("stress", "-q") == (3, "")


@pytest.mark.parametrize("words", [("-v",), ("stress",)], ids=" ".join)
def test_that_systemd_does_not_run_the_host_is_said_once(words: tuple[str, ...], each: Host) -> None:
    shutil.rmtree(each.folder / "root/run/systemd")
    each.write("bin/systemctl", "#!/bin/sh\necho 'System has not been booted with systemd' >&2\nexit 1\n")
    each.write("root/sys/fs/cgroup/cgroup.subtree_control", "memory\n")
    each.write("bin/rmdir", '#!/bin/sh\nmv "$1" "$FAKE/removed"\n').chmod(0o755)
    code, said = each.run(*words)
    assert said.count("systemd does not run this host (no /root/run/systemd/system)") == 1
    assert "systemctl shows nothing" not in said
    assert code == 3, said


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


# ── hostile names ────────────────────────────────────────────────────────────────────────────────────────────────────────

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
    host.script = host.put("hostile", artifact.text)
    host.write(f"fake/units/{text}.service", unit())
    code, out = host.run("-v")
    assert f"{text}.service is active" in out
    assert f"sysctl vm.{text}: expected {' '.join(text.split())}, found no such file" in out
    assert f"swap /{text}: expected it on" in out
    assert f"container {text}: expected one, found none" in out
    assert code == 1, out
    assert not list(host.folder.rglob("PWNED"))
