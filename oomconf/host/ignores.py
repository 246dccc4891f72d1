"""What a walk passes over: `.gitignore` files on the way, as git reads them, and patterns of the call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

__all__ = ["Ignores", "matcher"]

_MOST_BYTES: Final = 1024 * 1024


class Ignores:
    """Answers for paths below a folder; the nearest `.gitignore` that speaks of a path decides (gitignore(5))."""

    def __init__(self, root: str, exclude: Sequence[str] = (), *, gitignore: bool = True) -> None:
        self._exclude = GitIgnoreSpec.from_lines(exclude)
        self._root = Path(root)
        self._gitignore = gitignore
        self._known: dict[Path, GitIgnoreSpec | None] = {}
        self._above = self._folders_above() if gitignore else ()

    def __call__(self, path: str, *, folder: bool) -> bool:
        """Whether a file or folder is passed over; folders are asked before what is in them."""
        real = Path(path)
        inside = real.relative_to(self._root).as_posix() if real.is_relative_to(self._root) else path
        end = "/" if folder else ""
        if self._exclude.match_file(inside + end):
            return True
        if not self._gitignore:
            return False
        for base in (*self._between(real), *self._above):
            spec = self._read(base)
            if spec is None:
                continue
            there = real if base in real.parents else real.absolute()
            if not there.is_relative_to(base):
                continue
            verdict = spec.check_file(there.relative_to(base).as_posix() + end).include
            if verdict is not None:
                return verdict
        return False

    def _between(self, path: Path) -> list[Path]:
        """Folders from the path's own up to the root of the walk."""
        return [base for base in path.parents if base == self._root or self._root in base.parents]

    def _folders_above(self) -> tuple[Path, ...]:
        """Folders above the root as far as the one that holds `.git`; none outside of a git tree."""
        absolute = self._root.absolute()
        above: list[Path] = []
        for base in (absolute, *absolute.parents):
            if base != absolute:
                above.append(base)
            if (base / ".git").exists():
                return tuple(above)
        return ()

    def _read(self, base: Path) -> GitIgnoreSpec | None:
        if base not in self._known:
            self._known[base] = _spec(base / ".gitignore")
        return self._known[base]


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
