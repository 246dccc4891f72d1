"""What a walk passes over: `.gitignore` files on the way, as git reads them, and patterns of the call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

__all__ = ["Ignores", "matcher"]

_MOST_BYTES: Final = 1024 * 1024


class Ignores:
    """Answers for paths below a folder; the nearest `.gitignore` that speaks of a path decides (gitignore(5))."""

    def __init__(self, root: str, exclude: Sequence[str] = (), *, gitignore: bool = True) -> None:
        self._exclude = GitIgnoreSpec.from_lines(exclude) if exclude else None
        self._root = Path(root)
        self._prefix = "" if root == "." else f"{root.rstrip('/')}/"
        self._gitignore = gitignore
        self._known: dict[str, GitIgnoreSpec | None] = {}
        self._above = tuple(self._folders_above()) if gitignore else ()

    def __call__(self, path: str, *, folder: bool) -> bool:
        """Whether a file or folder is passed over; folders are asked before what is in them."""
        inside = path.removeprefix(self._prefix)
        end = "/" if folder else ""
        if self._exclude is not None and self._exclude.match_file(inside + end):
            return True
        if not self._gitignore:
            return False
        verdict = self._nearest(inside, end)
        return self._from_above(inside, end) if verdict is None else verdict

    def _nearest(self, inside: str, end: str) -> bool | None:
        """What the folders from the path's own up to the root of the walk say; None if nothing."""
        folder = inside.rpartition("/")[0]
        while True:
            spec = self._read(folder)
            if spec is not None:
                verdict = spec.check_file((inside[len(folder) + 1 :] if folder else inside) + end).include
                if verdict is not None:
                    return verdict
            if not folder:
                return None
            folder = folder.rpartition("/")[0]

    def _from_above(self, inside: str, end: str) -> bool:
        for below, spec in self._above:
            verdict = spec.check_file(f"{below}{inside}{end}").include
            if verdict is not None:
                return verdict
        return False

    def _folders_above(self) -> Iterator[tuple[str, GitIgnoreSpec]]:
        """The way down to the root of the walk from each folder above that has rules, as far as the one that holds `.git`."""
        absolute = self._root.absolute()
        found: list[tuple[str, GitIgnoreSpec]] = []
        for base in (absolute, *absolute.parents):
            spec = None if base == absolute else _spec(base / ".gitignore")
            if spec is not None:
                found.append((f"{absolute.relative_to(base).as_posix()}/", spec))
            if os.path.exists(base / ".git"):  # noqa: PTH110  Path.exists() raises where nobody may look
                yield from found
                return

    def _read(self, folder: str) -> GitIgnoreSpec | None:
        if folder not in self._known:
            self._known[folder] = _spec(self._root / folder / ".gitignore")
        return self._known[folder]


def matcher(pattern: str) -> Callable[[str], bool]:
    """Tell paths that a pattern of gitignore(5) matches."""
    return GitIgnoreSpec.from_lines([pattern]).match_file


def _spec(path: Path) -> GitIgnoreSpec | None:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return None
        return GitIgnoreSpec.from_lines(path.read_text("utf-8", "replace").splitlines())
    except (OSError, ValueError):
        return None
