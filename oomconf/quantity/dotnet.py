"""Numbers in .NET's environment variables, DOTNET_GCHeapHardLimit and DOTNET_GCHeapHardLimitPercent, which are hexadecimal."""

from __future__ import annotations

import re
from typing import Final

from oomconf.quantity import Size, SizeError
from oomconf.quantity._units import bounded, finite, meant

__all__ = ["format", "format_percent", "parse", "parse_percent"]

_HEX: Final = re.compile(r"(?:0[xX])?(?P<digits>[0-9a-fA-F]{1,16})")
_WHOLE: Final = 100


def parse(text: str) -> Size:
    """Read DOTNET_GCHeapHardLimit: bytes, 0 (not set) to 2**63 - 1.

        limit = [ "0", ( "x" | "X" ) ], hex digit, { hex digit } ;   (* at most 16 *)

    So `200` is 512 bytes. Raise SizeError for all else.
    """
    found = _HEX.fullmatch(bounded(text))
    if found is None:
        guess = meant(text)
        remedy = (
            f"did you mean {format(guess)}?"
            if guess is not None and guess < 2**63
            else "write hexadecimal bytes such as 0xC800000 for 200 MiB"
        )
        raise SizeError(f"{text!r} is not a hexadecimal number", remedy)
    value = int(found["digits"], 16)
    if value >= 2**63:
        raise SizeError(f"{text!r} is more than {2**63 - 1} bytes", "leave it out for the default of 75% of the container's limit")
    return Size(value)


def parse_percent(text: str) -> int:
    """Read DOTNET_GCHeapHardLimitPercent, 0 (not set) to 100; hexadecimal as in `parse`, so `75` is 117 and refused."""
    found = _HEX.fullmatch(bounded(text))
    if found is None:
        raise SizeError(f"{text!r} is not a hexadecimal number", "write the percentage in hexadecimal, such as 0x4B for 75")
    value = int(found["digits"], 16)
    if value > _WHOLE:
        decimal = text if re.fullmatch("[0-9]{1,3}", text) else ""
        remedy = f"did you mean {format_percent(int(decimal))}?" if decimal and int(decimal) <= _WHOLE else "write at most 0x64"
        raise SizeError(f"{text!r} is hexadecimal for {value}, more than 100 percent", remedy)
    return value


def format(size: int) -> str:  # noqa: A001 - each grammar has parse and format
    """Spell a size in hexadecimal bytes with `0x`; SizeError for INFINITY and above 2**63 - 1."""
    return f"0x{finite(size, 'GCHeapHardLimit', 'leave it out for the default of 75% of the limit'):X}"


def format_percent(percent: int) -> str:
    """Spell a whole percentage in hexadecimal with `0x`."""
    return f"0x{percent:X}"
