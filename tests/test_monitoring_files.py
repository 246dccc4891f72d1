"""The template for Zabbix, the dashboard for Grafana, and the log: their shape, and what they do when run."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
import zabbix_export

import oomconf
from oomconf import metrics
from oomconf.cli import main

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/oomconf.yaml"))


def made(example: str, target: str) -> dict[str, str]:
    output = oomconf.render(oomconf.load(ROOT / "examples" / example / "oomconf.yaml"), target=[target])
    return {artifact.path: artifact.text for artifact in output.artifacts}


def template(example: str) -> Any:
    return yaml.safe_load(made(example, "zabbix")["monitoring/zabbix/oomconf.template.yaml"])


@pytest.mark.parametrize("example", EXAMPLES)
def test_zabbix_takes_the_template(example: str) -> None:
    assert zabbix_export.check(template(example)) == []


def test_a_hostile_unit_reaches_zabbix_as_it_is(tmp_path: Path) -> None:
    unit = r"a\x2db:c.service"
    (tmp_path / "oomconf.yaml").write_text(
        f"version: 1\nhosts: {{h: {{ram: 4G, swap: 0}}}}\nservices:\n  s: {{protect: high, memory: {{max: 1G}}, systemd: {{unit: '{unit}'}}}}\n"
        "  t: {protect: high, memory: {max: 1G}, systemd: {unit: t@.service}}\n"
    )
    (artifact,) = oomconf.render(oomconf.load(tmp_path / "oomconf.yaml"), target=["zabbix"]).artifacts
    data = yaml.safe_load(artifact.text)
    assert zabbix_export.check(data) == []
    keys = [item["key"] for item in data["zabbix_export"]["templates"][0]["items"]]
    assert f'oomconf.unit.limit["{unit}"]' in keys


def of_audit(example: str) -> tuple[dict[str, str], list[str]]:
    """Items on the audit's metrics by key, each with the metric, and the expressions of triggers on them."""
    (found,) = template(example)["zabbix_export"]["templates"]
    items = {item["key"]: item["preprocessing"][0]["parameters"][0] for item in found["items"] if item["key"].startswith("oomconf.audit.")}
    every = [*template(example)["zabbix_export"].get("triggers", []), *(one for item in found["items"] for one in item.get("triggers", []))]
    return items, [one["expression"] for one in every if "/oomconf.audit." in one["expression"]]


@pytest.mark.parametrize("example", EXAMPLES)
def test_zabbix_watches_of_the_audit_what_prometheus_does(example: str) -> None:
    items, triggers = of_audit(example)
    by_label = {metrics.DRIFT, metrics.UNIT_WORKING_SET, metrics.UNIT_LIMIT, metrics.CONTAINER_KILLS}
    assert set(items.values()) >= {metric.name for metric in metrics.AUDIT if metric not in by_label}
    assert all(any(f"/{key}" in trigger for trigger in triggers) for key in items)


def test_an_audit_that_never_ran_is_a_problem_in_zabbix() -> None:
    """Of a file that is not there every item is unsupported, and a trigger on one has no value: nodata() alone has."""
    _, triggers = of_audit("small-vm")
    assert "nodata(/oomconf memory by Zabbix agent/oomconf.audit.time,1h)=1" in triggers


def test_kills_in_containers_are_watched_where_there_are_containers() -> None:
    has = {example: "oomconf.audit.container.kills" in of_audit(example)[0] for example in EXAMPLES}
    assert has == {
        "container-host": True,
        "database-host": False,
        "edge-without-systemd": False,
        "kubernetes-node": True,
        "small-vm": False,
    }


def break_version(data: Any) -> None:
    data["zabbix_export"]["version"] = 7.0


def break_uuid(data: Any) -> None:
    data["zabbix_export"]["templates"][0]["items"][0]["uuid"] = "0" * 32


def break_twice(data: Any) -> None:
    items = data["zabbix_export"]["templates"][0]["items"]
    items[1]["uuid"] = items[0]["uuid"]


def break_key(data: Any) -> None:
    data["zabbix_export"]["templates"][0]["items"][0]["key"] += "x"


def break_item(data: Any) -> None:
    data["zabbix_export"]["templates"][0]["items"][0]["colour"] = "red"


def break_master(data: Any) -> None:
    data["zabbix_export"]["templates"][0]["items"][1]["key"] = "other"


