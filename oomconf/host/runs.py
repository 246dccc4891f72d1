"""Answers of earlier runs: what a run printed, found again while nothing that it could depend on has changed. Imports next to nothing.

The key holds the call, the environment that output depends on, this interpreter and our own code, and the stat of every file below the
folder of the call and of every named path: size, inode, times of the last change of content and of metadata. A file that changed
within the last moments before a run is not trusted, since a second change may leave its times as they are.
"""

from __future__ import annotations

import os
import sys
import time
from _blake2 import blake2b  # what hashlib gives, without the tenth of a second that OpenSSL can take to load
from marshal import dumps

TYPE_CHECKING = False  # typing and collections.abc take longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Runs"]

_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox"})
_VARIABLES = ("GITHUB_ACTIONS", "NO_COLOR", "TERM", "PYTHONHASHSEED", "LC_ALL", "LANG", "HOME")
_SETTINGS = (".oomconf.toml", "pyproject.toml", ".gitignore")
_MOST_FILES = 200_000
_MOST_KEPT = 64
_MOST_BYTES = 16 * 1024 * 1024
_UNSURE = 2_000_000_000
"""Nanoseconds for which a change may hide behind the resolution of a file system's times."""
_FORM = "oomconf-run 2"
_MARSHAL = 2  # the last form that writes equal values as equal bytes, whatever else refers to them
_ROW = 10
_TYPE, _LINK = 0o170000, 0o120000  # stat.S_IFMT, stat.S_IFLNK


