"""Finding what to lint: specs, raw files that a reader is for, and what is passed over, each with the reason."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from oomconf.dialect import Document
from oomconf.dialects._common import is_rendered
from oomconf.dialects._yaml import Mapping, compose
from oomconf.errors import InputError
from oomconf.host import STDIN
from oomconf.host.files import Disk, absence, begins_with, is_folder, is_spec_name, read_text, walk
from oomconf.host.ignores import Ignores
from oomconf.host.tree import MANIFEST
from oomconf.repository import dialect_of, dialect_of_path, is_yaml

__all__ = ["Collected", "collect", "reason", "tree_around"]

RENDERED: Final = "rendered by oomconf: its spec is linted instead"
_OURS: Final = re.compile(r"^version: *1 *$", re.MULTILINE)
_KEYS_OF_SPECS: Final = frozenset({"hosts", "slices", "namespaces", "include"})
_FOREIGN: Final = frozenset({"apiVersion", "kind"})


@dataclass(slots=True)
class Collected:
    """Inputs of a run, each path once and in the order found."""

    specs: dict[str, Disk] = field(default_factory=dict)
    """Each with what was read of it, for standard input can be read but once."""
    raw: dict[str, Document] = field(default_factory=dict)
    passed: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Inputs that should have been examined and could not be."""


def collect(
    paths: tuple[str, ...], exclude: Sequence[str] = (), *, gitignore: bool = True, seen: Callable[[], None] | None = None
) -> Collected:
    """Sort named files and the files below named folders; a folder that cannot be entered is among the unreadable.

    `exclude` are patterns of gitignore(5) from the named folder; they and `.gitignore` speak of what a walk finds, not of named files.
    `seen` is called for every file.
    """
    found = Collected()
    for path in paths:
        absent = "" if path == STDIN else absence(path)
        if absent:
            found.unreadable[path] = absent
        elif path != STDIN and is_folder(path):
            root = path.rstrip("/") or path
            for below in walk(root, Ignores(root, exclude, gitignore=gitignore), found.unreadable.__setitem__):
                if seen is not None:
                    seen()
                if not _is_alias(below, root):
                    _walked(below, found)
        else:
            _named(path, found)
    return found


def tree_around(paths: tuple[str, ...], exclude: Sequence[str] = (), *, gitignore: bool = True) -> Collected:
    """Collect the rest of the git tree that named files are of, from the folder of the call down; nothing where a folder was named."""
    here = Path.cwd()
    in_git = any(os.path.exists(folder / ".git") for folder in (here, *here.parents))  # noqa: PTH110
    if not in_git or not paths or any(path == STDIN or is_folder(path) for path in paths):
        return Collected()
    if not all(Path(path).resolve().is_relative_to(here.resolve()) for path in paths):
        return Collected()
    around = collect((".",), exclude, gitignore=gitignore)
    # a walk gives no other names of what is below it, so its paths are compared as they are
    real = here.resolve()
    known = {str(path.relative_to(real)) for path in (Path(one).resolve() for one in paths) if path.is_relative_to(real)}
    around.raw = {path: document for path, document in around.raw.items() if path not in known}
    around.specs = {path: disk for path, disk in around.specs.items() if path not in known}
    return around


def _is_alias(path: str, root: str) -> bool:
    """Whether it is another name of a file that the walk finds itself: what it says would be reported twice."""
    # no link that leads to itself: those are no files
    return os.path.islink(path) and Path(path).resolve().is_relative_to(Path(root).resolve())  # noqa: PTH114 -- of every file: pathlib is slow


def _walked(path: str, found: Collected) -> None:
    if is_spec_name(path):
        found.specs.setdefault(path, Disk((path,)))
    elif not path.endswith(MANIFEST) and path not in found.raw:
        sure = dialect_of_path(path) is not None
        if not sure and not is_yaml(path) and not _has_shebang(path):
            return
        try:
            document = Document(path, read_text(path))
        except InputError as error:
            # of a file that only its content could have told, nobody knows whether it speaks of memory
            (found.unreadable if sure else found.passed)[path] = reason(path, error)
            return
        if is_rendered(document.text):
            found.passed[path] = RENDERED
        elif sure or dialect_of(document) is not None:
            found.raw[path] = document


def _has_shebang(path: str) -> bool:
    """Whether a file without an ending may be a script."""
    return "." not in path.rpartition("/")[2] and begins_with(path, b"#!")


def _named(path: str, found: Collected) -> None:
    disk = Disk((path,))
    try:
        document = disk.named(path)
    except InputError as error:
        found.unreadable[path] = reason(path, error)
        return
    if is_rendered(document.text):
        found.passed[path] = RENDERED
    elif is_spec_name(path) or (dialect_of(document) is None and (is_yaml(path) or path == STDIN) and _looks_like_a_spec(document.text)):
        found.specs.setdefault(path, disk)
    elif dialect_of(document) is not None:
        found.raw[path] = document
    else:
        found.passed[path] = "no reader knows what it is"


def reason(path: str, error: InputError) -> str:
    """What an error says beside the path."""
    return str(error).removeprefix(path).removeprefix(": ").removeprefix(":")


def _looks_like_a_spec(text: str) -> bool:
    """A file that is no YAML, or whose top level has a key of the spec, is for the loader to judge."""
    if _OURS.search(text) and "apiVersion" not in text:
        return True
    documents, faults = compose(text)
    if faults or not documents:
        return True
    root = documents[0].root
    if not isinstance(root, Mapping):
        return False
    dialect = getattr(root.get("version"), "text", "1")
    return not _FOREIGN & set(root) and (dialect == "1" or bool(_KEYS_OF_SPECS & set(root)))
