"""Sizes, shares, integers, booleans and times in unit files, as systemd's own parsers read them (v252 to v262)."""

from __future__ import annotations

import re
from typing import Final

from oomconf.quantity import INFINITY, Percent, Size, SizeError
from oomconf.quantity._units import EIB, GIB, KIB, MIB, PIB, TIB, bounded, c_integer, did_you_mean, largest_unit

__all__ = ["format", "parse_boolean", "parse_integer", "parse_memory", "parse_permyriad", "parse_seconds", "parse_size"]

_UNITS: Final = ((EIB, "E"), (PIB, "P"), (TIB, "T"), (GIB, "G"), (MIB, "M"), (KIB, "K"))
_SUFFIXES: Final = "EPTGMKB"
_FACTORS: Final = (EIB, PIB, TIB, GIB, MIB, KIB, 1, 1)
_TERM: Final = re.compile(r"[ \t\r\n]*(?P<sign>[+-]?)(?P<whole>[0-9]+)(?:\.(?P<rest>[0-9]*))?[ \t\r\n]*(?P<suffix>[EPTGMKB]?)")
_MOST: Final = 2**64 - 1
_C_INTEGER: Final = r"(?P<sign>[+-]?)(?P<c>0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)"
_INTEGER: Final = re.compile(rf"[ \t\r\n]*(?:0[bB][ \t\r\n]*(?P<bits>[+-]?[01]+)|0[oO][ \t\r\n]*(?P<octal>[+-]?[0-7]+)|{_C_INTEGER})")
_SHARES: Final = (("‱", 0), ("‰", 1), ("%", 2))
_TRUE: Final = frozenset({"1", "yes", "y", "true", "t", "on"})
_FALSE: Final = frozenset({"0", "no", "n", "false", "f", "off"})
_REMEDY: Final = "write a size such as 512M, 1536M or infinity"

_SECOND: Final = 1_000_000
_TIME_UNITS: Final = {
    "": _SECOND, "s": _SECOND, "sec": _SECOND, "second": _SECOND, "seconds": _SECOND,
    "us": 1, "usec": 1, "µs": 1, "μs": 1, "ms": 1000, "msec": 1000,
    "m": 60 * _SECOND, "min": 60 * _SECOND, "minute": 60 * _SECOND, "minutes": 60 * _SECOND,
    "h": 3600 * _SECOND, "hr": 3600 * _SECOND, "hour": 3600 * _SECOND, "hours": 3600 * _SECOND,
    "d": 86400 * _SECOND, "day": 86400 * _SECOND, "days": 86400 * _SECOND,
    "w": 604800 * _SECOND, "week": 604800 * _SECOND, "weeks": 604800 * _SECOND,
    "M": 2629800 * _SECOND, "month": 2629800 * _SECOND, "months": 2629800 * _SECOND,
    "y": 31557600 * _SECOND, "year": 31557600 * _SECOND, "years": 31557600 * _SECOND,
}  # fmt: skip
_TIME_TERM: Final = re.compile(
    r"(?P<whole>\+?[0-9]+)?(?:(?P<point>\.)(?P<rest>[0-9]*))?(?P<blank>[ \t\r\n]*)"
    r"(?P<unit>seconds|second|sec|s|minutes|minute|min|months|month|M|msec|ms|m|hours|hour|hr|h|days|day|d|weeks|week|w|years|year|y|usec|us|μs|µs)?"
)


