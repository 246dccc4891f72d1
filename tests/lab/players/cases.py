"""Plays drawn cases in a machine, one after another: a line of JSON in, a line of JSON out.

The first line out is of the machine as it is without any. A case makes cgroups, swap and processes, takes the project's own snapshot of the machine, lets one process grow, and waits until the kernel
has killed it or it is full. What it says: who has which pid, the snapshot, the kernel's log, who lives, and memory.events of each cgroup.
"""

import ctypes
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
DISK = "/dev/vdb"
PAGE = 4096
KERNEL_THREADS = set()
LIBC = ctypes.CDLL("libc.so.6", use_errno=True)


def write(path, text):
    Path(path).write_text(f"{text}\n")


def meminfo(key):
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == key:
            return int(rest.split()[0]) << 10
    return 0


def make_swap(size):
    """Write what mkswap writes (include/linux/swap.h: union swap_header), and turn it on."""
    with Path(DISK).open("r+b") as disk:
        disk.write(b"\0" * PAGE)
        disk.seek(1024)
        disk.write(struct.pack("<III", 1, size // PAGE - 1, 0))
        disk.seek(PAGE - 10)
        disk.write(b"SWAPSPACE2")
    if LIBC.swapon(DISK.encode(), 0):
        raise OSError(ctypes.get_errno(), "swapon")


def make_cgroups(cgroups):
    """Make them, parents before children; one that has children gives them the controller of memory."""
    for path, files in cgroups:
        folder = ROOT / path
        folder.mkdir()
        if any(other.startswith(f"{path}/") for other, _ in cgroups):
            write(folder / "cgroup.subtree_control", "+memory")
        for name, value in files.items():
            write(folder / name, value)


def start(hog):
    words = ["hog", "-n", hog["name"], "-a", str(hog["adj"]), "-c", hog["cgroup"], "-w", "-g", str(hog["rate"])]
    words += ["-s"] if hog["shared"] else []
    return subprocess.Popen([*words, str(hog["size"] >> 20)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)


def gone(one):
    return one.poll() is not None


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def remove(path):
    try:
        (ROOT / path).rmdir()
    except OSError:
        return False
    return True


def clean(case, running):
    for one in running:
        one.kill()
    for one in running:
        one.wait()
        one.stdout.close()
    for path, _ in reversed(case["cgroups"]):
        if not wait_until(lambda path=path: remove(path), 10):
            raise OSError(f"{path} is still in use")
    if case["swap"] and LIBC.swapoff(DISK.encode()):
        raise OSError(ctypes.get_errno(), "swapoff")


def is_kernels(process: Path) -> bool:
    """Whether a process is the kernel's own; one that is gone meanwhile is none."""
    try:
        return not (process / "cmdline").read_bytes()
    except OSError:
        return False


def settle():
    """Keep this player in memory, and take from the machine what cases need not fill, so that one takes seconds."""
    write("/proc/self/oom_score_adj", -1000)
    LIBC.mlockall(3)
    write("/proc/sys/vm/drop_caches", 1)
    write("/proc/sys/vm/nr_hugepages", 90)
    # they have no memory of their own, and are most of what is in /proc
    KERNEL_THREADS.update(path for path in Path("/proc").iterdir() if path.name.isdecimal() and is_kernels(path))
    print(json.dumps({"total": meminfo("MemTotal"), "free": meminfo("MemAvailable")}), flush=True)


def by_script():
    """The project's own script: some twenty programs, which take seconds in an emulated machine."""
    done = subprocess.run(["sh", "/root/snapshot.sh"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True)
    return done.stdout.decode(errors="backslashreplace")


def by_hand(captured):
    """What the script writes, of the same files, without kernel threads."""
    lines = [captured["head"], f"/page_size:{PAGE}"]
    wanted = tuple(f"{name}:" for name in captured["status"])

    def take(path: str, keep: str | tuple[str, ...] = "") -> None:
        try:
            text = Path(path).read_text(errors="backslashreplace")
        except OSError:
            return
        lines.extend(f"{path}:{line}" for line in text.splitlines() if line.startswith(keep))

    for path in captured["files"]:
        take(path)
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and folder not in KERNEL_THREADS:
            take(f"{folder}/status", wanted)
            take(f"{folder}/oom_score_adj")
            take(f"{folder}/cgroup")
    for folder, _, names in os.walk(ROOT):
        for name in captured["cgroup_files"]:
            if name in names:
                take(f"{folder}/{name}")
    return "".join(f"{line}\n" for line in [*lines, captured["tail"]])


def play(case):
    began = time.monotonic()
    sysctls = {name: Path(name).read_text().strip() for name in case["sysctls"]}
    # what cases before have left in the page cache is not of this one
    write("/proc/sys/vm/drop_caches", 1)
    free = meminfo("MemAvailable")
    if case["swap"]:
        make_swap(case["swap"])
    running = []
    try:
        for name, value in case["sysctls"].items():
            write(name, value)
        make_cgroups(case["cgroups"])
        running += [start(hog) for hog in case["hogs"]]
        said = [one.stdout.readline().decode() for one in running]
        for hog, one, line in zip(case["hogs"], running, said, strict=True):
            if line != f"hog {hog['name']} {one.pid} {hog['size'] >> 20}\n":
                raise OSError(f"{hog['name']} says {line!r}")
        ready = time.monotonic()
        snapshot = by_script() if case["script"] else by_hand(case["captured"])
        grower = running[case["grower"]]
        taken = time.monotonic()
        write("/proc/sys/vm/drop_caches", 1)
        os.kill(grower.pid, signal.SIGUSR1)
        ended = wait_until(lambda: gone(grower), case["seconds"])
        grown = time.monotonic()
        # the rest of a group dies with it, and is told of before it is gone
        time.sleep(0.3)
        alive = [one.pid for one in running if not gone(one)]
        log = subprocess.run(["dmesg", "-c"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True).stdout
        events = {path: (ROOT / path / "memory.events").read_text() for path, _ in case["cgroups"]}
        dmesg = time.monotonic()
    finally:
        for name, value in sysctls.items():
            write(name, value)
        clean(case, running)
    return {
        "pids": [one.pid for one in running],
        "free": free,
        "snapshot": snapshot,
        "log": log.decode(errors="replace"),
        "alive": alive,
        "ended": ended,
        "events": events,
        "times": [
            round(one - two, 2) for one, two in ((ready, began), (taken, ready), (grown, taken), (dmesg, grown), (time.monotonic(), dmesg))
        ],
    }


settle()
for line in sys.stdin:
    print(json.dumps(play(json.loads(line))), flush=True)
