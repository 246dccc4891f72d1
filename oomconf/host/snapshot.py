"""Captures a host: what a snapshot holds, read below a root, and the shell script that does the same."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from oomconf.dialects._shell import word
from oomconf.snapshot.form import (
    CGROUP_FILES,
    CGROUP_STAT,
    FILE_LINES,
    FILES,
    HEAD,
    INSPECTS,
    LOG_BYTES,
    LOG_SOURCES,
    STATUS,
    TAIL,
    UNIT_PROPERTIES,
    LinesOf,
)
from oomconf.templating import Templates

__all__ = ["Runner", "capture", "collector"]

_FIELDS: Final = tuple(f"{name}:".encode() for name in STATUS)
_ENGINES: Final = (("docker", b"Name:\tdockerd"), ("podman", b"Name:\tconmon"))
"""Engines that are asked, by what shows that they run."""
_CHUNK: Final = 1 << 16
_STAT: Final = re.compile(rf"^(?:{'|'.join(CGROUP_STAT)}) ")
_CGROUPS: Final = "/sys/fs/cgroup"
_SHOW: Final = ("systemctl", "show", "--type=service,slice,scope", f"--property={','.join(UNIT_PROPERTIES)}", "*")
_JOURNAL: Final = ("journalctl", "-b", "--no-pager", "-q", "-o", "short-iso", *(f"--identifier={name}" for name in LOG_SOURCES), "-n")
_LOG: Final = (*_JOURNAL, "100000")
_PATIENCE: Final = 30
"""Seconds that a command may take."""
_LONGEST: Final = 1 << 20
"""Bytes of a file of the administrator's that are looked at."""

Runner = Callable[[Sequence[str]], str | None]
"""Run a command and give what it printed; None if it is not there or fails."""


def capture(root: str = "/", run: Runner | None = None) -> str:
    """Read a snapshot of the host below `root`; what vanishes, or may not be read, is left out.

    Commands (systemctl, docker, podman, journalctl) are asked on the live host alone, or through `run`; all of them only read.
    """
    asking = run if run is not None else _ask if root == "/" else None
    return "".join(f"{line}\n" for line in _lines(root.rstrip("/"), asking))


def collector() -> str:
    """Give the shell script that captures a host without Python, in the same form."""
    names = " -o ".join(f"-name {name}" for name in CGROUP_FILES)
    return Templates().render(
        "snapshot/oomconf-snapshot.sh.j2",
        files=" ".join(FILES),
        fields="|".join(STATUS),
        names=names,
        stat="|".join(CGROUP_STAT),
        show=" ".join(word(one) for one in _SHOW),
        inspect={engine: word(one) for engine, one in INSPECTS.items()},
        log=" ".join(word(one) for one in _LOG),
        log_last=" ".join(word(one) for one in (*_JOURNAL, "1")),
        log_bytes=LOG_BYTES,
        lines_of=[
            {
                "folders": " ".join(kind.folders),
                "names": " -o ".join(f"-name {word(name)}" for name in kind.names),
                "pattern": word(kind.pattern),
            }
            for kind in FILE_LINES
        ],
    )


def _lines(root: str, run: Runner | None) -> Iterator[str]:
    yield HEAD
    yield f"/page_size:{os.sysconf('SC_PAGESIZE')}"
    for path in FILES:
        yield from (f"{path}:{line}" for line in _read(f"{root}{path}"))
    own = "" if root else str(os.getpid())  # who looks is not of what is looked at
    engines: set[str] = set()
    for pid in (name for name in _names(f"{root}/proc") if name.isdecimal() and name != own):
        found, first = _process(root, pid)
        if found:
            yield found
            engines |= {engine for engine, line in _ENGINES if line == first}
    yield from _cgroup_lines(root)
    for kind in FILE_LINES:
        yield from _matching(root, kind)
    if run is not None:
        yield from _commands(run, sorted(engines))
    yield TAIL


def _process(root: str, pid: str) -> tuple[str, bytes]:
    """The lines of a process's files, and the first; one of the kernel's own has no memory, and no more of it is read."""
    status = [
        line
        for line in _bytes(f"{root}/proc/{pid}/status", at_once=True).split(b"\nThreads:", 1)[0].split(b"\n")
        if line.startswith(_FIELDS)
    ]
    if not status:
        return "", b""
    files = [(b"status", status)]
    if any(line.startswith(b"VmRSS:") for line in status):
        others = ((name, _bytes(f"{root}/proc/{pid}/{name}", at_once=True)) for name in ("oom_score_adj", "cgroup"))
        files += [(name.encode(), text.removesuffix(b"\n").split(b"\n")) for name, text in others if text]
    parts: list[bytes] = []
    for name, lines in files:
        mark = b"/proc/%b/%b:" % (pid.encode(), name)
        parts.append(mark + (b"\n" + mark).join(lines))
    return b"\n".join(parts).decode("utf-8", "backslashreplace"), status[0]


