"""Logs of any size: only the lines around what may be a kill are decoded, and what is held does not grow with the log."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import struct
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, cast

from oomconf.errors import InputError
from oomconf.host import STDIN, stdin
from oomconf.oomlog.needles import EVERY, FEW, JSON, hits

__all__ = ["lines_of"]

Numbered = tuple[int, str]
_Segment = tuple[int, list[tuple[int, int]]]

_SMALL: Final = 16 << 20
"""Up to here every line is looked at."""
_HUGE: Final = 256 << 20
"""From here on a status of 137 alone is not looked for: see `needles.FEW`."""
_SEGMENT: Final = 4 << 20
_BLOCK: Final = 1 << 18
_OVERLAP: Final = 64
_CONTEXT: Final = 4 << 10
"""Bytes in front of a hit that are read with it: who sent a signal often stands above the death."""
_LONGEST: Final = 1 << 20
"""A line without an end is cut here."""
_AHEAD: Final = 16
"""Lines behind a hit that are given in any case: the reader looks so far ahead before it takes one."""
_MAGIC: Final[tuple[tuple[bytes, Callable[[BinaryIO], BinaryIO]], ...]] = (
    (b"\x1f\x8b", lambda raw: cast("BinaryIO", gzip.GzipFile(fileobj=raw))),
    (b"BZh", lambda raw: cast("BinaryIO", bz2.BZ2File(raw))),
    (b"\xfd7zXZ\x00", lambda raw: cast("BinaryIO", lzma.LZMAFile(raw))),  # noqa: SIM115
)
_FOREIGN: Final = (
    (b"\xff\xfe", "is UTF-16: iconv -f UTF-16 -t UTF-8 makes text of it"),
    (b"\xfe\xff", "is UTF-16: iconv -f UTF-16 -t UTF-8 makes text of it"),
    (b"LPKSHHRH", "is the journal's own file: journalctl --file FILE -o short-iso | oomconf diagnose -"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd: zstdcat FILE | oomconf diagnose -"),
    (b"\x04\x22\x4d\x18", "is packed with lz4: lz4cat FILE | oomconf diagnose -"),
)
_HEAD: Final = struct.Struct("<QI")
_REPORT: Final = b" invoked oom-killer"


def lines_of(path: str, busy: Callable[[], bool], *, cores: int | None = None) -> Iterator[Numbered]:
    """Give the numbered lines of a log that matter: all of a small one, of a large one those around what may be a kill.

    gzip, bzip2 and xz are unpacked. After each line `busy` says whether an event is open, whose lines are then all given; a blank line
    stands where lines are left out. Bytes that are no UTF-8 are shown as escapes. Raises InputError for what cannot be read.
    """
    try:
        if path == STDIN:
            yield from _stream(stdin(), busy, EVERY)
            return
        with open(path, "rb") as file:  # noqa: PTH123
            yield from _of_file(file, busy, cores)
    except (OSError, EOFError, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"{path}: {reason if getattr(error, 'errno', None) == 0 else reason.lower()}") from None


def _of_file(file: BinaryIO, busy: Callable[[], bool], cores: int | None) -> Iterator[Numbered]:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        yield from _stream(file, busy, EVERY)
        return
    first = file.read(8)
    file.seek(0)
    _refuse(first)
    for magic, unpack in _MAGIC:
        if first.startswith(magic):
            yield from _stream(unpack(file), busy, EVERY)
            return
    if status.st_size <= _SMALL:
        yield from _all(file)
        return
    needles = (*(EVERY if status.st_size <= _HUGE else FEW), *(JSON if first.startswith(b"{") else ()))
    count = cores or min(4, len(os.sched_getaffinity(0)))
    yield from _Regions(file, busy).read(_spread(file.name, status.st_size, needles, count))


def _refuse(first: bytes) -> None:
    for magic, words in _FOREIGN:
        if first.startswith(magic):
            raise OSError(0, words)


def _all(file: BinaryIO) -> Iterator[Numbered]:
    for number, line in enumerate(_bounded(file), 1):
        yield number, _text(line)


def _bounded(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(_LONGEST):
        yield line


def _text(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")


class _Regions:
    """Lines around the hits of a file that can be read again."""

    def __init__(self, file: BinaryIO, busy: Callable[[], bool]) -> None:
        self._file = file
        self._busy = busy
        self._fed = 0
        self._line = 1
        """The number of the line that begins at `_fed`."""
        self._last: deque[int] = deque(maxlen=_AHEAD)
        """Where the last lines begin: of a hit in one of them the reader, which looks ahead, may not know yet."""

    def read(self, segments: Iterator[_Segment]) -> Iterator[Numbered]:
        """Take segments in order: how many lines end in each, and its hits, each with the lines that end in front of it."""
        before = 1
        for newlines, found in segments:
            for hit, lines in found:
                if hit >= self._fed:
                    yield from self._region(hit, before + lines)
                elif self._last and hit >= self._last[0]:
                    yield from self._feed(hit)
            before += newlines

    def _region(self, hit: int, line_of_hit: int) -> Iterator[Numbered]:
        where = max(self._fed, hit - _CONTEXT)
        if where > self._fed:
            yield 0, ""
            self._seek(where, hit, line_of_hit)
        yield from self._feed(hit)

    def _feed(self, hit: int) -> Iterator[Numbered]:
        """Give lines until some are behind the hit and no event is open."""
        self._file.seek(self._fed)
        behind = sum(start > hit for start in self._last)
        while line := self._file.readline(_LONGEST):
            number = self._line
            self._last.append(self._fed)
            self._fed += len(line)
            self._line += line.endswith(b"\n")
            yield number, _text(line)
            behind += self._fed > hit
            if behind > _AHEAD and not self._busy():
                return

    def _seek(self, where: int, hit: int, line_of_hit: int) -> None:
        """Go to the first line that begins behind `where`, or to the hit's own where that begins a report and needs nothing above it."""
        self._file.seek(where)
        above = self._file.read(hit - where)
        own = above.rfind(b"\n") + 1
        begin = own if own and _REPORT in above[own:] + self._file.read(len(_REPORT)) else above.find(b"\n") + 1
        self._line = line_of_hit - above.count(b"\n", begin)
        self._fed = where + begin


