"""Writing a tree of artefacts: all of it or nothing, own files only."""

from __future__ import annotations

import difflib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from oomconf.errors import WriteError
from oomconf.ledger import Artifact

MANIFEST: Final = "oomconf.manifest.json"
_FSYNC_EACH: Final = 200
_STAGE: Final = ".oomconf-stage-"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a render covers: None is all. Files of an earlier render outside it are not stale."""

    hosts: frozenset[str] | None = None
    targets: frozenset[str] | None = None

    def covers(self, entry: dict[str, Any]) -> bool:
        return (self.hosts is None or entry.get("host") in self.hosts) and (self.targets is None or entry.get("target") in self.targets)


@dataclass(slots=True)
class Changes:
    """What a write does, or would do: paths relative to the output directory, in order."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    kept: list[str] = field(default_factory=list)
    """Stale files that somebody changed by hand: left in place."""
    diff: list[str] = field(default_factory=list)
    pending: bool = False
    """An earlier run was interrupted."""

    def any(self) -> bool:
        return bool(self.created or self.changed or self.removed or self.pending)


class Tree:
    """An output directory and the manifest of what oomconf owns in it."""

    def __init__(self, folder: str) -> None:
        self.root = Path(folder)
        self.owned, self.pending = self._manifest()

    def _manifest(self) -> tuple[dict[str, dict[str, Any]], bool]:
        path = self.root / MANIFEST
        try:
            data = json.loads(path.read_text("utf-8"))
            files = data["files"]
            known = data["version"] == 1 and all(isinstance(entry, dict) and _is_relative(name) for name, entry in files.items())
        except FileNotFoundError:
            return {}, False
        except NotADirectoryError:
            raise WriteError(f"{self.root} is not a folder") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WriteError(f"{path} cannot be read: {error}; move it away to begin anew") from None
        if not known:
            raise WriteError(f"{path} is not a manifest of version 1; move it away to begin anew")
        return files, bool(data.get("pending"))

    def plan(self, artifacts: Sequence[Artifact], scope: Scope, *, diff: bool = False) -> Changes:
        """Compare with the disk; raises WriteError if a foreign file or a link stands in the way."""
        changes = Changes(pending=self.pending)
        foreign: list[str] = []
        checked: set[Path] = set()
        for artifact in artifacts:
            path = self.root / artifact.path
            self._no_links(path, checked)
            data = artifact.text.encode()
            old = _read(path)
            if old is None:
                changes.created.append(artifact.path)
            elif old[0] == data and old[1] == artifact.mode:
                changes.unchanged += 1
                continue
            elif artifact.path not in self.owned and old[0] != data:
                foreign.append(artifact.path)
                continue
            else:
                changes.changed.append(artifact.path)
            if diff:
                changes.diff += _diff(artifact.path, b"" if old is None else old[0], data)
        if foreign:
            raise WriteError(f"not oomconf's files, so not touched: {', '.join(foreign[:10])}{' …' if len(foreign) > 10 else ''}")  # noqa: PLR2004
        self._stale({artifact.path for artifact in artifacts}, scope, changes, diff=diff)
        return changes

    def _stale(self, wanted: set[str], scope: Scope, changes: Changes, *, diff: bool) -> None:
        for name, entry in sorted(self.owned.items()):
            if name in wanted or not scope.covers(entry):
                continue
            path = self.root / name
            self._no_links(path, set())
            old = _read(path)
            if old is None:
                continue
            if hashlib.sha256(old[0]).hexdigest() != entry.get("sha256"):
                changes.kept.append(name)
            else:
                changes.removed.append(name)
                if diff:
                    changes.diff += _diff(name, old[0], b"")

    def _no_links(self, path: Path, checked: set[Path]) -> None:
        parent = path.parent
        while parent not in (self.root, parent.parent) and parent not in checked:
            checked.add(parent)
            if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
                raise WriteError(f"{parent} is a link or a file: nothing is written through it")
            parent = parent.parent

    def write(self, artifacts: Sequence[Artifact], scope: Scope) -> Changes:
        """Write what differs and remove what is stale; on any failure the directory is as it was. Raises WriteError."""
        changes = self.plan(artifacts, scope)
        manifest = self._next(artifacts, scope)
        if not changes.any() and manifest == self.owned:
            return changes
        with _Lock(self.root) as stage:
            self._exchange(stage, artifacts, changes, manifest)
        self._prune(changes.removed)
        self.owned, self.pending = manifest, False
        return changes

    def _exchange(self, stage: Path, artifacts: Sequence[Artifact], changes: Changes, manifest: dict[str, dict[str, Any]]) -> None:
        undo: list[tuple[Path, Path | None]] = []
        folders: list[Path] = []
        try:
            self._stage(stage, artifacts, changes)
            self._put_manifest(stage, self.owned, manifest, undo)
            for number, artifact in enumerate(artifacts):
                staged = stage / str(number)
                if staged.exists():
                    self._replace(staged, self.root / artifact.path, stage / f"old{number}", undo, folders)
            for number, name in enumerate(changes.removed):
                path = self.root / name
                path.rename(stage / f"gone{number}")
                undo.append((path, stage / f"gone{number}"))
            self._put_manifest(stage, manifest, None, undo)
            _sync_folder(self.root)
        except BaseException as error:
            _undo(undo, folders)
            if isinstance(error, OSError):
                raise WriteError(f"{self.root} is as it was: {(error.strerror or str(error)).lower()}") from None
            raise

    def _next(self, artifacts: Sequence[Artifact], scope: Scope) -> dict[str, dict[str, Any]]:
        kept = {name: entry for name, entry in self.owned.items() if not scope.covers(entry)}
        new = {
            artifact.path: {
                "host": artifact.host,
                "mode": f"{artifact.mode:04o}",
                "sha256": hashlib.sha256(artifact.text.encode()).hexdigest(),
                "target": artifact.target,
            }
            for artifact in artifacts
        }
        return dict(sorted({**kept, **new}.items()))

    def _stage(self, stage: Path, artifacts: Sequence[Artifact], changes: Changes) -> None:
        wanted = {*changes.created, *changes.changed}
        each = len(wanted) <= _FSYNC_EACH
        for number, artifact in enumerate(artifacts):
            if artifact.path in wanted:
                descriptor = os.open(stage / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, artifact.mode)
                try:
                    _write_all(descriptor, artifact.text.encode())
                    os.fchmod(descriptor, artifact.mode)
                    if each:
                        os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        if not each:
            os.sync()

    def _put_manifest(
        self, stage: Path, files: dict[str, dict[str, Any]], coming: dict[str, dict[str, Any]] | None, undo: list[tuple[Path, Path | None]]
    ) -> None:
        """Before the first rename the manifest owns old and new files and is pending; a run that is cut off is finished by the next."""
        data: dict[str, Any] = {"version": 1, "files": files if coming is None else dict(sorted({**coming, **files}.items()))}
        if coming is not None:
            data["pending"] = True
        path = self.root / MANIFEST
        staged = stage / ("manifest" if coming is None else "pending")
        with staged.open("w", encoding="utf-8") as file:
            file.write(_manifest(data))
            file.flush()
            os.fsync(file.fileno())
        if coming is not None:
            undo.append((path, _saved(path, stage / "manifest.old")))
        staged.replace(path)

    def _replace(self, staged: Path, path: Path, backup: Path, undo: list[tuple[Path, Path | None]], folders: list[Path]) -> None:
        parent = path.parent
        missing = []
        while not parent.exists():
            missing.append(parent)
            parent = parent.parent
        for folder in reversed(missing):
            folder.mkdir()
            folders.append(folder)
        undo.append((path, _saved(path, backup)))
        staged.replace(path)

    def _prune(self, removed: Sequence[str]) -> None:
        """Remove folders that a removed file leaves empty."""
        for name in removed:
            parent = (self.root / name).parent
            while parent != self.root:
                try:
                    parent.rmdir()
                except OSError:
                    break
                parent = parent.parent


