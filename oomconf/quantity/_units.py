"""What the grammars share: binary units, the bound on a text, C integers, and what a refused text probably meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from oomconf.quantity import INFINITY, Size, SizeError

__all__ = [
    "EIB",
    "GIB",
    "KIB",
    "LARGEST",
    "LONGEST",
    "MIB",
    "PIB",
    "TIB",
    "bounded",
    "c_integer",
    "did_you_mean",
    "finite",
    "largest_unit",
    "meant",
]

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30
TIB: Final = 1 << 40
PIB: Final = 1 << 50
EIB: Final = 1 << 60

LONGEST: Final = 64
LARGEST: Final = 2**63 - 1
"""What a signed 64-bit integer holds: the most that the kernel, Docker and Kubernetes count in bytes."""

_FACTOR: Final = {"": 1, "b": 1, "k": KIB, "m": MIB, "g": GIB, "t": TIB, "p": PIB, "e": EIB}
_ENDLESS: Final = frozenset({"infinity", "inf", "infinite", "max", "off", "unlimited", "none", "nolimit", "-1", "∞"})
_LOOSE: Final = re.compile(
    r"""\+?(?P<whole>[0-9]{1,3}(?:[ ,_][0-9]{3})+|[0-9]*)
        (?:\.(?P<point>[0-9]*)|,(?P<comma>[0-9]{1,2}))?
        (?:e(?P<exponent>\+?[0-9]{1,2}))?
        [ ]*(?P<unit>[kmgtpe]?)(?:i?b|i|i?o|bytes?)?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


def bounded(text: str) -> str:
    """Give the text back, or refuse one too long to be a number, so that every parser is linear in what it reads."""
    if len(text) > LONGEST:
        raise SizeError(
            f"{text[:16]!r}… has {len(text)} characters, more than the {LONGEST} of any number", "leave out what is not the number"
        )
    return text


def finite(size: int, what: str, remedy: str) -> int:
    """Give the bytes back, or refuse INFINITY and all above 2**63 - 1 for a grammar that has no such word."""
    if size > LARGEST:
        told = "no limit" if size >= INFINITY else f"{int(size)} bytes, more than {LARGEST}"
        raise SizeError(f"{what} has no spelling for {told}", remedy)
    return int(size)


def c_integer(digits: str) -> int:
    """Read digits as strtoul(3) with base 0 does: `0x` is hexadecimal, a leading zero octal; the caller has checked them."""
    if digits[:2] in ("0x", "0X"):
        return int(digits, 16)
    return int(digits, 8 if digits[0] == "0" else 10)


def largest_unit(size: int, units: tuple[tuple[int, str], ...]) -> str:
    """Spell a size in the first unit, from large to small, that divides it; a bare number where none does."""
    for factor, suffix in units:
        if size and size % factor == 0:
            return f"{size // factor}{suffix}"
    return str(int(size))


def meant(text: str) -> Size | None:
    """Guess the size behind a text that a grammar refuses, all units binary; None where there is no sound guess."""
    bare = text.strip().strip("'\"")
    if bare.lower() in _ENDLESS:
        return INFINITY
    found = _LOOSE.fullmatch(bare)
    if found is None:
        return None
    whole, fraction = re.sub("[ ,_]", "", found["whole"]), found["point"] or found["comma"] or ""
    if not whole and not fraction:
        return None
    value = Fraction(int(whole + fraction), 10 ** len(fraction)) * 10 ** int(found["exponent"] or 0) * _FACTOR[found["unit"].lower()]
    return Size(int(value)) if value.denominator == 1 and value <= LARGEST else None


def did_you_mean(text: str, spell: Callable[[Size], str], otherwise: str) -> str:
    """Write the hint of a refusal: the guess in the grammar's own spelling, or what the grammar has to say without one."""
    size = meant(text)
    if size is None:
        return otherwise
    try:
        spelt = spell(size)
    except SizeError as refused:
        return refused.hint
    return otherwise if spelt == text else f"did you mean {spelt}?"
