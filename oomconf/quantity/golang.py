"""GOMEMLIMIT as the Go runtime reads it (runtime/string.go: parseByteCount, runtime/mgcpacer.go: readGOMEMLIMIT)."""

from __future__ import annotations

import re
from typing import Final

from oomconf.quantity import INFINITY, Size, SizeError
from oomconf.quantity._units import GIB, KIB, LARGEST, MIB, TIB, bounded, did_you_mean, finite

__all__ = ["format", "parse"]

_NUMBER: Final = re.compile(r"(?P<digits>-?[0-9]+)(?P<unit>B|KiB|MiB|GiB|TiB)?")
_FACTOR: Final = {None: 1, "B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": TIB}
_REMEDY: Final = "write a whole number with B, KiB, MiB, GiB or TiB, such as 512MiB, or off"


def parse(text: str) -> Size:
    """Read GOMEMLIMIT: bytes, 0 to 2**63 - 1, or INFINITY.

        limit = "" | "off" | [ "-" ], digit, { digit }, [ "B" | "KiB" | "MiB" | "GiB" | "TiB" ] ;   (* case-sensitive, powers of 1024 *)

    A leading zero is decimal, a negative number must be zero.
    Raise SizeError for what ends the process at its start with 'malformed GOMEMLIMIT'.
    """
    if bounded(text) in ("", "off"):
        return INFINITY
    found = _NUMBER.fullmatch(text)
    if found is None or (found["digits"][0] == "-" and int(found["digits"])):
        raise SizeError(f"{text!r} is malformed to the Go runtime, and the process dies at its start", did_you_mean(text, format, _REMEDY))
    value = int(found["digits"]) * _FACTOR[found["unit"]]
    if value > LARGEST:
        raise SizeError(f"{text!r} is more than {LARGEST} bytes, and the process dies at its start", "write off for no limit")
    return Size(value)


def format(size: int) -> str:  # noqa: A001 - each grammar has parse and format
    """Spell a size in `MiB` where that is exact, else in `B`; INFINITY is `off`; SizeError above 2**63 - 1."""
    if size >= INFINITY:
        return "off"
    count, rest = divmod(finite(size, "GOMEMLIMIT", "write off for no limit"), MIB)
    return f"{int(size)}B" if rest or count == 0 else f"{count}MiB"
