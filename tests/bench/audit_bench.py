"""How an audit of a host with 10,000 processes compares with reading the same files bare; by hand: python tests/bench/audit_bench.py [PROCESSES].

Both read a tree of files that stands for /proc and /sys/fs/cgroup. Processor time (user and system) and the largest resident size of fresh
processes, the least of some rounds that alternate; what an interpreter that does nothing takes is subtracted from neither.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROUNDS = 5
UNITS = 200
STATUS = Path("/proc/self/status").read_text("utf-8")
BARE = """
import os, sys
kept = []
for folder, folders, names in os.walk(sys.argv[1]):
    for name in names:
        with open(f"{folder}/{name}", "rb") as file:
            kept.append(file.read())
"""
AUDIT = """
import gc, sys
gc.disable()
from oomconf.host.snapshot import capture
from oomconf.inforce import audit_host
from oomconf.reports import audit_text
from oomconf.reports._terminal import Paper
from oomconf.snapshot import read
sys.stdout.write(audit_text.render(audit_host(read(capture(sys.argv[1]))), Paper()))
"""


def made(root: Path, processes: int) -> None:
    """Write a host's files."""
    files = {"proc/meminfo": "MemTotal: 264000000 kB\nMemFree: 1 kB\nMemAvailable: 64000000 kB\n", "proc/vmstat": "oom_kill 0\n"}
    for number in range(1, processes + 1):
        unit = f"u{number % UNITS}.service"
        text = STATUS.replace(STATUS.split("\n", 1)[0], f"Name:\tworker-{number}")
        files[f"proc/{number}/status"] = text
        files[f"proc/{number}/oom_score_adj"] = f"{number % 50}\n"
        files[f"proc/{number}/cgroup"] = f"0::/system.slice/{unit}\n"
    for number in range(UNITS):
        at = f"sys/fs/cgroup/system.slice/u{number}.service"
        files |= {
            f"{at}/memory.{name}": "1048576\n" for name in ("current", "min", "low", "high", "max", "peak", "swap.max", "swap.current")
        }
        files[f"{at}/memory.stat"] = "anon 1\nfile 2\ninactive_file 3\n"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def spent(code: str, root: str) -> tuple[float, int]:
    """Seconds of processor time, and kB of the largest resident size."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execv(sys.executable, [sys.executable, "-c", code, root])
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"exit {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def main() -> None:
    """Print both and their ratios."""
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        made(Path(folder), processes)
        rows = [(spent(BARE, folder), spent(AUDIT, folder)) for _ in range(ROUNDS)]
    bare, audit = (min(row[side][0] for row in rows) for side in (0, 1))
    bare_kb, audit_kb = (min(row[side][1] for row in rows) for side in (0, 1))
    print(f"{processes} processes: bare {bare:.2f} s, {bare_kb // 1024} MiB; audit {audit:.2f} s, {audit_kb // 1024} MiB")
    print(f"time {audit / bare:.2f}x, memory {audit_kb / bare_kb:.2f}x")


if __name__ == "__main__":
    main()
