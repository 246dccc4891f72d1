"""Heaps that a script tells its programs, and those that an image of a Dockerfile has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from oomconf.dialect import Document, Entry
from oomconf.dialects._commands import Step
from oomconf.dialects._hints import Placed, heard
from oomconf.dialects._image import image
from oomconf.dialects._shell import Word
from oomconf.dialects._templates import is_filled_in
from oomconf.dialects.script.writes import Write
from oomconf.location import whole_file
from oomconf.runtimes import is_program

__all__ = ["built", "php", "told"]

_PHP_LIMIT: Final = re.compile(r"^[ \t]*memory_limit[ \t]*=(?P<value>[^;\n]*)", re.MULTILINE)
_PHP_SIZE: Final = re.compile(r"-?[0-9]+[ ]*[KMGkmg]?")


def told(step: Step, name: str) -> list[Entry]:
    """Give what a step's programs refuse of its environment, exported or before the command, and of its own words."""
    exports = step.words[1:] if step.words and step.words[0].text == "export" else ()
    variables = dict(_variables([*(step.assigned if step.words else ()), *exports]))
    command = [(word.text, word.at) for word in step.words] if step.words and is_program(step.words[0].text) else []
    if not variables and not command:
        return []
    return heard("script", name, variables, [command] if command else ())[1]


def _variables(words: Iterable[Word]) -> Iterator[tuple[str, Placed]]:
    for word in words:
        name, equals, value = word.text.partition("=")
        # a command's output is as unknown as a variable
        if equals and "`" not in value:
            yield name, (value, word.at)


def php(write: Write, name: str) -> Iterator[Entry]:
    """Note a memory_limit written for PHP that it does not take: a number with K, M or G at most (measured on PHP 8.2)."""
    found = _PHP_LIMIT.search(write.text or "")
    if found is None or is_filled_in(found["value"]) or "$" in found["value"]:
        return
    value = found["value"].strip("\"' \t")
    if _PHP_SIZE.fullmatch(value) is None:
        fault = f"'{value[:40]}' is no size to PHP, which keeps the limit that it had"
        yield Entry(
            "script", name, "runtime", "memory_limit", value, write.value.at, fault, "write a whole number with K, M or G, such as 512M"
        )


def built(document: Document) -> list[Entry]:
    """Give what the programs of an image refuse of its ENV, ENTRYPOINT and CMD."""
    made = image(document)
    words = [*made.entrypoint, *made.command]
    name = document.path.rpartition("/")[2]
    return heard("script", name, made.variables, [words] if words else (), at=whole_file(document.path), direct=made.direct)[1]
