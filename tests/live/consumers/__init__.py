"""Oracles: the real consumers of what oomconf writes, each asked through a few typed functions.

Every module says `available() -> str | None` (why it cannot run here) and `require()` (skip with that reason; fail when `CI` is set).
A test names its oracles by marker, `@pytest.mark.live("systemd", "docker")`, and `tests/conftest.py` calls `require()` for it.
A consumer that refuses its input raises `Refused` with the consumer's own words.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["Refused", "cache_dir", "folder", "locate", "need", "write_tree"]


class Refused(Exception):  # noqa: N818 - what happened, in the tests' words
    """The consumer does not take its input; `str()` is what it said on stderr."""


def need(reason: str | None) -> None:
    """Skip the running test with `reason`, or fail it where `CI` is set; `None` means that nothing is missing."""
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must have every consumer: {reason}", pytrace=False)
    pytest.skip(reason)


def cache_dir() -> Path:
    """Where `fetch.sh` puts the tools that the distribution does not have."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oomconf-tests" / "bin"


def locate(tool: str, variable: str) -> Path | None:
    """Find `tool`: the path in the environment variable, then PATH, then what `fetch.sh` fetched."""
    if told := os.environ.get(variable):
        return Path(told) if os.access(told, os.X_OK) else None
    if found := shutil.which(tool):
        return Path(found)
    fetched = cache_dir() / tool
    return fetched if os.access(fetched, os.X_OK) else None


def write_tree(root: Path, files: Mapping[str, str]) -> None:
    """Write relative paths and their text below `root`, readable by everyone (some oracles run as another user)."""
    for name, text in files.items():
        path = root / name
        if not path.resolve().is_relative_to(root.resolve()):
            msg = f"{name!r} leaves the test's folder"
            raise ValueError(msg)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        path.chmod(0o644)
    for directory in (root, *(entry for entry in root.rglob("*") if entry.is_dir())):
        directory.chmod(0o755)


@contextmanager
def folder(files: Mapping[str, str]) -> Iterator[Path]:
    """Give a fresh folder that holds `files` and goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="oomconf-") as name:
        root = Path(name)
        write_tree(root, files)
        yield root
