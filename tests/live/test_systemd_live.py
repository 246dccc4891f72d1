"""systemd itself on what is rendered for it, and on what the reader says of a unit."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from consumers import systemd
from unit_files import FATAL, GRAMMAR, HEAD, layout, policy

from oomconf.dialect import Document, NoSources, Rendered
from oomconf.dialects import _units
from oomconf.dialects.systemd import DIALECT
from oomconf.ledger import Cell, Rendering, Status
from oomconf.placement import SystemdUnit
from oomconf.policy import Facts, Policy, Runtime, Setting, Workload
from oomconf.quantity import INFINITY, Percent, Size
from oomconf.runtimes import environment
from oomconf.templating import Templates

pytestmark = pytest.mark.live("systemd")

UNIT = "[Unit]\nDefaultDependencies=no\n"
PROPERTIES = {
    "slice": "Slice",
    "oom_score_adj": "OOMScoreAdjust",
    "memory_min": "MemoryMin",
    "memory_low": "MemoryLow",
    "memory_high": "MemoryHigh",
    "memory_max": "MemoryMax",
    "memory_swap_max": "MemorySwapMax",
    "oom_policy": "OOMPolicy",
    "restart": "Restart",
    "managed_oom_swap": "ManagedOOMSwap",
    "managed_oom_memory_pressure": "ManagedOOMMemoryPressure",
    "managed_oom_memory_pressure_limit": "ManagedOOMMemoryPressureLimit",
    "managed_oom_preference": "ManagedOOMPreference",
}


def words(value: Any) -> str:
    """A value in the words of the manager's dump."""
    if isinstance(value, Percent):
        return f"{value.permyriad // 100}.{value.permyriad % 100:02d}%"
    return str(int(value)) if isinstance(value, int) else str(value)


def read(files: dict[str, str]) -> dict[str, Any]:
    reading = DIALECT.read([Document(path, text) for path, text in files.items()], NoSources())
    return {one.object: one for policy in reading.policies for one in (*policy.workloads, *policy.groups)}


def limit(said: Any, field: str) -> str:
    """What the reader holds to be in force, unsaid and dropped lines being systemd's default."""
    setting = None if said is None else getattr(said, field)
    default = systemd.UNLIMITED if field in ("memory_high", "memory_max", "memory_swap_max") else "0"
    return default if setting is None or setting.value is None else words(setting.value)


def test_the_reader_takes_of_every_line_what_systemd_takes() -> None:
    bodies = [body for body, _, _ in GRAMMAR if body.isprintable() or "\udce9" not in body]
    whole = [(HEAD + body).replace("\n", end) for body in bodies[:3] for end in ("\r", "\r\n", "\0", "\n\r")]
    whole += ["\ufeff" + HEAD + "MemoryMax=1G\n", "\ufeff# comment=1\n" + HEAD + "MemoryMax=1G\n"]
    files = {f"grammar{number}.service": text for number, text in enumerate([*(HEAD + body for body in bodies), *whole])}
    real = systemd.effective(files)
    mine = read({f"etc/systemd/system/{name}": text for name, text in files.items()})
    for name, text in files.items():
        for field in ("memory_max", "memory_high", "memory_low", "memory_swap_max"):
            assert limit(mine.get(name), field) == real[name][PROPERTIES[field]], (text, field)


def test_a_fatal_line_keeps_the_unit_from_loading() -> None:
    files = {f"fatal{number}.service": HEAD + body for number, (body, _) in enumerate(FATAL)}
    files["line.service"] = HEAD + "Environment=" + "x" * (2**20 - 1 - 12) + "\nMemoryMax=1G\n"
    files["overlong.service"] = HEAD + "Environment=" + "x" * (2**20 - 12) + "\nMemoryMax=1G\n"
    real = systemd.effective(files)
    loaded = {name for name in files if real[name]["Unit Load State"] == "loaded"}
    assert loaded == {"line.service"}
    mine = read(files)
    assert {name for name in files if limit(mine[name], "memory_max") == str(2**30)} == loaded


def test_drop_ins_are_merged_as_systemd_merges_them() -> None:
    random = Random(60)
    files: dict[str, str] = {}
    names: list[str] = []
    for number in range(250):
        name = random.choice(
            [f"l{number}-web.service", f"l{number}-a-b.service", f"l{number}t@i.service", f"l{number}-t@i-j.service", f"l{number}.slice"]
        )
        names.append(name)
        files |= layout(random, name)
    files |= {"etc/systemd/system/service.d/50-MemoryMax.conf": "[Service]\nMemoryMax=5K\n"}
    files |= {"usr/lib/systemd/system/service.d/99-z.conf": "[Service]\nMemoryHigh=9M\n"}
    real = systemd.effective(files, also=names)
    mine = read(files)
    for name in names:
        said = real[name]
        if "@" in name and name not in mine:
            continue  # an instance that no file names is not known to exist
        own = mine.get(name)
        if said["Unit Load State"] != "loaded":
            assert limit(own, "memory_max") == systemd.UNLIMITED, name
            continue
        assert limit(own, "memory_max") == said["MemoryMax"], (name, said.get("DropIn Path"))
        assert limit(own, "memory_high") == said["MemoryHigh"], name


# ── what is rendered ─────────────────────────────────────────────────────────────────────────────────────────────────────


