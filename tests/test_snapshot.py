"""What a capture says of units, containers, the administrator's files and the log, in Python and in shell."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from boxes import MEMINFO, fake, process, v2

from oomconf.cli import main
from oomconf.host.snapshot import capture, collector
from oomconf.snapshot import read
from oomconf.snapshot.form import LOG_BYTES

SHOW = "Id=web.service\nActiveState=active\nMainPID=10\nFragmentPath=/usr/lib/systemd/system/web.service\nDropInPaths=/etc/systemd/system/web.service.d/a.conf /run/b.conf\nMemoryMax=infinity\n\nId=web.slice\nMemoryMax=1073741824\nOdd=a=b\n"
INSPECT = '{"Id":"ab12","Name":"/api","Image":"i","Running":true,"Pid":7,"OOMKilled":false,"ExitCode":0,"RestartCount":2,"Memory":67108864,"MemorySwap":-1,"MemoryReservation":0,"OomScoreAdj":-500,"Restart":"on-failure","Service":"","Project":null}\nno json\n{"Id":7}\n'
HOST = {
    "proc/meminfo": MEMINFO,
    "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/a\\040b  file  1048572  512  10\n/dev/vdb partition 100 0 -2\nbroken\n",
    "proc/vmstat": "nr_free_pages 5\noom_kill 3\nodd\n",
    "proc/pressure/memory": "some avg10=1.50 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=3\n",
    "proc/sys/kernel/hostname": "box\n",
    "proc/sys/vm/swappiness": "60\n",
    "etc/systemd/system/web.service.d/a.conf": "# it is secret\n[Service]\nEnvironment=PASSWORD=x\nMemoryMax=1G\n",
    "etc/systemd/system/multi-user.target.wants/web.service": "[Service]\nMemoryMax=2G\n",
    "etc/sysctl.d/10.conf": "net.ipv4.ip_forward=1\n-vm.swappiness = 10\n",
    "etc/fstab": "# /old none swap sw 0 0\n/swapfile none swap sw 0 0\nUUID=1 / ext4 defaults 0 1\n",
    **process(7, "dockerd", 1000),
    **v2("web.slice", max="max", current=4096 * 100, events="low 0\nhigh 2\nmax 9\noom 1\noom_kill 1", stat="anon 5\nfile 6\ninactive_file 4096\nslab 9"),
}  # fmt: skip


def answers(command: Sequence[str]) -> str | None:
    match command:
        case ["systemctl", "--version"]:
            return "systemd 252 (252.39)\n+PAM\n"
        case ["systemctl", "show", *_]:
            return SHOW
        case ["docker", "ps", *_]:
            return "ab12\n"
        case ["docker", "inspect", *_]:
            return INSPECT
        case ["journalctl", *_]:
            return "a line: with\n$odd marks\n"
        case _:
            return None


@pytest.mark.parametrize(("engine", "word"), [("docker", "{{json .Id}}"), ("podman", "{{json .ID}}")])
def test_each_engine_is_asked_in_its_own_words(tmp_path: Path, engine: str, word: str) -> None:
    """Podman refuses the whole template for docker's name of the id, and then gives nothing."""

    def answer(command: Sequence[str]) -> str | None:
        if command[0] != engine:
            return None
        return "ab12\n" if command[1] == "ps" else INSPECT if word in " ".join(command) else None

    daemon = {"docker": "dockerd", "podman": "conmon"}[engine]
    taken = read(capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **process(7, daemon, 10)})), answer))
    assert [(one.engine, one.id) for one in taken.containers] == [(engine, "ab12")]
    assert f'"Id":{word}' in collector()


