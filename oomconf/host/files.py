"""Reading inputs: bounded, decoded, and never outside the folders that the call named."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from oomconf.dialect import Document, Sources
from oomconf.errors import InputError, WriteError
from oomconf.host import STDIN, stdin

MOST_BYTES: Final = 16 * 1024 * 1024
_LARGE: Final = (
    "; a capture made by this version's 'oomconf simulate --capture-script' holds less of the log, and of this one "
    "grep -v '^\\$log:' leaves all of it out"
)
_OPEN: Final = ("/dev/", "/proc/")
"""Where a shell keeps the pipe of `<(command)`."""
_HELD: Final = ("/dev/std", "/dev/fd/", "/proc/")
"""Where open files stand by their number."""
_SKIPPED: Final = frozenset(
    {".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
)
_SPEC_NAMES: Final = ("oomconf.yaml", "oomconf.yml")
_SPEC_ENDS: Final = (".oomconf.yaml", ".oomconf.yml")


class Disk:
    """Documents of the disk by the path that a finding shows; only named files and what lies below their folders."""

    def __init__(self, named: tuple[str, ...]) -> None:
        self._named = frozenset(named)
        self._roots = tuple({Path(path).parent.resolve() for path in named if path != STDIN} or {Path.cwd()})
        self._read: dict[str, Document] = {}

    def get(self, path: str) -> Document | None:
        """Read a file; None if it is absent, unreadable or outside. Named files were read before and raise then."""
        if path in self._read:
            return self._read[path]
        real = Path(path)
        try:
            inside = real.resolve().is_relative_to
            if not any(inside(root) for root in self._roots) or not real.is_file():
                return None
            return self._keep(path, read_text(path))
        except (OSError, InputError, RuntimeError):
            return None

    def named(self, path: str) -> Document:
        """Read a file that the call named; raises InputError with the reason."""
        return self._read[path] if path in self._read else self._keep(path, read_text(path))

    def documents(self) -> tuple[Document, ...]:
        """All that was read so far, in that order."""
        return tuple(self._read.values())

    def _keep(self, path: str, text: str) -> Document:
        self._read[path] = Document(path, text)
        return self._read[path]


class Folders:
    """Siblings of raw files: what lies below the folders that the call named, and beside the files that it named."""

    def __init__(self, named: tuple[str, ...]) -> None:
        self._disk = Disk(tuple(f"{path}/." if path != STDIN and is_folder(path) else path for path in named))

    def get(self, path: str) -> Document | None:
        return self._disk.get(path)


class Below:
    """Sources seen from a folder: paths relative to it."""

    def __init__(self, sources: Sources, folder: str) -> None:
        self._sources = sources
        self._folder = folder

    def get(self, path: str) -> Document | None:
        return self._sources.get(path if self._folder in ("", ".") else f"{self._folder}/{path}")


def read_text(path: str) -> str:
    """Read a text of at most 16 MiB in UTF-8 or UTF-16; raises InputError naming what is wrong and where."""
    # a capture is read without it
    from oomconf.dialects._yaml import decode  # noqa: PLC0415

    data = _read_bytes(path)
    text, fault = decode(data)
    if text is None:
        where = "" if fault is None else f":{fault.line}:{fault.column}: {fault.message}"
        hint = "" if fault is None or not fault.hint else f" ({fault.hint})"
        raise InputError(f"{path}{where}{hint}")
    return text


def read_loose(path: str) -> str:
    """Read a capture of at most 16 MiB, its odd bytes, as those of a process's name, shown as escapes; raises InputError."""
    data = _read_bytes(path, _LARGE)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "backslashreplace")


def _read_bytes(path: str, hint: str = "") -> bytes:
    try:
        if path == STDIN:
            return _bounded(path, stdin().read(MOST_BYTES + 1), hint)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if path.startswith(_OPEN) else os.O_NONBLOCK))  # a pipe that nobody
        try:  # writes to would never open
            return _read_open(path, descriptor, hint)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:
        raise InputError(f"{path!r}: {error}") from None


def _read_open(path: str, descriptor: int, hint: str) -> bytes:
    status = os.fstat(descriptor)
    if stat.S_ISFIFO(status.st_mode) and not path.startswith(_OPEN):
        raise InputError(f"{path}: is a pipe, not a file")
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path}: is a folder, not a file")
    if stat.S_ISREG(status.st_mode) and status.st_size > MOST_BYTES:
        raise InputError(f"{path}: {status.st_size} bytes are more than the {MOST_BYTES} that are read{hint}")
    if stat.S_ISREG(status.st_mode) and status.st_size:
        data = os.read(descriptor, status.st_size + 1)
        if len(data) == status.st_size:
            return data
        os.lseek(descriptor, 0, os.SEEK_SET)  # it grows, or is cut, while it is read
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        return _bounded(path, file.read(MOST_BYTES + 1), hint)


