"""Integers as Go's YAML libraries take a plain scalar: hexadecimal, octal, binary, underscores (go-yaml: resolve.go)."""

from __future__ import annotations

import re
from typing import Final

from oomconf.dialects._yaml.nodes import Scalar

__all__ = ["go_integer"]

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0o?[0-7_]+|0b[01_]+)")


def go_integer(scalar: Scalar) -> int | None:
    """Give the number of a plain scalar that is an integer to Go; None if it is none."""
    if not scalar.is_plain or scalar.tag is not None or _INTEGER.fullmatch(scalar.text) is None:
        return None
    text = scalar.text.replace("_", "")
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    try:
        if digits.startswith("0") and len(digits) > 1 and digits[1].isdigit():
            return sign * int(digits, 8)
        return sign * int(digits, 0)
    except ValueError:
        return None