def parse_size(text: str) -> Size:
    """Read a size in bytes, 0 to 2**64 - 1 (src/basic/parse-util.c: parse_size with base 1024).

        size   = term, { term } ;      (* each unit smaller than the one before, so one without a unit is the last *)
        term   = { blank }, [ "+" ], digit, { digit }, [ ".", { digit } ], { blank }, [ unit ] ;
        unit   = "E" | "P" | "T" | "G" | "M" | "K" | "B" ;             (* upper case, powers of 1024 *)

    Each term's fraction is rounded down; leading zeros are decimal. Raise SizeError for what systemd refuses.
    """
    total, position, allowed = 0, 0, 0
    bounded(text)
    while position < len(text) or position == 0:
        term = _TERM.match(text, position)
        if term is None:
            raise _refused(text)
        suffix = term["suffix"]
        rank = _SUFFIXES.index(suffix) if suffix else len(_SUFFIXES)
        value = _term(term, _FACTORS[rank])
        if value is None or total + value > _MOST:
            raise SizeError(f"{text!r} is out of range, 0 to {_MOST} bytes", "write infinity for no limit")
        if rank < allowed:
            raise SizeError(
                f"{text!r} has the terms in the wrong order: each unit must be smaller than the one before", "write it as one number"
            )
        total += value
        position, allowed = term.end(), rank + 1
    return Size(total)


def parse_memory(text: str, *, zero: bool) -> Size | Percent:
    """Read the value of MemoryMax= and its kin (src/core/load-fragment.c: config_parse_memory_limit); `zero` is whether 0 is taken.

        value = "infinity" | percent | size ;   (* `percent` as in `parse_permyriad`, `size` as in `parse_size` *)

    0 is taken for MemoryMin=, MemoryLow=, MemorySwapMax=, MemoryZSwapMax= and StartupMemory*=, not for MemoryHigh= and MemoryMax=.
    An empty value, which resets the key, is the caller's. Raise SizeError for what systemd ignores with a warning.
    """
    if bounded(text) == "infinity":
        return INFINITY
    value = parse_permyriad(text) if text.endswith(tuple(sign for sign, _ in _SHARES)) else parse_size(text)
    if isinstance(value, Size) and value >= INFINITY:
        raise SizeError(f"{text!r} is out of range, below {_MOST} bytes", "write infinity for no limit")
    if not zero and value in (Size(0), Percent(0)):
        raise SizeError(f"{text!r} is out of range: this key takes no 0", "write a size above 0, or infinity for no limit")
    return value


def parse_permyriad(text: str) -> Percent:
    """Read a share of 0 to 100 percent (src/basic/percent-util.c: parse_permyriad).

        percent = integer, [ ".", digit, [ digit ] ], "%" | integer, [ ".", digit ], "‰" | integer, "‱" ;

    `integer` as in `parse_integer`, so `010%` is 8 percent. Raise SizeError for what systemd refuses.
    """
    for sign, places in _SHARES:
        if bounded(text).endswith(sign):
            whole, point, rest = text.removesuffix(sign).partition(".")
            if point and not re.fullmatch(f"[0-9]{{1,{places or 0}}}" if places else "(?!)", rest):
                raise SizeError(f"{text!r} must have one to two decimals before %, one before ‰, none before ‱", "write for example 12.5%")
            share = _integer(whole, text, "write a percentage such as 70%") * 10**places + int((rest or "0").ljust(places, "0"))
            if 0 <= share <= 10_000:  # noqa: PLR2004 - hundredths of a percent
                return Percent(share)
            raise SizeError(f"{text!r} is not between 0% and 100%", "write a percentage such as 70%")
    raise SizeError(
        f"{text!r} is not a percentage: it ends in none of % ‰ ‱", f"did you mean {text}%?" if re.fullmatch("[1-9][0-9]?", text) else ""
    )


def parse_integer(text: str) -> int:
    """Read an integer of 32 bits (src/basic/parse-util.c: safe_atoi, base 0).

        integer = { blank }, ( ( "0b" | "0B" ), [ sign ], bits | ( "0o" | "0O" ), [ sign ], octal digits
                | [ sign ], ( decimal | "0", { octal digit } | ( "0x" | "0X" ), hex digits ) ) ;

    Raise SizeError for what systemd refuses.
    """
    return _integer(bounded(text), text, "write a decimal number such as -500")


def parse_boolean(text: str) -> bool:
    """Read a boolean (src/basic/parse-util.c: parse_boolean).

    boolean = "1" | "yes" | "y" | "true" | "t" | "on" | "0" | "no" | "n" | "false" | "f" | "off" ;   (* any case *)

    Raise SizeError for all else.
    """
    word = bounded(text).lower() if text.isascii() else text
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise SizeError(f"{text!r} is not a boolean", "write yes or no")


