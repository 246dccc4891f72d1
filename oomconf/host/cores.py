"""Work on several cores: parts of a list go to forked copies of this process, and their results come back through pipes."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

__all__ = ["spread"]

T = TypeVar("T")
R = TypeVar("R")

_MOST: Final = 4
_LEAST_WEIGHT: Final = 6_000_000
"""What each copy must have to do: with less the time saved is not worth the processor time that copies cost."""


@dataclass(frozen=True, slots=True)
class _Copy:
    process: int
    pipe: int


def spread(function: Callable[[T], R], items: Sequence[T], weight: Callable[[T], int]) -> list[R]:
    """Apply a function without side effects to every item and give the results in order, on as many cores as pay.

    `weight` is about the bytes of text that an item is work for. What a copy of this process cannot finish is done here.
    """
    parts = _parts([weight(item) for item in items])
    copies: list[_Copy | None] = []
    try:
        for begin, end in parts[1:]:
            copies.append(_fork(function, items[begin:end]))
        results = [function(item) for item in items[slice(*parts[0])]]
        for index, (begin, end) in enumerate(parts[1:]):
            copy, copies[index] = copies[index], None
            found = None if copy is None else _finished(copy)
            results += [function(item) for item in items[begin:end]] if found is None else found
        return results
    finally:
        for copy in copies:
            if copy is not None:
                _end(copy)


def _parts(weights: Sequence[int]) -> list[tuple[int, int]]:
    """Cut a list into runs of about the same weight, one for each core that has enough to do; the first is for this process."""
    total = sum(weights)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    count = max(1, min(cores, _MOST, total // _LEAST_WEIGHT)) if hasattr(os, "fork") else 1
    found: list[tuple[int, int]] = []
    begin = done = 0
    for index, weight in enumerate(weights):
        done += weight
        if len(found) < count - 1 and done * count >= total * (len(found) + 1):
            found.append((begin, index + 1))
            begin = index + 1
    return [*found, (begin, len(weights))]


def _fork(function: Callable[[Any], Any], items: Sequence[Any]) -> _Copy | None:
    try:
        here, there = os.pipe()
    except OSError:
        return None
    try:
        process = os.fork()
    except OSError:
        os.close(here)
        os.close(there)
        return None
    if process:
        os.close(there)
        return _Copy(process, here)
    code = 1
    try:
        os.close(here)
        with os.fdopen(there, "wb") as pipe:
            pickle.dump([function(item) for item in items], pipe, pickle.HIGHEST_PROTOCOL)
        code = 0
    finally:
        os._exit(code)  # whatever happened: nothing of the original is this copy's to end


def _finished(copy: _Copy) -> list[Any] | None:
    """Give the results of a copy; None if it did not come to an end of its own."""
    try:
        with os.fdopen(copy.pipe, "rb") as pipe:
            data = pipe.read()
    finally:
        _, status = os.waitpid(copy.process, 0)
    if status:
        return None
    found: list[Any] = pickle.loads(data)  # noqa: S301 -- written by a copy of this very process
    return found


def _end(copy: _Copy) -> None:
    with suppress(OSError):
        os.close(copy.pipe)
        os.kill(copy.process, signal.SIGKILL)
        os.waitpid(copy.process, 0)
