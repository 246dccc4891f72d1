"""Variables of a script whose value stands in it: literals assigned once, and defaults (POSIX.1 Shell Command Language, 2.6.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from oomconf.dialects._commands import Step
from oomconf.dialects._shell import Command, Redirection, Word, script
from oomconf.dialects._templates import is_templated

__all__ = ["Variables", "resolved", "variables"]

Variables = Mapping[str, Word]
"""Values by name, each with the place where it is assigned."""

_EXPANSION: Final = re.compile(r"\$(?:([A-Za-z_]\w*|[0-9])|\{([A-Za-z_]\w*|[0-9]+)(?::?[-=]([^{}$`\"']*))?\})")
_ASSIGNMENT: Final = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<more>\+?)=(?P<value>.*)", re.DOTALL)
_DECLARE: Final = frozenset({"export", "readonly", "declare", "typeset", "local"})
_SET: Final = frozenset({"read", "mapfile", "readarray", "getopts", "unset", "for", "select", "printf", "let"})
_SOURCED: Final = frozenset({".", "source", "eval"})


def variables(text: str, path: str) -> Variables:
    """Find the variables that one line of a script, at no depth, sets to what stands there; none if it runs other files in itself."""
    said: dict[str, list[Word | None]] = {}
    for command in script(text, path):
        if command.words and command.words[0].text in _SOURCED:
            return {}
        for name, value in _assigned(command):
            said.setdefault(name, []).append(value)
    found: dict[str, Word] = {}
    for name, values in said.items():
        value = _resolved(values[0], found) if len(values) == 1 and values[0] is not None else None
        if value is not None and value.known:
            found[name] = value
    return found


def _assigned(command: Command) -> Iterator[tuple[str, Word | None]]:
    words = command.words
    first = words[0].text if words else ""
    if first in _SET:
        yield from ((word.text, None) for word in words[1:])
        return
    plain = all(_ASSIGNMENT.match(word.text) for word in words)
    for word in words if plain or first in _DECLARE else ():
        found = _ASSIGNMENT.fullmatch(word.text)
        if found is not None:
            certain = words[0].at.column == 1 and not found["more"] and first != "local"
            yield found["name"], replace(word, text=found["value"]) if certain else None


def resolved(step: Step, known: Variables) -> Step:
    """Put the values of variables into a step where all of a word's are known."""

    def all_of(words: list[Word]) -> list[Word]:
        return [_resolved(word, known) for word in words]

    def redirection(one: Redirection) -> Redirection:
        return replace(one, target=_resolved(one.target, known)) if one.operator == "<<<" else one

    return replace(
        step,
        words=all_of(step.words),
        source=all_of(step.source),
        assigned=all_of(step.assigned),
        redirections=[redirection(one) for one in step.redirections],
    )


def _resolved(word: Word, known: Variables) -> Word:
    if word.known or "$" not in word.text:
        return word
    used: list[Word] = []

    def one(found: re.Match[str]) -> str:
        value = known.get(found[1] or found[2])
        used.extend(() if value is None else (value,))
        return value.text if value is not None else found[3] or found[0]

    text = _EXPANSION.sub(one, word.text)
    # unquoted, a blank makes several words of it
    if is_templated(text) or any(mark in text for mark in "$`*?[ \t\n"):
        return word
    return replace(word, text=text, known=True, source=used[0].at if used else None)
