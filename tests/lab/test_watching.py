"""What watches a host, on booted machines: the log by timer and by cron, its rotation; init and audit there, also by those who may see little."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from machine import BOOKWORM_HYBRID, TRIXIE, Machine, Shape
from record import Proven

import oomconf
from oomconf.cli import main
from oomconf.host.snapshot import collector

ROOT: Final = Path(__file__).parents[2]
LOG: Final = "/var/log/oomconf-memory.log"
SPEC: Final = "version: 1\nhosts: {lab: {ram: 1G}}\nservices: {a: {systemd: {unit: a.service}}}\nmonitoring: {targets: [log]}\n"
_BLOCK: Final = re.compile(
    r"--- (?P<at>\d{4}-\d\d-\d\dT\d\d:(?P<minute>\d\d):\d\dZ) \S+\n"
    r"memory +[\d.]+% of (?P<total>\d+) MiB in use, \d+ MiB available\n"
    r"swap +none\npromised +\d+% of the commit limit\nkilled +0 by the OOM killer since boot\n"
    r"waiting +some avg10=[\d.]+ avg60=[\d.]+ avg300=[\d.]+\nstalled +all +avg10=[\d.]+ avg60=[\d.]+ avg300=[\d.]+\n"
    r" +MiB +swapped +adj +pid +name +unit\n(?P<rows>(?: +[\d.]+ +[\d.]+ +(?:-?\d+|\?) +\d+ +.*\n)+)"
)


def _blocks(machine: Machine) -> list[re.Match[str]]:
    text = machine.run(f"cat {LOG} 2>/dev/null; true").out
    found = list(_BLOCK.finditer(text))
    assert "".join(one[0] for one in found) == text
    return found


def _headed(text: str) -> str:
    """Give the command that a file's header says."""
    (said,) = re.findall(r"(?:^# |: )((?:systemctl|cp) .*?)(?: \(.*)?$", text, re.MULTILINE)
    return str(said)


def _clock(machine: Machine, seconds: int) -> None:
    """Set the clock so many seconds before the next five minutes."""
    machine.run(f'now=$(date +%s); date -s "@$(((now / 300 + 1) * 300 - {seconds}))" >/dev/null')


def _wait_for_blocks(machine: Machine, count: int) -> None:
    machine.run(f"until count=$(grep -c '^---' {LOG} 2>/dev/null); [ ${{count:-0}} -ge {count} ]; do sleep 0.5; done", timeout=120)


@pytest.mark.first_on("trixie")
def test_the_log_is_written_by_the_timer_and_by_the_cron_line_and_rotated(
    machine: Machine, shape: Shape, render: Callable[..., Path], tmp_path: Path, proven: Proven
) -> None:
    (tmp_path / "oomconf.yaml").write_text(SPEC)
    out = render(tmp_path / "oomconf.yaml") / "lab"
    machine.put_tree(out / "root")
    machine.put_tree(out / "log", "/root")
    machine.run("systemctl stop cron")
    machine.run(_headed((out / "root/etc/systemd/system/oomconf-log.timer").read_text()))
    _clock(machine, 3)
    _wait_for_blocks(machine, 1)
    timed = _blocks(machine)
    assert machine.out("systemctl show -P Result oomconf-log.service") == "success"
    machine.run("systemctl disable --now oomconf-log.timer")
    machine.run(_headed((out / "log/oomconf-log.cron").read_text()), timeout=60)
    _clock(machine, 8)
    machine.run("systemctl start cron")
    _wait_for_blocks(machine, len(timed) + 1)
    machine.run("systemctl stop cron")
    found = _blocks(machine)
    assert len(found) == len(timed) + 1
    assert [int(one["minute"]) % 5 for one in found] == [0] * len(found), [one["at"] for one in found]
    total = int(machine.out("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"))
    assert {one["total"] for one in found} == {f"{total / 1024:.0f}"}
    for one in found:
        rows = [row.split(maxsplit=5) for row in one["rows"].splitlines()]
        held = [float(row[0]) for row in rows]
        assert held == sorted(held, reverse=True)
        assert {"docker.service", "lab-agent.service"} <= {row[5].split()[-1] for row in rows}
    assert machine.out(f"stat -c %a {LOG}") == "640"

    # the real logrotate, as Debian's own timer runs it
    machine.run(f"truncate -s 5M {LOG} && systemctl start logrotate.service")
    assert machine.out(f"stat -c '%n %s %a' {LOG} {LOG}.1").split("\n") == [f"{LOG} 0 640", f"{LOG}.1 {5 << 20} 640"]
    machine.run("/usr/local/sbin/oomconf-log && systemctl start oomconf-log.service")
    assert len(_blocks(machine)) == 2
    proven("log: blocks written by the timer and the cron line, their shape and the machine's RAM", shape.title, len(found))