def test_everything_that_is_asked_is_read_back(tmp_path: Path) -> None:
    taken = read(capture(str(fake(tmp_path, HOST)), answers))
    assert (taken.hostname, taken.systemd, taken.cgroup_version, taken.whole) == ("box", 252, 2, True)
    assert taken.swaps == (("/a b", "file", 1048572 * 1024, 512 * 1024, 10), ("/dev/vdb", "partition", 102400, 0, -2))
    assert taken.vmstat == {"nr_free_pages": 5, "oom_kill": 3}
    assert (taken.pressure["some.avg10"], taken.pressure["full.avg10"]) == (1.5, 0.25)
    assert taken.sysctls["vm.swappiness"] == "60"
    web = taken.units["web.service"]
    assert (web.is_active, web.main_pid, web.get("MemoryMax"), web.get("Nothing")) == (True, 10, "infinity", "")
    assert web.files == ("/usr/lib/systemd/system/web.service", "/etc/systemd/system/web.service.d/a.conf", "/run/b.conf")
    assert taken.units["web.slice"].get("Odd") == "a=b"
    (api,) = taken.containers
    assert (api.engine, api.name, api.memory, api.memory_swap, api.oom_score_adj, api.running, api.compose_project) == (
        "docker", "api", 67108864, -1, -500, True, "",
    )  # fmt: skip
    assert taken.log == ("a line: with", "$odd marks")
    assert taken.asked == {"systemctl", "docker", "log"}
    events = taken.cgroups["/web.slice"]
    assert (events.get("memory.events.oom_kill", 0), events.get("memory.stat.anon", 0), events.working_set) == (1, 5, 4096 * 99)


def test_of_the_administrators_files_only_lines_on_memory_are_taken(tmp_path: Path) -> None:
    text = capture(str(fake(tmp_path, HOST)), answers)
    assert "PASSWORD" not in text
    assert "secret" not in text
    assert read(text).files == {
        "/etc/systemd/system/web.service.d/a.conf": ((2, "[Service]"), (4, "MemoryMax=1G")),
        "/etc/sysctl.d/10.conf": ((2, "-vm.swappiness = 10"),),
        "/etc/fstab": ((2, "/swapfile none swap sw 0 0"),),
    }


def test_a_host_below_a_root_is_not_asked(tmp_path: Path) -> None:
    taken = read(capture(str(fake(tmp_path, HOST))))
    assert (taken.asked, taken.systemd, dict(taken.units)) == (frozenset(), None, {})


def test_a_container_engine_that_does_not_run_is_not_woken(tmp_path: Path) -> None:
    said: list[str] = []

    def note(command: Sequence[str]) -> str | None:
        said.append(command[0])
        return None

    capture(str(fake(tmp_path, {"proc/meminfo": MEMINFO, **process(7, "sh", 10)})), note)
    assert "docker" not in said
    assert "podman" not in said


SHELLS = [["sh"], ["dash"], ["bash"], ["busybox", "sh"]]