def break_step(data: Any) -> None:
    next(item for item in data["zabbix_export"]["templates"][0]["items"] if "preprocessing" in item)["preprocessing"][0]["type"] = "JAVA"


def break_trigger(data: Any) -> None:
    data["zabbix_export"]["triggers"][0]["expression"] = "{x}>1"


def break_macro(data: Any) -> None:
    del data["zabbix_export"]["templates"][0]["macros"][0]


@pytest.mark.parametrize(
    "how", [break_version, break_uuid, break_twice, break_key, break_item, break_master, break_step, break_trigger, break_macro]
)
def test_the_checker_refuses_what_zabbix_does(how: Any) -> None:
    data = copy.deepcopy(template("small-vm"))
    how(data)
    assert zabbix_export.check(data) != []


def test_ids_do_not_change_when_the_spec_grows() -> None:
    def ids(example: str) -> dict[str, str]:
        return {item["key"]: item["uuid"] for item in template(example)["zabbix_export"]["templates"][0]["items"]}

    small, large = ids("edge-without-systemd"), ids("database-host")
    shared = set(small) & set(large)
    assert len(shared) > 10
    assert all(small[key] == large[key] for key in shared)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_dashboard_holds_together(example: str) -> None:
    (text,) = made(example, "grafana").values()
    data = json.loads(text)
    assert data["uid"] == "oomconf-memory"
    assert data["schemaVersion"] >= 39
    panels = data["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridPos"]
        cells = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
        assert grid["x"] + grid["w"] <= 24
        assert not cells & taken
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
        assert [target["refId"] for target in panel["targets"]] == ["A", "B"][: len(panel["targets"])]
    assert {one["name"] for one in data["templating"]["list"]} == {"datasource", "instance"}


def test_asking_for_prometheus_brings_the_dashboard() -> None:
    assert {Path(path).name for path in made("small-vm", "prometheus")} == {
        "oomconf.rules.yaml",
        "oomconf.rules.test.yaml",
        "oomconf.dashboard.json",
        "oomconf-audit.service",
        "oomconf-audit.timer",
        "oomconf-audit.cron",
    }


# ── what runs the audit ──────────────────────────────────────────────────────────────────────────────────────────────────

SERVICE, CRON = "vm/root/etc/systemd/system/oomconf-audit.service", "vm/prometheus/oomconf-audit.cron"


def asked(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "oomconf.yaml").write_text(f"version: 1\nhosts: {{a: {{ram: 4G, swap: 0}}, b: {{ram: 4G, swap: 0, systemd: 0}}}}\n{text}\n")
    return {one.path: one.text for one in oomconf.render(oomconf.load(tmp_path / "oomconf.yaml")).artifacts if one.target == "audit"}


@pytest.mark.parametrize("target", ["prometheus", "zabbix"])
def test_what_reads_the_metrics_brings_what_writes_them(tmp_path: Path, target: str) -> None:
    found = asked(tmp_path, f"monitoring: {{targets: [{target}]}}")
    units = {f"a/root/etc/systemd/system/oomconf-audit.{kind}" for kind in ("service", "timer")}
    assert set(found) == {"a/prometheus/oomconf-audit.cron", "b/prometheus/oomconf-audit.cron", *units}
    assert asked(tmp_path, "monitoring: {targets: [log]}") == {}


def test_the_command_that_is_run_leaves_the_metrics_that_are_watched(tmp_path: Path) -> None:
    files = made("small-vm", "audit")
    (call,) = re.findall(r"^ExecStart=(.*)$", files[SERVICE], re.MULTILINE)
    assert files[CRON].endswith(f"root timeout 300 {call}\n")
    assert call == metrics.audit_call("vm", metrics.PROGRAM)
    words = call.replace(metrics.SPEC, str(ROOT / "examples/small-vm/oomconf.yaml")).replace(metrics.FOLDER, str(tmp_path)).split()
    assert main([*words[1:], "--snapshot", str(ROOT / "examples/small-vm/host.snapshot")]) == 1
    assert "SuccessExitStatus=1\n" in files[SERVICE]
    text = (tmp_path / metrics.FILE).read_text("utf-8")
    watched = {metric.name for metric in metrics.AUDIT if metric.labels != ("container",)}
    assert {name for name in watched if re.search(rf"^{name}[ {{]", text, re.MULTILINE)} == watched


