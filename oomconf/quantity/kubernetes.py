"""Kubernetes quantities as kubernetes/apimachinery pkg/api/resource/quantity.go reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from oomconf.quantity import Size, SizeError
from oomconf.quantity._units import GIB, KIB, LARGEST, MIB, TIB, bounded, did_you_mean, finite, largest_unit

__all__ = ["Quantity", "format", "parse", "quantity"]

_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SCANNED: Final = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<rest>[0-9]*))?(?P<suffix>[eEinumkKMGTP]*[+-]?[0-9]*)")
_EXPONENT: Final = re.compile(r"[eE](?P<number>[+-]?[0-9]+)")
_EITHER: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)[ ]*(?P<unit>[kmgtpKMGTP])[bB]?")
_NANO: Final = 10**9
_CLAMP: Final = 200  # any exponent beyond is an overflow, or a single nano, whatever the 64 digits before it
_UNITS: Final = ((TIB, "Ti"), (GIB, "Gi"), (MIB, "Mi"), (KIB, "Ki"))
_REMEDY: Final = "write a quantity such as 512Mi or 2Gi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A quantity as the API server holds it: in billionths, rounded away from 0, with the text that it came from."""

    text: str
    nano: int

    @property
    def value(self) -> Fraction:
        """The exact value."""
        return Fraction(self.nano, _NANO)

    @property
    def bytes(self) -> int:
        """The whole bytes that the kubelet uses, rounded away from 0 (Quantity.Value()); meaningless where `overflow`."""
        return _away_from_zero(self.nano, _NANO)

    @property
    def fractional(self) -> bool:
        """Whether the API server warns of a fraction of a byte, after it has rounded up to thousandths."""
        return _away_from_zero(self.nano, 10**6) % 1000 != 0

    @property
    def overflow(self) -> bool:
        """Whether it is beyond 2**63 - 1, where Value() gives 0 or garbage instead of an error."""
        return abs(self.bytes) > LARGEST


@lru_cache(maxsize=1 << 12)
def quantity(text: str) -> Quantity:
    """Read any quantity that the API server stores, negative and overflowing ones too.

        quantity = [ "+" | "-" ], { digit }, [ ".", { digit } ], suffix ;
        suffix   = "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E"                (* powers of 1000 *)
                 | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei"                                 (* powers of 1024, at most 2**63 - 1 *)
                 | ( "e" | "E" ), [ "+" | "-" ], digit, { digit } ;

    No digit at all is 0, save before Pi, Ei and exponents below -9. Blanks around it, which JSON decoding cuts off, are the caller's.
    An exponent beyond 200 counts as 200. Raise SizeError for what the API server refuses.
    """
    found = _SCANNED.fullmatch(bounded(text))
    if found is None or text == "":
        raise SizeError(f"{text!r} is not a Kubernetes quantity", _suggestion(text))
    suffix, rest = found["suffix"], found["rest"] or ""
    base, exponent = _interpreted(text, suffix)
    if not found["whole"] and not rest and text not in ("+", "-") and (exponent >= 50 if base == 2 else exponent < -9):  # noqa: PLR2004
        raise SizeError(f"{text!r} has no digits", _REMEDY)
    number = int((found["whole"] + rest) or "0")
    factor = Fraction(2**exponent) if base == 2 else Fraction(10) ** max(-_CLAMP, min(exponent, _CLAMP))  # noqa: PLR2004
    exact = number * factor * _NANO / 10 ** len(rest)
    nano = -(-exact.numerator // exact.denominator)
    if base == 2:  # noqa: PLR2004
        nano = min(nano, LARGEST * _NANO)
    return Quantity(text=text, nano=-nano if found["sign"] == "-" else nano)


def parse(text: str) -> Size:
    """Read a memory quantity in bytes as the kubelet uses it, rounded up, 0 to 2**63 - 1.

        size = quantity ;   (* as in `quantity`, not negative *)

    Raise SizeError for what the API server refuses and for what overflows there.
    """
    found = quantity(text)
    if found.nano < 0:
        raise SizeError(f"{text!r} is negative, which Kubernetes refuses", did_you_mean(text[1:], format, _REMEDY))
    if found.overflow:
        raise SizeError(f"{text!r} is more than {LARGEST} bytes, of which Kubernetes makes 0 or garbage", "leave the key out for no limit")
    return Size(found.bytes)


def format(size: int) -> str:  # noqa: A001 - each grammar has parse and format
    """Spell a size in the largest of Ti, Gi, Mi, Ki that is exact, else in bytes; SizeError for INFINITY and above 2**63 - 1."""
    return largest_unit(finite(size, "Kubernetes", "leave the key out for no limit"), _UNITS)


def _away_from_zero(nano: int, unit: int) -> int:
    return -(-nano // unit) if nano >= 0 else nano // unit


def _interpreted(text: str, suffix: str) -> tuple[int, int]:
    if suffix in _BINARY:
        return 2, _BINARY[suffix]
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix]
    found = _EXPONENT.fullmatch(suffix)
    if found is not None and -(2**63) <= int(found["number"]) < 2**63:
        return 10, (int(found["number"]) + 2**31) % 2**32 - 2**31  # int32(parsed): 1e4294967299 is 1e3
    raise SizeError(f"{text!r} has the suffix {suffix!r}, which Kubernetes does not know", _suggestion(text))


def _suggestion(text: str) -> str:
    """Name both where a unit says neither: in `1GB` some write 1000 and some 1024."""
    hint = did_you_mean(text, format, _REMEDY)
    found = _EITHER.fullmatch(text.strip())
    if found is None or not hint.endswith("?"):
        return hint
    unit = found["unit"].upper()
    return f"{hint[:-1]}, or {found['number']}{'k' if unit == 'K' else unit} in powers of 1000?"