def parse_seconds(text: str) -> int:
    """Read a time span in microseconds, 0 to 2**64 - 2; `infinity` is 2**64 - 1 (src/basic/time-util.c: parse_sec).

        span = { blank }, ( "infinity" | term, { { blank }, term } ), { blank } ;
        term = ( [ "+" ], digit, { digit }, [ ".", digit, { digit } ] | ".", digit, { digit } ), { blank }, [ unit ] ;
        unit = "us" | "ms" | "s" | "m" | "h" | "d" | "w" | "M" | "y" and their long forms ;   (* seconds without; "M" is a month *)

    Raise SizeError for what systemd refuses.
    """
    rest = bounded(text).strip(" \t\r\n")
    if rest == "infinity":
        return _MOST
    total, position = 0, 0
    while position < len(rest) or position == 0:
        term = _TIME_TERM.match(rest, position)
        # without a blank or a unit a term must be the last: `12.34.56` is refused, `12.34 .56` is a sum
        if term is None or not _is_term(term) or (term.end() < len(rest) and not term["blank"] and not term["unit"]):
            raise SizeError(f"{text!r} is not a time span", "write for example 30s, 5min or 1h 30min")
        number, unit = int(term["whole"] or "0"), _TIME_UNITS[term["unit"] or ""]
        part = unit
        added = number * unit
        for digit in term["rest"] or "":
            part //= 10
            added += int(digit) * part
        total += added
        if number >= 2**63 or number >= _MOST // unit or total >= _MOST:
            raise SizeError(f"{text!r} is out of range, 0 to {_MOST} microseconds", "write infinity for no limit")
        position = term.end()
        position += len(rest[position:]) - len(rest[position:].lstrip(" \t\r\n"))
    return total


def format(size: int) -> str:  # noqa: A001 - each grammar has parse and format
    """Spell a size in the largest of E P T G M K that is exact, else in bytes; INFINITY is `infinity`."""
    return "infinity" if size >= INFINITY else largest_unit(size, _UNITS)


def _term(term: re.Match[str], factor: int) -> int | None:
    """Give the bytes of one term, or None where systemd's check for overflow says no."""
    whole, rest = int(term["whole"]), term["rest"] or ""
    if term["sign"] == "-" or whole > _MOST or int(rest or "0") > _MOST:
        return None
    fraction = float(int(rest or "0"))
    for _ in rest:
        fraction /= 10
    # the check wraps in C, and so 18446744073709551615.5 passes it
    if (whole + (fraction > 0)) % 2**64 > _MOST // factor:
        return None
    return (whole * factor + int(fraction * factor)) % 2**64


def _integer(digits: str, text: str, remedy: str) -> int:
    found = _INTEGER.fullmatch(digits)
    if found is None:
        raise SizeError(f"{text!r} is not a number to systemd", remedy)
    if found["c"] is not None:
        value = -c_integer(found["c"]) if found["sign"] == "-" else c_integer(found["c"])
    else:
        value = int(found["bits"], 2) if found["bits"] is not None else int(found["octal"], 8)
    if not -(2**31) <= value < 2**31:
        raise SizeError(f"{text!r} does not fit in 32 bits", remedy)
    return value


def _is_term(term: re.Match[str]) -> bool:
    return bool(term["rest"]) if term["point"] else term["whole"] is not None


def _refused(text: str) -> SizeError:
    if re.search(r"[#;]", text):
        return SizeError(
            f"{text!r} has a comment behind the value: unit files have none at the end of a line", "move the comment to a line of its own"
        )
    if text.lower() != text and text.lower() == "infinity":
        return SizeError(f"{text!r} is not a size to systemd, which knows it in lower case alone", "did you mean infinity?")
    return SizeError(f"{text!r} is not a size to systemd", did_you_mean(text, format, _REMEDY))
