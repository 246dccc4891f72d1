"""Makefiles and the jobs of CI: what they run, of which the faults of single commands are told and nothing of a host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from oomconf.dialect import Document
from oomconf.dialects._commands import Step, steps
from oomconf.dialects._entries import unparsed
from oomconf.dialects._script_kind import may_speak
from oomconf.dialects._shell import Word
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence, compose
from oomconf.dialects.script.inside import ran, text_of
from oomconf.dialects.script.says import Said

__all__ = ["jobs", "makefile", "workflow"]

_PREFIXES: Final = "@-+ \t"
_SCRIPTS: Final = ("before_script", "script", "after_script")
_SHELLS: Final = ("", "bash", "sh")
_DEEPEST: Final = 10


def makefile(document: Document, said: Said) -> None:
    """Take the commands of recipes, each line for itself, as make runs them (GNU make: Recipe Execution)."""
    for number, recipe in _recipes(document.text.split("\n")):
        if may_speak(recipe):
            for step in steps("\n" * (number - 1) + recipe, document.path):
                said.take(step)


def _recipes(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Give each recipe line, joined with those that it goes on in, with blanks for what is make's."""
    begin, rows = 0, list[str]()
    goes_on = False
    for number, line in enumerate(lines, 1):
        is_recipe = bool(rows) or (line.startswith("\t") and not goes_on)
        goes_on = line.rstrip("\r").endswith("\\")
        if not is_recipe:
            continue
        bare = line if rows else line.lstrip(_PREFIXES)
        begin = begin if rows else number
        rows.append(bare.rjust(len(line)))
        if not goes_on:
            yield begin, "\n".join(rows)
            rows = []
    if rows:
        yield begin, "\n".join(rows)


def workflow(document: Document, said: Said) -> None:
    """Take the steps of a GitHub workflow or action, and the options of its containers."""
    lines = document.text.split("\n")
    for root in _roots(document, said):
        for steps_of in _steps(root):
            for step in steps_of if isinstance(steps_of, Sequence) else ():
                shell = text_of(step, "shell").partition(" ")[0].rpartition("/")[2]
                if isinstance(step, Mapping) and shell in _SHELLS:
                    for one in ran(step.get("run"), lines):
                        said.take(one)
        for container in _containers(root):
            options = container.get("options")
            if isinstance(options, Scalar):
                said.take(_created(options, text_of(container, "image") or "image"))


def _jobs(root: Node) -> Iterator[Mapping]:
    named = root.get("jobs") if isinstance(root, Mapping) else None
    for job in named.values() if isinstance(named, Mapping) else ():
        if isinstance(job, Mapping):
            yield job


def _steps(root: Node) -> Iterator[Node | None]:
    runs = root.get("runs") if isinstance(root, Mapping) else None
    yield runs.get("steps") if isinstance(runs, Mapping) else None
    yield from (job.get("steps") for job in _jobs(root))


def _containers(root: Node) -> Iterator[Mapping]:
    for job in _jobs(root):
        services = job.get("services")
        for one in (job.get("container"), *(services.values() if isinstance(services, Mapping) else ())):
            if isinstance(one, Mapping):
                yield one


def _created(options: Scalar, image: str) -> Step:
    """What the runner makes of `options`: `docker create OPTIONS IMAGE`."""
    words = [word for step in steps(f"docker create {options.text}", options.at.path) for word in step.words]
    return Step([replace(word, at=options.at) for word in (*words, Word(image, options.at))])


def jobs(document: Document, said: Said) -> None:
    """Take the scripts of GitLab's jobs."""
    lines = document.text.split("\n")
    for root in _roots(document, said):
        for job in (root, *root.values()) if isinstance(root, Mapping) else ():
            for key in _SCRIPTS:
                for item in _items(job.get(key) if isinstance(job, Mapping) else None, 0):
                    for step in ran(item, lines):
                        said.take(step)


def _items(node: Node | None, depth: int) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    for item in node if isinstance(node, Sequence) and depth < _DEEPEST else ():
        yield from _items(item, depth + 1)


def _roots(document: Document, said: Said) -> Iterator[Node]:
    found, faults = compose(document.text, path=document.path)
    said.entries += unparsed("script", document.path, faults)
    yield from (one.root for one in found if one.root is not None)
