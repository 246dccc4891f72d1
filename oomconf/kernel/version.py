"""Kernel versions, compared as far as they matter: major, minor, patch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

__all__ = ["KernelVersion"]

# what a distribution appends is not looked at: 5.10.0-32-amd64, 4.18.0-553.el8_10.x86_64, 6.18.44+
_RELEASE: Final = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.([0-9]{1,5})(?:\.[0-9]{1,5})?)?(?:[-+_~][!-~]*)?")
_LONGEST: Final = 65
"""What uname(2) can hold."""


@dataclass(frozen=True, slots=True, order=True)
class KernelVersion:
    """A release of the mainline kernel; a distribution's backports are not seen in it."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a release as `uname -r` prints it, or its first two numbers.

            release = number, ".", number, [ ".", number, [ ".", number ] ], [ ( "-" | "+" | "_" | "~" ), { printable } ] ;

        Raise ValueError for anything else.
        """
        found = _RELEASE.fullmatch(text.strip(" \t\n")) if len(text) <= _LONGEST else None
        if found is None:
            raise ValueError(f"{text[:_LONGEST]!r} is not a kernel version such as 6.1 or 5.10.0-32-amd64")
        return cls(int(found[1]), int(found[2]), int(found[3] or 0))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" if self.patch else f"{self.major}.{self.minor}"
