"""The runtimes of a workload, by what its environment and its command line say of heaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from oomconf.dialect import Entry
from oomconf.location import NOWHERE, Location
from oomconf.policy import Amount, Runtime, Setting
from oomconf.runtimes import (
    JVM_VARIABLES,
    KNOWN,
    PRODUCT_VARIABLES,
    SCRIPT_VARIABLES,
    Hint,
    effective,
    read_command,
    read_environment,
    starts_java,
)

__all__ = ["ADJUST_FILE", "Placed", "adjust_file", "heard", "said", "unheard", "variable_of"]

ADJUST_FILE: Final = "PG_OOM_ADJUST_FILE"

_VARIABLE: Final = re.compile(r"\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\})")
Placed = tuple[str, Location]
"""A word or a value with its place."""


def adjust_file(variables: Mapping[str, Placed]) -> Setting[str] | None:
    """Give PG_OOM_ADJUST_FILE of an environment."""
    found = variables.get(ADJUST_FILE)
    return None if found is None else Setting(found[0], found[1], text=found[0])


def heard(
    dialect: str,
    thing: str,
    variables: Mapping[str, Placed],
    commands: Iterable[Sequence[Placed]] = (),
    *,
    at: Location = NOWHERE,
    image: str | None = None,
    direct: bool = False,
) -> tuple[tuple[Runtime, ...], list[Entry]]:
    """Give the heaps that count and those that their program does not take, and beside them an entry of each that it refuses.

    `at` stands where a word has no place of its own; `image` names the program where a command is flags alone. `direct` says that
    the commands are what is started, with no entrypoint of an image before them and no shell that would expand their variables.
    """
    commands = tuple(commands)
    named = {name: variables[name][0] for name in (*KNOWN, *PRODUCT_VARIABLES) if name in variables}
    found = [(hint, variable_of(hint, variables)[1]) for hint in read_environment(named, image=image or "")] if named else []
    for words in commands:
        hints = read_command([text for text, _ in words], image=image or "")
        found += [(hint, _place(hint, words, at)) for hint in hints]
    lost = [one for words in commands for one in unheard(dialect, thing, variables, words)] if direct else []
    found = [one for one in found if one[0].knob not in {entry.key for entry in lost}]
    lost += [one for words in commands for one in _unexpanded(dialect, thing, words)] if direct else []
    if not found:
        return (), lost
    winners = {id(hint) for hint in effective(hint for hint, _ in found)}
    entries = [
        Entry(dialect, thing, "runtime", hint.knob, hint.text, place, hint.fault, hint.remedy)
        for hint, place in found
        if hint.fault is not None and (id(hint) in winners or _is_refused(hint))
    ]
    return said(found), [*entries, *lost]


def unheard(dialect: str, thing: str, variables: Mapping[str, Placed], words: Sequence[Placed]) -> Iterator[Entry]:
    """Note heaps in variables of start scripts where java itself is started, which does not read them."""
    if starts_java([text for text, _ in words]) is None:
        return
    named = {name: variables[name][0] for name in SCRIPT_VARIABLES if name in variables}
    for hint in read_environment(named) if named else ():
        if not any(hint.knob in text for text, _ in words):
            yield Entry(dialect, thing, "unheard", hint.knob, hint.text, variable_of(hint, variables)[1])


def _unexpanded(dialect: str, thing: str, words: Sequence[Placed]) -> Iterator[Entry]:
    start = starts_java([text for text, _ in words])
    for text, place in words[start:] if start is not None else ():
        if _VARIABLE.fullmatch(text):
            fault = f"'{text[:60]}' is not expanded, since no shell reads it: java takes it for the name of a class"
            yield Entry(dialect, thing, "runtime", "java", text, place, fault, f'write ["sh", "-c", "exec java {text[:60]} …"]')
        if not text.startswith("-") or text == "-jar":
            return


def variable_of(hint: Hint, variables: Mapping[str, Placed]) -> Placed:
    """Give the variable that says a hint of the environment."""
    if hint.knob in variables:
        return variables[hint.knob]
    said = [variables[name] for name in (*JVM_VARIABLES, *SCRIPT_VARIABLES) if name in variables]
    return next((one for one in said if _bare(hint.text) in _bare(one[0])), said[0])


def _bare(text: str) -> str:
    return re.sub("[\"']", "", text)


def _place(hint: Hint, words: Sequence[Placed], at: Location) -> Location:
    # a flag and its value may be two words
    wanted = hint.text.split()[-1:]
    return next((place for text, place in words if wanted and wanted[0] in text), at)


def said(found: Sequence[tuple[Hint, Location]]) -> tuple[Runtime, ...]:
    """Say hints in the policy's words: those that are in force, then as present but ignored those that stop or miss their program."""
    winners = {id(hint) for hint in effective(hint for hint, _ in found)}
    refused = {id(hint) for hint, _ in found if _is_refused(hint)}
    return tuple(_runtime(hint, at) for hint, at in found if id(hint) in winners or id(hint) in refused)


def _is_refused(hint: Hint) -> bool:
    return hint.fault is not None and hint.heap is None and hint.percent is None


def _runtime(hint: Hint, at: Location) -> Runtime:
    value: Amount | None = hint.heap if hint.heap is not None else hint.percent
    heap: Setting[Amount] | None = None if hint.arenas is not None else Setting(value, at, text=hint.text)
    return Runtime(kind=hint.kind, at=at, heap=heap, arenas=hint.arenas, knob=hint.knob)
