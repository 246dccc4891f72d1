"""oomconf lint: an earlier answer where nothing has changed, else the rules. Imports next to nothing for the former."""

from __future__ import annotations

import os
import sys

from oomconf import __version__
from oomconf.host.runs import Runs

TYPE_CHECKING = False  # typing takes longer to import than all the rest
if TYPE_CHECKING:
    import argparse
    from typing import TextIO

_WRITING = ("--fix", "--diff", "--output", "--write-baseline", "--no-cache", "-h", "--help")
_VALUED = ("--config", "--baseline")


def run(words: list[str]) -> int:
    runs = _runs(words)
    found = None if runs is None else runs.find()
    if found is not None:
        sys.stdout.write(found[0])
        sys.stdout.flush()
        sys.stderr.write(found[1])
        return found[2]
    from oomconf.cli._lint import run as judge

    if runs is None:
        return judge([word for word in words if word != "--no-cache"])
    out, err = _Kept(sys.stdout), _Kept(sys.stderr)
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        code = judge(words)
    finally:
        sys.stdout, sys.stderr = streams
    if code <= 2:  # noqa: PLR2004  a crash is looked at again
        runs.keep("".join(out.kept), "".join(err.kept), code)
    return code


def parser() -> argparse.ArgumentParser:
    """The options of lint."""
    from oomconf.cli._lint_options import parser as made

    return made()


class _Kept:
    """A stream that remembers what was written to it."""

    def __init__(self, stream: TextIO) -> None:
        self.unkept = stream
        """For what is not part of the answer, as progress is."""
        self.kept: list[str] = []

    def write(self, text: str) -> int:
        self.kept.append(text)
        return self.unkept.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self.unkept, name)


def _runs(words: list[str]) -> Runs | None:
    """The answers of this call; None if it writes files or reads a stream."""
    if any(word.partition("=")[0] in _WRITING or word == "-" for word in words) or os.environ.get("OOMCONF_CACHE") == "":
        return None
    base = os.environ.get("OOMCONF_CACHE") or os.path.join(_home(), "oomconf")  # noqa: PTH118
    if not os.path.isabs(base):  # noqa: PTH117
        return None
    named = [word.partition("=")[2] if word.partition("=")[0] in _VALUED else word for word in words]
    paths = [word for word in named if word and not word.startswith("-") and os.path.lexists(word)]
    return Runs(base, words, paths, version=__version__, tty=f"{sys.stdout.isatty()} {sys.stderr.isatty()}")


def _home() -> str:
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return cache if os.path.isabs(cache) else os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH117, PTH118, PTH111
