"""`kubectl set resources` as a command: the amounts that it sets, with the API server's own quantities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from oomconf.dialect import Entry
from oomconf.dialects._shell import Word
from oomconf.quantity import SizeError
from oomconf.quantity import kubernetes as grammar

__all__ = ["resources"]

_FLAGS: Final = ("--limits", "--requests")


def resources(words: Sequence[Word]) -> Iterator[Entry]:
    """Judge the memory of `kubectl set resources TYPE/NAME --limits=cpu=1,memory=1Gi`."""
    plain = [word.text for word in words[1:] if not word.text.startswith("-")]
    if ("set", "resources") not in pairwise(plain):
        return
    thing = next((text for text in plain[plain.index("resources") + 1 :] if "=" not in text), "kubectl")
    for index, word in enumerate(words):
        flag, equals, text = word.text.partition("=")
        if flag not in _FLAGS:
            continue
        said = replace(word, text=text) if equals else words[index + 1] if index + 1 < len(words) else word
        for pair in said.text.split(",") if said.known else ():
            name, _, amount = pair.partition("=")
            if name == "memory":
                fault, hint = _fault(amount)
                yield Entry("script", thing, flag.lstrip("-"), "memory", amount, said.at, fault, hint)


def _fault(text: str) -> tuple[str, str]:
    try:
        found = grammar.quantity(text)
    except SizeError as error:
        return f"is refused: {error.message}", error.hint
    if found.fractional:
        return f"is a fraction of a byte, rounded up to {found.bytes}", "in Kubernetes m is a thousandth; say Mi"
    return "", ""
