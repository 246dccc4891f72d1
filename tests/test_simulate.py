"""oomconf simulate as a command and in the library: calls, exit codes, formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from boxes import GIB, MEMINFO, fake, host, member, process

import oomconf
from oomconf.cli import main
from oomconf.host.snapshot import capture
from oomconf.reports import simulation_text
from oomconf.reports._terminal import Paper
from oomconf.simulation import simulate
from oomconf.simulation.nouns import Part

SPEC = """\
version: 1
defaults: {memory: {swap_max: 0}}
hosts:
  one: {ram: 16G, swap: 4G, systemd: 252, reserved: 512M}
  two: {ram: 8G, swap: 0, reserved: 512M}
slices:
  work.slice: {host: one, memory: {max: 6G, swap_max: 1G}}
services:
  db:
    host: one
    protect: high
    oom_policy: continue
    memory: {max: 12G}
    systemd: {unit: db.service}
    processes: [{name: postmaster}, {name: backend, count: 50, oom_score_adj: 0}]
  api: {host: one, slice: work.slice, memory: {max: 4G}, docker: {name: api, image: i}}
  job: {host: one, slice: work.slice, protect: expendable, memory: {max: 4G}, systemd: {unit: job.service}}
  edge: {host: two, protect: critical, memory: {max: 6G}, systemd: {unit: edge.service}}
  free: {host: two, systemd: {unit: free.service}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.yaml").write_text(SPEC)
    (tmp_path / "met.yaml").write_text(SPEC + "expect: {first: [job, free], never: [edge]}\n")
    (tmp_path / "unmet.yaml").write_text(SPEC + "expect: {first: [job], never: [db]}\n")
    (tmp_path / "cluster.yaml").write_text(
        "version: 1\nservices:\n  s: {memory: {max: 1Gi}, kubernetes: {workload: Deployment/s, namespace: n, container: c}}\n"
    )
    pod = "  pod: {memory: {max: 1Gi}, kubernetes: {workload: Deployment/s, namespace: n, container: c}}\n"
    one = "version: 1\nhosts: {two: {ram: 8G, swap: 0}, three: {ram: 8G, swap: 0}}\nservices:\n  edge: {host: two, systemd: {unit: edge.service}}\n"
    (tmp_path / "elsewhere.yaml").write_text(f"{one}{pod}expect: {{never: [pod]}}\n")
    (tmp_path / "broken.yaml").write_text("version: 2\n")
    return tmp_path


ROWS = [
    (["plain.yaml"], 0, "job  first, always", ""),
    (["plain.yaml", "--host", "two"], 0, "two: 7.5G for services", ""),
    (["plain.yaml", "--host", "three"], 2, "", "the spec has no host three; hosts: one, two"),
    (["met.yaml"], 0, "met never: edge", "3 expectations met"),
    (
        ["unmet.yaml"],
        1,
        "NOT MET never: db (unmet.yaml:20:32): when the machine runs out, it can die while api lives",
        "1 expectation met, 1 not",
    ),
    (["met.yaml", "--host", "two"], 0, "met never: edge", "expected of job: not judged, it runs on none of the hosts asked for"),
    (["elsewhere.yaml"], 1, "edge", "expected of pod: not judged, it runs on no host of the spec"),
    (["plain.yaml", "--scenario", "leak:edge"], 0, "edge is at its own limit (6G)", ""),
    (["plain.yaml", "--scenario", "leak:db/backend"], 0, "one backend of db leaks", ""),
    (["plain.yaml", "--scenario", "leak:bd"], 2, "", "services: db, api, job, edge, free; slices: work.slice"),
    (["plain.yaml", "--scenario", "leak:db/x"], 2, "", "db has no process 'x'; processes: postmaster, backend"),
    (["plain.yaml", "--scenario", "flood"], 2, "", "there is no scenario 'flood'; there are leak:SERVICE, max, no-swap, limit:NAME"),
    (["plain.yaml", "--steps"], 0, "limit:work.slice: all services of work.slice grow to their limits", ""),
    (["plain.yaml", "--use", "job=3G"], 0, "3G", ""),
    (["plain.yaml", "--use", "jbo=3G"], 2, "", "there is no service jbo; services: db, api, job, edge, free"),
    (["plain.yaml", "--use", "job"], 2, "", "say SERVICE=SIZE"),
    (["plain.yaml", "--use", "job=3GB"], 2, "", "--use 'job=3GB'"),
    (["plain.yaml", "--use", "job=infinity"], 2, "", "--use 'job=infinity': say how much"),
    (["--use", "job=3G"], 2, "", "goes with a spec"),
    (["cluster.yaml"], 2, "", "the spec has no host"),
    (["broken.yaml"], 2, "", "1 problem in the spec"),
    (["missing.yaml"], 2, "", "no such file"),
    (["--snapshot", "plain.yaml"], 2, "", "no snapshot of a host"),
    (["--snapshot", "missing"], 2, "", "missing: no such file"),
    (["--capture-script"], 0, "#!/bin/sh", ""),
]


@pytest.mark.parametrize(("argv", "code", "out", "err"), ROWS, ids=[" ".join(row[0]) for row in ROWS])
@pytest.mark.usefixtures("here")
def test_a_call(argv: list[str], code: int, out: str, err: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *argv]) == code
    printed = capsys.readouterr()
    assert out in " ".join(printed.out.split()) or out in printed.out
    assert err in printed.err


