"""The scripts run: real shells, real processes, real scores; systemd-run, systemctl and docker are played."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from consumers import shell, systemd
from unit_files import policy

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects import oom_score_adj, systemd_run
from oomconf.placement import DockerContainer, Placement, QuadletUnit, SystemdUnit
from oomconf.policy import Facts, Policy, Runtime, Setting, Workload
from oomconf.quantity import Size
from oomconf.templating import Templates

pytestmark = pytest.mark.live("shell", "systemd")

HOSTILE = [
    "a b",
    "it's",
    '"',
    "$HOME",
    "${X}",
    "`id`",
    "$(id)",
    "\\",
    "50%",
    "%h",
    "*",
    "~",
    "-n",
    "--",
    "",
    "a\nb",
    "ü",
    "#",
    "&&",
    ";",
    "!",
]
SHELLS = ["dash", "busybox sh", "bash --posix"]


def script(dialect: Dialect, workload: Workload, **facts: object) -> str:
    assert dialect.render is not None
    one = Policy(
        name="h", source="oomconf.yaml", facts=Facts(**{name: Setting(value) for name, value in facts.items()}), workloads=(workload,)
    )  # type: ignore[arg-type]
    (artifact,) = dialect.render(one, Rendered(Templates())).artifacts
    return artifact.text


def play(folder: Path, name: str, body: str) -> None:
    """Put a program of this name in front of the real one."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run(
    text: str, folder: Path, *args: str, interpreter: str = "dash", also: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    path = folder / "script.sh"
    path.write_text(text)
    environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", **(also or {})}
    return subprocess.run([*interpreter.split(), str(path), *args], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("interpreter", SHELLS)
def test_every_word_arrives_as_it_was_said(tmp_path: Path, interpreter: str) -> None:
    workload = Workload(
        name="x",
        object="services.x",
        placement=SystemdUnit(unit="x.service", command=("/bin/x", *HOSTILE)),
        slice=Setting("a-b\\x2dc.slice"),
        memory_max=Setting(Size(2**30)),
        runtimes=(Runtime(kind="node", options=("--a='b c'", "--d=$HOME;`id`")),),
    )
    text = script(systemd_run.DIALECT, workload, systemd=257)
    play(tmp_path / "bin", "systemd-run", "for word; do printf '%s\\0' \"$word\"; done")
    expected = ["--scope", "--collect", "--expand-environment=no", "--slice=a-b\\x2dc.slice", "--property=MemoryMax=1G", "--", "env"]
    said = run(text, tmp_path, interpreter=interpreter)
    assert said.stderr == ""
    words = said.stdout.split("\0")[:-1]
    assert words[: len(expected)] == expected
    assert words[len(expected)].startswith("NODE_OPTIONS=")
    assert words[len(expected) + 1 :] == ["/bin/x", *HOSTILE]
    given = run(text, tmp_path, *HOSTILE, interpreter=interpreter).stdout.split("\0")[:-1]
    assert given[len(expected) + 1 :] == HOSTILE


def test_the_command_gets_its_score_and_environment(tmp_path: Path) -> None:
    workload = Workload(
        name="x",
        object="services.x",
        placement=SystemdUnit(unit="x.service"),
        oom_score_adj=Setting(321),
        runtimes=(Runtime(kind="go", heap=Setting(Size(1000 << 20))),),
    )
    play(tmp_path / "bin", "systemd-run", 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    text = script(systemd_run.DIALECT, workload)
    said = run(text, tmp_path, "sh", "-c", 'cat /proc/self/oom_score_adj; printf "%s\\n" "$GOMEMLIMIT" "$1"', "_", "a b")
    assert (said.stdout, said.stderr) == ("321\n1000MiB\na b\n", "")
    usage = run(text, tmp_path)
    assert (usage.returncode, usage.stdout) == (2, "")
    assert usage.stderr.startswith("usage: ")


def test_a_property_is_the_number_of_the_policy(tmp_path: Path) -> None:
    """What systemd-run is asked for is put into units, and the manager's own parser says what it is."""
    version = systemd.version()
    one = policy(Random(5), units=60, facts=Facts(systemd=Setting(version), cgroup_version=Setting(2)), user=False)
    assert systemd_run.DIALECT.render is not None
    rendering = systemd_run.DIALECT.render(one, Rendered(Templates()))
    units: dict[str, str] = {}
    for artifact in rendering.artifacts:
        words = shlex.split(artifact.text.partition("exec systemd-run")[2].replace("\\\n", " "))
        lines = [word.removeprefix("--property=") for word in words if word.startswith("--property=")]
        units[f"{artifact.path.removeprefix('systemd/').removesuffix('.systemd-run.sh')}.service.d/x.conf"] = "\n".join(
            ["[Service]", *lines]
        )
    real = systemd.effective(units)
    names = {
        "memory_min": "MemoryMin",
        "memory_low": "MemoryLow",
        "memory_high": "MemoryHigh",
        "memory_max": "MemoryMax",
        "memory_swap_max": "MemorySwapMax",
    }
    checked = 0
    for cell in rendering.ledger:
        if cell.field in names:
            assert real[f"{cell.object.removeprefix('services.')}.service"][names[cell.field]] == str(int(cell.setting.value)), cell
            checked += 1
    assert checked > 100


def test_no_shell_and_no_shellcheck_objects() -> None:
    one = policy(Random(8), units=12, facts=Facts(systemd=Setting(257)))
    placements: list[Placement] = [
        DockerContainer(name="api"),
        QuadletUnit(unit="api.container"),
        QuadletUnit(unit="api.container", user=True),
    ]
    more = tuple(
        Workload(name=f"p{index}", object="x", placement=placement, oom_score_adj=Setting(500))
        for index, placement in enumerate(placements)
    )
    whole = Policy(name="h", facts=one.facts, workloads=(*one.workloads, *more))
    for dialect in (systemd_run.DIALECT, oom_score_adj.DIALECT):
        assert dialect.render is not None
        for artifact in dialect.render(whole, Rendered(Templates())).artifacts:
            assert shell.check(artifact.text) == [], artifact.text


# ── the score at once ────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def sleepers(count: int, program: str = "sleep") -> Iterator[list[subprocess.Popen[bytes]]]:
    found = [subprocess.Popen([program, "600"]) for _ in range(count)]
    try:
        yield found
    finally:
        for one in found:
            one.kill()
            one.wait()


def score(one: subprocess.Popen[bytes]) -> int:
    return int(Path(f"/proc/{one.pid}/oom_score_adj").read_text())


def in_tree(text: str, tmp_path: Path, groups: dict[str, list[subprocess.Popen[bytes]]]) -> str:
    """Let the script look for cgroups below the test's folder, where these processes are."""
    for group, members in groups.items():
        folder = tmp_path / f"cgroup{group}"
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text("".join(f"{one.pid}\n" for one in members))
    return text.replace("/sys/fs/cgroup", str(tmp_path / "cgroup"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may set the score of what it did not start")
@pytest.mark.parametrize("interpreter", SHELLS)
def test_every_process_below_the_unit_gets_the_score_and_no_other(tmp_path: Path, interpreter: str) -> None:
    workload = Workload(name="x", object="services.x", placement=SystemdUnit(unit="x.service"), oom_score_adj=Setting(700))
    with sleepers(3) as inside, sleepers(1) as outside:
        groups = {"/system.slice/x.service": inside[:2], "/system.slice/x.service/sub": inside[2:], "/system.slice/other.service": outside}
        text = in_tree(script(oom_score_adj.DIALECT, workload), tmp_path, groups)
        play(tmp_path / "bin", "systemctl", "echo ControlGroup=/system.slice/x.service")
        before = score(outside[0])
        first = run(text, tmp_path, interpreter=interpreter)
        assert (first.returncode, first.stderr) == (0, "")
        assert [score(one) for one in inside] == [700] * 3
        assert score(outside[0]) == before
        assert [line.split(": ", 1)[0] for line in first.stdout.splitlines()] == ["x"] * 4
        assert f"x: {inside[0].pid} sleep: {before} -> 700" in first.stdout.splitlines()
        assert first.stdout.splitlines()[-1] == "x: 3 of 3 processes changed to 700"
        again = run(text, tmp_path, interpreter=interpreter)
        assert (again.returncode, again.stdout) == (0, "x: 0 of 3 processes changed to 700\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run it")
@pytest.mark.parametrize("group", ["", "/", "/..", "/../x", "/gone.service"])
def test_a_unit_that_does_not_run_touches_nothing(tmp_path: Path, group: str) -> None:
    workload = Workload(name="x", object="services.x", placement=SystemdUnit(unit="x.service"), oom_score_adj=Setting(700))
    with sleepers(1) as others:
        text = in_tree(script(oom_score_adj.DIALECT, workload), tmp_path, {"": others, "/x": others})
        play(tmp_path / "bin", "systemctl", f"echo ControlGroup={group}")
        before = score(others[0])
        said = run(text, tmp_path)
        assert (said.returncode, said.stdout, said.stderr) == (1, "", "x: no process of it runs here\n")
        assert score(others[0]) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run it")
def test_a_container_is_found_by_its_first_process_and_podman_s_monitor_is_spared(tmp_path: Path) -> None:
    shutil.copy("/bin/sleep", tmp_path / "conmon")
    with sleepers(2) as inside, sleepers(1, str(tmp_path / "conmon")) as monitor:
        time.sleep(0.1)  # the name is the program's own once it has been started
        before = score(monitor[0])
        text = script(
            oom_score_adj.DIALECT, Workload(name="x", object="x", placement=QuadletUnit(unit="x.container"), oom_score_adj=Setting(600))
        )
        play(tmp_path / "bin", "systemctl", "echo ControlGroup=/x.service")
        text = in_tree(text, tmp_path, {"/x.service/runtime": monitor, "/x.service/libpod-payload-1": inside[:1]})
        (tmp_path / "cgroup/x.service/cgroup.procs").write_text("")
        assert run(text, tmp_path).stdout.splitlines()[-1] == "x: 1 of 1 processes changed to 600"
        assert score(monitor[0]) == before
        docker = script(
            oom_score_adj.DIALECT, Workload(name="y", object="y", placement=DockerContainer(name="y"), oom_score_adj=Setting(650))
        )
        for number, line in enumerate(["0::/docker/1", "3:memory:/no\n1:name=systemd:/docker/2"]):
            folder = tmp_path / f"proc{number}" / "77"
            folder.mkdir(parents=True)
            (folder / "cgroup").write_text(f"{line}\n")
            played = in_tree(docker, tmp_path, {f"/docker/{number + 1}": inside[1:]}).replace(
                '"/proc/$pid/', f'"{tmp_path}/proc{number}/$pid/'
            )
            play(tmp_path / "bin", "docker", '[ "$*" = "inspect --type=container --format={{.State.Pid}} -- y" ] && echo 77')
            said = run(played, tmp_path)
            assert said.stderr == ""
            assert said.stdout.splitlines()[-1] == f"y: {1 - number} of 1 processes changed to 650"
        assert score(inside[1]) == 650
