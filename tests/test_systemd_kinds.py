"""Which keys each kind of unit takes, and what stands in files beside it."""

from __future__ import annotations

import pytest
from unit_files import read_units

from oomconf.api import lint_raw
from oomconf.dialect import Document, Mapped, NoSources
from oomconf.dialects.systemd import DIALECT


@pytest.mark.parametrize("blank", ["\x1c", "\x85", "\u2028", "\u3000", ":\x1f:"])
def test_a_line_of_blanks_that_systemd_does_not_know_is_no_key(blank: str) -> None:
    entries = DIALECT.read([Document("etc/systemd/system/web.service", f"[Service]\n{blank}\nMemoryMax=1G\n")], NoSources()).entries
    assert [(one.key, one.fault) for one in entries] == [("MemoryMax", "")]


# The keys that systemd 252 passes over in each kind of unit: `systemd-analyze verify` on a unit with all of them.
TRIED = (
    "MemoryMax=1G",
    "MemoryLow=1G",
    "OOMScoreAdjust=-5",
    "LimitAS=1G",
    "OOMPolicy=kill",
    "ManagedOOMSwap=kill",
    "ManagedOOMMemoryPressureLimit=50%",
    "ManagedOOMPreference=avoid",
    "Restart=always",
    "Environment=A=b",
    "Delegate=yes",
    "RestartSec=1",
    "MemoryAccounting=yes",
    "ExecStartPre=/bin/true",
)
_HELPERS = {"OOMPolicy", "ManagedOOMSwap", "ManagedOOMMemoryPressureLimit", "Restart", "Delegate", "RestartSec"}


@pytest.mark.parametrize(
    ("unit", "passed_over"),
    [
        ("x.service", set()),
        ("swapfile.swap", {*_HELPERS, "ExecStartPre"}),
        ("mnt.mount", {*_HELPERS, "ExecStartPre"}),
        ("x.socket", _HELPERS),
        ("x.slice", {"OOMScoreAdjust", "LimitAS", "OOMPolicy", "Restart", "Environment", "Delegate", "RestartSec", "ExecStartPre"}),
        ("x.timer", {line.partition("=")[0] for line in TRIED}),
    ],
)
def test_each_kind_of_unit_takes_the_keys_that_systemd_takes_there(unit: str, passed_over: set[str]) -> None:
    kind = unit.rpartition(".")[2].capitalize()
    text = f"[Unit]\nConditionMemory=1G\n[{kind}]\n" + "\n".join(TRIED) + "\n[X-Foo]\nMemoryMax=1\nOOMScoreAdjust=high\n"
    assert {one.key for one in read_units({unit: text}).entries if one.fault} == passed_over


@pytest.mark.parametrize("unit", ["x.service", "x.slice", "x.socket", "x.mount", "x.swap", "x.scope.d/a.conf"])
def test_a_bad_value_is_found_in_every_kind_of_unit(unit: str) -> None:
    kind = unit.removesuffix(".d/a.conf").rpartition(".")[2].capitalize()
    (entry,) = (one for one in read_units({unit: f"[{kind}]\nMemoryMax=2GB\n"}).entries if one.fault)
    assert (entry.kind, entry.hint) == ("value", "did you mean 2G?")


def test_what_a_mount_is_made_of_is_no_business_of_ours() -> None:
    assert read_units({"mnt.mount": "[Mount]\nWhat=tmpfs\nWhere=/mnt\nOptions=size=1G\n"}).entries == ()


UNIT_WITH_FILE = "[Service]\nEnvironmentFile={}\nExecStart=/usr/bin/java $JAVA_OPTS -jar /srv/a.jar\nMemoryMax=4G\n"


@pytest.mark.parametrize(
    ("line", "path", "found"),
    [
        ("/etc/default/app", "etc/default/app", True),
        ("-/etc/default/app", "etc/default/app", True),
        ("/etc/default/app\nEnvironment=JAVA_OPTS=-Xmx1g", "etc/default/app", True),
        ("/etc/default/app\nEnvironmentFile=", "etc/default/app", False),
        ("/etc/default/app", "other/etc/default/app", False),
        ("/etc/default/%i", "etc/default/app", False),
    ],
)
@pytest.mark.parametrize("root", ["", "hosts/web/"])
def test_variables_of_a_file_in_the_tree_of_the_host_override_those_of_the_unit(line: str, path: str, found: bool, root: str) -> None:
    files = {f"{root}etc/systemd/system/app.service": UNIT_WITH_FILE.format(line), f"{root}{path}": 'JAVA_OPTS="-Xms2g -Xmx8g"\n'}
    (unit, *_) = (Document(name, text) for name, text in files.items())
    report = lint_raw([unit], Mapped(files), select=["heap-above-limit"])
    assert [(one.at.path, one.at.line) for one in report.findings] == ([(f"{root}{path}", 1)] if found else [])