def _bounded(path: str, data: bytes, hint: str) -> bytes:
    if len(data) > MOST_BYTES:
        raise InputError(f"{path}: more than the {MOST_BYTES} bytes that are read{hint}")
    return data


def put(path: str, text: str, *, mode: int | None = None) -> None:
    """Write a file whole or not at all: a temporary beside it, fsync, rename; raises WriteError.

    Through a link its target is replaced. A device or a pipe stays what it is and is written to, as by `>` of a shell.
    """
    try:
        if _is_written_through(path):
            with open(path, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
                file.write(text)
        else:
            _replace(os.path.realpath(path) if os.path.islink(path) else path, text, mode)  # noqa: PTH114
    except OSError as error:
        raise WriteError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _is_written_through(path: str) -> bool:
    """Whether it is there and no regular file, or is one that another process holds open (/dev/stdout); raises OSError."""
    try:
        found = os.stat(path).st_mode  # noqa: PTH116 - also where the kernel follows no link of a stranger's (fs.protected_symlinks)
    except FileNotFoundError:
        return False
    return path.startswith(_HELD) or not (stat.S_ISREG(found) or stat.S_ISDIR(found))


def _replace(path: str, text: str, mode: int | None) -> None:
    real = Path(path)
    with tempfile.NamedTemporaryFile("w", dir=real.parent, prefix=".oomconf-", encoding="utf-8", newline="", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o666 & ~_umask() if mode is None else mode)  # noqa: PTH101
            os.replace(file.name, real)  # noqa: PTH105
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def rewrite(path: str, old: str, new: str) -> None:
    """Put a text in the place of another, with the file's own mode and through its links; raises WriteError.

    The file must hold the old text as plain UTF-8, or it is left alone.
    """
    real = Path(path).resolve()
    try:
        if real.read_bytes() != old.encode("utf-8"):
            raise WriteError(f"{path}: is not what was read, or not plain UTF-8, and was left alone")
        mode = stat.S_IMODE(real.stat().st_mode)
    except OSError as error:
        raise WriteError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    put(str(real), new, mode=mode)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def begins_with(path: str, first: bytes) -> bool:
    """Whether a regular file begins with these bytes; not if it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.read(len(first)) == first
    except OSError:
        return False


def is_folder(path: str) -> bool:
    """Whether it is a folder; not if nobody may look (Path.is_dir() raises then)."""
    return os.path.isdir(path)  # noqa: PTH112


def is_occupied(path: str) -> bool:
    """Whether writing there would put something in the place of a file or a folder; of a device or a pipe it would not."""
    try:
        found = os.stat(path).st_mode  # noqa: PTH116
    except (FileNotFoundError, ValueError):
        return False
    except OSError:
        return os.path.lexists(path)
    return stat.S_ISREG(found) or stat.S_ISDIR(found)


def absence(path: str) -> str:
    """Say why a path cannot be looked at; empty if it can."""
    try:
        os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return "no such file or folder"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except ValueError as error:
        return str(error)
    return ""


def is_spec_name(path: str) -> bool:
    """Whether a walk takes a file for an oomconf spec by its name."""
    name = path.rpartition("/")[2]
    return name in _SPEC_NAMES or name.endswith(_SPEC_ENDS)


class Passing(Protocol):
    """Says what a walk passes over."""

    def __call__(self, path: str, *, folder: bool) -> bool: ...


def walk(root: str, passing: Passing | None = None, barred: Callable[[str, str], None] | None = None) -> Iterator[str]:
    """Yield files below a folder in order of path; links to folders are not followed, sockets and devices passed over.

    `barred` is told each folder that cannot be entered, and why; without it such a one raises InputError.
    """
    try:
        with os.scandir(root) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        if barred is None:
            raise InputError(f"{root}: {why}") from None
        barred(root, why)
        return
    for entry in found:
        path = entry.name if root == "." else f"{root}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _SKIPPED and not (passing is not None and passing(path, folder=True)):
                yield from walk(path, passing, barred)
        elif _is_file(entry) and not (passing is not None and passing(path, folder=False)):
            yield path


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a regular file, or a link to one; a link that leads to itself is none."""
    try:
        return entry.is_file()
    except OSError:
        return False


def templates_in(folder: str) -> dict[str, str]:
    """Read a user's templates by their path below the folder; raises InputError if it is none."""
    if not is_folder(folder):
        raise InputError(f"{folder}: is not a folder of templates")
    return {path.removeprefix(folder.rstrip("/") + "/"): read_text(path) for path in walk(folder.rstrip("/")) if path.endswith(".j2")}
