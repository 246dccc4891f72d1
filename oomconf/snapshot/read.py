"""Reads a capture: lines of the kernel's files, of the administrator's, and of what commands printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from oomconf.kernel.version import KernelVersion
from oomconf.quantity import INFINITY
from oomconf.snapshot import asked
from oomconf.snapshot.form import TAIL
from oomconf.snapshot.nouns import CgroupState, ProcessState, Snapshot

__all__ = ["read"]

_OF_PROCESS: Final = re.compile(r"/proc/([0-9]{1,10})/(status|oom_score_adj|cgroup)")
_CGROUP: Final = re.compile(r"^/sys/fs/cgroup(/.*)?/(memory\.[a-z_.]+):([^:]*)$")
_NUMBERED: Final = re.compile(r"^=(/.*?):(\d{1,9}):(.*)$")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_DECIMAL: Final = re.compile(r"^\d{1,15}(?:\.\d{1,6})?$")
_SWAP_COLUMNS: Final = 5
_LONGEST: Final = 24
"""Digits of a number that is one."""
_KB: Final = re.compile(r"^(\d{1,20}) kB$")
# fs/proc/array.c: proc_task_name
_ESCAPED: Final = re.compile(r"\\([n\\])")
_PAGE: Final = 4096
_PAGES: Final = frozenset(1 << shift for shift in range(12, 19))
"""4K to 256K (arch/*/Kconfig: PAGE_SIZE_*)."""
_UNLIMITED_V1: Final = 0x7FFFFFFFFFFF0000
"""What cgroup v1 shows for no limit, in pages of up to 64K."""


def read(text: str) -> Snapshot:
    """Read a capture; what is missing or cannot be read in it is left out, and nothing raises.

    Kernel threads, which have no memory of their own, are left out too (Documentation/filesystems/proc.rst).
    """
    text = _lf(text)
    files: dict[str, list[str]] = {}
    rows: dict[int, dict[str, str]] = {}
    cgroups: dict[str, dict[str, int]] = {}
    lines_of: dict[str, list[tuple[int, str]]] = {}
    printed: dict[str, list[str]] = {}
    last, file = "", ""
    row: dict[str, str] | None = None
    for line in text.split("\n"):
        mark = line[:1]
        if mark == "$":
            name, _, rest = line[1:].partition(":")
            printed.setdefault(name, []).append(rest)
        elif mark == "=":
            if match := _NUMBERED.match(line):
                lines = lines_of.setdefault(_usr(match[1]), [])
                lines += [(int(match[2]), match[3])] if int(match[2]) else []
        elif mark == "/":
            name, _, rest = line.partition(":")
            if name != last:
                last, row, file = name, *_whose(name, rows)
            if row is not None:
                _process(row, file, rest)
            elif match := _CGROUP.match(line):
                _cgroup(cgroups.setdefault(_cgroup_path(match[1]), {}), match[2], match[3])
            else:
                files.setdefault(name, []).append(rest)
    meminfo = _meminfo(files.get("/proc/meminfo", ()))
    processes = tuple(found for pid, row in sorted(rows.items()) if (found := _state(pid, row)) is not None)
    release = _first(files, "/proc/sys/kernel/osrelease")
    pages = _page_size(_first(files, "/page_size"))
    return Snapshot(
        memory_total=total if (total := meminfo.get("MemTotal", 0)) >= pages else None,
        meminfo=meminfo,
        swap_total=meminfo.get("SwapTotal", 0),
        swaps=tuple(_swaps(files.get("/proc/swaps", ()))),
        page_size=pages,
        kernel=_version(release),
        release=release.strip(),
        hostname=_first(files, "/proc/sys/kernel/hostname").strip(),
        systemd=_systemd(printed.get("version", ())),
        cgroup_version=_cgroup_version(cgroups),
        sysctls={
            name.removeprefix("/proc/sys/").replace("/", "."): " ".join(lines[0].split())
            for name, lines in files.items()
            if name.startswith("/proc/sys/") and lines
        },
        vmstat={key: int(value) for key, _, value in (line.partition(" ") for line in files.get("/proc/vmstat", ())) if value.isdecimal()},
        pressure=_pressure(files.get("/proc/pressure/memory", ())),
        processes=processes,
        cgroups={path: CgroupState(path=path, values=values) for path, values in cgroups.items()},
        units=asked.units(printed.get("systemctl", ())),
        containers=(*asked.containers("docker", printed.get("docker", ())), *asked.containers("podman", printed.get("podman", ()))),
        files={path: tuple(numbered) for path, numbered in lines_of.items()},
        log=tuple(printed.get("log", ())),
        asked=frozenset(name for name in ("systemctl", "docker", "podman", "log") if name in printed),
        whole=TAIL in text[-200:],
    )


def _whose(name: str, rows: dict[int, dict[str, str]]) -> tuple[dict[str, str] | None, str]:
    """The row of the process that a file is of, and which of its files; no row for a file of the machine's."""
    match = _OF_PROCESS.fullmatch(name)
    return (None, "") if match is None else (rows.setdefault(int(match[1]), {}), match[2])


def _lf(text: str) -> str:
    """A text as it was before it came over a machine that ends lines by CR and LF, or begins files by a mark of their order of bytes."""
    first = text.partition("\n")[0]
    return text.removeprefix("\ufeff").replace("\r\n", "\n") if first.endswith("\r") else text.removeprefix("\ufeff")


def _page_size(text: str) -> int:
    """A size that some kernel has, or what most have: every amount is divided by it."""
    size = _int(text, _PAGE)
    return size if size in _PAGES else _PAGE


def _first(files: Mapping[str, list[str]], name: str) -> str:
    return next(iter(files.get(name, ())), "")


def _usr(path: str) -> str:
    """A path with /usr in front where the two folders are one (file-hierarchy(7))."""
    return f"/usr{path}" if path.startswith("/lib/") else path


def _swaps(lines: Iterable[str]) -> Iterator[tuple[str, str, int, int, int]]:
    """Rows of /proc/swaps; blanks in a path are octal (mm/swapfile.c: swap_show)."""
    for line in lines:
        words = line.split()
        if len(words) == _SWAP_COLUMNS and words[2].isdecimal() and words[3].isdecimal():
            path = _OCTAL.sub(lambda match: chr(int(match[1], 8)), words[0])
            yield path, words[1], int(words[2]) * 1024, int(words[3]) * 1024, _int(words[4], 0)


def _systemd(lines: Iterable[str]) -> int | None:
    words = next(iter(lines), "").split()
    return int(words[1]) if len(words) > 1 and words[0] == "systemd" and words[1].isdecimal() and len(words[1]) < 6 else None  # noqa: PLR2004


def _cgroup_version(cgroups: Mapping[str, Mapping[str, int]]) -> int | None:
    """Which cgroup has the memory controller; None where no limit is seen."""
    names = {name for values in cgroups.values() for name in values}
    return 1 if "memory.limit_in_bytes" in names else 2 if "memory.max" in names or "memory.current" in names else None


def _pressure(lines: Iterable[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in lines:
        kind, *pairs = line.split()
        for key, _, value in (pair.partition("=") for pair in pairs):
            if _DECIMAL.match(value):
                found[f"{kind}.{key}"] = float(value)
    return found


def _cgroup(values: dict[str, int], file: str, text: str) -> None:
    key, blank, number = text.strip().partition(" ")
    if blank and number.isdecimal() and len(number) <= _LONGEST:
        values[f"{file}.{key}"] = int(number)
    elif (value := _limit(text, file)) is not None:
        values[file] = value


def _process(row: dict[str, str], file: str, rest: str) -> None:
    if file == "status":
        key, _, value = rest.partition(":")
        row.setdefault(key, value.strip("\t "))
    elif file == "oom_score_adj":
        row.setdefault("adj", rest.strip())
    else:
        number, _, tail = rest.partition(":")
        controllers, _, path = tail.partition(":")
        if number == "0" and not controllers:
            row.setdefault("v2", path)
        elif "memory" in controllers.split(","):
            row["v1"] = path


def _state(pid: int, row: Mapping[str, str]) -> ProcessState | None:
    if "VmRSS" not in row:
        return None
    uid = row.get("Uid", "").split(maxsplit=1)
    name = row.get("Name", "")
    if "\\" in name:
        name = _ESCAPED.sub(lambda match: "\n" if match[1] == "n" else "\\", name)
    return ProcessState(
        pid=pid,
        ppid=_int(row.get("PPid", ""), 0),
        uid=_int(uid[0] if uid else "", 0),
        name=name,
        rss=_kb(row.get("VmRSS", "")),
        swap=_kb(row.get("VmSwap", "")),
        tables=_kb(row.get("VmPTE", "")),
        oom_score_adj=max(-1000, min(1000, _int(row.get("adj", ""), 0))),
        cgroup=(row.get("v1") or row.get("v2") or "/").removesuffix(" (deleted)"),
    )


def _cgroup_path(path: str | None) -> str:
    """A cgroup's own path: under v1 the controller's name stands in front."""
    path = path or "/"
    for mount in ("/memory", "/unified"):
        if path == mount or path.startswith(f"{mount}/"):
            return path[len(mount) :] or "/"
    return path


def _limit(text: str, name: str) -> int | None:
    text = text.strip()
    if text == "max":
        return INFINITY
    if not text.isdecimal() or len(text) > _LONGEST:
        return None
    value = int(text)
    return INFINITY if name.endswith("limit_in_bytes") and value >= _UNLIMITED_V1 else value


def _meminfo(lines: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        key, mark, rest = line.partition(":")
        if mark and (match := _KB.match(rest.strip())):
            found.setdefault(key, int(match[1]) * 1024)
    return found


def _kb(text: str) -> int:
    number = text[:-3]
    if text.endswith(" kB") and number.isdecimal() and len(number) < _LONGEST:
        return int(number) * 1024
    match = _KB.match(text.strip())
    return 0 if match is None else int(match[1]) * 1024


def _int(text: str, default: int) -> int:
    text = text.strip()
    return int(text[:20]) if text.removeprefix("-").isdecimal() else default


def _version(text: str) -> KernelVersion | None:
    try:
        return KernelVersion.parse(text)
    except ValueError:
        return None
