"""What a fast look through bytes is for: every line that begins an event holds one of these."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["EVERY", "FEW", "JSON", "hits"]

_CAPITALS: Final[tuple[tuple[bytes, tuple[tuple[int, bytes], ...]], ...]] = (
    (b"K", ((0, b"Killed"), (0, b"Kill process "), (0, b"KILL"), (0, b"Killing"), (0, b"Kernel panic - not syncing: "))),
    (b"M", ((2, b"OOM killer"), (2, b"OOM received"), (6, b"TaskOOM event"), (6, b"SIGTERM to "), (9, b"System OOM"))),
)
"""Words by a capital that is rare in most logs, and where it stands in them: while they are few, its places are looked at one by one."""
_DENSE: Final = 256
"""So many of a capital in a block are no longer few."""

FEW: Final = (b"invoked oom-killer",)
"""With the capitals enough for the kernel's, systemd's, oomd's, earlyoom's and nohang's kills."""
_STATUS: Final = b"137"
EVERY: Final = (b"oom-kill", b"container oom", b'"oom"', b"low on resource: memory", _STATUS)
"""What also finds deaths that only an event or a status tells of."""
JSON: Final = (b'"MESSAGE":[', b'"MESSAGE": [', b'"MESSAGE" : [')
"""And in a log of objects: a message with a byte that is no text is an array of numbers, in which no word is found."""
_SAID: Final = re.compile(rb'(?:ode|tatus|xit|xited|eturned|rror|alue)["\']?\s*[:=]?\s*[("\']?137(?!\d)')
"""A number is a status where a word says so; in most logs many are none."""
_BEFORE: Final = 24


def hits(block: bytes | bytearray, end: int, needles: tuple[bytes, ...]) -> list[int]:
    """Give where in the first `end` bytes of a block a line may stand that begins an event, in order; linear in the block."""
    found: list[int] = []
    for capital, words in _CAPITALS:
        found += _by_capital(block, end, capital, words)
    for needle in needles:
        places = _places(block, 0, end, needle)
        found += places if needle != _STATUS else [at for at in places if _SAID.search(block, max(0, at - _BEFORE), at + 4)]
    found.sort()
    return found


def _by_capital(block: bytes | bytearray, end: int, capital: bytes, words: tuple[tuple[int, bytes], ...]) -> list[int]:
    found: list[int] = []
    at = block.find(capital, 0, end)
    for _ in range(_DENSE):
        if at < 0:
            return found
        if any(at >= offset and block.startswith(word, at - offset) for offset, word in words):
            found.append(at)
        at = block.find(capital, at + 1, end)
    for offset, word in words if at >= 0 else ():
        found += _places(block, max(0, at - offset), end, word)
    return found


def _places(block: bytes | bytearray, begin: int, end: int, needle: bytes) -> list[int]:
    found: list[int] = []
    at = block.find(needle, begin, end)
    while at >= 0:
        found.append(at)
        at = block.find(needle, at + len(needle), end)
    return found
