"""The runtimes of a workload, by what its environment and its command line say of heaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from oomconf.dialect import Entry
from oomconf.location import NOWHERE, Location
from oomconf.policy import Amount, Runtime, Setting
from oomconf.runtimes import KNOWN, Hint, effective, read_command, read_environment

__all__ = ["ADJUST_FILE", "Placed", "adjust_file", "heard", "said"]

ADJUST_FILE: Final = "PG_OOM_ADJUST_FILE"

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
) -> tuple[tuple[Runtime, ...], list[Entry]]:
    """Give the heaps that count and those that their program does not take, and beside them an entry of each that it refuses.

    `at` stands where a word has no place of its own; `image` names the program where a command is flags alone.
    """
    named = {name: variables[name][0] for name in KNOWN if name in variables}
    found = [(hint, variables[hint.knob][1]) for hint in read_environment(named)] if named else []
    for words in commands:
        hints = read_command([text for text, _ in words], image=image or "")
        found += [(hint, _place(hint, words, at)) for hint in hints]
    if not found:
        return (), []
    winners = {id(hint) for hint in effective(hint for hint, _ in found)}
    entries = [
        Entry(dialect, thing, "runtime", hint.knob, hint.text, place, hint.fault, hint.remedy)
        for hint, place in found
        if hint.fault is not None and (id(hint) in winners or _is_refused(hint))
    ]
    return said(found), entries


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
