"""What `kustomize build` makes of the kustomizations of a tree, as far as it bears on memory: every object with its patches applied."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from oomconf.dialect import Document, Entry, Nested
from oomconf.dialects._kubernetes_files import is_kustomization
from oomconf.dialects._nested import relocate, written_in
from oomconf.dialects._yaml import Mapping, Node, Scalar, compose
from oomconf.dialects._yaml import Sequence as Items
from oomconf.dialects.kubernetes.documents import manifests
from oomconf.dialects.kubernetes.nodes import inside, objects, text
from oomconf.dialects.kubernetes.patching import operated, strategic
from oomconf.dialects.kubernetes.pods import pods

__all__ = ["Build", "Builds", "builds"]

_MOST_WORK: Final = 1_000_000
_WORK_PER_FILE: Final = 1000
_MOST_OPERATIONS: Final = 1000
_DEEPEST: Final = 32
# What kustomize knows the merge keys of; lists in objects of any other kind are replaced (kyaml/openapi)
_KNOWN_GROUPS: Final = ("", "apps", "batch", "extensions", "policy", "autoscaling")


@dataclass(frozen=True, slots=True)
class Build:
    """What one kustomization that no other one uses comes to."""

    folder: str
    objects: tuple[Mapping, ...]
    entries: tuple[Entry, ...]
    paths: frozenset[str]
    """The files that it is made of."""


@dataclass(frozen=True, slots=True)
class Builds:
    """All builds of a tree, the files that they use up, and the patches inside of kustomizations that found nothing to patch."""

    found: tuple[Build, ...] = ()
    taken: frozenset[str] = frozenset()
    nested: tuple[Nested, ...] = ()


@dataclass(slots=True)
class _Object:
    """An object on its way through overlays."""

    node: Mapping
    names: frozenset[str]
    """All that it was called, which patches may name it by."""
    paths: frozenset[str]
    weight: int
    """Its nodes: what a patch costs."""

    @property
    def kind(self) -> str:
        return text(self.node.get("kind"))

    @property
    def group(self) -> str:
        return text(self.node.get("apiVersion")).rpartition("/")[0]

    def patched(self, node: Mapping, path: str) -> _Object:
        return replace(self, node=node, paths=self.paths | {path})


@dataclass(frozen=True, slots=True)
class _Patch:
    """A patch and the objects that it is for."""

    root: Mapping | Items
    target: Mapping | None
    source: str
    """Its file; for one that stands in the kustomization, that and its place."""
    path: str

    def fits(self, thing: _Object) -> bool:
        if self.target is not None:
            return _selects(self.target, thing)
        root = self.root
        if (
            not isinstance(root, Mapping)
            or text(root.get("kind")) != thing.kind
            or text(inside(root, "metadata", "name")) not in thing.names
        ):
            return False
        own, other = text(inside(root, "metadata", "namespace")), text(inside(thing.node, "metadata", "namespace"))
        return text(root.get("apiVersion")).rpartition("/")[0] == thing.group and (not own or not other or own == other)

    def apply(self, thing: _Object) -> Mapping | None:
        if isinstance(self.root, Items):
            return operated(thing.node, self.root) if len(self.root) <= _MOST_OPERATIONS else None
        if text(self.root.get("$patch")) == "delete":
            return Mapping()
        identity = {key: thing.node[key] for key in ("apiVersion", "kind") if key in thing.node}
        made = strategic(thing.node, self.root, by_name=thing.group in _KNOWN_GROUPS or thing.group.endswith(".k8s.io"))
        name = inside(thing.node, "metadata", "name")
        metadata = made.get("metadata")
        if isinstance(metadata, Mapping) and isinstance(name, Scalar):
            identity["metadata"] = metadata.copy_with({**metadata, "name": name})
        return made.copy_with({**made, **identity})


@dataclass(slots=True)
class _Tree:
    """The documents, each read once, and what builds made of them."""

    documents: dict[str, Document]
    kustomizations: dict[str, Mapping]
    paths: dict[str, str]
    """The file of each folder's kustomization."""
    roots: dict[str, list[Node]] = field(default_factory=dict)
    inner: dict[str, tuple[Nested, bool]] = field(default_factory=dict)
    """Patches that stand in kustomizations, and whether one applied."""
    files: set[str] = field(default_factory=set)
    """Files that are used up: kustomizations, resources, and patches that applied."""
    entries: list[Entry] = field(default_factory=list)
    built: dict[str, list[_Object]] = field(default_factory=dict)
    left: int = 0
    """How many more nodes may be looked at: overlays of overlays multiply."""

    def read(self, path: str) -> list[Node]:
        """Give the roots of a file's documents; none if it is unknown or no YAML, for then it is read, and told of, by itself."""
        if path not in self.roots:
            document = self.documents.get(path)
            found, faults = ([], []) if document is None else manifests(document.text, path)
            self.roots[path] = [] if faults else [one.root for one in found if one.root is not None]
        return self.roots[path]

    def build(self, folder: str, above: tuple[str, ...] = ()) -> list[_Object]:
        """Give the objects of a kustomization, with its components and patches applied."""
        if folder in self.built:
            return self.built[folder]
        found: list[_Object] = []
        whole = self.kustomizations[folder]
        self.left -= 1
        if folder in above or len(above) > _DEEPEST or self.left < 0:
            return found
        self.files.add(self.paths[folder])
        way = (*above, folder)
        for ref in _refs(whole, "resources", "bases"):
            path = _resolved(folder, ref)
            if path in self.kustomizations:
                found += self.build(path, way)
            else:
                found += self.resources(path)
        for ref in _refs(whole, "components"):
            path = _resolved(folder, ref)
            if path in self.kustomizations and path not in way:
                self.files.add(self.paths[path])
                component = self.kustomizations[path]
                found += [thing for inner in _refs(component, "resources") for thing in self.resources(_resolved(path, inner))]
                found = self.changed(component, path, found)
        once = {id(thing.node): thing for thing in found}  # kustomize refuses an object that comes twice
        self.built[folder] = self.changed(whole, folder, list(once.values()))
        return self.built[folder]

    def resources(self, path: str) -> list[_Object]:
        roots = self.read(path)
        nodes = [node for root in roots for node in objects(root)]
        if nodes:
            self.files.add(path)
        found = [_Object(node, frozenset((text(inside(node, "metadata", "name")),)), frozenset((path,)), _weight(node)) for node in nodes]
        self.left -= sum(thing.weight for thing in found) + 1
        return found

    def changed(self, whole: Mapping, folder: str, things: list[_Object]) -> list[_Object]:
        for patch in self.patches(whole, folder):
            things = self.patch(patch, things)
        return _named(whole, things)

    def patch(self, patch: _Patch, things: list[_Object]) -> list[_Object]:
        result: list[_Object] = []
        applied = False
        self.left -= len(things)
        if self.left < 0:
            return []
        for thing in things:
            made = patch.apply(thing) if patch.fits(thing) else None
            if made is None:
                result.append(thing)
                continue
            applied = True
            self.left -= thing.weight
            if made:
                self.entries += _imageless(thing, made, patch)
                result.append(thing.patched(made, patch.path))
        if patch.source in self.inner:
            nested, was = self.inner[patch.source]
            self.inner[patch.source] = nested, was or applied
        elif applied:
            self.files.add(patch.source)
        return result

    def patches(self, whole: Mapping, folder: str) -> Iterator[_Patch]:
        """Give the patches of a kustomization in the order in which it applies them."""
        for key in ("patchesStrategicMerge", "patches", "patchesJson6902"):
            items = whole.get(key)
            for item in items if isinstance(items, Items) else ():
                target = inside(item, "target")
                said = item if isinstance(item, Scalar) else inside(item, "patch") or inside(item, "path")
                if not isinstance(said, Scalar):
                    continue
                is_inner = said is inside(item, "patch") or "\n" in said.text
                source, roots = self.inline(said, folder) if is_inner else (_resolved(folder, said.text), [])
                for root in roots or self.read(source):
                    if isinstance(root, Mapping | Items):
                        yield _Patch(root, target if isinstance(target, Mapping) else None, source, said.path if is_inner else source)

    def inline(self, said: Scalar, folder: str) -> tuple[str, list[Node]]:
        nested = written_in("patch.yaml", said, self.documents[self.paths[folder]].text.split("\n"))
        source = f"{nested.at.path}:{nested.at.line}:{nested.at.column}"
        self.inner.setdefault(source, (nested, False))
        if source not in self.roots:
            found, faults = compose(said.text, path=nested.at.path)
            self.roots[source] = [] if faults else [relocate(one.root, nested.at) for one in found if one.root is not None]
        return source, self.roots[source]


