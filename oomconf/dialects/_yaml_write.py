"""YAML scalars: the one way in which a value goes into a YAML artefact."""

from __future__ import annotations

import re
from typing import Final

_SAFE: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_TYPED: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
"""Words that some version of YAML takes for something else, in any case."""
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def scalar(text: str) -> str:
    """Write a string on one line: plain where every version of YAML and Go's reader take it for a string, else quoted."""
    return text if _SAFE.fullmatch(text) and text.lower() not in _TYPED and text != "_" else quoted(text)


def quoted(text: str) -> str:
    """Write a string in double quotes (YAML 1.2, 7.3.1); what does not print is escaped."""
    return '"' + "".join(_mark(mark) for mark in text) + '"'


def _mark(mark: str) -> str:
    if mark in _ESCAPES:
        return _ESCAPES[mark]
    if mark.isprintable() and mark != "\ufeff":
        return mark
    code = ord(mark)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004
