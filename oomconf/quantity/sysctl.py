"""Numbers in /proc/sys as kernel/sysctl.c reads them, and the units that vm.* keys count in."""

from __future__ import annotations

import re
from typing import Final

from oomconf.quantity import INFINITY, PAGE_SIZE, Size, SizeError
from oomconf.quantity._units import KIB, c_integer

__all__ = ["format_int", "kib_to_size", "pages_to_size", "parse_int", "parse_list", "parse_ulong", "size_to_kib", "size_to_pages"]

_NUMBER: Final = re.compile(r"(?P<sign>-?)(?P<digits>0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_SKIPPED: Final = " \t\n\v\f\r"
_ENDS: Final = re.compile(r"[ \t\n]")
_LONGEST_LINE: Final = 4096
_LONGEST_NUMBER: Final = 20  # TMPBUFLEN is 22 with the final NUL, and a number that fills it is refused
_INT: Final = (-(2**31), 2**31 - 1)
_ULONG: Final = (0, 2**64 - 1)
_REMEDY: Final = "write one whole number, without a unit and without a comment behind it"


def parse_int(text: str) -> int:
    """Read one number as proc_dointvec() does, -2**31 to 2**31 - 1.

        value  = { blank }, number, [ ( " " | tab | newline ), { any } ] ;   (* what follows is not looked at: `70 # c` is 70 *)
        number = [ "-" ], ( decimal | "0", { octal digit } | "0", ( "x" | "X" ), hex digit, { hex digit } ) ;

    Raise SizeError where the kernel says EINVAL.
    """
    return _number(_first(text), text, _INT)


def parse_ulong(text: str) -> int:
    """Read one number as proc_doulongvec_minmax() does, 0 to 2**64 - 1; the grammar is that of `parse_int` without a sign."""
    return _number(_first(text), text, _ULONG)


def parse_list(text: str) -> tuple[int, ...]:
    """Read the numbers of a vector such as vm.lowmem_reserve_ratio, each as `parse_int` does.

        list = { blank }, number, { ( " " | tab | newline ), { blank }, number }, { blank } ;

    Raise SizeError where one of them is refused; the kernel has then stored those before it.
    """
    found: list[int] = []
    rest = _bounded(text).lstrip(_SKIPPED)
    while rest or not found:
        word = _ENDS.split(rest, maxsplit=1)[0]
        found.append(_number(word, text, _INT))
        rest = rest[len(word) :].lstrip(_SKIPPED)
    return tuple(found)


def format_int(value: int) -> str:
    """Spell a number in decimal, which has no second reading."""
    return str(int(value))


def kib_to_size(kib: int) -> Size:
    """Turn kilobytes of 1024 bytes, as vm.*_kbytes and /proc/meminfo count, into a size."""
    return Size(kib * KIB)


def size_to_kib(size: int) -> int:
    """Turn a size into whole kilobytes of 1024 bytes, rounded down; INFINITY has none and raises SizeError."""
    return _counted(size) // KIB


def pages_to_size(pages: int, page_size: int = PAGE_SIZE) -> Size:
    """Turn pages into a size."""
    return Size(pages * page_size)


def size_to_pages(size: int, page_size: int = PAGE_SIZE) -> int:
    """Turn a size into whole pages, rounded down; INFINITY has none and raises SizeError."""
    return _counted(size) // page_size


def _counted(size: int) -> int:
    if size >= INFINITY:
        raise SizeError("infinity cannot be counted", "say a size")
    return int(size)


def _bounded(text: str) -> str:
    if len(text) > _LONGEST_LINE:
        raise SizeError(f"the value has {len(text)} characters, more than {_LONGEST_LINE}", _REMEDY)
    return text


def _first(text: str) -> str:
    return _ENDS.split(_bounded(text).lstrip(_SKIPPED), maxsplit=1)[0]


def _number(word: str, text: str, bounds: tuple[int, int]) -> int:
    shown = repr(text if len(text) <= 2 * _LONGEST_NUMBER else text[: 2 * _LONGEST_NUMBER] + "…")
    found = _NUMBER.fullmatch(word) if len(word) <= _LONGEST_NUMBER else None
    if found is None:
        raise SizeError(
            f"{shown} is refused by the kernel (EINVAL)" if text.strip() else "an empty value is refused by the kernel (EINVAL)", _REMEDY
        )
    value = c_integer(found["digits"])
    low, high = bounds
    if found["sign"]:
        value = -value
        if low == 0:
            raise SizeError(f"{shown} is negative, which the kernel refuses here (EINVAL)", "write 0 or more")
    if not low <= value <= high:
        raise SizeError(f"{shown} is not between {low} and {high}", "write a smaller number")
    return value