def _scan(file: BinaryIO, start: int, end: int, needles: tuple[bytes, ...], buffer: bytearray) -> _Segment:
    """Count the lines that end in a segment and find what may begin an event, also across its ends."""
    begin = max(0, start - _OVERLAP)
    file.seek(begin)
    view = memoryview(buffer)
    found: list[tuple[int, int]] = []
    kept = file.readinto(view[: start - begin])  # type: ignore[attr-defined]
    newlines, place, last = 0, begin + kept, start - 1
    while place < end + _OVERLAP:
        got = file.readinto(view[kept : kept + min(_BLOCK, end + _OVERLAP - place)])  # type: ignore[attr-defined]
        if not got:
            break
        counted = kept
        base = place - kept
        for at in hits(buffer, kept + got, needles):
            if last < base + at < end:
                newlines += buffer.count(b"\n", counted, max(at, counted))
                counted = max(at, counted)
                above = newlines - (buffer.count(b"\n", at, kept) if at < kept else 0)
                if not found or found[-1][1] != above:  # one of a line is enough
                    found.append((base + at, above))
                last = base + at
        newlines += buffer.count(b"\n", counted, max(counted, min(kept + got, end - base)))
        place += got
        tail = min(_OVERLAP, kept + got)
        view[:tail] = bytes(view[kept + got - tail : kept + got])
        kept = tail
    return newlines, found


def _spread(path: str, size: int, needles: tuple[bytes, ...], cores: int) -> Iterator[_Segment]:
    """Look through a file on several cores; gives the segments in order."""
    starts = range(0, size, _SEGMENT)
    if cores < 2 or size < 4 * _SEGMENT:  # noqa: PLR2004
        with open(path, "rb", buffering=0) as raw:  # noqa: PTH123
            buffer = bytearray(_BLOCK + _OVERLAP)
            for start in starts:
                yield _scan(cast("BinaryIO", raw), start, min(start + _SEGMENT, size), needles, buffer)
        return
    pipes: list[tuple[int, BinaryIO]] = []
    try:
        pipes.extend(_worker(path, size, needles, starts[core::cores]) for core in range(cores))
        for index, start in enumerate(starts):
            yield _receive(pipes[index % cores][1], start)
    finally:
        for child, pipe in pipes:
            pipe.close()
            os.waitpid(child, 0)


def _worker(path: str, size: int, needles: tuple[bytes, ...], starts: range) -> tuple[int, BinaryIO]:
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, os.fdopen(reading, "rb")
    code = 1
    try:
        os.close(reading)
        with open(path, "rb", buffering=0) as raw, os.fdopen(writing, "wb") as out:  # noqa: PTH123
            buffer = bytearray(_BLOCK + _OVERLAP)
            for start in starts:
                newlines, found = _scan(cast("BinaryIO", raw), start, min(start + _SEGMENT, size), needles, buffer)
                flat = [number for pair in found for number in pair]
                out.write(_HEAD.pack(newlines, len(found)) + struct.pack(f"<{len(flat)}Q", *flat))
                out.flush()
        code = 0
    except BrokenPipeError:
        code = 0
    finally:
        os._exit(code)


def _receive(pipe: BinaryIO, start: int) -> _Segment:
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise OSError(0, f"could not be read at byte {start}")
    newlines, count = _HEAD.unpack(head)
    flat = struct.unpack(f"<{2 * count}Q", pipe.read(16 * count))
    return newlines, list(zip(flat[::2], flat[1::2], strict=True))


def _stream(file: BinaryIO, busy: Callable[[], bool], needles: tuple[bytes, ...]) -> Iterator[Numbered]:
    """Look through what can be read but once: while nothing is found, whole blocks are passed over."""
    number, kept, owed = 1, b"", 0
    read = getattr(file, "read1", file.read)
    while True:
        got = read(_BLOCK)
        block = kept + got
        if number == 1:
            _refuse(block[:8])
        if number == 1 and block.startswith(b"{"):
            needles = (*EVERY, *JSON)
        cut = len(block) if not got or len(block) > _LONGEST else block.rfind(b"\n") + 1
        kept, block = block[cut:], block[:cut]
        found = hits(block, len(block), needles)
        place, goal = 0, -1
        while place < len(block):
            if place > goal and owed <= 0 and not busy():
                index = bisect_left(found, place)
                if index == len(found):
                    break
                goal, owed = found[index], _AHEAD
                start = max(place, block.rfind(b"\n", 0, max(0, goal - _CONTEXT)) + 1)
                if start > place:
                    number += block.count(b"\n", place, start)
                    place = start
                    yield 0, ""
            end = block.find(b"\n", place) + 1 or len(block)
            yield number, _text(block[place:end])
            index = bisect_left(found, max(place, goal + 1))
            if index < len(found) and found[index] < end:
                goal, owed = found[index], _AHEAD
            owed -= place > goal
            number += 1
            place = end
        number += block.count(b"\n", place)
        if not got:
            return
