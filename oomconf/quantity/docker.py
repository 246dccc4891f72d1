"""Sizes to docker, compose and podman: docker/go-units RAMInBytes, all units binary; and Go's integers."""

from __future__ import annotations

import math
import re
from typing import Final

from oomconf.quantity import INFINITY, Size, SizeError
from oomconf.quantity._units import GIB, LARGEST, MIB, bounded, did_you_mean, finite

__all__ = ["format", "format_swap", "parse", "parse_int", "parse_swap"]

_DIGITS: Final = r"[0-9](?:_?[0-9])*"
_NUMBER: Final = rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
_SIZE: Final = re.compile(rf"(?P<number>{_NUMBER})(?: ?(?P<unit>[bB]|[kmgtpKMGTP](?:[iI]?[bB])?)| )?")
_GO_ONLY: Final = re.compile(r"[+-]?(?:0x[0-9a-f_.]*p[+-]?[0-9]+|inf(?:inity)?|nan) ?.{0,3}", re.IGNORECASE)
_SUFFIX: Final = re.compile(r"[+-]?[0-9.]+ ?(?P<suffix>[^0-9. ]+)")
_INT: Final = re.compile(
    r"(?P<sign>[+-]?)(?:0[xX](?P<hex>(?:_?[0-9a-fA-F])+)|0[bB](?P<binary>(?:_?[01])+)|0[oO]?(?P<octal>(?:_?[0-7])+)|(?P<decimal>0|[1-9](?:_?[0-9])*))"
)
_BASES: Final = (("hex", 16), ("binary", 2), ("octal", 8), ("decimal", 10))
_REMEDY: Final = "write a size such as 512m or 2g"
_NO_LIMIT: Final = "leave it out for no limit"


def parse(text: str) -> Size:
    """Read the text of --memory and its kin: bytes, 0 (not set) to 2**63 - 1.

        size   = number, [ " " ], [ "b" | ( "k" | "m" | "g" | "t" | "p" ), [ [ "i" ], "b" ] ] ;       (* either case, powers of 1024 *)
        number = [ "+" | "-" ], ( digits, [ ".", [ digits ] ] | ".", digits ), [ ( "e" | "E" ), [ "+" | "-" ], digits ] ;
        digits = digit, { [ "_" ], digit } ;

    As in Go the number is a float64, multiplied and cut off towards 0, so `0.1m` is 104857; a negative one must be zero.
    Raise SizeError for what Docker refuses, and for hexadecimal floats, `inf`, `nan` and 2**63 or more, of which it makes garbage.
    """
    found = _SIZE.fullmatch(bounded(text))
    if found is None:
        raise SizeError(_fault(text), did_you_mean(text, _meant, _REMEDY))
    power = " kmgtp".find((found["unit"] or " ")[0].lower())
    value = float(found["number"].replace("_", "")) * float(1024 ** max(power, 0))
    if value < 0:
        raise SizeError(
            f"{text!r} is negative, which Docker refuses", _NO_LIMIT if text == "-1" else did_you_mean(f"+{text[1:]}", _meant, _REMEDY)
        )
    if not math.isfinite(value) or value >= 2.0**63:
        raise SizeError(f"{text!r} is more than {LARGEST} bytes, and Docker's arithmetic overflows", _NO_LIMIT)
    return Size(int(value))


def parse_swap(text: str) -> Size:
    """Read the text of --memory-swap: as `parse`, or exactly `-1` for INFINITY."""
    return INFINITY if text == "-1" else parse(text)


def parse_int(text: str) -> int:
    """Read an integer flag such as --oom-score-adj (Go's strconv.ParseInt with base 0), -2**63 to 2**63 - 1.

        integer = [ "+" | "-" ], ( decimal | ( "0" | "0o" | "0O" ), octal digits | ( "0x" | "0X" ), hex digits | ( "0b" | "0B" ), bits ) ;

    A single `_` may stand before any digit but the first. Raise SizeError for all else.
    """
    found = _INT.fullmatch(bounded(text))
    if found is None:
        raise SizeError(f"{text!r} is not an integer to Docker", "write a decimal number such as -500")
    for name, base in _BASES:
        if (digits := found[name]) is not None:
            value = int(digits.replace("_", ""), base) * (-1 if found["sign"] == "-" else 1)
            if -LARGEST - 1 <= value <= LARGEST:
                return value
    raise SizeError(f"{text!r} does not fit in 64 bits", "write a decimal number such as -500")


def format(size: int) -> str:  # noqa: A001 - each grammar has parse and format
    """Spell a size as `<n>m` where it is whole mebibytes, else in bytes.

    Raise SizeError for INFINITY, which --memory cannot say, and for what Docker's float64 cannot hold: above 2**53 only multiples
    of a power of two, to which every size of whole pages belongs.
    """
    value = finite(size, "Docker", _NO_LIMIT)
    if value and value % MIB == 0:
        return f"{value // MIB}m"
    if int(float(value)) != value:
        raise SizeError(f"Docker cannot hold {value} bytes exactly: it counts in float64", "round it down to whole pages")
    return str(value)


def format_swap(size: int) -> str:
    """Spell a size for --memory-swap: as `format`, and INFINITY as `-1`."""
    return "-1" if size >= INFINITY else format(size)


def _meant(size: Size) -> str:
    """Spell a size for a reader: `1g` rather than the `1024m` that is written."""
    return f"{size // GIB}g" if size and size < INFINITY and size % GIB == 0 else format(size)


def _fault(text: str) -> str:
    if _GO_ONLY.fullmatch(text):
        return f"{text!r} is a number to Go alone, of which Docker makes an arbitrary limit"
    if (found := _SUFFIX.fullmatch(text)) is not None:
        return f"{text!r} has the suffix {found['suffix']!r}, which Docker does not know"
    return f"{text!r} is not a size to Docker"