def test_the_audit_may_write_where_its_metrics_go_and_nowhere_else() -> None:
    files = made("small-vm", "audit")
    assert "ProtectSystem=strict\n" in files[SERVICE]
    assert re.findall(r"^ReadWritePaths=(.*)$", files[SERVICE], re.MULTILINE) == [metrics.FOLDER]
    # podman takes locks to show what it has
    of_podman = made("container-host", "audit")["box/root/etc/systemd/system/oomconf-audit.service"]
    assert f"ReadWritePaths={metrics.FOLDER} -/run -/var/lib/containers\n" in of_podman


def test_what_runs_the_audit_does_so_before_an_alert_misses_it() -> None:
    assert min(60 * 60, metrics.STALE_AFTER) >= metrics.EVERY * 4
    rules = yaml.safe_load(made("container-host", "prometheus")["monitoring/prometheus/oomconf.rules.yaml"])
    said = {rule["alert"]: rule["annotations"]["runbook"] for group in rules["groups"] for rule in group["rules"]}
    for name in ("OomconfAuditMissing", "OomconfAuditStale", "OomconfAuditGone"):
        assert metrics.audit_call("NAME") in said[name]
        assert "oomconf-audit.timer" in said[name]


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

STATUS = "Name:\t{name}\nUmask:\t0022\nPid:\t{pid}\nVmRSS:\t  {rss} kB\nVmSwap:\t  {swap} kB\n"
MEMINFO = "MemTotal: 1000000 kB\nMemAvailable: 250000 kB\nSwapTotal: 400000 kB\nSwapFree: 300000 kB\nCommitLimit: 900000 kB\nCommitted_AS: 450000 kB\n"
PSI = "some avg10=1.00 avg60=2.00 avg300=3.00 total=44\nfull avg10=0.10 avg60=0.20 avg300=0.30 total=5\n"


def fake_proc(root: Path) -> Path:
    proc = root / "proc"
    for pid, name, rss, swap, adj, group in (
        (1, "init", 9000, 0, "0", "0::/init.scope"),
        (20, "big (one) x", 500_000, 4096, "-900", "0::/system.slice/db@1.service/sub"),
        (21, "old", 100_000, 0, "300", "12:memory:/x\n1:name=systemd:/system.slice/old.service"),
        (22, "gone", 90_000, 0, None, None),
    ):
        folder = proc / str(pid)
        folder.mkdir(parents=True)
        (folder / "status").write_text(STATUS.format(name=name, pid=pid, rss=rss, swap=swap))
        if adj is not None:
            (folder / "oom_score_adj").write_text(f"{adj}\n")
            (folder / "cgroup").write_text(f"{group}\n")
    (proc / "30").mkdir()
    (proc / "30" / "status").write_text("Name:\tkthreadd\nPid:\t30\n")
    (proc / "pressure").mkdir()
    (proc / "pressure" / "memory").write_text(PSI)
    (proc / "meminfo").write_text(MEMINFO)
    (proc / "vmstat").write_text("pswpin 1\noom_kill 3\n")
    return proc


