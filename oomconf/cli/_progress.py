"""How far a long run has come, on a terminal only."""

from __future__ import annotations

import time
from typing import TextIO

__all__ = ["Progress"]

_PATIENCE = 0.7
_PAUSE = 0.1
_CLEAR = "\r\x1b[K"


class Progress:
    """A line that overwrites itself; nothing is written before a run takes long, nor where nobody watches."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO = getattr(stream, "unkept", stream)
        self._on = stream.isatty()
        self._next = time.monotonic() + _PATIENCE
        self._files = 0
        self._shown = False

    def read(self) -> None:
        """Count a file that was looked at."""
        self._files += 1
        if self._on and time.monotonic() >= self._next:
            self._show(f"reading: {self._files} files")

    def judge(self, files: int) -> None:
        """Say that reading is over."""
        if self._on and self._shown:
            self._show(f"judging {files} files")

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._shown = False

    def _show(self, text: str) -> None:
        self._stream.write(f"{_CLEAR}{text}")
        self._stream.flush()
        self._next = time.monotonic() + _PAUSE
        self._shown = True
