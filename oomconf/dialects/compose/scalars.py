"""Scalars as the compose binary takes them: Go's YAML, and variables put in before typing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from typing import Final

from oomconf.dialects._yaml import Scalar, go_integer

_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_VARIABLE: Final = re.compile(
    r"\$(?:\$|\{([_a-zA-Z][_a-zA-Z0-9]*)(?:(:?[-?+])((?:[^${}]|\$\$|\$\{[^{}]*\})*))?\}|([_a-zA-Z][_a-zA-Z0-9]*))"
)
_DEFAULTS: Final = ("", "-", ":-")
_MOST_NESTED: Final = 8


def typed(scalar: Scalar, variables: AnyMapping[str, str]) -> int | float | bool | str | None:
    """Give a scalar's value; what a variable was put into stays text. An integer beyond 64 bits is a float to Go."""
    text = scalar.text
    if "$" in text:
        return interpolate(text, variables)
    if not scalar.is_plain or scalar.tag is not None:
        return text
    if scalar.is_null:
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    value = go_integer(scalar)
    if value is not None:
        return value if value < 1 << 63 else 0.0
    if _FLOAT.fullmatch(text):
        return 0.0
    return text


def interpolate(text: str, variables: AnyMapping[str, str], depth: int = 0) -> str:
    """Put variables in as compose does: $V, ${V}, ${V:-default}, ${V-default}, ${V:+other}, $$; an unset one is empty."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        name, mark, other = match[1] or match[4], match[2] or "", match[3] or ""
        value = variables.get(name)
        missing = value is None or (mark.startswith(":") and not value)
        if mark.endswith("-") and missing:
            return interpolate(other, variables, depth + 1) if depth < _MOST_NESTED else ""
        if mark.endswith("+"):
            return "" if missing else other
        return value or ""

    return _VARIABLE.sub(one, text)


def names(text: str, depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """Give the variables of a text in order, each with its mark, such as `:-`, and what stands behind that, those in there included."""
    for found in _VARIABLE.finditer(text):
        if found[0] != "$$":
            yield found[1] or found[4], found[2] or "", found[3] or ""
            yield from names(found[3] or "", depth + 1) if depth < _MOST_NESTED else ()


def unset(text: str, variables: AnyMapping[str, str]) -> str:
    """Name the first variable for which compose puts in nothing; empty if there is none, or if compose asks for it."""
    return next((name for name, mark, other in names(text) if not variables.get(name) and mark in _DEFAULTS and not other), "")


def asked(text: str, variables: AnyMapping[str, str]) -> bool:
    """Whether what compose puts in depends on an environment that is not known: without a default, or only where it is set."""
    return any(not variables.get(name) and (mark not in _DEFAULTS or not other) for name, mark, other in names(text))
