"""oomconf audit: the five answers, formats and exit codes."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from audited import UNIT, audited, host, states, text
from fake_hosts import PAGE

import oomconf
from oomconf.cli import main
from oomconf.errors import CallError, InputError
from oomconf.inforce import audit_host
from oomconf.metrics import AUDIT
from oomconf.quantity import share
from oomconf.reports import audit_metrics
from oomconf.simulation import machine_of_snapshot, simulate_host
from oomconf.snapshot import read

ROOT = Path(__file__).parent.parent
SPEC = str(ROOT / "examples/small-vm/oomconf.yaml")
TAKEN = str(ROOT / "examples/small-vm/host.snapshot")


# ── without a spec ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_five_questions_are_answered_in_order_without_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--snapshot", TAKEN]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:] if not line.startswith(" ")] == ["killer", "memory", "users", "next", "limits"]


def test_what_somebody_wrote_into_a_cgroup_is_drift_with_both_told() -> None:
    one = host()
    one.cgroups[UNIT]["memory.max"] = 32 << 20
    (row,) = audited(one).drift
    assert (row.expected, row.found, row.manager) == (64 << 20, 32 << 20, 64 << 20)
    assert row.source == "written into its cgroup by hand"
    assert row.why == "systemd has 64M, its cgroup 32M"


def test_a_score_that_waits_for_a_restart_is_no_drift() -> None:
    found = audited(host(OOMScoreAdjust="-500"))
    assert states(found)["web.service", "oom_score_adj"] == "pending restart"
    assert (len(found.drift), len(found.pending)) == (0, 1)


def test_files_that_are_not_loaded_are_told() -> None:
    one = host(NeedDaemonReload="yes", FragmentPath="/etc/systemd/system/web.service")
    said = "=/etc/systemd/system/web.service:1:[Service]\n=/etc/systemd/system/web.service:7:MemoryMax=1G\n# end"
    found = audited(one.text().replace("# end", said))
    (row,) = found.drift
    assert (row.expected, row.found, row.at.line) == (1 << 30, 64 << 20, 7)
    assert "daemon-reload" in row.why
    assert "not-reloaded" in {note.id for note in found.notes}


def test_set_property_is_named_as_the_source() -> None:
    path = "/etc/systemd/system.control/web.service.d/50-MemoryMax.conf"
    one = host(DropInPaths=path)
    (row,) = audited(one.text().replace("# end", f"={path}:1:[Service]\n={path}:2:MemoryMax=67108864\n# end")).rows
    assert (row.state, row.source) == ("as said", f"{path}:2 (set-property)")


def test_sysctls_are_held_against_sysctl_d() -> None:
    said = "=/etc/sysctl.d/10.conf:3:vm.overcommit_memory = 2\n# end"
    (row,) = [row for row in audited(host().text().replace("# end", said)).rows if row.setting.startswith("vm.")]
    assert (row.state, row.found, row.source) == ("drift", "0", "written since boot: /etc/sysctl.d/10.conf:3 says 2")


SCORES = [
    ("sshd", 20, "/system.slice/ssh.service", 1, "itself"),
    ("auditd", 21, "/system.slice/auditd.service", 1, "itself"),
    ("web", 10, UNIT, 1, "inherited"),
    ("bash", 31, "/user.slice/user-0.slice/session-1.scope", 20, "inherited"),
    ("job", 32, "/system.slice/unknown.service", 1, "unknown"),
]


@pytest.mark.parametrize(("name", "pid", "cgroup", "ppid", "exempt"), SCORES, ids=[row[0] for row in SCORES])
def test_who_has_a_score_that_nobody_gave(name: str, pid: int, cgroup: str, ppid: int, exempt: str) -> None:
    one = host()
    one.process(20, "sshd", "/system.slice/ssh.service", adj=-1000)
    one.process(pid, name, cgroup, adj=-1000, ppid=ppid)
    found = {row.pid: row for row in audited(one).order}[pid]
    assert (found.exempt, found.badness) == (exempt, None)
    assert found.giver == {"bash": "sshd[20]", "web": "", "job": ""}.get(name, name)


def test_a_score_of_the_unit_is_declared() -> None:
    one = host(OOMScoreAdjust="-1000")
    one.process(10, "web", UNIT, adj=-1000)
    assert {row.pid: row.exempt for row in audited(one).order}[10] == "declared"
    assert "inherited-score" not in {note.id for note in audited(one).notes}


def test_the_order_of_death_is_that_of_simulate() -> None:
    for path in (TAKEN,):
        taken = read(Path(path).read_text())
        theirs = [row.process for row in simulate_host(machine_of_snapshot(taken)).standing if row.badness is not None]
        ours = [f"{row.name}[{row.pid}]" for row in audit_host(taken).order if row.badness is not None]
        assert ours == theirs


NOTES = [
    ("no-swap", {}, "there is no swap"),
    ("near-limit", {"memory.current": 60 << 20}, "web.service uses 60M of its limit of 64M (94%)"),
    ("throttled", {"memory.high": 60 << 20}, "web.service is at its memory.high of 60M"),
]


@pytest.mark.parametrize(("name", "values", "said"), NOTES, ids=[row[0] for row in NOTES])
def test_what_needs_no_spec_is_judged(name: str, values: dict[str, int], said: str) -> None:
    one = host()
    one.cgroups[UNIT].update(values)
    assert said in {note.id: note.text for note in audited(one).notes}[name]


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (389, 1000, "39%"),
        (384, 1000, "38%"),
        (385, 1000, "39%"),
        (4, 1000, "<1%"),
        (5, 1000, "1%"),
        (0, 1000, "0%"),
        (1, 0, "0%"),
        (9, 9, "100%"),
    ],
)
def test_shares_are_rounded_as_people_do_and_something_is_never_none(part: int, whole: int, said: str) -> None:
    assert share(part, whole) == said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"memory.stat.inactive_file": 1 << 20}, "in use: the working set (peak and limit count idle file pages too), else what its"),
        ({}, "in use: all that its cgroup counts, else what its processes hold"),
    ],
)
def test_the_table_says_what_its_numbers_are(more: dict[str, int], said: str) -> None:
    one = host()
    one.cgroups[UNIT].update(more)
    assert said in text(audited(one))


def test_a_calm_host_has_nothing_to_note() -> None:
    one = host()
    one.swaps["/swapfile"] = {"size": 1 << 30, "priority": -2}
    one.cgroups[UNIT]["memory.current"] = PAGE
    assert audited(one).notes == ()


def test_kills_that_only_the_counter_knows_are_told() -> None:
    found = audited(host().text().replace("oom_kill 0", "oom_kill 3"))
    assert "3 kills since boot by the kernel's counter; the log tells of none" in text(found)
    both = Path(TAKEN).read_text().replace("oom_kill 1", "oom_kill 4")
    assert "the kernel counts 3 kills more than the log tells" in text(audited(both))


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────────

CALLS = [
    (["--snapshot", TAKEN], 0, "", ""),
    ([SPEC, "--snapshot", TAKEN], 1, "256M, not 192M", ""),
    ([SPEC, "--snapshot", TAKEN, "--host", "vm"], 1, "against vm of the spec", ""),
    ([SPEC, "--snapshot", TAKEN, "--host", "no"], 2, "", "the spec has no host no; hosts: vm"),
    (["--host", "vm", "--snapshot", TAKEN], 2, "", "--host goes with a spec"),
    (["--snapshot", "/nothing/there"], 2, "", "no such file"),
    (["--snapshot", "/dev/null"], 2, "", "no snapshot of a host"),
    (["--snapshot", TAKEN, "--top", "0"], 2, "", "is no number of rows"),
    (["--snapshot", TAKEN, "--fail-on-kill"], 1, "backup (1420)", ""),
    (["--snapshot", TAKEN, "--output", "x"], 2, "", "--output goes with"),
    (["nothing.yaml", "--snapshot", TAKEN], 2, "", "nothing.yaml"),
]


@pytest.mark.parametrize(("argv", "code", "out", "err"), CALLS, ids=[" ".join(row[0])[-40:] for row in CALLS])
def test_codes_and_words(argv: list[str], code: int, out: str, err: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *argv]) == code
    told = capsys.readouterr()
    assert out in " ".join(told.out.split())
    assert err in told.err


def test_a_snapshot_may_come_from_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(Path(TAKEN).read_bytes())))
    assert main(["audit", "--snapshot", "-"]) == 0
    assert "vm: Linux 6.1.0" in capsys.readouterr().out


def test_this_host_is_audited_whatever_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--format", "json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["memory"]["total"] > 0


def test_a_spec_that_says_nothing_of_memory_is_said_in_the_singular(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "nosvc.yaml"
    spec.write_text("version: 1\nhosts: {vm: {ram: 2G}}\nservices: {}\n")
    assert main(["audit", str(spec), "--snapshot", TAKEN]) == 0
    assert "the spec says nothing of memory" in capsys.readouterr().out
    bare = tmp_path / "bare"
    bare.write_text("/proc/meminfo:MemTotal: 2097152 kB\n# end\n")
    assert main(["audit", "--snapshot", str(bare)]) == 0
    assert "its own files say nothing of memory" in capsys.readouterr().out


def test_which_of_several_hosts_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "oomconf.yaml"
    spec.write_text(
        "version: 1\nhosts: {vm: {ram: 2G}, other: {ram: 2G}}\nservices: {a: {host: vm, protect: high, systemd: {unit: a.service}}}\n"
    )
    assert main(["audit", str(spec), "--snapshot", TAKEN]) == 0
    assert "against vm of the spec" in capsys.readouterr().out
    taken = tmp_path / "taken"
    taken.write_text(Path(TAKEN).read_text().replace("hostname:vm", "hostname:web7"))
    assert main(["audit", str(spec), "--snapshot", str(taken)]) == 2
    assert "it is called web7; say --host, one of vm, other" in capsys.readouterr().err


def test_json_is_version_1_and_stays_as_it_is(update: bool, capsys: pytest.CaptureFixture[str]) -> None:
    main(["audit", "examples/small-vm/oomconf.yaml" if Path.cwd() == ROOT else SPEC, "--snapshot", TAKEN, "--format", "json"])
    found = json.loads(capsys.readouterr().out.replace(str(ROOT) + "/", ""))
    golden = ROOT / "tests/golden/audit.json"
    if update:
        golden.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(golden.read_text())


def test_the_textfile_is_written_whole_readable_by_all_and_has_the_metrics(tmp_path: Path) -> None:
    out = tmp_path / "oomconf.prom"
    assert main(["audit", SPEC, "--snapshot", TAKEN, "--format", "prometheus", "--output", str(out)]) == 1
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["oomconf.prom"]
    body = out.read_text()
    names = {line.split("{")[0].split()[0] for line in body.splitlines() if not line.startswith("#")}
    assert names <= {metric.name for metric in AUDIT}
    assert 'oomconf_drift{object="services.nginx",setting="memory_max"} 1' in body
    assert 'oomconf_pending_restart{object="services.nginx"} 1' in body
    assert "oomconf_drifted_settings 2\n" in body


def test_the_textfile_knows_the_time_only_by_being_told() -> None:
    found = audited(host())
    assert audit_metrics.render(found, 7) == audit_metrics.render(found, 7)
    assert "oomconf_audit_timestamp_seconds 7\n" in audit_metrics.render(found, 7)


def test_containers_are_told_with_use_and_limit() -> None:
    ident = "ab" * 32
    one = host()
    one.cgroup(f"/docker/{ident}", **{"memory.current": 8 << 20, "memory.stat.inactive_file": 3 << 20, "memory.events.oom_kill": 2})
    one.process(50, "app", f"/docker/{ident}")
    row = {"Id": ident, "Name": "/api", "Running": True, "Pid": 50, "Memory": 64 << 20, "MemorySwap": 128 << 20, "OomScoreAdj": 0}
    one.containers.append(row)
    found = audited(one)
    (api,) = [use for use in found.users if use.kind == "container"]
    assert (api.name, api.limit, api.declared, api.kills) == ("api", None, 64 << 20, 2)
    assert states(found)["api", "memory_max"] == "drift"
    assert 'oomconf_container_oom_kills_total{container="api"} 2' in audit_metrics.render(found, 1)


@pytest.mark.parametrize("release", ["6.1.0", "4.19.0", "v1"])
def test_a_kill_is_counted_in_one_unit_though_the_kernel_counts_it_in_all_above(release: str) -> None:
    """Units of a slice of a slice, a scope, which has no metric, and a container beside them: three kills, one of a unit that is gone."""
    ident = "ab" * 32
    one = host()
    one.v1 = release == "v1"
    is_tree = release == "6.1.0"  # before 5.2 memory.events was of the group alone, as v1's count still is
    kills = {
        "/web.slice": (3 if is_tree else 0),
        "/web.slice/web-app.slice": (2 if is_tree else 0),
        "/web.slice/web-app.slice/app.service": 1,
        "/web.slice/web-app.slice/x.scope": 1,
        f"/web.slice/docker-{ident}.scope": 1,
    }
    for path, count in kills.items():
        one.cgroup(path, **{"memory.events.oom_kill": count})
    text = one.text().replace("# end", f"/proc/sys/kernel/osrelease:{release.replace('v1', '6.1.0')}\n# end")
    lines = audit_metrics.render(audited(text), 1).splitlines()
    found = {line.split('"')[1]: int(line.split()[-1]) for line in lines if "oom_kills_total{" in line}
    assert found["app.service"] == 1
    assert found[f"{ident[:12]}"] == 1
    # the scope's kill is the slice's: it has no metric, and before 5.2 nothing above it counts it
    assert found["web-app.slice"] == (1 if is_tree else 0)
    assert found["web.slice"] == 0


def test_a_unit_whose_container_was_killed_says_so_as_the_container_does() -> None:
    one, ident = host(), "ab" * 32
    for path in ("/system.slice", UNIT, f"{UNIT}/libpod-{ident}.scope"):
        one.cgroup(path, **{"memory.events.oom_kill": 2})
    one.process(50, "app", f"{UNIT}/libpod-{ident}.scope")
    lines = audit_metrics.render(audited(one), 1).splitlines()
    assert {line.split('"')[1]: line.split()[-1] for line in lines if "oom_kills_total{" in line} == {
        "system.slice": "0",
        "web.service": "2",
        ident[:12]: "2",
    }


# ── the function ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_function_takes_a_text_or_a_snapshot() -> None:
    taken = Path(TAKEN).read_text()
    spec = oomconf.load(SPEC)
    assert oomconf.audit(taken, spec) == oomconf.audit(read(taken), spec, "vm")
    assert len(oomconf.audit(taken, spec).drift) == 2
    assert oomconf.audit(taken).spec_host is None
    with pytest.raises(CallError, match="hosts: vm"):
        oomconf.audit(taken, spec, "no")
    with pytest.raises(InputError):
        oomconf.audit("nothing")
