"""The spec's own sizes: K and Ki are both binary, nothing is guessed, and a refusal shows the right spelling."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from oomconf.quantity import INFINITY, Percent, Size, SizeError
from oomconf.quantity import kubernetes as _kubernetes
from oomconf.quantity._units import GIB, KIB, LARGEST, MIB, PIB, TIB, bounded, did_you_mean, largest_unit

__all__ = ["format", "parse", "parse_kubernetes", "parse_size"]

_UNITS: Final = ((PIB, "P"), (TIB, "T"), (GIB, "G"), (MIB, "M"), (KIB, "K"))
_FACTOR: Final = {letter: factor for factor, letter in _UNITS} | {f"{letter}i": factor for factor, letter in _UNITS}
_SIZE: Final = re.compile(r"(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?)(?P<unit>[KMGTP]i?)?")
_PERCENT: Final = re.compile(r"(?P<whole>0|[1-9][0-9]*)(?:\.(?P<rest>[0-9]{1,2}))?%")
_LOOSE_PERCENT: Final = re.compile(r"\s*\+?(?P<whole>[0-9]*)(?:[.,](?P<rest>[0-9]*))?\s*%", re.ASCII)
_DECIMAL_UNIT: Final = re.compile(r"(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?)(?P<unit>[kKMGTP])")
_DECIMALS: Final = 10  # 1K is 0.0009765625M: more decimals never make a shorter spelling

# The first that is found names the fault; the hint shows the remedy.
_FAULTS: Final = (
    (re.compile(r"^$"), "is empty where a size must stand"),
    (re.compile(r"\s"), "has a blank in it"),
    (re.compile(r"['\"]"), "has quotes inside the value"),
    (re.compile(r"^-"), "is negative"),
    (re.compile(r"^\+"), "has a sign"),
    (re.compile(r"[_,]"), "has a separator between digits"),
    (re.compile(r"^0[xX]"), "is hexadecimal"),
    (re.compile(r"^[0-9.]+[eE][+-]?[0-9]"), "has an exponent"),
    (re.compile(r"^0[0-9]"), "has a leading zero, which makes it octal to the kernel and decimal to systemd"),
    (re.compile(r"^\.|\.(?![0-9])"), "needs digits on both sides of the point"),
    (re.compile(r"^[0-9.]+[kmgtpeKMGTPE]i?[bB]$"), "has a unit that is 1000 to some readers and 1024 to others"),
    (re.compile(r"^[0-9.]+m$"), "has the unit 'm', a thousandth to Kubernetes and a mebibyte to Docker"),
    (re.compile(r"^[0-9.]+[kgtp]|^[0-9.]+mi"), "has a lower-case unit"),
    (re.compile(r"^[0-9.]+[a-zA-Z]+$"), "has none of the units K M G T P Ki Mi Gi Ti Pi"),
)


def parse(text: str) -> Size | Percent:
    """Read a size or a share of something.

        value   = size | percent ;
        percent = integer, [ ".", digit, [ digit ] ], "%" ;     (* 0% to 100% *)

    `size` as in `parse_size`. Raise SizeError for all else.
    """
    return _percent(bounded(text)) if text.endswith("%") else parse_size(text)


def parse_size(text: str) -> Size:
    """Read a size in bytes, 0 to 2**63 - 1, or INFINITY.

        size    = "infinity" | integer, [ ".", digit, { digit } ], [ unit ] ;   (* whole bytes *)
        integer = "0" | nonzero, { digit } ;
        unit    = ( "K" | "M" | "G" | "T" | "P" ), [ "i" ] ;                    (* powers of 1024 with and without i *)

    Raise SizeError for all else, a percentage too.
    """
    if bounded(text) == "infinity":
        return INFINITY
    found = _SIZE.fullmatch(text)
    if found is None:
        if text.endswith("%"):
            raise SizeError(f"{text!r} is a percentage, and there is nothing here to be a share of", "write a size such as 4G")
        raise SizeError(f"{text!r} {_fault(text)}", did_you_mean(text, _spelling(text), "write a size such as 512M, 1.5G or infinity"))
    return _whole(text, found["number"], _FACTOR[found["unit"]] if found["unit"] else 1)


def parse_kubernetes(text: str) -> Size:
    """Read a size inside `kubernetes:`, `kubelet:` or `namespaces:`, which Kubernetes reads alike; 0 to 2**63 - 1 bytes.

        size = integer, [ ".", digit, { digit } ], [ "Ki" | "Mi" | "Gi" | "Ti" ] ;   (* whole bytes *)

    `integer` as in `parse_size`. Raise SizeError for all else; for `512M` it shows both readings.
    """
    found = _SIZE.fullmatch(bounded(text))
    unit = found["unit"] if found is not None else None
    if found is not None and unit in (None, "Ki", "Mi", "Gi", "Ti"):
        return _whole(text, found["number"], _FACTOR[unit] if unit else 1)
    if (decimal := _DECIMAL_UNIT.fullmatch(text)) is not None:
        raise _two_readings(text, decimal["number"], decimal["unit"])
    remedy = "write a quantity such as 512Mi or 1.5Gi"
    if text.endswith("%"):
        raise SizeError(f"{text!r} is a percentage, which Kubernetes does not take for a size", remedy)
    if unit == "Pi":
        raise SizeError(f"{text!r} has none of the units Ki Mi Gi Ti", did_you_mean(text, _kubernetes.format, remedy))
    if re.fullmatch(r"[0-9.]+m", text):
        raise SizeError(f"{text!r} is thousandths of a byte to Kubernetes", did_you_mean(text, _kubernetes.format, remedy))
    if found is None and text not in ("infinity", "max"):
        raise SizeError(f"{text!r} {_fault(text)}", did_you_mean(text, _kubernetes.format, remedy))
    raise SizeError(f"{text!r} is no quantity: Kubernetes has no word for no limit", "leave the key out for no limit")


def format(size: int) -> str:  # noqa: A001 - each grammar has parse and format
    """Spell a size in the fewest characters that `parse_size` reads back exactly; among equals without a point, then in the larger unit."""
    if size >= INFINITY:
        return "infinity"
    best = largest_unit(size, _UNITS)
    for factor, letter in _UNITS:
        scaled = size * 10**_DECIMALS
        if size and scaled % factor == 0:
            whole, rest = divmod(scaled // factor, 10**_DECIMALS)
            spelt = f"{whole}.{rest:0{_DECIMALS}d}".rstrip("0").rstrip(".") + letter
            best = spelt if len(spelt) < len(best) else best
    return best


def _spelling(text: str) -> Callable[[Size], str]:
    """Give the spelling for a hint: who wrote no unit meant none."""
    bare = re.fullmatch(r"[+0-9.,_eE ]*[0-9.]\s*", text) is not None
    return lambda size: str(int(size)) if bare and size < INFINITY else format(size)


def _whole(text: str, number: str, factor: int) -> Size:
    whole, _, rest = number.partition(".")
    value, left = divmod(int(whole + rest) * factor, 10 ** len(rest))
    if value > LARGEST:
        raise SizeError(
            f"{text!r} is more than {LARGEST} bytes, the most that the kernel counts", "write a smaller size, or infinity for no limit"
        )
    if left:
        unit = next((f"{value // size}{letter}i, or " for size, letter in _UNITS[1:] if value >= 100 * size), "")
        remedy = (
            f"write {unit}{value} for the bytes rounded down"
            if factor > 1
            else "a size without a unit is in bytes; write one such as 512Mi"
        )
        raise SizeError(f"{text!r} is not a whole number of bytes", remedy)
    return Size(value)


def _percent(text: str) -> Percent:
    found = _PERCENT.fullmatch(text)
    if found is not None:
        share = int(found["whole"]) * 100 + int((found["rest"] or "0").ljust(2, "0"))
        if share <= 10_000:  # noqa: PLR2004 - hundredths of a percent
            return Percent(share)
        raise SizeError(f"{text!r} is not between 0% and 100%", "write a share such as 70%, or a size such as 4G")
    raise SizeError(f"{text!r} is not a percentage", _percent_meant(text))


def _percent_meant(text: str) -> str:
    loose = _LOOSE_PERCENT.fullmatch(text)
    if loose is not None and (loose["whole"] or loose["rest"]):
        rest = (loose["rest"] or "").rstrip("0")
        share = int(loose["whole"] or "0") * 100 + int(rest.ljust(2, "0"))
        if len(rest) <= 2 and share <= 10_000:  # noqa: PLR2004 - hundredths of a percent
            return f"did you mean {Percent(share)}?"
    return "write a percentage such as 70% or 12.5%, with at most two decimals"


def _two_readings(text: str, number: str, unit: str) -> SizeError:
    whole, _, rest = number.partition(".")
    power = "KMGTP".index(unit.upper()) + 1
    binary, left = divmod(int(whole + rest) * 1024**power, 10 ** len(rest))
    decimal = -(-int(whole + rest) * 1000**power // 10 ** len(rest))
    if max(binary, decimal) > LARGEST:
        return SizeError(f"{text!r} is more than {LARGEST} bytes, the most that Kubernetes counts", "leave the key out for no limit")
    rounded = binary // MIB * MIB if left and binary >= 100 * MIB else binary
    read = f"is {decimal} bytes to Kubernetes" if unit != "K" else f"is refused by Kubernetes, whose k would make it {decimal} bytes"
    remedy = f"write {_kubernetes.format(rounded)} for {rounded} bytes, or {decimal}"
    return SizeError(f"{text!r} {read}, and {binary} bytes with a unit of 1024", remedy)


def _fault(text: str) -> str:
    return next((reason for pattern, reason in _FAULTS if pattern.search(text)), "is not a size")
