"""oomconf audit: a spec of another machine, what could not be looked at, and what nothing tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audited import audited, text

import oomconf
from oomconf.cli import main
from oomconf.inforce import Audit, Row, audit_host, unseen_values
from oomconf.policy import Facts, Origin
from oomconf.quantity import Size
from oomconf.reports import audit_metrics
from oomconf.snapshot import read

# ── whether it is the machine of the spec ────────────────────────────────────────────────────────────────────────────────

MACHINE = """\
/proc/meminfo:MemTotal: 8000000 kB
/proc/sys/kernel/osrelease:6.1.90-1-amd64
/proc/1/status:Name:\tsystemd
/proc/1/status:VmRSS:\t9 kB
/sys/fs/cgroup/a/memory.max:max
$version:systemd 252 (252)
$systemctl:
# end
"""
FACTS = [
    ({}, []),
    ({"memory_total": Size(8000000 * 1024)}, []),
    ({"memory_total": Size(8150000 * 1024)}, []),
    ({"memory_total": Size(8170000 * 1024)}, ["memtotal"]),
    ({"memory_total": Size(2014584 * 1024)}, ["memtotal"]),
    ({"ram": Size(8 << 30)}, []),
    ({"ram": Size(7 << 30)}, ["ram"]),
    ({"ram": Size(10 << 30)}, ["ram"]),
    ({"kernel": "6.1"}, []),
    ({"kernel": "6"}, []),
    ({"kernel": "6.1.90"}, []),
    ({"kernel": "6.1.9"}, ["kernel"]),
    ({"kernel": "6.12"}, ["kernel"]),
    ({"systemd": 252}, []),
    ({"systemd": 257}, ["systemd"]),
    ({"systemd": 0}, ["systemd"]),
    ({"cgroup_version": 2}, []),
    ({"cgroup_version": 1, "kernel": "5.10"}, ["kernel", "cgroup_version"]),
]


@pytest.mark.parametrize(("said", "told"), FACTS, ids=[" ".join(f"{key}={value}" for key, value in row[0].items()) for row in FACTS])
def test_a_spec_of_another_machine_is_told(said: dict[str, object], told: list[str]) -> None:
    facts = {
        ("memory_total" if key == "ram" else key): oomconf.Setting(value, origin=Origin.NOMINAL) if key == "ram" else oomconf.Setting(value)
        for key, value in said.items()
    }
    policy = oomconf.Policy(name="h", facts=Facts(**facts))  # type: ignore[arg-type]
    found = [note for note in audit_host(read(MACHINE), policy).notes if note.id == "other-machine"]
    assert [note.object for note in found] == told
    assert all("another machine (--host), or the spec is old" in note.text for note in found)
    nothing = read("/proc/meminfo:MemTotal: 0 kB")
    assert [note for note in audit_host(nothing, policy).notes if note.id == "other-machine"] == []


# ── what could not be looked at, and what nothing tells ──────────────────────────────────────────────────────────────────

UNITS = """\
version: 1
hosts: {vm: {ram: 8G, docker: {version: "28"}}}
slices: {front.slice: {memory: {max: 1G}}}
services:
  a: {slice: front.slice, memory: {max: 64M}, systemd: {unit: a.service}}
  b: {memory: {max: 64M}, runtime: {go: {}}, docker: {name: box}}
