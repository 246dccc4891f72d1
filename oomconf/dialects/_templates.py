"""What a template engine, or a tool that fills in placeholders, puts into a text before its consumer sees it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["Expression", "expression", "has_expressions", "is_filled_in", "is_templated"]

_MARKS: Final = ("{{", "{%", "<%")
_VARIABLES: Final = ("${", "$(")
_PLACEHOLDER: Final = re.compile(r"@[A-Z][A-Z0-9_]*@|%[A-Z][A-Z0-9_]+%|__[A-Z][A-Z0-9_]*[A-Z0-9]__")
_ENDS: Final = {"{{": "}}", "{%": "%}", "{#": "#}", "<%": "%>"}
_LONGEST: Final = 1000
_CONTROL: Final = re.compile(r"\{[%#]|<%(?!=)|\{\{-?\s*(?:/\*|(?:if|range|with|else\s+if)\s|(?:else|end)\s*-?\}\})")


class Expression(NamedTuple):
    """A part of a text that is the engine's: where it ends, and whether it only steers what stands around it."""

    end: int
    is_control: bool


def expression(text: str, index: int) -> Expression | None:
    """Give the expression that begins at `index`: `{{ x }}`, `{% if x %}`, `{# x #}`, `<%= x %>`; None if none does."""
    mark = _ENDS.get(text[index : index + 2])
    end = -1 if mark is None else text.find(mark, index + 2, index + _LONGEST)
    if mark is None or end < 0 or text.find("\n", index, end) >= 0:
        return None
    end += 2
    while mark == "}}" and text[end : end + 1] == "}":
        end += 1
    return Expression(end, _CONTROL.match(text, index) is not None)


def has_expressions(text: str) -> bool:
    """Whether `expression` may find any in a text."""
    return any(mark in text for mark in _ENDS)


def is_templated(text: str) -> bool:
    """Whether a template engine, or a tool that replaces `@NAME@` and its like, puts something into a value."""
    return any(mark in text for mark in _MARKS) or _PLACEHOLDER.search(text) is not None


def is_filled_in(text: str) -> bool:
    """Whether a template engine or a substitution of `${NAME}` does, for consumers that know no such variables."""
    return is_templated(text) or any(mark in text for mark in _VARIABLES)
