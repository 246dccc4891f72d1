"""What cgroup v2 memory files take: lib/cmdline.c memparse() under mm/page_counter.c page_counter_memparse()."""

from __future__ import annotations

import re
from typing import Final

from oomconf.quantity import INFINITY, PAGE_SIZE, Size, SizeError
from oomconf.quantity._units import LARGEST, bounded, c_integer, did_you_mean

__all__ = ["format", "parse"]

_NUMBER: Final = re.compile(r"(?P<digits>0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)(?P<unit>[KMGTPEkmgtpe]?)")
_BLANKS: Final = " \t\n\v\f\r"


def parse(text: str, *, page_size: int = PAGE_SIZE) -> Size:
    """Read what is written to memory.min, low, high, max, swap.high, swap.max or zswap.max: bytes, rounded down to a page.

        value   = "max" | ( decimal | octal | hex ), [ unit ] ;      (* blanks around it are cut off *)
        decimal = nonzero, { digit } ;  octal = "0", { octal digit } ;  hex = "0", ( "x" | "X" ), hex digit, { hex digit } ;
        unit    = "K" | "M" | "G" | "T" | "P" | "E" ;                (* either case, powers of 1024 *)

    From the last page below 2**63 on it is INFINITY. Raise SizeError for what the kernel refuses, and for the two that it takes
    silently as something else: no digits are limit 0, and what does not fit in 64 bits loses its high bits.
    """
    bare = bounded(text).strip(_BLANKS)
    if bare == "max":
        return INFINITY
    if bare == "" or (len(bare) == 1 and bare in "KMGTPEkmgtpe"):
        raise SizeError(f"{text!r} has no digits, and the kernel takes that as limit 0", "write max for no limit, or 0 if 0 is meant")
    found = _NUMBER.fullmatch(bare)
    if found is None:
        raise SizeError(f"{text!r} is refused by the kernel (EINVAL)", did_you_mean(bare, format, "write bytes such as 536870912, or max"))
    value = c_integer(found["digits"]) << 10 * " KMGTPE".index(found["unit"].upper() or " ")
    if value >= 2**64:
        raise SizeError(f"{text!r} does not fit in 64 bits, and the kernel drops the rest of it", "write max for no limit")
    pages = value // page_size
    return INFINITY if pages >= LARGEST // page_size else Size(pages * page_size)


def format(size: int) -> str:  # noqa: A001 - each grammar has parse and format
    """Spell a size as plain decimal bytes, which every kernel and every page size takes, or `max`; never an empty string."""
    return "max" if size >= INFINITY else str(int(size))