def builds(documents: Sequence[Document]) -> Builds:
    """Build every kustomization that is no part of another one; none where there is no kustomization. Never raises on content."""
    tree = _Tree({one.path: one for one in documents}, {}, {}, left=_MOST_WORK + _WORK_PER_FILE * len(documents))
    for document in documents:
        if is_kustomization(document.path):
            roots = tree.read(document.path)
            folder = posixpath.dirname(document.path)
            if len(roots) == 1 and isinstance(roots[0], Mapping):
                tree.kustomizations[folder] = roots[0]
                tree.paths[folder] = document.path
    found: list[Build] = []
    for folder in _tops(tree.kustomizations):
        tree.entries = []
        things = tree.build(folder)  # what a base has to say itself, the first overlay says for all
        if tree.left < 0:
            return Builds()
        if things:
            paths = frozenset(path for thing in things for path in thing.paths)
            found.append(Build(folder, tuple(thing.node for thing in things), tuple(dict.fromkeys(tree.entries)), paths))
    return Builds(tuple(found), frozenset(tree.files), tuple(nested for nested, applied in tree.inner.values() if not applied))


def _tops(kustomizations: dict[str, Mapping]) -> list[str]:
    """Give the folders that no other kustomization builds on; a component is nothing by itself."""
    below = {_resolved(folder, ref) for folder, whole in kustomizations.items() for ref in _refs(whole, "resources", "bases", "components")}
    return sorted(
        folder for folder, whole in kustomizations.items() if folder not in below and text(whole.get("kind")) in ("", "Kustomization")
    )


