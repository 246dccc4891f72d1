"""The page of a written spec: its lines, and what stands beside them in comments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from oomconf.finding import Finding
from oomconf.importer.tree import Branch, Pointer, lines
from oomconf.policy import Workload

__all__ = ["Page", "plain", "written"]


def _nothing(text: str) -> Iterable[Finding]:  # noqa: ARG001
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a written spec says in comments, and who judges it."""

    head: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    """A comment beside the services of these objects."""
    beside: Mapping[Pointer, str] = field(default_factory=dict)
    """A comment beside these keys."""
    of_service: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """A comment beside a key of the service of this object."""
    judge: Callable[[str], Iterable[Finding]] = _nothing
    """What else may not be in the text: the lines of these findings are taken out."""
    bare: bool = False
    """Whether a service stands there though nothing is said of its memory."""


def written(tree: Branch, page: Page, names: Mapping[str, Workload]) -> tuple[str, list[Pointer]]:
    """Give the text, and for each of its lines the keys that lead to it."""
    about: dict[Pointer, str] = {("services", name): page.about[one.object] for name, one in names.items() if one.object in page.about}
    for (thing, key), text in page.of_service.items():
        about |= {("services", name, key): text for name, one in names.items() if one.object == thing}
    rows: list[tuple[str, Pointer]] = [(f"# {line}".rstrip(), ()) for line in page.head]
    for line, way in lines(tree, about={**about, **page.beside}):
        rows += [("", ())] if len(way) == 1 and way[0] != "version" else []
        rows.append((line, way))
    rows += [("", ()), *((f"# {line}".rstrip(), ()) for line in page.tail)] if page.tail else []
    return "".join(f"{line}\n" for line, _ in rows), [way for _, way in rows]


def plain(text: str) -> str:
    """Write a text for a comment: what does not print, a new line among it, becomes a question mark."""
    return "".join(mark if mark.isprintable() else "?" for mark in text)
