"""How fast diagnose is on a gigabyte of journal, against `grep -c` of the same run; by hand: python tests/bench/log_bench.py [LOG].

Without a log one of a gigabyte is made, of which every 40,000th line begins a kill. Processor time (user and system, of all children) and
time on the wall, the least of some rounds that alternate with grep's; memory is the most that one process held. `growth` doubles hostile
logs: a reader that is linear stays near 2.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import oomconf

from oomconf.oomlog import read

ROUNDS = 3
NEEDLE = "invoked oom-killer"
PROGRAMS = ("nginx", "sshd", "systemd", "kubelet", "containerd", "postgres")
WORDS = (
    "GET /room/{} HTTP/1.1 200 {}", "Accepted publickey for user{} port {}", "Started Session {} of user {}",
    "bloom filter rebuilt: {} entries in {} ms", "probe {} ok after {} ms",
)  # fmt: skip
HEADING = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"
HOSTILE: dict[str, Callable[[int], list[str]]] = {
    "headers": lambda size: ["x invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0"] * size,
    "kills": lambda size: [f"Out of memory: Killed process {n} (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB" for n in range(size)],
    "rows": lambda size: [
        "x invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0", HEADING, *(f"[{n:7d}]     0 {n:5d}      100       10     4096        0             0 x" for n in range(size))
    ],
    "broken records": lambda size: ["oom-kill:constraint=CONSTRAINT_NONE", "nodemask=(null)"] * size,
    "statuses": lambda size: [f"Nov 23 01:02:03 h a[1]: x{n} exited with code 137" for n in range(size)],
    "units": lambda size: [f"Nov 23 01:02:03 h systemd[1]: u{n}.service: Main process exited, code=killed, status=9/KILL" for n in range(size)],
    "quotes": lambda size: ["> " * 200] * size,
    "braces": lambda size: ["{" * 400 + "}"] * size,
}  # fmt: skip


def lines(dice: random.Random) -> Iterator[str]:
    """Give a busy host's log without end."""
    clock, number = 1000.0, 0
    while True:
        clock += dice.random()
        number += 1
        stamp = f"Nov 23 02:{int(clock / 60) % 60:02}:{int(clock) % 60:02} host-17 "
        text = dice.choice(WORDS).format(dice.randrange(99_999), dice.randrange(99_999))
        yield f"{stamp}{dice.choice(PROGRAMS)}[{dice.randrange(300, 9999)}]: {text}\n"
        if number % 40_000 == 0:
            yield from (f"{stamp}kernel: [{clock:12.6f}] {line}\n" for line in kill(dice))


def kill(dice: random.Random) -> Iterator[str]:
    """Give a report with a table of 120 tasks."""
    pid = dice.randrange(1000, 99_999)
    yield "stress invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"
    yield from ("Mem-Info:", HEADING)
    for task in range(300, 420):
        yield f"[{task:7d}]     0 {task:5d} {dice.randrange(10**6):8d} {dice.randrange(10**5):8d} {dice.randrange(10**6):8d}        0             0 nginx"
    yield f"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/user.slice,task=stress,pid={pid},uid=0"
    yield f"Out of memory: Killed process {pid} (stress) total-vm:8192000kB, anon-rss:4096000kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:8100kB oom_score_adj:0"


def generate(path: Path, size: int = 1 << 30, block: int = 64 << 20) -> Path:
    """Write a log of a size; its blocks are alike, which no reader here can make use of."""
    made, length = [], 0
    for line in lines(random.Random(5)):
        made.append(line)
        length += len(line)
        if length >= block:
            break
    text = "".join(made).encode()
    with path.open("wb") as file:
        for _ in range(size // block):
            file.write(text)
    return path


def spent(command: list[str]) -> tuple[float, float, int]:
    """Processor time, wall time, and the most KiB that one of its processes held; its output is dropped, and it must succeed."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as out:  # grep stops at the first match if nobody reads what it says
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} gave {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begun, usage.ru_maxrss


def speed(log: Path) -> None:
    """Compare diagnose with grep, and reading through a pipe with a file."""
    commands = {
        "grep": ["grep", "-c", NEEDLE, str(log)],
        "diagnose": [oomconf(), "diagnose", "--format", "json", str(log)],
        "a pipe": ["sh", "-c", f"{oomconf()} diagnose --format json - < '{log}'"],
    }
    best: dict[str, tuple[float, float, int]] = {}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            one = spent(command)
            best[name] = min(best.get(name, one), one)
    for name, (cpu, wall, memory) in best.items():
        ratio = "" if name == "grep" else f", {cpu / best['grep'][0]:.1f} x grep's, {wall / best['grep'][1]:.1f} x on the wall"
        print(f"{name:<9} {cpu:.2f} s of processor, {wall:.2f} s on the wall{ratio}, {memory / 1024:.0f} MiB at most")


def growth() -> None:
    """Time of a log over that of one half its size."""
    for name, make in HOSTILE.items():
        times = []
        for size in (4000, 8000):
            begun = time.process_time()
            for _ in read(make(size)):
                pass
            times.append(time.process_time() - begun)
        print(f"{name:<16} {times[1]:.2f} s, {times[1] / max(times[0], 1e-3):.1f} x that of half the size")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        generate(Path(sys.argv[2]))
        sys.exit()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "big.log"
        if len(sys.argv) == 1:  # elsewhere: a child is charged with the memory of who forks it
            subprocess.run([sys.executable, __file__, "--make", str(log)], check=True)
        speed(log)
    growth()