@pytest.mark.first_on("bookworm")
def test_init_writes_a_spec_of_the_machine_that_passes_and_is_in_force(
    machine: Machine, shape: Shape, tmp_path: Path, proven: Proven
) -> None:
    machine.put({
        "/root/snapshot.sh": collector(),
        "/etc/systemd/system/api.service": "[Service]\nExecStart=hog -n api 24\nMemoryMax=96M\nMemorySwapMax=0\nOOMScoreAdjust=-300\nRestart=on-failure\n",
        "/etc/systemd/system/a\\x2db.service": "[Service]\nExecStart=hog -n aminusb 4\nMemoryHigh=40M\n",
        "/etc/sysctl.d/90-local.conf": "vm.swappiness = 17\n",
    })  # fmt: skip
    run = "docker run -d --network=none --name box -m 40m --memory-swap=40m --oom-score-adj=150 --restart=on-failure lab sleep 9999"
    machine.run(
        f"set -e; systemctl daemon-reload; systemctl start api 'a\\x2db'; systemctl restart systemd-sysctl; {run}; "
        "until pgrep -x aminusb; do sleep 0.2; done",
        timeout=300,
    )
    captured = tmp_path / "captured"
    captured.write_text(machine.run("sh /root/snapshot.sh", timeout=600).out)
    path = tmp_path / "oomconf.yaml"
    assert main(["init", "--snapshot", str(captured), "--out", str(path)]) == 0
    assert main(["check", str(path)]) == 0
    assert main(["lint", "--fail-on", "error", str(path)]) == 0
    spec = oomconf.load(path)
    (policy,) = oomconf.resolve(spec).policies
    said = {one.name: one for one in policy.workloads}
    assert {"api", "box"} <= set(said)
    assert (int(str(said["api"].memory_max and int(said["api"].memory_max.value))), said["box"].oom_score_adj.value) == (96 << 20, 150)  # type: ignore[arg-type, union-attr]
    assert policy.sysctls["vm.swappiness"].value in (17, "17")
    found = oomconf.audit(captured.read_text(), spec)
    assert found.drift == ()
    held = [row for row in found.rows if row.state == "as said"]
    assert {"api.service", "box"} <= {row.thing for row in held}
    proven("init: values of a machine that its starter spec says and an audit finds in force", shape.title, len(held))


# ── the tool itself in the machine, on Debian's own packages ─────────────────────────────────────────────────────────────

_TOOL: Final = "/srv/oomconf"  # where nobody may read too
_AS_NOBODY: Final = "setpriv --reuid=65534 --regid=65534 --clear-groups"


def _said(machine: Machine, command: str) -> tuple[int, dict[str, Any]]:
    done = machine.run(f"cd {_TOOL} && {command}", check=False, timeout=300)
    assert "Traceback" not in done.err, done
    assert done.status in (0, 1), done
    return done.status, json.loads(done.out)


