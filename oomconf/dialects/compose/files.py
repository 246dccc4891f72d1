"""Compose files as trees: documents merged, `<<` and `extends` applied."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from oomconf.dialect import Document, Sources
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence, YamlFault, compose, merged
from oomconf.policy import Setting

STEMS = ("compose", "docker-compose")
_DEEPEST = 100
_MOST_EXTENDED = 16
_RESET = "!reset"
_LIMITS = ("mem_limit", "memory")
_HOLDERS = ("deploy", "resources", "limits")


class Loaded(NamedTuple):
    """A file's documents merged in order, None where it is no mapping; why it is no YAML; and its documents in which a key stands twice."""

    tree: Mapping | None
    faults: tuple[YamlFault, ...]
    doubled: tuple[Node, ...]


def overlaid(paths: Iterable[str]) -> dict[str, list[str]]:
    """Give each base file with those whose name has a further part, as compose.override.yaml, and that are read over it."""
    bases: dict[tuple[str, str], str] = {}
    over: list[tuple[str, str, str]] = []
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        stem, _, rest = name.rpartition(".")[0].partition(".")
        (over.append((folder, stem, path)) if rest else bases.setdefault((folder, stem), path))
    found: dict[str, list[str]] = {path: [] for path in bases.values()}
    for folder, stem, path in over:
        # -f compose.yaml -f docker-compose.prod.yml
        base = next((bases[folder, other] for other in (stem, *STEMS) if (folder, other) in bases), None)
        found.setdefault(path, []) if base is None else found[base].append(path)
    return found


def load(document: Document) -> Loaded:
    """Read a file. Never raises."""
    documents, faults = compose(document.text, path=document.path)
    whole: Mapping | None = None
    for one in documents:
        if isinstance(one.root, Mapping):
            root = _applied(one.root, 0)
            whole = root if whole is None else overlay(whole, root)
    return Loaded(whole, tuple(faults), tuple(one.root for one in documents if one.has_duplicates and one.root is not None))


def _applied(node: Mapping, depth: int) -> Mapping:
    """Apply `<<`, which is shallow: a key of the mapping's own hides the anchor's whole value."""
    own = merged(node) if "<<" in node else node
    if depth > _DEEPEST:
        return own
    return own.copy_with({key: _applied(value, depth + 1) if isinstance(value, Mapping) else value for key, value in own.items()})


def overlay(base: Mapping, top: Mapping, depth: int = 0) -> Mapping:
    """Merge as compose does: mappings deep, lists joined, scalars replaced.

    null leaves what is below, `!reset` removes it, `!override` puts itself in the place of it all. Of a limit that is taken away
    the word that does it stays, tagged `!reset`, with the limit as what it beat.
    """
    result: dict[str, Node] = dict(base)
    keys = dict(base.keys_at)
    for key, node in top.items():
        below = base.get(key)
        tag = node.tag or ""
        if below is not None and isinstance(node, Scalar) and node.is_null:
            continue
        keys[key] = top.keys_at.get(key, keys.get(key))  # type: ignore[assignment]
        if tag == _RESET:
            gone = _removed(node, key, below)
            result.pop(key, None)
            result |= {} if gone is None else {key: gone}
        elif isinstance(node, Mapping) and isinstance(below, Mapping) and depth < _DEEPEST:
            result[key] = overlay(_losses(node, below) if tag == "!override" else below, node, depth + 1)
        elif isinstance(node, Sequence) and isinstance(below, Sequence) and tag != "!override":
            result[key] = node.copy_with([*below, *node])
        elif isinstance(node, Scalar) and isinstance(below, Scalar):
            result[key] = node.with_beat((Setting(below.text, below.at, text=below.text), *below.beat))
        else:
            result[key] = node
    whole = top.copy_with(result)
    whole.keys_at = keys
    return whole


def _removed(word: Node, key: str, below: Node | None) -> Node | None:
    """What stays of a value that a word takes away: its limits, each as the word itself."""
    if isinstance(below, Scalar) and key in _LIMITS:
        beat = (Setting(below.text, below.at, text=below.text), *below.beat)
        return Scalar("", tag=_RESET, path=word.path, start=word.start, end=word.end, beat=beat)
    return (_losses(word, below) or None) if isinstance(below, Mapping) and key in _HOLDERS else None


def _losses(word: Node, below: Mapping) -> Mapping:
    gone = {key: left for key, value in below.items() if (left := _removed(word, key, value)) is not None}
    made = below.copy_with(dict(gone))
    made.path, made.start, made.end, made.tag, made.duplicates = word.path, word.start, word.end, _RESET, []
    made.keys_at = {key: below.keys_at[key] for key in gone}
    return made


def _without_resets(node: Mapping, depth: int = 0) -> Mapping:
    """Leave out what `!reset` asks to leave out; a limit that it took from a file below stays."""
    kept: dict[str, Node] = {}
    for key, value in node.items():
        left = _without_resets(value, depth + 1) if isinstance(value, Mapping) and depth < _DEEPEST else value
        if value.tag != _RESET or (isinstance(left, Scalar) and left.beat) or (isinstance(left, Mapping) and left):
            kept[key] = left
    if all(kept.get(key) is value for key, value in node.items()):
        return node
    whole = node.copy_with(kept)
    whole.keys_at = {key: at for key, at in node.keys_at.items() if key in kept}
    return whole


def services(root: Mapping, path: str, sources: Sources) -> dict[str, tuple[Mapping, Scalar]]:
    """Give the services of a tree by name, `extends` applied, each with its key."""
    found: dict[str, tuple[Mapping, Scalar]] = {}
    files = _Files(sources)
    node = root.get("services")
    for name, value in node.items() if isinstance(node, Mapping) else ():
        if isinstance(value, Mapping) and isinstance(node, Mapping) and value.tag != _RESET:
            whole = _extended(value, root, path, files, 0)
            found[name] = (_without_resets(whole), node.keys_at[name])
    return found


class _Files:
    """Files that services extend, each read once."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.trees: dict[str, Mapping | None] = {}

    def get(self, path: str) -> Mapping | None:
        if path not in self.trees:
            document = self.sources.get(path)
            self.trees[path] = None if document is None else load(document).tree
        return self.trees[path]


def _extended(service: Mapping, root: Mapping, path: str, files: _Files, depth: int) -> Mapping:
    extends = service.get("extends")
    if extends is None or depth > _MOST_EXTENDED:
        return service
    name, file = (extends.text, None) if isinstance(extends, Scalar) else (_text(extends, "service"), _text(extends, "file"))
    if file is not None:
        path = str(PurePosixPath(path).parent / file)
        loaded = files.get(path)
        if loaded is None:
            return service
        root = loaded
    node = root.get("services")
    parent = node.get(name) if isinstance(node, Mapping) and name is not None else None
    if not isinstance(parent, Mapping):
        return service
    return overlay(_extended(parent, root, path, files, depth + 1), service)


def _text(node: Node, key: str) -> str | None:
    value = node.get(key) if isinstance(node, Mapping) else None
    return value.text if isinstance(value, Scalar) else None


def inside(node: Node | None, *keys: str) -> Node | None:
    """Walk down mappings by keys; None where the way ends."""
    for key in keys:
        if not isinstance(node, Mapping):
            return None
        node = node.get(key)
    return node
