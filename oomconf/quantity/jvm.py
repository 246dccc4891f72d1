"""Sizes in JVM options: -Xmx, -Xms, -Xss, -XX:MaxDirectMemorySize (src/hotspot/share/runtime/arguments.cpp)."""

from __future__ import annotations

import re
from typing import Final

from oomconf.quantity import Size, SizeError
from oomconf.quantity._units import KIB, MIB, bounded, did_you_mean, finite, largest_unit

__all__ = ["format", "parse"]

_NUMBER: Final = re.compile(r"(?P<digits>0[xX][0-9a-fA-F]+|[0-9]+)(?P<unit>[kmgtKMGT]?)")
_REMEDY: Final = "write a whole number with k, m or g, such as 512m"


def parse(text: str) -> Size:
    """Read the text behind -Xmx: bytes, all units powers of 1024.

        size = ( digit, { digit } | "0", ( "x" | "X" ), hex digit, { hex digit } ), [ "k" | "m" | "g" | "t" ] ;   (* either case *)

    A leading zero is decimal. Raise SizeError for what ends the JVM at its start, save for heaps too small or too large for it.
    """
    found = _NUMBER.fullmatch(bounded(text))
    if found is None:
        raise SizeError(f"{text!r} is refused by the JVM, which does not start", did_you_mean(text, format, _REMEDY))
    digits = found["digits"]
    number = int(digits, 16) if digits[:2] in ("0x", "0X") else int(digits)
    value = number << 10 * " kmgt".index(found["unit"].lower() or " ")
    if value >= 2**64:
        raise SizeError(f"{text!r} does not fit in 64 bits, and the JVM does not start", _REMEDY)
    return Size(value)


def format(size: int) -> str:  # noqa: A001 - each grammar has parse and format
    """Spell a size in `m` or `k`, or in bytes where neither is exact; SizeError for INFINITY and above 2**63 - 1."""
    return largest_unit(finite(size, "-Xmx", "leave -Xmx out: the JVM then takes a share of the limit"), ((MIB, "m"), (KIB, "k")))
