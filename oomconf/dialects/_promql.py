"""PromQL: the one way in which a value goes into a selector, a regular expression or an annotation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")
_LONGEST: Final = 46
"""A generated pod name keeps as much of its controller's name, whatever suffixes follow (63 less two of them)."""


def string(text: str) -> str:
    """Write a string literal; what does not print is escaped as Go reads it."""
    return '"' + "".join(_mark(mark) for mark in text) + '"'


def _mark(mark: str) -> str:
    if mark in _ESCAPES:
        return _ESCAPES[mark]
    if mark.isprintable():
        return mark
    code = ord(mark)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004


def regex(text: str) -> str:
    """Escape a text so that RE2 matches it and nothing else."""
    return "".join(f"\\{mark}" if mark in _SPECIAL else mark for mark in text)


def matchers(equal: Mapping[str, str], like: Mapping[str, str] | None = None) -> str:
    """Write the braces of a selector: labels that equal a text, then labels that match a regular expression."""
    said = [f"{label}={string(value)}" for label, value in equal.items()]
    said += [f"{label}=~{string(value)}" for label, value in (like or {}).items()]
    return "{" + ",".join(said) + "}" if said else ""


def series(name: str, labels: Mapping[str, str]) -> str:
    """Write one series with all its labels."""
    return f"{name}{matchers(labels)}"


def literal(text: str) -> str:
    """Make a text safe in an annotation, which Prometheus takes for a Go template."""
    return text.replace("{{", '{{ "{{" }}')


def pods(kind: str, name: str) -> tuple[str, str]:
    """Give the regular expression for the names of a controller's pods, and one that it matches.

    Suffixes as the controllers make them: a hash and five characters, an ordinal, or a number of minutes.
    """
    if len(name) > _LONGEST and kind != "Pod":
        return f"{regex(name[:_LONGEST])}.*", name[:63]
    stem = regex(name)
    if kind == "Pod":
        return stem, name
    if kind == "StatefulSet":
        return f"{stem}-[0-9]+", f"{name}-0"
    if kind == "Deployment":
        return f"{stem}-[a-z0-9]+-[a-z0-9]+", f"{name}-5d4f8c7b9-x2x7q"
    if kind == "CronJob":
        return f"{stem}-[0-9]+-[a-z0-9]+", f"{name}-29384640-x2x7q"
    return f"{stem}-[a-z0-9]+", f"{name}-x2x7q"
