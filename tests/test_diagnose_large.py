"""Logs of any size and packing are read as if line by line."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from oom_reports import CARRIERS, ERAS, Row, report

from oomconf.host import logs
from oomconf.oomlog import OomEvent, Reader, read

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


def noise(dice: random.Random, count: int) -> Iterator[str]:
    words = ("GET /room/%d 137", "Killed time: %d", "Memory ok %d", "K%d", "M%d", "OOM killer %d", "user %d logged in", "exit code 1%d")
    for _ in range(count):
        yield f"Nov 23 01:02:03 web-1 {dice.choice(('nginx', 'cron', 'app'))}[{dice.randrange(9999)}]: {dice.choice(words) % dice.randrange(9999)}"


def long_log(seed: int, kills: int = 6) -> list[str]:
    dice = random.Random(seed)
    lines: list[str] = []
    for number in range(kills):
        lines += noise(dice, dice.choice((0, 1, 40, 700, 2500)))
        victim = Row(pid=5000 + number, name="java", rss=200_000)
        memcg = dice.choice((None, "/system.slice/app.service"))
        told = report(dice.choice(ERAS), [*ROWS, victim], victim, ROWS[2], memcg=memcg, limit_kb=900_000)
        lines += CARRIERS["syslog"](told if dice.random() < 0.7 else told[-1:])
        lines += dice.choice(([], STOPPED, CARRIERS["syslog"](["oom_reaper: reaped process 1 (x), now anon-rss:0kB"])))
    return [*lines, *noise(dice, dice.choice((0, 900)))]


def known(event: OomEvent) -> tuple[object, ...]:
    return (
        event.line,
        event.outcome,
        event.kind,
        len(event.tasks),
        [victim.pid for victim in event.victims],
        event.task_memcg,
        event.kernel_text,
    )


def from_file(path: Path, cores: int | None = None) -> list[OomEvent]:
    reader = Reader(str(path))
    return list(reader.events(logs.lines_of(str(path), reader.busy, cores=cores)))


PACKED: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("seed", range(6))
def test_a_large_log_is_read_as_if_line_by_line(packing: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thresholds are made small, so that a log of some hundred kilobytes is read as one of gigabytes is."""
    for name, value in {"_SMALL": 1 << 10, "_SEGMENT": 1 << 14, "_BLOCK": 1 << 12}.items():
        monkeypatch.setattr(logs, name, value)
    lines = long_log(seed)
    path = tmp_path / "long.log"
    path.write_bytes(PACKED[packing]("\n".join(lines).encode()))
    wanted = [known(event) for event in read(lines) if event.killer == "kernel"]
    assert len(wanted) >= 6
    for cores in (1, 2, 3):
        assert [known(event) for event in from_file(path, cores) if event.killer == "kernel"] == wanted


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_large_log_of_any_carrier_is_read_as_if_line_by_line(carrier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_SMALL": 1 << 10, "_SEGMENT": 1 << 14, "_BLOCK": 1 << 12}.items():
        monkeypatch.setattr(logs, name, value)
    dice = random.Random(carrier)
    texts: list[str] = []
    for era in ERAS:
        texts += [*(line.partition(": ")[2] for line in noise(dice, dice.choice((0, 40, 300)))), *report(era, ROWS, ROWS[1], ROWS[2])]
    lines = "\n".join(CARRIERS[carrier](texts)).split("\n")
    wanted = [known(event) for event in read(lines) if event.killer == "kernel"]
    assert len(wanted) == len(ERAS)
    for packing in ("plain", "gz"):
        path = tmp_path / packing
        path.write_bytes(PACKED[packing]("\n".join(lines).encode()))
        assert [known(event) for event in from_file(path, 2) if event.killer == "kernel"] == wanted


def test_a_kill_behind_thousands_of_false_hits_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_SMALL", 1 << 10)
    path = tmp_path / "noisy.log"
    path.write_text("\n".join([*(f"Nov 23 01:02:03 web-1 app[7]: Killed job {n}" for n in range(9000)), *KILL]), "utf-8")
    assert [event.line for event in from_file(path)] == [9001]
    assert call([str(path), "--fail-on-kill"]).returncode == 1


@pytest.mark.parametrize("split", range(4, 40, 3))
def test_a_kill_that_two_segments_share_is_found(split: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_SMALL": 1 << 10, "_SEGMENT": 1 << 14, "_BLOCK": 1 << 12}.items():
        monkeypatch.setattr(logs, name, value)
    kill = b'Nov 23 01:02:03 web-1 earlyoom[9]: sending SIGTERM to process 187 uid 0 "batch": badness 1351, VmRSS 270 MiB\n'
    noise = b"x" * 99 + b"\n"
    before = (noise * 200)[-((1 << 14) - kill.index(b"sending") - split) :]
    path = tmp_path / "split.log"
    path.write_bytes(before + kill + noise * 900)
    assert [event.killer for event in from_file(path, 1)] == ["earlyoom"]


@pytest.mark.parametrize("seed", range(3))
def test_a_huge_log_gives_up_bare_statuses_only(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_SMALL": 1 << 10, "_HUGE": 1 << 11, "_SEGMENT": 1 << 14, "_BLOCK": 1 << 12}.items():
        monkeypatch.setattr(logs, name, value)
    lines = [*long_log(seed), "web-1 exited with code 137"]
    path = tmp_path / "huge.log"
    path.write_text("\n".join(lines), "utf-8")
    assert [known(event) for event in from_file(path) if event.outcome] == [known(event) for event in read(lines) if event.outcome]


def test_standard_input_is_read_as_the_file_is(tmp_path: Path) -> None:
    lines = long_log(3)
    path = tmp_path / "long.log"
    text = "\n".join(lines).encode()
    path.write_bytes(text)
    told = [json.loads(call(["--format", "json", where], given).stdout)["events"] for where, given in ((str(path), b""), ("-", text))]
    assert told[0]
    assert [{**event, "path": ""} for event in told[0]] == [{**event, "path": ""} for event in told[1]]
    assert {event["path"] for event in told[1]} == {"<stdin>"}
