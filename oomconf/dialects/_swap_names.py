"""Names of swap units: the path of the area, escaped (systemd-escape(1))."""

from __future__ import annotations

import string
from typing import Final

__all__ = ["unit_name"]

_PLAIN: Final = frozenset(string.ascii_letters + string.digits + ":_.")


def unit_name(path: str) -> str:
    """Escape a path into the name that its .swap unit must have (systemd-escape --path --suffix=swap)."""
    parts = [part for part in path.split("/") if part]
    escaped: list[str] = []
    for number, byte in enumerate("/".join(parts).encode()):
        mark = chr(byte)
        if mark == "/":
            escaped.append("-")
        elif mark in _PLAIN and not (mark == "." and number == 0):
            escaped.append(mark)
        else:
            escaped.append(f"\\x{byte:02x}")
    return ("".join(escaped) or "-") + ".swap"
