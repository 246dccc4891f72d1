"""The only hands: files are read and written here, and nowhere else."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

STDIN = "<stdin>"


def stdin() -> BinaryIO:
    """Standard input as bytes; raises InputError where the caller has closed it."""
    if getattr(sys, "stdin", None) is None:  # Python has None for it, in the teeth of its types
        from oomconf.errors import InputError  # noqa: PLC0415 - an answer from the cache is told without it

        raise InputError(f"{STDIN}: standard input is closed")
    return sys.stdin.buffer
