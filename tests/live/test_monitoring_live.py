"""What real consumers say of the log's files and of the dashboard's expressions."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from consumers import need, promtool
from consumers import shell as shell_oracle
from consumers import systemd as systemd_oracle

import oomconf

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/oomconf.yaml"))


def made(example: str, target: str) -> dict[str, str]:
    output = oomconf.render(oomconf.load(ROOT / "examples" / example / "oomconf.yaml"), target=[target])
    return {artifact.path.partition("/")[2]: artifact.text for artifact in output.artifacts}


@pytest.mark.live("shell")
def test_every_shell_takes_the_script() -> None:
    assert shell_oracle.check(made("small-vm", "log")["root/usr/local/sbin/oomconf-log"]) == []


@pytest.mark.live("systemd")
@pytest.mark.parametrize(("target", "minutes"), [("log", 5), ("audit", 15)])
@pytest.mark.parametrize("example", ["small-vm", "container-host"])
def test_systemd_takes_the_units(example: str, target: str, minutes: int) -> None:
    files = made(example, target)
    units = {path.removeprefix("root/"): text for path, text in files.items() if path.endswith((".service", ".timer"))}
    assert len(units) == 2
    # what they run is not installed here
    units = {path: re.sub(r"^ExecStart=/\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE) for path, text in units.items()}
    assert systemd_oracle.verify(units) == []
    (moment,) = [line.partition("=")[2] for text in units.values() for line in text.splitlines() if line.startswith("OnCalendar=")]
    said = subprocess.run(["systemd-analyze", "calendar", "--iterations=2", moment], capture_output=True, text=True, check=True).stdout
    assert f"Normalized form: *-*-* *:00/{minutes}:00" in said


def test_logrotate_takes_the_file_and_rotates_by_size(tmp_path: Path) -> None:
    need(None if shutil.which("logrotate") else "logrotate is not installed")
    log = tmp_path / "memory.log"
    text = made("small-vm", "log")["root/etc/logrotate.d/oomconf-log"].replace("/var/log/oomconf-memory.log", str(log))
    (tmp_path / "conf").write_text(text)
    (tmp_path / "conf").chmod(0o644)
    log.write_text("x" * (5 << 20))
    run = ["logrotate", "--state", str(tmp_path / "state"), str(tmp_path / "conf")]
    for _ in range(2):
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert log.stat().st_size == 0
    assert (tmp_path / "memory.log.1").stat().st_size == 5 << 20


@pytest.mark.live("promtool")
@pytest.mark.parametrize("example", EXAMPLES)
def test_prometheus_parses_every_expression_of_the_dashboard(example: str) -> None:
    data = json.loads(made(example, "grafana")["grafana/oomconf.dashboard.json"])
    exprs = [target["expr"] for panel in data["panels"] for target in panel["targets"]]
    rules = [{"record": f"a:b:c{number}", "expr": expr} for number, expr in enumerate(exprs)]
    assert promtool.check_rules({"r.yaml": yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]})}) == len(exprs)
