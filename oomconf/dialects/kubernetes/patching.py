"""What a patch makes of an object: the strategic merge of kustomize and kubectl, and JSON patches (RFC 6902)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.dialects.kubernetes.nodes import inside, text
from oomconf.policy import Setting

__all__ = ["operated", "strategic"]

_DEEPEST: Final = 100
_LONGEST_POINTER: Final = 64
# patchMergeKey of the lists that a pod holds (k8s.io/api core/v1/types.go); every other list is replaced as a whole
_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "ports": "containerPort",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
}


class _MisfitError(Exception):
    """An operation that kustomize refuses."""


def strategic(below: Mapping, above: Mapping, *, by_name: bool = True, depth: int = 0) -> Mapping:
    """Lay a patch over an object; both stay as they are.

    Mappings merge, null removes, lists of named things merge by name and the others are replaced; with `by_name` off, as for objects of
    kinds that kustomize does not know, all lists are (RFC 7386).
    """
    directive = text(above.get("$patch"))
    if directive == "replace" or depth > _DEEPEST:
        return _without_directives(above)
    result: dict[str, Node] = dict(below)
    keys = dict(below.keys_at)
    for key, node in above.items():
        if key.startswith("$"):
            continue
        base = below.get(key)
        if (isinstance(node, Scalar) and node.is_null) or (isinstance(node, Mapping) and text(node.get("$patch")) == "delete"):
            result.pop(key, None)
            continue
        keys[key] = above.keys_at.get(key, node if isinstance(node, Scalar) else keys.get(key, Scalar(key)))
        if isinstance(node, Mapping) and isinstance(base, Mapping):
            result[key] = strategic(base, node, by_name=by_name, depth=depth + 1)
        elif isinstance(node, Sequence) and isinstance(base, Sequence) and by_name and key in _KEYS:
            result[key] = base.copy_with(_listed(base, node, _KEYS[key], depth))
        else:
            result[key] = _over(node, base)
    whole = below.copy_with(result)
    whole.keys_at = keys
    whole.duplicates = [*below.duplicates, *above.duplicates]
    return whole


def _over(node: Node, base: Node | None) -> Node:
    if isinstance(node, Scalar) and isinstance(base, Scalar):
        return node.with_beat((Setting(base.text, base.at, text=base.text), *base.beat))
    return _without_directives(node) if isinstance(node, Mapping) else node


def _without_directives(node: Mapping) -> Mapping:
    if not any(key.startswith("$") for key in node):
        return node
    return node.copy_with({key: value for key, value in node.items() if not key.startswith("$")})


def _listed(below: Sequence, above: Sequence, key: str, depth: int) -> list[Node]:
    if any(text(inside(item, "$patch")) == "replace" for item in above):
        return [item for item in above if text(inside(item, "$patch")) != "replace"]
    # kustomize puts the patch's items first (kyaml/yaml/merge2: ListIncreaseDirection), which tells later operations by index apart
    known = {text(inside(item, key)): item for item in reversed(below)}
    result: list[Node] = []
    for item in above:
        base = known.pop(text(inside(item, key)), None)
        if text(inside(item, "$patch")) == "delete":
            continue
        merges = isinstance(base, Mapping) and isinstance(item, Mapping)
        result.append(strategic(base, item, depth=depth + 1) if merges else item)  # type: ignore[arg-type]
    return [*result, *(item for item in below if text(inside(item, key)) in known)]


def operated(below: Mapping, operations: Iterable[Node]) -> Mapping | None:
    """Apply the operations of a JSON patch in order; None where one does not fit, which ends the build."""
    whole: Node = below
    try:
        for operation in operations:
            whole = _operate(whole, operation)
    except _MisfitError:
        return None
    return whole if isinstance(whole, Mapping) else None


def _operate(whole: Node, operation: Node) -> Node:
    verb, steps = text(inside(operation, "op")), _steps(operation, "path")
    value = inside(operation, "value")
    if verb in ("move", "copy"):
        origin = _steps(operation, "from")
        value = _at(whole, origin)
        whole = _changed(whole, origin, _removed) if verb == "move" else whole
        verb = "add"
    if verb == "test":
        found = _at(whole, steps)
        if isinstance(found, Scalar) and isinstance(value, Scalar) and found.text != value.text:
            raise _MisfitError
        return whole
    if verb == "remove":
        return _changed(whole, steps, _removed)
    if verb not in ("add", "replace") or value is None:
        raise _MisfitError
    return _changed(whole, steps, _setter(value, inserts=verb == "add"))


def _steps(operation: Node, key: str) -> list[str]:
    pointer = text(inside(operation, key))
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    if not pointer.startswith("/") or not steps or len(steps) > _LONGEST_POINTER:
        raise _MisfitError
    return steps


def _at(node: Node, steps: Iterable[str]) -> Node:
    for step in steps:
        found = node.get(step) if isinstance(node, Mapping) else node[_index(node, step)] if isinstance(node, Sequence) else None
        if found is None:
            raise _MisfitError
        node = found
    return node


def _index(items: Sequence, step: str, *, most: int | None = None) -> int:
    if not step.isascii() or not step.isdigit() or len(step) > 6 or int(step) >= (len(items) if most is None else most):  # noqa: PLR2004
        raise _MisfitError
    return int(step)


def _changed(node: Node, steps: list[str], change: Callable[[Mapping | Sequence, str], Node]) -> Node:
    """Copy the way to a place, and change the node that holds it."""
    if not isinstance(node, Mapping | Sequence):
        raise _MisfitError
    if len(steps) == 1:
        return change(node, steps[0])
    below = _changed(_at(node, steps[:1]), steps[1:], change)
    if isinstance(node, Mapping):
        return node.copy_with({**node, steps[0]: below})
    number = _index(node, steps[0])
    return node.copy_with([*node[:number], below, *node[number + 1 :]])


def _removed(node: Mapping | Sequence, step: str) -> Node:
    _at(node, [step])
    if isinstance(node, Mapping):
        return node.copy_with({key: value for key, value in node.items() if key != step})
    number = _index(node, step)
    return node.copy_with([*node[:number], *node[number + 1 :]])


def _setter(value: Node, *, inserts: bool) -> Callable[[Mapping | Sequence, str], Node]:
    def put(node: Mapping | Sequence, step: str) -> Node:
        if not inserts:
            _at(node, [step])
        if isinstance(node, Mapping):
            whole = node.copy_with({**node, step: _over(value, node.get(step))})
            whole.keys_at.setdefault(step, Scalar(step, path=value.path, start=value.start, end=value.end))
            return whole
        number = len(node) if step == "-" and inserts else _index(node, step, most=len(node) + inserts)
        return node.copy_with([*node[:number], value, *node[number + (not inserts) :]])

    return put