def rendered(one: Policy) -> Rendering:
    return DIALECT.render(one, Rendered(Templates()))


def texts(rendering: Rendering) -> dict[str, str]:
    return {artifact.path.removeprefix("root/"): artifact.text for artifact in rendering.artifacts if "oomd.conf" not in artifact.path}


def instance(unit: str) -> str:
    return re.sub(r"@\.service$", "@oracle.service", unit)


def shown(cell: Cell) -> str:
    """The unit that the manager shows for a cell: a template by its instance."""
    return instance(cell.identity.removeprefix("user:"))


@pytest.mark.parametrize("user", [False, True])
def test_what_systemd_understands_of_hundreds_of_policies_is_what_they_say(user: bool) -> None:
    facts = Facts(systemd=Setting(systemd.version()), cgroup_version=Setting(2))
    rendering = rendered(policy(Random(252), units=300, facts=facts, user=user))
    real = systemd.effective(texts(rendering), user=user)
    checked = 0
    for cell in rendering.ledger:
        if cell.status is not Status.EXACT or cell.field not in PROPERTIES:
            continue
        assert real[shown(cell)][PROPERTIES[cell.field]] == words(cell.setting.value), cell
        checked += 1
    assert checked > 1500
    assert systemd.messages(texts(rendering), user=user) == []


def test_no_rendered_line_draws_a_word_from_verify() -> None:
    facts = Facts(systemd=Setting(systemd.version()), cgroup_version=Setting(2))
    rendering = rendered(policy(Random(1), units=60, facts=facts, user=False))
    # systemd-analyze 252 itself stumbles over a slice with ':' in its name, whatever the file says
    assert systemd.verify({path: text for path, text in texts(rendering).items() if ":" not in path}) == []


OPTIONS = [
    "-Xss512k",
    "-Da=50%",
    '-Db="x y"',
    "-Dc=\\n",
    "-Dd=$HOME",
    "-De=%h",
    "--x='1'",
    "-Df=ü;#",
    "-Dg=\\",
    "--y=`id`",
    "--y=$(id)",
    "--y=%%",
]


def test_environment_arrives_as_it_was_said() -> None:
    workloads = [
        Workload(
            name=f"e{number}",
            object=f"services.e{number}",
            placement=SystemdUnit(unit=f"e{number}.service"),
            memory_max=Setting(Size(2**30)),
            runtimes=(Runtime(kind="node", options=(option, "--end")),),
        )
        for number, option in enumerate(OPTIONS)
    ]
    real = systemd.effective(texts(rendered(Policy(name="h", workloads=tuple(workloads)))))
    for number, option in enumerate(OPTIONS):
        (variable,) = environment("node", memory_max=Size(2**30), heap=None, options=(option, "--end")).variables
        assert real[f"e{number}.service"]["Environment"] == f"NODE_OPTIONS={variable.value}"


def test_a_key_that_this_systemd_does_not_know_is_not_written() -> None:
    one = policy(Random(3), units=30, facts=Facts(systemd=Setting(219)), user=False)
    rendering = rendered(one)
    assert not [text for text in texts(rendering).values() if re.search("^(Memory|ManagedOOM|OOMPolicy)", text, re.MULTILINE)]
    assert any("systemd 219 does not know MemoryMax= (since 231)" in cell.note for cell in rendering.ledger)


def test_every_key_of_the_table_is_known_to_the_version_that_has_it() -> None:
    """The installed systemd knows each row that is not newer than itself, and none that is gone."""
    version = systemd.version() or 0
    values = {"_": "1", "Slice": "a.slice", "OOMPolicy": "kill", "Restart": "no", "OOMScoreAdjust": "1"}
    for row in _units.DIRECTIVES:
        if row.section is None and "service" in row.kinds:
            said = systemd.messages({"row.service": f"{HEAD}{row.name}={values.get(row.name, '1')}\n"})
            unknown = any(f"Unknown key '{row.name}' in section [Service]" in line for line in said)
            assert unknown == (row.gone is not None or row.since > version), (row.name, said)


def test_infinity_is_no_limit() -> None:
    facts = Facts(systemd=Setting(systemd.version()))
    limits = {name: Setting(INFINITY) for name in ("memory_high", "memory_max", "memory_swap_max")}
    one = Policy(name="h", facts=facts, workloads=(Workload(name="a", object="a", placement=SystemdUnit(unit="a.service"), **limits),))
    real = systemd.effective({"usr/lib/systemd/system/a.service": f"{HEAD}MemoryMax=1G\nMemoryHigh=1G\n", **texts(rendered(one))})
    assert {real["a.service"][PROPERTIES[name]] for name in limits} == {systemd.UNLIMITED}


def test_no_vendor_unit_of_this_machine_draws_a_fault() -> None:
    """What distributions ship is right: every fault here would be the reader's."""
    files: dict[str, str] = {}
    for root in ("/usr/lib/systemd/system", "/usr/lib/systemd/user", "/lib/systemd/system"):
        for path in sorted(Path(root).rglob("*")):
            if path.is_file() and DIALECT.claims is not None and DIALECT.claims(str(path)[1:]):
                files[str(path)[1:]] = path.read_text(encoding="utf-8", errors="surrogateescape")
    reading = DIALECT.read([Document(path, text) for path, text in files.items()], NoSources())
    assert len(files) > 50
    assert [entry for entry in reading.entries if entry.fault] == []