class Runs:
    """Runs of one call in one folder; nothing here ever fails a run."""

    def __init__(self, folder: str, words: Sequence[str], paths: Sequence[str], *, version: str, tty: str) -> None:
        self._folder = folder
        self._words = words
        self._paths = paths
        self._version = version
        self._tty = tty
        self._began = time.time_ns()
        self._key = b""
        self._name = ""

    def find(self) -> tuple[str, str, int] | None:
        """Give what the same run printed on both streams, and its exit code; None if there was none."""
        try:
            self._key = self._state()
            self._name = self._hashed()
            with open(self._file(), "rb") as file:  # noqa: PTH123
                size = os.fstat(file.fileno()).st_size
                return _parsed(file.read(min(size, _MOST_BYTES)).decode("utf-8", "surrogatepass"), self._name)
        except (OSError, ValueError):
            return None

    def keep(self, out: str, err: str, code: int) -> None:
        """Keep what a run printed, if nothing changed while it ran."""
        if not self._name or len(out) + len(err) > _MOST_BYTES // 4:
            return
        try:
            if self._newest + _UNSURE >= self._began or self._state() != self._key:
                return
            os.makedirs(self._folder, mode=0o700, exist_ok=True)  # noqa: PTH103
            temporary = f"{self._file()}.{os.getpid()}"
            with open(temporary, "x", encoding="utf-8", errors="surrogatepass", newline="") as file:  # noqa: PTH123
                file.write(f"{_FORM}\n{self._name}\n{code} {len(out)} {len(err)}\n{out}{err}")
            os.replace(temporary, self._file())  # noqa: PTH105
            self._prune()
        except (OSError, ValueError):
            return

    def _file(self) -> str:
        return os.path.join(self._folder, f"{self._name}.run")  # noqa: PTH118

    def _hashed(self) -> str:
        return blake2b(self._key, digest_size=32).hexdigest()

    def _state(self) -> bytes:
        """Everything that a run depends on, in bytes."""
        self._newest = 0
        here = os.getcwd()  # noqa: PTH109
        said = [
            _FORM,
            self._version,
            sys.version,
            sys.executable,
            self._tty,
            here,
            *self._words,
            *(f"{name}={os.environ.get(name)}" for name in _VARIABLES),
        ]
        rows: list[str | int] = [*said]
        self._look(here, rows)
        return dumps(rows, _MARSHAL)

    def _look(self, here: str, rows: list[str | int]) -> None:
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH120, PTH100
        roots = [package]
        above = [here]
        for path in self._paths or (".",):
            is_folder = os.path.isdir(path)  # noqa: PTH112
            # what stands beside a named file is looked at too
            roots += [path] if is_folder else [path, os.path.dirname(path) or ".", "."]  # noqa: PTH120
            above.append(os.path.abspath(path if is_folder else os.path.dirname(path)))  # noqa: PTH100, PTH120
        for root in dict.fromkeys(roots):
            self._row(root, os.stat(root), rows)  # noqa: PTH116
            if os.path.isdir(root):  # noqa: PTH112
                self._below(root, rows)
        for folder in dict.fromkeys(above):
            self._settings(folder, rows)

    def _settings(self, folder: str, rows: list[str | int]) -> None:
        """What decides from a folder upwards, as far as its repository goes."""
        while True:
            for name in _SETTINGS:
                path = os.path.join(folder, name)  # noqa: PTH118
                if os.path.exists(path):  # noqa: PTH110
                    self._row(path, os.stat(path), rows)  # noqa: PTH116
                    self._baseline(path, rows)
            above = os.path.dirname(folder)  # noqa: PTH120
            if above == folder or os.path.exists(os.path.join(folder, ".git")):  # noqa: PTH110, PTH118
                return
            folder = above

    def _baseline(self, settings: str, rows: list[str | int]) -> None:
        """The baseline that settings name, which may stand anywhere."""
        if settings.endswith(".gitignore"):
            return
        with open(settings, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            for line in file.read(_MOST_BYTES).splitlines():
                if line.lstrip().startswith("baseline"):
                    parts = line.replace("'", '"').split('"')
                    path = os.path.join(os.path.dirname(settings), parts[1] if len(parts) > 1 else "")  # noqa: PTH118, PTH120
                    self._row(path, os.stat(path), rows)  # noqa: PTH116

    def _below(self, root: str, rows: list[str | int]) -> None:
        stack = [root]
        newest = self._newest
        most = len(rows) + _MOST_FILES * _ROW
        while stack:
            folder = stack.pop()
            with os.scandir(folder) as entries:
                for entry in entries:  # in the order of the folder, which stays while the folder does
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in _SKIPPED:
                            stack.append(entry.path)
                        continue
                    found = entry.stat(follow_symlinks=False)
                    changed, touched = found.st_mtime_ns, found.st_ctime_ns
                    if changed > newest or touched > newest:
                        newest = max(changed, touched)
                    # mode, inode, device, links, owner, group and size
                    rows += (entry.path, *found[:7], changed, touched)
                    if found[0] & _TYPE == _LINK:
                        self._linked(entry.path, rows)
            if len(rows) > most:
                raise ValueError("too many files to look at each time")
        self._newest = max(self._newest, newest)

    def _linked(self, path: str, rows: list[str | int]) -> None:
        try:
            self._row(path, os.stat(path), rows)  # noqa: PTH116
        except OSError:
            rows.append(f"{path} leads nowhere")

    def _row(self, path: str, found: os.stat_result, rows: list[str | int]) -> None:
        self._newest = max(self._newest, found.st_mtime_ns, found.st_ctime_ns)
        rows += (path, *found[:7], found.st_mtime_ns, found.st_ctime_ns)

    def _prune(self) -> None:
        with os.scandir(self._folder) as entries:
            found = sorted((entry.stat().st_mtime_ns, entry.path) for entry in entries if entry.name.endswith(".run"))
        for _, path in found[:-_MOST_KEPT]:
            os.unlink(path)  # noqa: PTH108


def _parsed(text: str, name: str) -> tuple[str, str, int] | None:
    form, _, rest = text.partition("\n")
    said, _, rest = rest.partition("\n")
    numbers, _, body = rest.partition("\n")
    code, out, err = (int(number) for number in numbers.split(" "))
    if form != _FORM or said != name or len(body) != out + err:
        return None
    return body[:out], body[out:], code
