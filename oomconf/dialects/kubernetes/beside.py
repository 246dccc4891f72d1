"""What manifests say of memory, and beside it in the same objects, that a policy has no word for: import lists it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.dialects.kubernetes.nodes import inside, text

__all__ = ["of_autoscaler", "of_limit_range", "of_pod", "of_quota"]

_RANGE: Final = ("defaultRequest", "default", "min", "max")
_KEPT: Final = ("memory", "cpu", "hugepages", "ephemeral")
_QUOTA: Final = ("requests.memory", "memory", "limits.memory", "pods")


def of_limit_range(thing: Mapping, name: str) -> Iterator[Entry]:
    """Give the values of other resources and of other types, and the namespace where it is not said."""
    yield from _homeless(thing, name)
    limits = inside(thing, "spec", "limits")
    for item in limits if isinstance(limits, Sequence) else ():
        kind = text(inside(item, "type"))
        for section, values in item.items() if isinstance(item, Mapping) else ():
            for key, value in values.items() if isinstance(values, Mapping) else ():
                if isinstance(value, Scalar) and not (kind == "Container" and section in _RANGE and key == "memory"):
                    yield _entry(name, f"{kind} {section}.{key}", value)


def of_quota(thing: Mapping, name: str) -> Iterator[Entry]:
    """Give what else is counted, and which pods are."""
    yield from _homeless(thing, name)
    hard = inside(thing, "spec", "hard")
    for key, value in hard.items() if isinstance(hard, Mapping) else ():
        if key not in _QUOTA and isinstance(value, Scalar) and any(word in key for word in _KEPT):
            yield _entry(name, f"hard.{key}", value)
    for key in ("scopes", "scopeSelector"):
        said = inside(thing, "spec", key)
        if said is not None:
            yield Entry("kubernetes", name, "beside", key, "", said.at, kind="beside")


def of_pod(spec: Mapping, name: str) -> Iterator[Entry]:
    """Give the resources of the pod as a whole."""
    for section in ("limits", "requests"):
        values = inside(spec, "resources", section)
        for key, value in values.items() if isinstance(values, Mapping) else ():
            if isinstance(value, Scalar) and key in ("memory", "cpu"):
                yield _entry(name, f"resources.{section}.{key} of the pod", value)


def of_autoscaler(thing: Mapping, name: str) -> Iterator[Entry]:
    """Give the bounds within which a VerticalPodAutoscaler changes requests and limits."""
    policies = inside(thing, "spec", "resourcePolicy", "containerPolicies")
    for one in policies if isinstance(policies, Sequence) else ():
        for bound in ("minAllowed", "maxAllowed"):
            value = inside(one, bound, "memory")
            if isinstance(value, Scalar):
                yield _entry(name, f"{bound}.memory", value)


def _homeless(thing: Mapping, name: str) -> Iterator[Entry]:
    if not text(inside(thing, "metadata", "namespace")):
        yield Entry("kubernetes", name, "homeless", "namespace", "", thing.at, kind="beside")


def _entry(name: str, key: str, value: Node) -> Entry:
    return Entry("kubernetes", name, "beside", key, text(value), value.at, kind="beside")