class _Lock:
    """One writer at a time; gives a staging folder, and clears away those of runs that were cut off."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __enter__(self) -> Path:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.descriptor = os.open(self.root, os.O_RDONLY)
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in self.root.glob(f"{_STAGE}*"):
                shutil.rmtree(left, ignore_errors=True)
            self.stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=self.root))
        except BlockingIOError:
            raise WriteError(f"{self.root}: another oomconf is writing there") from None
        except OSError as error:
            raise WriteError(f"{self.root} cannot be written: {(error.strerror or str(error)).lower()}") from None
        return self.stage

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.stage, ignore_errors=True)
        os.close(self.descriptor)


def _is_relative(name: str) -> bool:
    return bool(name) and not any(part in ("", ".", "..") for part in name.split("/"))


def _read(path: Path) -> tuple[bytes, int] | None:
    try:
        with path.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or path.is_symlink():
                raise WriteError(f"{path} is not a regular file")
            return file.read(), stat.S_IMODE(status.st_mode)
    except FileNotFoundError:
        if path.is_symlink():
            raise WriteError(f"{path} is a link: nothing is written through it") from None
        return None
    except OSError as error:
        raise WriteError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _saved(path: Path, backup: Path) -> Path | None:
    """Keep a second name for a file, so that the first can be replaced without a moment in which it is missing."""
    if not path.exists():
        return None
    try:
        backup.hardlink_to(path)
    except OSError:  # a file system without hard links
        shutil.copy2(path, backup)
    return backup


def _undo(undo: list[tuple[Path, Path | None]], folders: list[Path]) -> None:
    for path, backup in reversed(undo):
        if backup is None:
            path.unlink(missing_ok=True)
        elif backup.exists():
            backup.replace(path)
    for folder in reversed(folders):
        folder.rmdir()


def _diff(name: str, old: bytes, new: bytes) -> list[str]:
    lines = difflib.unified_diff(
        old.decode("utf-8", "replace").splitlines(), new.decode("utf-8", "replace").splitlines(), f"a/{name}", f"b/{name}", lineterm=""
    )
    return list(lines)


def _manifest(data: dict[str, Any]) -> str:
    """Write one file a line, so that a diff of two renders reads like a list of files."""
    dumps = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode
    rows = ",\n".join(f"  {dumps(path)}: {dumps(row)}" for path, row in data["files"].items())
    others = "".join(f',\n "{key}": {dumps(data[key])}' for key in sorted(data) if key != "files")
    return f'{{\n "files": {{\n{rows}\n }}{others}\n}}\n'