def _refs(whole: Mapping, *keys: str) -> Iterator[str]:
    for key in keys:
        items = whole.get(key)
        yield from (item.text for item in items if isinstance(item, Scalar)) if isinstance(items, Items) else ()


def _resolved(folder: str, ref: str) -> str:
    path = posixpath.normpath(posixpath.join(folder, ref))
    return "" if path == "." else path


def _named(whole: Mapping, things: list[_Object]) -> list[_Object]:
    """Apply `namespace`, `namePrefix`, `nameSuffix` and `replicas`."""
    things = list(things)
    namespace, prefix, suffix = whole.get("namespace"), text(whole.get("namePrefix")), text(whole.get("nameSuffix"))
    counts = {text(inside(item, "name")): inside(item, "count") for item in _items(whole.get("replicas"))}
    for number, thing in enumerate(things):
        metadata, spec = thing.node.get("metadata"), thing.node.get("spec")
        said: dict[str, Node] = {}
        name = inside(metadata, "name")
        if isinstance(metadata, Mapping) and isinstance(name, Scalar) and (prefix or suffix or isinstance(namespace, Scalar)):
            new = Scalar(f"{prefix}{name.text}{suffix}", path=name.path, start=name.start, end=name.end)
            place: dict[str, Node] = {"namespace": namespace} if isinstance(namespace, Scalar) else {}
            said["metadata"] = metadata.copy_with({**metadata, "name": new, **place})
        count = next((counts[known] for known in sorted(thing.names) if known in counts), None)
        if isinstance(spec, Mapping) and isinstance(count, Scalar):
            said["spec"] = spec.copy_with({**spec, "replicas": count})
        if said:
            made = thing.node.copy_with({**thing.node, **said})
            things[number] = replace(thing, node=made, names=thing.names | {text(inside(made, "metadata", "name"))})
    return things


