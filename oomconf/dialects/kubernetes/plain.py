"""Resources in Helm's templates that no expression fills in: all that can be read of a file that is no YAML before it is rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oomconf.dialects._nested import relocate
from oomconf.dialects._templates import has_expressions
from oomconf.dialects._yaml import Mapping, compose
from oomconf.dialects.kubernetes.parts import blocks
from oomconf.location import Location

__all__ = ["plain_blocks"]

_RESOURCES: Final = re.compile(r"^( *)resources:[ \t]*(?:#.*)?$|^( *)resources:[ \t]*\{[^{].*\}[ \t]*$")


def plain_blocks(text: str, path: str) -> Iterator[Mapping]:
    """Give each `resources` map of a template whose lines hold no expression; what else its container says is not known."""
    rows = text.split("\n")
    for number, row in enumerate(rows, 1):
        found = _RESOURCES.match(row)
        if found is None:
            continue
        indent = len(found[1] or found[2] or "")
        block = [row, *_below(rows[number:], indent)]
        if has_expressions("\n".join(block)):
            continue
        documents, faults = compose("\n".join(line[indent:] for line in block), path=path)
        for one in documents if not faults else ():
            if one.root is not None:
                yield from (resources for _, resources in blocks(relocate(one.root, Location(path, number, indent + 1, number, 1))))


def _below(rows: list[str], indent: int) -> Iterator[str]:
    for row in rows:
        if row.strip() and len(row) - len(row.lstrip(" ")) <= indent:
            return
        yield row
