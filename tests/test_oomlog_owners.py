"""Whose a cgroup is, and the command that raises its limit."""

from __future__ import annotations

from pathlib import Path

import pytest
from oom_reports import CARRIERS, ERAS, Row, report

from oomconf.diagnosis import explain
from oomconf.oomlog import read
from oomconf.oomlog.owners import owner_of

ROOT = Path(__file__).parent.parent
SPEC = "examples/small-vm/oomconf.yaml"
ROWS = (
    Row(pid=301, name="sshd", rss=300, adj=-1000, uid=0),
    Row(pid=402, name="java", rss=200_000),
    Row(pid=404, name="batch", rss=30_000, adj=100),
)
KILL = CARRIERS["syslog"](report(ERAS[3], ROWS, ROWS[1], ROWS[2]))
APP = CARRIERS["syslog"](report(ERAS[3], ROWS[1:], ROWS[1], ROWS[1], memcg="/web.slice/app.service", limit_kb=983_040))

C = "0123456789abcdef" * 4
U = "12345678-1234-1234-1234-123456789abc"
V = U.replace("-", "_")
OWNERS = [
    ("/system.slice/nginx.service", {"unit": "nginx.service"}, None),
    ("/system.slice/system-pg.slice/pg@14-main.service", {"unit": "pg@14-main.service"}, None),
    (f"/system.slice/docker-{C}.scope", {"container": C}, "docker"),
    (f"/docker/{C}", {"container": C}, "docker"),
    (f"/machine.slice/libpod-{C}.scope/container", {"container": C}, "podman"),
    (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{C}.scope", {"container": C, "user": 1000}, "podman"),
    (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{V}.slice/cri-containerd-{C}.scope", {"container": C, "pod": U, "qos": "burstable"}, "crictl"),
    (f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{V}.slice/crio-{C}.scope", {"container": C, "pod": U, "qos": "besteffort"}, "crictl"),
    (f"/kubepods.slice/kubepods-pod{V}.slice/cri-containerd-{C}.scope", {"container": C, "pod": U, "qos": "guaranteed"}, "crictl"),
    (f"/kubepods/burstable/pod{U}/{C}", {"container": C, "pod": U, "qos": "burstable"}, None),
    (f"/kubepods/pod{U}", {"pod": U, "container": None}, None),
    ("/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Evolution-4242.scope", {"unit": "app-org.gnome.Evolution-4242.scope", "user": 1000}, None),
    ("/user.slice/user-1000.slice/session-3.scope", {"unit": "session-3.scope", "user": None}, None),
    ("/lxc.payload.web/system.slice/nginx.service", {"container": "web", "unit": "nginx.service"}, "lxc"),
    ("/lxc.payload.web", {"container": "web"}, "lxc"),
    ("/machine.slice/machine-deb.scope/payload/system.slice/x.service", {"container": "deb", "unit": "x.service"}, None),
    ("/kubepods.slice/kubepods-burstable.slice/kubepods-bu", {"pod": None, "unit": None}, None),
    ("/", {"unit": None, "container": None}, None), ("", {"unit": None}, None), (None, {"unit": None}, None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "wanted", "runtime"), OWNERS)
def test_whose_a_cgroup_is(path: str | None, wanted: dict[str, object], runtime: str | None) -> None:
    owner = owner_of(path)
    assert {key: getattr(owner, key) for key in wanted} == wanted
    assert owner.runtime == runtime


COMMANDS = [
    ("/web.slice/app.service", "systemctl set-property --runtime app.service MemoryMax=1200M"),
    ("/web.slice", "systemctl set-property --runtime web.slice MemoryMax=1200M"),
    (
        "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service",
        "systemctl --user set-property --runtime x.service MemoryMax=1200M",
    ),
    ("/user.slice/user-1000.slice/user@1000.service", "systemctl set-property --runtime user@1000.service MemoryMax=1200M"),
    ("/system.slice/a$(reboot).service", "systemctl set-property --runtime 'a$(reboot).service' MemoryMax=1200M"),
    ("/-.slice", "systemctl set-property --runtime -- -.slice MemoryMax=1200M"),
    (f"/docker/{C}", f"docker update --memory 1200m --memory-swap -1 {C[:12]}"),
    (f"/machine.slice/libpod-{C}.scope", f"podman update --memory 1200m --memory-swap -1 {C[:12]}"),
    (f"/kubepods/burstable/pod{U}/{C}", ""),
    ("/lxc.payload.web", ""),
    ("/jobs/it's", "echo 1258291200 > '/sys/fs/cgroup/jobs/it'\"'\"'s/memory.max'"),
]


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_the_command_that_raises_a_limit(path: str, command: str) -> None:
    event = next(read(report(ERAS[3], ROWS[1:], ROWS[1], ROWS[1], memcg=path, limit_kb=983_040)))
    advice = {one.id: one for one in explain(event).advice}["raise-limit"]
    assert advice.command == command
    assert "from 960M to 1200M" in advice.text
