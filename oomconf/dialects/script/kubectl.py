"""Commands of kubectl and helm that set memory: the amounts, with the API server's own quantities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from oomconf.dialect import Entry
from oomconf.dialects._shell import Word
from oomconf.dialects._yaml import Mapping, Node, Scalar, compose
from oomconf.dialects._yaml import Sequence as Items
from oomconf.quantity import SizeError
from oomconf.quantity import kubernetes as grammar

__all__ = ["charted", "patched", "resources"]

_FLAGS: Final = ("--limits", "--requests")
_PATCHES: Final = ("-p", "--patch")
_SETS: Final = ("--set", "--set-string")
_SET: Final = re.compile(r"(?:^|,)((?:[^,=]*\.)?resources\.(limits|requests)\.memory)=([^,]*)")
_PATH: Final = re.compile(r"/resources/(limits|requests)/memory$")
_MOST: Final = 1000


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


def patched(words: Sequence[Word]) -> Iterator[Entry]:
    """Judge the memory of `kubectl patch TYPE NAME -p '{…}'`."""
    if "patch" not in [word.text for word in words[1:] if not word.text.startswith("-")][:1]:
        return
    for said in _values(words, _PATCHES):
        if said.known:
            for one in compose(said.text)[0]:
                for section, amount in _amounts(one.root):
                    yield Entry("script", "kubectl patch", section, "memory", amount, said.at, *_fault(amount))


def _amounts(root: Node | None) -> Iterator[tuple[str, str]]:
    stack: list[Node] = [] if root is None else [root]
    for _ in range(_MOST):
        if not stack:
            return
        node = stack.pop()
        if isinstance(node, Items):
            stack += node
        elif isinstance(node, Mapping):
            stack += node.values()
            path, value, held = node.get("path"), node.get("value"), node.get("resources")
            found = _PATH.search(path.text) if isinstance(path, Scalar) else None
            if found is not None and isinstance(value, Scalar):
                yield found[1], value.text
            for section in ("limits", "requests"):
                part = held.get(section) if isinstance(held, Mapping) else None
                amount = part.get("memory") if isinstance(part, Mapping) else None
                if isinstance(amount, Scalar) and not amount.is_null:
                    yield section, amount.text


def charted(words: Sequence[Word]) -> Iterator[Entry]:
    """Judge the memory of `helm --set resources.limits.memory=1Gi`."""
    for said in _values(words, _SETS):
        for key, section, amount in _SET.findall(said.text) if said.known else ():
            if amount and amount != "null":
                yield Entry("script", key, section, "memory", amount, said.at, *_fault(amount))


def _values(words: Sequence[Word], flags: tuple[str, ...]) -> Iterator[Word]:
    for index, word in enumerate(words):
        flag, equals, text = word.text.partition("=")
        if flag in flags and (equals or index + 1 < len(words)):
            yield replace(word, text=text) if equals else words[index + 1]


def _fault(text: str) -> tuple[str, str]:
    try:
        found = grammar.quantity(text)
    except SizeError as error:
        return f"is refused: {error.message}", error.hint
    if found.fractional:
        return f"is a fraction of a byte, rounded up to {found.bytes}", "in Kubernetes m is a thousandth; say Mi"
    return "", ""