def _installed(machine: Machine) -> str:
    """Put the checkout into the machine; give the words that run it there."""
    machine.put_tree(ROOT / "oomconf", f"{_TOOL}/oomconf")
    machine.put_tree(ROOT / "templates", f"{_TOOL}/templates")
    tool = "PYTHONDONTWRITEBYTECODE=1 python3 -m oomconf"
    machine.put({"/usr/local/bin/oomconf": (f'#!/bin/sh\nPYTHONPATH={_TOOL} exec env {tool} "$@"\n', 0o755)})
    machine.run(f"find {_TOOL} -name '__pycache__' -exec rm -r {{}} +; oomconf --version")
    return tool


@pytest.mark.parametrize("shape", [TRIXIE], ids=["trixie"])
def test_the_tool_runs_in_the_machine_and_says_what_it_cannot_see(machine: Machine, shape: Shape, proven: Proven) -> None:
    tool = _installed(machine)
    machine.run(
        f"cd {_TOOL} && {tool} init >/tmp/spec.yaml && {tool} check /tmp/spec.yaml && {tool} lint --fail-on error /tmp/spec.yaml",
        timeout=300,
    )
    audit = f"env {tool} audit --format json"
    status, root = _said(machine, f"{audit} /tmp/spec.yaml")
    assert (status, root["not_seen"], root["complete"]) == (0, [], True)
    seen = {"root": root}
    _, seen["nobody"] = _said(machine, f"{_AS_NOBODY} {audit}")
    machine.run("mount -o remount,hidepid=invisible /proc")
    _, seen["hidepid"] = _said(machine, f"{_AS_NOBODY} {audit}")
    machine.run("mount -o remount,hidepid=off /proc")
    # nothing but what the program is made of; no capability, no network, nobody's rights
    binds = " ".join(
        f"-v {one}:{two}:ro" for one, two in (("/usr", "/usr"), ("/usr/lib", "/lib"), ("/usr/lib64", "/lib64"), (_TOOL, _TOOL))
    )
    inside = f"docker run --rm --network=none --user=65534 --cap-drop=ALL --memory=200m {binds} -w {_TOOL} --entrypoint=/usr/bin/env lab"
    _, seen["container"] = _said(machine, f"{inside} {tool.replace('python3', '/usr/bin/python3')} audit --format json")
    for name in ("nobody", "hidepid", "container"):
        assert not seen[name]["complete"]
        assert seen[name]["not_seen"], name
    assert len(seen["hidepid"]["next"]) < len(seen["nobody"]["next"]) / 4
    assert any("hidepid" in one for one in seen["hidepid"]["not_seen"])
    assert {seen[name]["memory"]["total"] for name in seen} == {root["memory"]["total"]}
    proven("audit in a machine: by root, by nobody, under hidepid, in a container without rights", shape.title, len(seen))


_AUDITED: Final = """\
version: 1
hosts: {lab: {ram: 1G, cgroup_version: 2, systemd: 257, docker: {version: "26", cgroup_driver: systemd}, podman: {version: "5.4"}}}
services:
  api: {memory: {max: 64M, swap_max: 0}, systemd: {unit: api.service}}
  box: {memory: {max: 48M, swap_max: 0}, docker: {name: box, image: lab, options: [--detach, --network=none], command: [sleep, "99999"]}}
  work: {oom_score_adj: 200, memory: {max: 40M, swap_max: 0}, quadlet: {unit: work.container}}
monitoring: {targets: [prometheus]}
"""


