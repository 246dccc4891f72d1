"""oomconf diagnose as a command: exit codes, formats, logs of any size and packing, and the line of the spec."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from oom_reports import CARRIERS, ERAS, Row, report

import oomconf
from oomconf.cli import main
from oomconf.errors import InputError
from oomconf.host import live_log

ROOT = Path(__file__).parent.parent
SPEC = "examples/small-vm/oomconf.yaml"
ROWS = (
    Row(pid=301, name="sshd", rss=300, adj=-1000, uid=0),
    Row(pid=402, name="java", rss=200_000),
    Row(pid=404, name="batch", rss=30_000, adj=100),
)
KILL = CARRIERS["syslog"](report(ERAS[3], ROWS, ROWS[1], ROWS[2]))
APP = CARRIERS["syslog"](report(ERAS[3], ROWS[1:], ROWS[1], ROWS[1], memcg="/web.slice/app.service", limit_kb=983_040))
STOPPED = [
    "Nov 23 01:02:03 web-1 systemd[1]: app.service: State 'stop-sigterm' timed out. Killing.",
    "Nov 23 01:02:03 web-1 systemd[1]: app.service: Main process exited, code=killed, status=9/KILL",
]


def call(argv: list[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "oomconf", "diagnose", *argv], cwd=ROOT, input=stdin, capture_output=True, check=False, timeout=60
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, lines in {
        "kill.log": KILL,
        "app.log": APP,
        "stop.log": STOPPED,
        "calm.log": ["Nov 23 01:02:03 web-1 cron[7]: nothing"],
    }.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n", "utf-8")
    (tmp_path / "empty.log").write_bytes(b"")
    (tmp_path / "binary.log").write_bytes(bytes(range(256)) * 400)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x\n" * 9999)[:-9])
    (tmp_path / "wide.log").write_bytes("\ufeffKilled".encode("utf-16-le"))
    (tmp_path / "system.journal").write_bytes(b"LPKSHHRH" + bytes(200))
    (tmp_path / "kill.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
    (tmp_path / "bad.yaml").write_text("version: 1\nhosts: {a: {rma: 1G}}\n", "utf-8")
    return tmp_path


EXITS = [
    (["kill.log"], 0, "1 kill for lack of memory"),
    (["--fail-on-kill", "kill.log"], 1, "1 kill for lack of memory"),
    (["--fail-on-kill", "stop.log"], 0, "1 death by SIGKILL that no OOM killer caused"),
    (["--fail-on-kill", "calm.log", "empty.log", "binary.log"], 0, "no kill found"),
    (["kill.log", "app.log", "stop.log"], 0, "2 kills for lack of memory, 1 death by SIGKILL that no OOM killer caused"),
    (["nothing.log"], 2, "no such file"),
    (["cut.gz"], 2, "cut.gz"),
    (["."], 2, ".: is a directory"),
    (["wide.log"], 2, "wide.log: is UTF-16"),
    (["system.journal"], 2, "journalctl --file"),
    (["kill.zst"], 2, "zstdcat"),
    (["--fail-on-kill", "kill.log", "nothing.log"], 2, "1 kill for lack of memory"),
    (["--spec", "nothing.yaml", "kill.log"], 2, "nothing.yaml"),
    (["--spec", "bad.yaml", "kill.log"], 2, "in the spec"),
    (["--format", "yaml", "kill.log"], 2, "invalid choice"),
    (["--top", "-1", "kill.log"], 2, "is no number of rows"),
]


@pytest.mark.parametrize(("argv", "code", "said"), EXITS, ids=[" ".join(argv) for argv, _, _ in EXITS])
def test_exit_codes(
    argv: list[str], code: int, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    try:
        found = main(["diagnose", *argv])
    except SystemExit as stop:
        found = int(stop.code or 0)
    assert found == code
    assert said.lower() in capsys.readouterr().err.lower()


def test_what_could_not_be_read_is_never_no_events(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["diagnose", "nothing.log"]) == 2
    assert "no kill" not in capsys.readouterr().err


def test_a_full_disk_is_the_hosts_fault_and_said_once(folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m oomconf diagnose {folder}/kill.log > /dev/full"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3
    assert "could not be written: no space left on device" in done.stderr
    assert "Exception" not in done.stderr


def test_a_reader_that_goes_away_is_no_crash(folder: Path) -> None:
    many = "\n".join(KILL * 300).encode()
    (folder / "many.log").write_bytes(many)
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m oomconf diagnose {folder}/many.log | head -1"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"Traceback" not in done.stderr
    assert done.stdout.count(b"\n") == 1


KEYS = {
    "path", "line", "at", "killer", "kind", "outcome", "trigger", "allocating_task", "group", "memcg", "limit_kb", "victims", "ranking",
    "predicted", "evidence",
}  # fmt: skip
VICTIM = {
    "pid", "name", "uid", "total_vm_kb", "anon_rss_kb", "file_rss_kb", "shmem_rss_kb", "oom_score_adj", "unit", "container", "pod",
}  # fmt: skip


def test_json_has_the_keys_that_are_promised(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    assert main(["diagnose", "--format", "json", "kill.log", "app.log", "stop.log", "calm.log"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["version"] == 1
    assert [event["killer"] for event in told["events"]] == ["kernel", "kernel", "none"]
    for event in told["events"]:
        assert event.keys() >= KEYS
        assert event["trigger"].keys() >= {"pid", "name", "kind"}
        assert all(victim.keys() >= VICTIM for victim in event["victims"])
        assert all(row.keys() >= {"pid", "name", "points", "oom_score_adj"} for row in event["ranking"])
    first, second, third = told["events"]
    assert (first["kind"], first["memcg"], first["predicted"]) == ("global", None, {"pid": 402, "name": "java"})
    assert (second["memcg"], second["limit_kb"], second["victims"][0]["unit"]) == ("/web.slice/app.service", 983_040, "app.service")
    assert (third["kind"], third["outcome"], third["trigger"]["kind"], third["predicted"]) == (None, None, None, None)


@pytest.mark.parametrize("name", ["nothing.log", "calm.log", "empty.log"])
def test_json_is_whole_when_there_is_nothing(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    main(["diagnose", "--format", "json", name])
    assert json.loads(capsys.readouterr().out) == {"version": 1, "events": []}


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
@pytest.mark.parametrize("evil", ["\x1b]0;title\x07", "\x9b31m", "\u202eevil", "\x00\r\n", "\udc80"])
def test_no_log_drives_a_terminal(
    form: str, evil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    lines = [line.replace("java", f"a{evil}b") for line in APP] + [line.replace("app", f"a{evil}b") for line in STOPPED]
    path = tmp_path / "evil.log"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    assert main(["diagnose", "--format", form, "--spec", SPEC, str(path)]) == 0
    out, err = capsys.readouterr()
    assert (out + err).replace("\n", "").isprintable()


def test_this_hosts_log_is_the_first_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_log, "_COMMANDS", (("no-command-of-that-name",), ("true",), ("sh", "-c", "echo one; echo two")))
    assert list(live_log.live_lines()) == [(1, "one"), (2, "two")]
    monkeypatch.setattr(live_log, "_COMMANDS", (("no-command-of-that-name",), ("true",), ("sh", "-c", "echo not permitted >&2; exit 1")))
    with pytest.raises(InputError, match="no such file or directory; true: says nothing; sh: not permitted"):
        list(live_log.live_lines())


# ── the spec ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_line_of_the_spec_is_named_with_its_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    path = tmp_path / "app.log"
    path.write_text("\n".join(APP), "utf-8")
    assert main(["diagnose", "--spec", SPEC, str(path)]) == 0
    out = capsys.readouterr().out
    assert f"{SPEC}:32:31: services.app: memory.max is 960M: make it 1200M" in out
    assert "      - memory: {high: 832M, max: 960M, swap_max: 256M}\n      + memory: {high: 832M, max: 1200M, swap_max: 256M}\n" in out


def test_a_limit_that_the_spec_has_raised_already_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    path = tmp_path / "app.log"
    path.write_text("\n".join(APP).replace("983040kB", "524288kB"), "utf-8")
    main(["diagnose", "--spec", SPEC, str(path)])
    out = capsys.readouterr().out
    assert "services.app: memory.max is 960M\n" in out


@pytest.mark.parametrize(
    ("unit", "adj", "told"),
    [
        ("app.service", 0, "services.app: protect is normal (0): make it high\n      - protect: normal\n      + protect: high\n"),
        (
            "nginx.service",
            -500,
            "services.nginx: protect is high (-500): make it critical\n      - protect: high\n      + protect: critical\n",
        ),
        ("backup.service", 900, "services.backup: protect is expendable (900)\n"),
    ],
)
def test_the_protection_that_would_have_spared_it(
    unit: str, adj: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    victim = Row(pid=402, name="java", rss=900_000, adj=adj)
    rows = (victim, Row(pid=500, name="cache", rss=40_000, adj=0 if adj else 300))
    path = tmp_path / "x.log"
    path.write_text("\n".join(report(ERAS[4], rows, victim, victim)).replace("app.service", unit), "utf-8")
    assert main(["diagnose", "--spec", SPEC, str(path)]) == 0
    assert told in re.sub(r" +(?=[-+] protect)", "      ", capsys.readouterr().out)


def test_the_library_says_what_the_command_says() -> None:
    spec = oomconf.load(ROOT / SPEC)
    events = list(oomconf.read_log([f"{line}\n" for line in [*APP, *(text.replace("app", "backup") for text in STOPPED)]], "app.log"))
    found = oomconf.explain(events[0], spec)
    assert found.headline.startswith("java (402) of app.service was killed")
    assert [(one.at.line, one.key, one.wanted) for one in found.declared][:1] == [(32, "memory.max", "1200M")]
    assert found.declared[0].wanted_line == "    memory: {high: 832M, max: 1200M, swap_max: 256M}"
    assert oomconf.explain(events[1], spec).declared == ()
    assert oomconf.explain(events[0]).declared == ()