def _cgroup_lines(root: str) -> Iterator[str]:
    for folder, _, names in os.walk(f"{root}{_CGROUPS}", onerror=None):
        shown = folder[len(root) :]
        for name in CGROUP_FILES:
            if name in names:
                yield from (f"{shown}/{name}:{line}" for line in _read(f"{folder}/{name}"))
        if "memory.stat" in names:
            yield from (f"{shown}/memory.stat:{line}" for line in _read(f"{folder}/memory.stat") if _STAT.match(line))


def _matching(root: str, kind: LinesOf) -> Iterator[str]:
    pattern = re.compile(kind.pattern)
    for place in kind.folders:
        for path in _files_below(f"{root}{place}", kind.names):
            if _is_empty(path):
                yield f"={path[len(root) :]}:0:"
                continue
            lines = _read(path, _LONGEST)
            found = [f"={path[len(root) :]}:{number}:{line}" for number, line in enumerate(lines, 1) if pattern.search(line)]
            yield from found or ([f"={path[len(root) :]}:1:"] if lines else [])


def _is_empty(path: str) -> bool:
    """A file of nothing, or a link to /dev/null, which hides others of its name."""
    try:
        status = os.stat(path)  # noqa: PTH116 - thousands of them
    except OSError:
        return False
    return stat.S_ISCHR(status.st_mode) or status.st_size == 0


def _files_below(place: str, names: Sequence[str]) -> Iterator[str]:
    """Files of these names, the links to units that only enable them left out; a folder that is a link to another one is that one."""
    if Path(place).is_file():
        yield place
        return
    if any(parent.is_symlink() for parent in (Path(place), *Path(place).parents)):
        return
    suffixes = tuple(name.removeprefix("*") for name in names)
    for folder, inner, found in os.walk(place):
        inner[:] = sorted(name for name in inner if not name.endswith((".wants", ".requires")))
        yield from (f"{folder}/{name}" for name in sorted(found) if name.endswith(suffixes))


def _commands(run: Runner, engines: Sequence[str]) -> Iterator[str]:
    for name, command in (("version", ("systemctl", "--version")), ("systemctl", _SHOW)):
        yield from _printed(name, run(command))
    for engine in engines:
        listed = run((engine, "ps", "-aq", "--no-trunc"))
        ids = (listed or "").split()
        # no line at all is no answer; an empty one, no containers
        yield from _printed(engine, run((engine, "inspect", "--format", INSPECTS[engine], *ids)) if ids else listed)
    said = run(_LOG)
    # a journal that answers may hold nothing, and the kernel's own buffer all
    if said is None or not said.strip():
        said = run(("dmesg",))
    yield from _printed("log", said if said is None else _newest(said))


def _newest(text: str) -> str:
    """The end of a log, in whole lines, so that a capture stays one that is read."""
    data = f"\n{text}".encode()
    return data[-LOG_BYTES:].partition(b"\n")[2].decode()


def _printed(name: str, text: str | None) -> Iterator[str]:
    if text is not None:
        yield from (f"${name}:{line}" for line in text.removesuffix("\n").split("\n"))


def _ask(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "backslashreplace") if done.returncode == 0 else None


def _read(path: str, most: int = -1) -> list[str]:
    text = _bytes(path, most).decode("utf-8", "backslashreplace")
    return text.removesuffix("\n").split("\n") if text else []  # a name may hold any other mark that ends a line


def _bytes(path: str, most: int = -1, *, at_once: bool = False) -> bytes:
    """A file's bytes, by the bare calls, since there are tens of thousands of files; empty if it is gone or may not be read.

    A short one that the kernel makes up as a single record comes `at_once`, and is not asked for more.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        data = os.read(file, _CHUNK if most < 0 else min(most, _CHUNK))
        if not data or (at_once and len(data) < _CHUNK):
            return data
        parts, size = [data], len(data)
        while (most < 0 or size < most) and (data := os.read(file, _CHUNK if most < 0 else min(most - size, _CHUNK))):
            parts.append(data)
            size += len(data)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(file)


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))  # noqa: PTH208
    except OSError:
        return []