@pytest.mark.deep
@pytest.mark.parametrize("shape", [TRIXIE], ids=["trixie"])
def test_the_audit_of_the_alerts_runs_by_its_timer_and_its_cron_line(
    machine: Machine, shape: Shape, render: Callable[..., Path], tmp_path: Path, proven: Proven
) -> None:
    _installed(machine)
    spec = tmp_path / "oomconf.yaml"
    spec.write_text(_AUDITED)
    out = render(spec, "--no-lint") / "lab"
    machine.put_tree(out / "root")
    machine.put_tree(out / "prometheus", "/root")
    machine.put({
        "/etc/oomconf/oomconf.yaml": _AUDITED,
        "/etc/systemd/system/api.service": "[Service]\nExecStart=/bin/sleep 99999\n",
        "/etc/containers/systemd/work.container": "[Container]\nImage=localhost/lab\nExec=sleep 99999\nNetwork=none\n",
        "/root/box.sh": (out / "docker/box.run.sh").read_text(),
    })  # fmt: skip
    folder = "/var/lib/prometheus/node-exporter"
    machine.run(
        f"systemctl stop cron; mkdir -p {folder}; systemctl daemon-reload; systemctl start api work && sh /root/box.sh", timeout=300
    )
    machine.run(_headed((out / "root/etc/systemd/system/oomconf-audit.timer").read_text()))

    def written(start: str) -> str:
        machine.run(f"rm -f {folder}/oomconf.prom")
        machine.run('now=$(date +%s); date -s "@$(((now / 900 + 1) * 900 - 5))" >/dev/null')
        machine.run(f"{start}; until [ -s {folder}/oomconf.prom ]; do sleep 0.5; done", timeout=240)
        return machine.read(f"{folder}/oomconf.prom")

    timed = written("true")
    assert re.search(r"^oomconf_audit_complete(\{.*\})? 1$", timed, re.MULTILINE), timed
    assert not re.search(r"^oomconf_drift\{.*\} 1$", timed, re.MULTILINE), timed
    machine.run("systemctl disable --now oomconf-audit.timer")
    machine.run("echo 32M >/sys/fs/cgroup/system.slice/api.service/memory.max; docker update --memory=40m --memory-swap=40m box")
    machine.run(_headed((out / "prometheus/oomconf-audit.cron").read_text()))
    drifted = written("systemctl start cron")
    changed = set(drifted.splitlines()) - set(timed.splitlines())
    told = [line for line in changed if line.startswith("oomconf_drift") and not line.endswith(" 0")]
    assert any("api" in line for line in told), changed
    assert any("box" in line for line in told), changed
    proven(
        "audit: metrics written by its timer and its cron line, of a service, a container, a quadlet", shape.title, len(timed.splitlines())
    )


@pytest.mark.deep
@pytest.mark.parametrize("shape", [BOOKWORM_HYBRID], ids=["bookworm-hybrid"])
def test_a_host_under_cgroup_v1_is_audited_as_far_as_it_goes(machine: Machine, shape: Shape, tmp_path: Path, proven: Proven) -> None:
    machine.put(
        {"/root/snapshot.sh": collector(), "/etc/systemd/system/api.service": "[Service]\nExecStart=hog -n api 24\nMemoryMax=96M\n"}
    )
    machine.run("systemctl daemon-reload && systemctl start api")
    path = tmp_path / "oomconf.yaml"
    path.write_text("version: 1\nhosts: {lab: {cgroup_version: 1}}\nservices: {api: {memory: {max: 96M}, systemd: {unit: api.service}}}\n")
    found = oomconf.audit(machine.run("sh /root/snapshot.sh", timeout=300).out, oomconf.load(path))
    assert found.cgroup_version == 1
    assert found.drift == ()
    assert [(row.thing, row.setting, row.state, row.found) for row in found.rows] == [("api.service", "memory_max", "as said", 96 << 20)]
    machine.run("echo 80M >/sys/fs/cgroup/memory/system.slice/api.service/memory.limit_in_bytes")
    found = oomconf.audit(machine.run("sh /root/snapshot.sh", timeout=300).out, oomconf.load(path))
    assert [(row.thing, row.setting, row.found) for row in found.drift] == [("api.service", "memory_max", 80 << 20)]
    assert next(one for one in found.users if one.name == "api.service").limit == 80 << 20
    proven("audit: a limit under cgroup v1, and a hand's", shape.title, 2)