def run(script: str, shell: list[str], tmp_path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "oomconf-log"
    path.write_text(script)
    env = {"PATH": os.environ["PATH"], "OOMCONF_LOG": str(tmp_path / "memory.log"), **more}
    return subprocess.run([*shell, str(path), *arguments], env=env, capture_output=True, text=True, check=False, timeout=120)


SCRIPT = "vm/root/usr/local/sbin/oomconf-log"


@pytest.mark.live("shell")
@pytest.mark.parametrize("shell", [["sh"], ["dash"], ["busybox", "sh"]], ids=["sh", "dash", "busybox"])
def test_a_block_says_memory_pressure_and_who_holds_most(shell: list[str], tmp_path: Path) -> None:
    script = made("small-vm", "log")[SCRIPT]
    done = run(script, shell, tmp_path, OOMCONF_PROC=str(fake_proc(tmp_path)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = (tmp_path / "memory.log").read_text().splitlines()
    assert re.fullmatch(r"--- \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+", lines[0])
    assert lines[1:7] == [
        "memory    75.0% of 977 MiB in use, 244 MiB available",
        "swap      25.0% of 391 MiB in use",
        "promised  50% of the commit limit",
        "killed    3 by the OOM killer since boot",
        "waiting   some avg10=1.00 avg60=2.00 avg300=3.00",
        "stalled   all  avg10=0.10 avg60=0.20 avg300=0.30",
    ]
    assert [line.split() for line in lines[7:]] == [
        ["MiB", "swapped", "adj", "pid", "name", "unit"],
        ["492.3", "4.0", "-900", "20", "big", "(one)", "x", "db@1.service"],
        ["97.7", "0.0", "300", "21", "old", "old.service"],
        ["87.9", "0.0", "?", "22", "gone", "?"],
        ["8.8", "0.0", "0", "1", "init", "init.scope"],
    ]


@pytest.mark.live("shell")
@pytest.mark.parametrize("shell", [["sh"], ["dash"], ["busybox", "sh"]], ids=["sh", "dash", "busybox"])
def test_the_script_and_what_it_starts_are_not_listed(shell: list[str], tmp_path: Path) -> None:
    proc = fake_proc(tmp_path)
    for pid, parent in ((7, 1), (70, 7), (71, 70), (9, 71), (8, 20)):
        (proc / str(pid)).mkdir()
        (proc / str(pid) / "status").write_text(f"Name:\town\nPid:\t{pid}\nPPid:\t{parent}\nVmRSS:\t 600000 kB\nVmSwap:\t 0 kB\n")
    (proc / "self").mkdir()
    (proc / "self" / "stat").write_text("7 (sh) S 1\n")
    script = made("small-vm", "log")[SCRIPT]
    listed = [line.split()[3] for line in run(script, shell, tmp_path, "-", OOMCONF_PROC=str(proc)).stdout.splitlines()[8:]]
    assert listed == ["8", "20", "21", "22", "1"]
    every = re.sub(r"head -n \d+", "head -n 100000", script)
    done = run(every, shell, tmp_path, "-")
    assert done.stderr == ""
    assert str(tmp_path) not in done.stdout
    table = [line.split() for line in done.stdout.splitlines() if re.match(r" +\d+\.\d +\d", line)]
    # another test's may run beside; of this script's own each would be gone when its score is read
    assert [row for row in table if row[2] == "?" and row[4] in ("awk", "mawk", "cat", "sort", "head", "busybox")] == []
    assert table


@pytest.mark.live("shell")
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"]], ids=["dash", "busybox"])
def test_the_script_rotates_where_nothing_else_does(shell: list[str], tmp_path: Path) -> None:
    script, log = made("small-vm", "log")[SCRIPT], tmp_path / "memory.log"
    fake_proc(tmp_path)
    for number in range(6):
        log.write_text(f"{number}\n" + "x" * (8 << 20))
        assert run(script, shell, tmp_path, OOMCONF_PROC=str(tmp_path / "proc")).returncode == 0
    names = sorted(path.name for path in tmp_path.glob("memory.log*"))
    assert names == ["memory.log", *(f"memory.log.{number}" for number in range(1, 5))]
    assert [(tmp_path / name).read_text()[0] for name in names] == ["-", "5", "4", "3", "2"]


@pytest.mark.live("shell")
def test_a_kernel_without_pressure_and_a_proc_of_nobody_else_are_no_failure(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 500 kB\nSwapTotal: 0 kB\n")
    (proc / "vmstat").write_text("pswpin 1\n")
    done = run(made("small-vm", "log")[SCRIPT], ["dash"], tmp_path, "-", OOMCONF_PROC=str(proc))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:4] == [
        "memory    50.0% of 1 MiB in use, 0 MiB available",
        "swap      none",
        "pressure  not told by this kernel",
    ]


@pytest.mark.live("shell")
def test_the_one_liner_of_the_script_and_of_the_readme_is_the_same_and_runs() -> None:
    script = made("small-vm", "log")[SCRIPT]
    (line,) = re.findall(r"^#   (awk .*)$", script, re.MULTILINE)
    assert line in (ROOT / "README.md").read_text("utf-8")
    shown = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"\d+\.\d% of RAM in use, \d+ MiB available\n", shown)


def test_a_host_without_systemd_gets_no_units() -> None:
    paths = set(made("edge-without-systemd", "log"))
    assert paths == {
        "edge/root/usr/local/sbin/oomconf-log",
        "edge/root/etc/logrotate.d/oomconf-log",
        "edge/log/oomconf-log.cron",
    }
