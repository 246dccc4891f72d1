"""Jinja templates of units, sysctl.d, quadlets, compose files and daemon.json, read only: the lines that no expression fills in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from oomconf.dialect import Dialect, Document, Entry, Nested, Reading, Sources
from oomconf.dialects._jinja import part, plain_name
from oomconf.location import whole_file


def claims(path: str) -> bool:
    """Names that say what they become, as app.service.j2 does; the others are read where a task says their dest."""
    return plain_name(path) is not None


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read each template as the file that it becomes. Never raises."""
    nested: list[Nested] = []
    entries: list[Entry] = []
    for document in documents:
        path = plain_name(document.path)
        found = None if path is None else part(document, path)
        if found is not None:
            nested.append(found)
        elif path is not None:
            fault = "is not of its format without what the engine fills in"
            entries.append(Entry("jinja", document.path, "", "", "", whole_file(document.path), fault, kind="file"))
    return Reading(entries=tuple(entries), nested=tuple(nested))


DIALECT: Final = Dialect(
    name="jinja",
    summary="Jinja templates of units, sysctl.d, quadlets, compose files and daemon.json: read only",
    claims=claims,
    read=read,
    proven="by documentation: Jinja's own reference, and the readers of the files that they become",
)
