"""What every verb needs and what loads nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from oomconf.cli import EXIT_CALL
from oomconf.host import STDIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oomconf.reports._terminal import Paper


def colours(stream: TextIO) -> bool:
    """Colour on a terminal only; NO_COLOR wins."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def named(paths: Sequence[str]) -> tuple[str, ...]:
    """Paths as findings show them; `-` is standard input."""
    return tuple(STDIN if path == "-" else path.removeprefix("./") or path for path in paths)


def complain(message: str) -> int:
    """Say on stderr why the call is wrong."""
    print(f"oomconf: {message}", file=sys.stderr)
    return EXIT_CALL


def say(text: str) -> None:
    """Write to standard output; what its encoding has no mark for is shown as an escape."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def deliver(path: str | None, text: str, *, mode: int | None = None) -> None:
    """Write to the file of an option, or to standard output where none is said or it is `-`; raises WriteError."""
    if path is None or path == "-":
        say(text)
        return
    from oomconf.host.files import put

    put(path, text, mode=mode)


def read_twice(what: str, words: Sequence[str] | None, option: str, value: str | Sequence[str] | None) -> bool:
    """Whether a call reads standard input both for what it names and for an option, and say so."""
    if words is None or "-" not in words or value is None or "-" not in ([value] if isinstance(value, str) else value):
        return False
    complain(f"{what} and {option} are both '-', and standard input can be read but once: name a file for one of them")
    return True


def is_taken(path: str | None) -> bool:
    """Whether a file is there that would be overwritten, and say so."""
    from oomconf.host.files import is_occupied

    if path is None or path == "-" or not is_occupied(path):
        return False
    complain(f"{path}: is there already, and is not overwritten")
    return True


def paper(stream: TextIO) -> Paper:
    """What a report may use on a stream: colours, block characters, its width; 100 columns where it has none."""
    from oomconf.reports._terminal import Paper

    try:
        width = max(60, min(120, os.get_terminal_size(stream.fileno()).columns))
    except (OSError, ValueError):
        width = 100
    encoding = (stream.encoding or "").lower().replace("-", "")
    return Paper(colour=bool(colours(stream)), unicode=encoding.startswith("utf"), width=width)