"""
OFFLINE = """\
/proc/meminfo:MemTotal: 8000000 kB
/proc/1/status:Name:\ttini
/proc/1/status:Uid:\t0
/proc/1/status:VmRSS:\t9 kB
/proc/pressure/memory:some avg10=0.00
/sys/fs/cgroup/a/memory.max:max
$version:systemd 252 (252)
$log:h kernel: Linux version 6.1
# end
"""


@pytest.fixture
def units(tmp_path: Path) -> tuple[str, str]:
    spec, taken = tmp_path / "oomconf.yaml", tmp_path / "taken"
    spec.write_text(UNITS)
    taken.write_text(OFFLINE)
    return str(spec), str(taken)


def test_where_no_systemd_runs_it_is_said_once_with_why_and_the_version_is_none(
    units: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    spec, taken = units
    assert main(["audit", spec, "--snapshot", taken]) == 0
    told = capsys.readouterr().out
    assert "no systemd (PID 1 is tini)" in told.splitlines()[0]
    assert "252" not in told
    words = " ".join(told.split())
    assert words.count("PID 1 is tini, not systemd: nothing has its units") == 1
    assert "of front.slice and a.service could not be looked at: PID 1 is tini" in words
    assert "systemctl" not in words


@pytest.mark.parametrize("asked", ["$systemctl:\n", ""], ids=["asked", "not asked"])
def test_systemd_as_pid_1_is_no_host_without_systemd(asked: str) -> None:
    found = audited(OFFLINE.replace("tini", "systemd").replace("# end", f"{asked}# end"))
    assert (found.systemd, found.init) == (252, "systemd")
    assert ("systemctl gave no answer: what the manager has is not known" in found.unseen) == (not asked)


def test_what_nothing_tells_is_not_what_could_not_be_looked_at(units: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """In text, JSON and the metric: a heap is in no capture, a unit could be seen elsewhere."""
    found = oomconf.audit(OFFLINE, oomconf.load(units[0]))
    assert {row.setting for row in found.unsayable} == {"runtime.go"}
    assert {row.thing for row in found.blind} == {"front.slice", "a.service"}
    main(["audit", units[0], "--snapshot", units[1], "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    counts = {name: told["summary"][name] for name in ("not seen", "not_looked_at", "not_audited")}
    blind = len(found.blind)
    assert counts == {"not seen": blind + 1, "not_looked_at": blind, "not_audited": 1}
    assert (told["complete"], told["not_seen"], told["init"]) == (False, list(found.unseen), "tini")
    assert told["not_seen"][-1].startswith(f"{blind} values of front.slice and a.service could not be looked at: ")
    assert f"{blind} not seen, 1 not audited" in " ".join(text(found).split())
    assert "1 value not audited: nothing on a host tells it (--all shows why)" in text(found)
    assert "for those hold secrets" in " ".join(text(found, every=True).split())


def test_complete_is_that_nothing_that_could_be_seen_was_missed(tmp_path: Path) -> None:
    spec = tmp_path / "oomconf.yaml"
    spec.write_text("version: 1\nhosts: {vm: {ram: 8G}}\nservices: {b: {memory: {max: 64M}, runtime: {go: {}}, docker: {name: box}}}\n")
    found = oomconf.audit(OFFLINE, oomconf.load(str(spec)))
    assert (len(found.unsayable), found.blind, found.unseen, found.is_complete) == (1, (), (), True)
    assert "oomconf_audit_complete 1\n" in audit_metrics.render(found, 1)


@pytest.mark.parametrize(("kind", "code"), [("blind", 1), ("seen", 0)])
def test_values_that_could_not_be_looked_at_fail_where_that_is_asked(kind: str, code: int, units: tuple[str, str]) -> None:
    argv = ["audit", *([units[0]] if kind == "blind" else []), "--snapshot", units[1]]
    assert main(argv) == 0
    assert main([*argv, "--fail-on-unseen"]) == code


def test_many_reasons_are_a_few_lines_and_every_value_is_counted() -> None:
    rows = [Row(object="s", thing=f"u{number}", setting="x", state="not seen", why=f"why {number % 7}", blind=True) for number in range(70)]
    lines = unseen_values(rows)
    assert lines[0] == "10 values of u0, u7, u14, u21, u28 and 5 more could not be looked at: why 0"
    assert (len(lines), lines[-1]) == (6, "20 values more could not be looked at")
    assert unseen_values([]) == []


def test_what_does_not_run_reads_as_what_is_said_and_not_as_something_found() -> None:
    row = Row(object="services.a", thing="a.service", setting="slice", state="not running", expected="front.slice", why="it is masked")
    told = " ".join(text(Audit(host="h", rows=(row,)), every=True).split())
    assert "not running a.service slice front.slice is said (it is masked)" in told
