"""Variables that containers take from ConfigMaps beside them (core/v1: EnvVarSource, EnvFromSource)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oomconf.dialect import Document
from oomconf.dialects._hints import Placed
from oomconf.dialects._yaml import Mapping, Node, Scalar
from oomconf.dialects._yaml import Sequence as Items
from oomconf.dialects.kubernetes.documents import manifests
from oomconf.dialects.kubernetes.nodes import inside, objects, text

__all__ = ["ConfigMaps", "found_in"]


class ConfigMaps:
    """ConfigMaps by namespace and name; one that is there twice is not known."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, str], Node | None] = {}

    def add(self, thing: Mapping) -> None:
        """Take an object, if it is one."""
        if text(thing.get("kind")) == "ConfigMap":
            key = text(inside(thing, "metadata", "namespace")) or "default", text(inside(thing, "metadata", "name"))
            self._data[key] = None if key in self._data else thing.get("data")

    def variables(self, container: Mapping, namespace: str | None) -> Iterator[tuple[str, Placed]]:
        """Give what a container takes from them, `envFrom` first, which its `env` overrides."""
        if not self._data:
            return
        for source in _items(container.get("envFrom")):
            data = self._named(inside(source, "configMapRef", "name"), namespace)
            for name, value in data.items():
                if isinstance(value, Scalar):
                    yield text(source.get("prefix")) + name, (value.text, value.at)
        for one in _items(container.get("env")):
            reference = inside(one, "valueFrom", "configMapKeyRef")
            said = self._named(inside(reference, "name"), namespace).get(text(inside(reference, "key")))
            if isinstance(said, Scalar):
                yield text(one.get("name")), (said.text, said.at)

    def _named(self, name: Node | None, namespace: str | None) -> Mapping:
        data = self._data.get((namespace or "default", text(name)))
        return data if isinstance(data, Mapping) else Mapping()


def found_in(documents: Sequence[Document]) -> ConfigMaps:
    """Find the ConfigMaps of files, where any of them refers to one."""
    maps = ConfigMaps()
    if any("configMapRef" in document.text or "configMapKeyRef" in document.text for document in documents):
        for document in documents:
            if "ConfigMap" in document.text:
                for one in manifests(document.text, document.path)[0]:
                    for thing in objects(one.root):
                        maps.add(thing)
    return maps


def _items(node: Node | None) -> Iterator[Mapping]:
    yield from (one for one in node if isinstance(one, Mapping)) if isinstance(node, Items) else ()