def test_the_library_says_the_same(here: Path) -> None:
    spec = oomconf.load(here / "unmet.yaml")
    one, two = oomconf.simulate(spec, use={"job": GIB})
    assert isinstance(one, oomconf.Simulation)
    assert [expectation.met for expectation in one.expectations] == [True, False]
    assert next(member.use for member in one.machine.members if member.name == "job") == GIB
    assert (two.machine.name, two.expectations) == ("two", ())
    (only,) = oomconf.simulate(spec, host=["two"], scenario=["max"])
    assert [run.scenario for run in only.runs] == ["max"]
    with pytest.raises(oomconf.CallError, match="no host three; hosts: one, two"):
        oomconf.simulate(spec, host=["three"])
    with pytest.raises(oomconf.CallError, match="no scenario 'flood'"):
        oomconf.simulate(spec, scenario=["flood"])


def test_json_has_the_promised_shape(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert here.is_dir()
    assert main(["simulate", "unmet.yaml", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == 1
    one, two = found["hosts"]
    assert (one["name"], two["name"]) == ("one", "two")
    assert one["memory"] == (16 << 30) - (512 << 20)
    assert {service["name"]: service["max"] for service in one["services"]} == {"db": 12 << 30, "api": 4 << 30, "job": 4 << 30}
    assert two["services"][1]["max"] is None
    outlook = one["outlooks"][0]
    assert outlook["kind"] == "global"
    assert [(row["service"], row["answer"]) for row in outlook["first"]] == [("db", "never"), ("api", "never"), ("job", "always")]
    assert set(outlook["first"][2]["witness"]) == {"victim", "process", "badness", "sizes", "elsewhere", "swapped", "swap_elsewhere"}
    unmet = [row for row in one["expectations"] if not row["met"]]
    assert [(row["text"], row["path"], row["line"]) for row in unmet] == [("never: db", "unmet.yaml", 20)]
    assert {step["kind"] for scenario in one["scenarios"] for step in scenario["steps"]} >= {"oom", "kill", "calm"}


def test_a_hundred_services_are_cut_with_their_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"  s{number:03}: {{memory: {{max: 512M}}, systemd: {{unit: s{number:03}.service}}}}\n" for number in range(100))
    (tmp_path / "many.yaml").write_text(f"version: 1\nhosts: {{big: {{ram: 32G, swap: 0, reserved: 1G}}}}\nservices:\n{rows}")
    assert main(["simulate", str(tmp_path / "many.yaml")]) == 0
    out = capsys.readouterr().out
    assert "and 76 more services" in out
    assert "and 92 more first, possibly" in out
    assert "and 76 more leaks; --scenario leak:SERVICE plays one" in out
    assert len(out.splitlines()) < 120


def test_a_terminal_without_unicode_gets_ascii() -> None:
    parts = (Part(name="ü" * 60, oom_score_adj=-900, count=1), Part(name="b", oom_score_adj=0, count=1))
    found = simulate(host(member("ü" * 60, parts=parts), member("x#1"), member("x#2")))
    for steps in (True, False):
        assert simulation_text.render(found, Paper(unicode=False), steps=steps).isascii()
    assert not simulation_text.render(found, Paper()).isascii()


def test_a_host_without_services_is_told_as_that() -> None:
    assert "nothing that is known runs there" in simulation_text.render(simulate(host()), Paper())


def test_a_spec_takes_its_sizes_from_a_capture(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = process(10, "job", 1_500_000, cgroup="0::/work.slice/job.service")
    (here / "taken").write_text(capture(str(fake(here / "root", {"proc/meminfo": MEMINFO, **row}))))
    assert main(["simulate", "plain.yaml", "--snapshot", "taken", "--host", "one", "--format", "json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["hosts"]
    assert {service["name"]: service["use"] for service in one["services"]}["job"] == 1_500_000 * 1024