def _weight(node: Node) -> int:
    stack, count = [node], 0
    while stack:
        one = stack.pop()
        count += 1
        stack += one.values() if isinstance(one, Mapping) else one if isinstance(one, Items) else ()
    return count


def _items(node: Node | None) -> Iterable[Node]:
    return node if isinstance(node, Items) else ()


def _imageless(thing: _Object, made: Mapping, patch: _Patch) -> Iterator[Entry]:
    """Note containers that a patch adds by mistake: a name that is not there makes a new container, which has no image."""
    if not isinstance(patch.root, Mapping):
        return
    known = {text(item.get("name")) for item in _containers(thing.node)}
    for item in _containers(made):
        name = item.get("name")
        if isinstance(name, Scalar) and name.text not in known and "image" not in item:
            label = f"{thing.kind}/{text(inside(thing.node, 'metadata', 'name'))}"
            yield Entry("kubernetes", label, ", ".join(sorted(known)), "containers", name.text, name.at, "adds a container", "", "patch")


def _containers(node: Mapping) -> Iterator[Mapping]:
    for pod in pods(node, text(node.get("kind"))):
        for key in ("containers", "initContainers"):
            yield from (item for item in _items(pod.spec.get(key)) if isinstance(item, Mapping))


def _selects(target: Mapping, thing: _Object) -> bool:
    """Whether the target of a patch names an object; what this cannot tell selects nothing (kustomize api/types/selector.go)."""
    version = text(thing.node.get("apiVersion")).rpartition("/")[2]
    exact = (("kind", thing.kind), ("group", thing.group), ("version", version))
    if any(text(target.get(key)) not in ("", value) for key, value in exact):
        return False
    spaces = frozenset((text(inside(thing.node, "metadata", "namespace")),))
    if not all(_matches(text(target.get(key)), values) for key, values in (("name", thing.names), ("namespace", spaces))):
        return False
    ways = (("labelSelector", "labels"), ("annotationSelector", "annotations"))
    return all(_labelled(text(target.get(key)), inside(thing.node, "metadata", way)) for key, way in ways)


def _matches(pattern: str, values: Iterable[str]) -> bool:
    """Whether an anchored regular expression of alternatives and `.*` matches; others match nothing, for theirs is another engine."""
    if not pattern:
        return True
    pattern = pattern.removeprefix("^").removesuffix("$")
    if pattern.startswith("(") and pattern.endswith(")"):
        pattern = pattern[1:-1]
    return any(_fits(alternative.split(".*"), value) for alternative in pattern.split("|") for value in values)


def _fits(parts: list[str], value: str) -> bool:
    if len(parts) == 1:
        return parts[0] == value
    first, *middle, last = parts
    if not value.startswith(first) or not value.endswith(last) or len(value) < len(first) + len(last):
        return False
    place, end = len(first), len(value) - len(last)
    for part in middle:
        place = value.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True


def _labelled(selector: str, labels: Node | None) -> bool:
    """Whether labels fit a selector of `key`, `!key`, `key=value` and `key!=value` (apimachinery: labels.Parse())."""
    for term in selector.split(",") if selector else ():
        key, sign, value = term.partition("!=") if "!=" in term else term.replace("==", "=").partition("=")
        found = inside(labels, key.strip().removeprefix("!"))
        has = isinstance(found, Scalar)
        if " in " in term or " notin " in term:
            return False
        if sign:
            if (text(found) == value.strip() and has) == (sign == "!="):
                return False
        elif has == key.strip().startswith("!"):
            return False
    return True