def log_of(shell: list[str], answers: dict[str, tuple[str, int]], folder: Path) -> str:
    """What the script's part on the log gives where the commands print this and end so."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not there")
    text = collector()
    head, rest = text[: text.index("echo '# oomconf snapshot 1'")], text[text.index("# a journal that answers") :]
    (folder / "bin").mkdir()
    for name, (said, code) in answers.items():
        (folder / name).write_text(said)
        (folder / "bin" / name).write_text(f"#!/bin/sh\ncat '{folder / name}'\nexit {code}\n")
        (folder / "bin" / name).chmod(0o755)
    # the functions are those of the commands, for busybox has a dmesg of its own that it likes better
    own = "".join(f'{name}() {{ "{folder}/bin/{name}" "$@"; }}\n' for name in answers)
    done = subprocess.run([*shell, "-c", head + own + rest], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_the_shell_takes_the_same_lines_of_the_administrators_files(tmp_path: Path, shell: list[str]) -> None:
    script = tmp_path / "collect.sh"
    script.write_text(collector())
    try:
        done = subprocess.run([*shell, str(script)], capture_output=True, text=True, check=True, errors="surrogateescape")
    except FileNotFoundError:
        pytest.skip(f"{shell[0]} is not there")
    assert done.stderr == ""
    theirs, ours = read(done.stdout), read(capture())
    assert theirs.files == ours.files
    assert (theirs.hostname, theirs.systemd, theirs.swaps) == (ours.hostname, ours.systemd, ours.swaps)
    assert {line.split(":")[0] for line in done.stdout.split("\n") if line.startswith("$")} <= {
        "$version",
        "$systemctl",
        "$docker",
        "$podman",
        "$log",
    }


# what journalctl prints and how it ends, what dmesg prints, and what of it the capture holds
LOGS = [
    ("a line\nanother\n", 0, "of the kernel\n", ("a line", "another")),
    ("", 0, "of the kernel\nits last\n", ("of the kernel", "its last")),
    ("\n", 0, "of the kernel\n", ("of the kernel",)),
    ("", 1, "of the kernel\n", ("of the kernel",)),
    ("", 0, "", ()),
]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize(("journal", "code", "ring", "found"), LOGS, ids=[repr(row[:2]) for row in LOGS])
def test_a_journal_that_holds_nothing_leaves_the_log_to_dmesg(
    journal: str, code: int, ring: str, found: tuple[str, ...], shell: list[str], tmp_path: Path
) -> None:
    said = {"journalctl": journal if code == 0 else None, "dmesg": ring}
    ours = read(capture(str(fake(tmp_path / "host", HOST)), lambda command: said.get(command[0])))
    assert tuple(line for line in ours.log if line) == found
    theirs = read(log_of(shell, {"journalctl": (journal, code), "dmesg": (ring, 0)}, tmp_path))
    assert (theirs.log, theirs.whole) == (found, True)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("source", ["journalctl", "dmesg"])
@pytest.mark.parametrize("beyond", [-1, 0, 1, 1 << 20])
def test_of_a_log_of_any_length_the_newest_whole_lines_are_taken(beyond: int, source: str, shell: list[str], tmp_path: Path) -> None:
    """Law: what is taken is an end of the log at a line's beginning, no longer than the bound, and all of one that is shorter."""
    lines = [f"{number:07} " + "é" * 46 for number in range((LOG_BYTES + beyond) // 101)]
    text = "".join(f"{line}\n" for line in lines)
    text = "x" * (LOG_BYTES + beyond - len(text.encode()) - 1) + "\n" + text
    said = {source: text}
    ours = capture(str(fake(tmp_path / "host", HOST)), lambda command: said.get(command[0]))
    theirs = log_of(shell, {"journalctl": ("", 0), "dmesg": ("", 0)} | {source: (text, 0)}, tmp_path)
    for got in (read(ours), read(theirs)):
        held = "".join(f"{line}\n" for line in got.log)
        assert got.whole
        assert text.endswith("\n" + held) or text == held
        assert len(held.encode()) <= LOG_BYTES
        assert len(held.encode()) >= min(len(text.encode()), LOG_BYTES - 102)
        assert beyond >= 0 or held == text


@pytest.mark.parametrize(
    "argv",
    [["audit"], ["simulate"], ["explain", "vm.swappiness"], ["init"]],
    ids=lambda argv: argv[0],
)
def test_a_capture_that_is_too_large_says_what_to_do(argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"$log:x\n" * (3 << 20))
    assert main([*argv, "--snapshot", str(large)]) == 2
    told = capsys.readouterr().err
    assert "are more than the 16777216 that are read" in told
    assert "grep -v '^\\$log:'" in told


TAKEN = Path(__file__).parent / "data/drifted.snapshot"
VERBS = [["audit"], ["simulate"], ["explain", "nginx.service"], ["init"]]


@pytest.mark.parametrize("argv", VERBS, ids=lambda argv: argv[0])
def test_a_capture_that_was_cut_is_said_by_every_verb(argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Law: a cut anywhere behind the head is told on standard error, and the whole says nothing of it."""
    lines = TAKEN.read_text().splitlines(keepends=True)
    cut = tmp_path / "cut"
    for count in (100, 180, len(lines) - 1):
        cut.write_text("".join(lines[:count]))
        main([*argv, "--snapshot", str(cut)])
        assert f"oomconf: {cut}: the capture was cut" in capsys.readouterr().err
    main([*argv, "--snapshot", str(TAKEN)])
    assert "cut" not in capsys.readouterr().err


def test_an_audit_of_a_cut_capture_states_nothing_that_is_merely_not_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = tmp_path / "cut"
    cut.write_text("".join(TAKEN.read_text().splitlines(keepends=True)[:4]))
    assert main(["audit", "--snapshot", str(cut)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("this host: a capture that was cut, against its own files\n")
    for stated in ("no systemd", "no swap", "say nothing", "is not there"):
        assert stated not in told


def test_no_systemd_is_said_where_it_was_looked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "taken"
    for name, answer, said in (("init", answers_of_none, True), ("init", None, True), ("systemd", answers_of_none, False)):
        root = fake(tmp_path / f"{name}{said}{answer is None}", {"proc/meminfo": MEMINFO, **process(1, name, 10)})
        file.write_text(capture(str(root), answer))
        assert main(["audit", "--snapshot", str(file)]) == 0
        assert ("no systemd" in capsys.readouterr().out) is said


def answers_of_none(command: Sequence[str]) -> str | None:
    return "the kernel's\n" if command[0] == "dmesg" else None


@pytest.mark.parametrize("argv", VERBS, ids=lambda argv: argv[0])
@pytest.mark.parametrize(
    "over", [lambda data: data.replace(b"\n", b"\r\n"), lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"), lambda data: data.decode().encode("utf-16")],
    ids=["CR LF", "with a mark", "UTF-16"],
)  # fmt: skip
def test_a_capture_that_came_over_windows_reads_the_same(
    over: Callable[[bytes], bytes], argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    there.write_bytes(over(TAKEN.read_bytes()))
    assert (main([*argv, "--snapshot", str(there)]), capsys.readouterr()) == (main([*argv, "--snapshot", str(TAKEN)]), capsys.readouterr())


def test_a_line_of_a_unit_that_ends_in_cr_stays_as_it_is() -> None:
    text = "# oomconf snapshot 1\n=/etc/systemd/system/a.service:2:MemoryMax=1G\r\n# end\n"
    assert read(text).files == {"/etc/systemd/system/a.service": ((2, "MemoryMax=1G\r"),)}
    assert read(text.replace("\n", "\r\n")) == read(text)


@pytest.mark.parametrize("argv", VERBS, ids=lambda argv: argv[0])
@pytest.mark.parametrize("text", ["", "services: {}\n", "/proc/meminfo:MemTotal: 0 kB\n# end\n"], ids=["nothing", "foreign", "no memory"])
def test_what_is_no_capture_is_refused_with_how_one_is_made(
    text: str, argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    assert main([*argv, "--snapshot", str(file)]) == 2
    told = capsys.readouterr().err
    assert f"{file}: no snapshot of a host" in told
    assert "'oomconf simulate --capture-script'" in told


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        (["audit", "-", "--snapshot", "-"], "SPEC and --snapshot are"),
        (["audit", "a.yaml", "-", "--snapshot=-"], "SPEC and --snapshot are"),
        (["simulate", "-", "--snapshot", "-"], "SPEC and --snapshot are"),
        (["explain", "a", "--spec", "-", "--snapshot", "-"], "--spec and --snapshot are"),
        (["diagnose", "-", "--spec", "a.yaml", "--spec", "-"], "LOG and --spec are"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_standard_input_is_read_for_one_thing_only(argv: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert f"oomconf: {what} both '-', and standard input can be read but once" in capsys.readouterr().err
