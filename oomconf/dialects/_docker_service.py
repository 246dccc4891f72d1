"""`docker service create` and `update`: the sizes that the client refuses (docker/cli: cli/command/service/opts.go)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from oomconf.dialect import Entry
from oomconf.dialects._shell import Word
from oomconf.quantity import SizeError, docker

__all__ = ["service"]

_FLAGS: Final = ("--limit-memory", "--reserve-memory")


def service(words: Sequence[Word]) -> Iterator[Entry]:
    """Judge the sizes of a command of `docker service`; none for any other."""
    verbs = [word.text for word in words[1:] if not word.text.startswith("-")]
    if words[0].text.rpartition("/")[2] != "docker" or not any(
        pair in (("service", "create"), ("service", "update")) for pair in pairwise(verbs)
    ):
        return
    for index, word in enumerate(words):
        flag, equals, text = word.text.partition("=")
        if flag not in _FLAGS or (not equals and index + 1 == len(words)):
            continue
        said = replace(word, text=text) if equals else words[index + 1]
        if said.known:
            yield Entry("docker", "service", "", flag, said.text, said.at, *_fault(said.text))


def _fault(text: str) -> tuple[str, str]:
    try:
        docker.parse(text)
    except SizeError as error:
        return error.message, error.hint
    return "", ""
