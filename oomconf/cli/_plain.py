"""What every verb needs and what loads nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from oomconf.cli import EXIT_CALL
from oomconf.host import STDIN


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
