"""Turn what pydantic says into problems at the line, with a hint."""

from __future__ import annotations

import types
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.finding import Problem
from oomconf.location import Location
from oomconf.spec.models import Spec
from oomconf.spec.placed import place

_WHOLE = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
}


def problems(error: ValidationError, root: Mapping) -> list[Problem]:
    """Give each error of a validation its place, the offending text and what is accepted there."""
    return [
        _problem(item["type"], item["loc"], item.get("ctx") or {}, root) for item in error.errors(include_url=False, include_input=False)
    ]


def _problem(kind: str, loc: tuple[int | str, ...], context: dict[str, Any], root: Mapping) -> Problem:
    if kind == "extra_forbidden":
        return _unknown_key(loc, root)
    if kind == "missing":
        node, at = find(root, loc[:-1])
        return Problem(at, f"{dotted(loc[:-1]) or 'the spec'} lacks '{loc[-1]}'", f"add '{loc[-1]}:'" + _alternatives(loc[:-1]))
    node, at = find(root, loc)
    if kind in _WHOLE:
        found = f"'{node.text[:60]}'" if isinstance(node, Scalar) else "a mapping" if isinstance(node, Mapping) else "a list"
        return Problem(at, f"{dotted(loc)}: expected {_WHOLE[kind]}, found {found}", _alternatives(loc).removeprefix("; "))
    message = str(context.get("message", kind))
    return Problem(at, f"{dotted(loc)}: {message}", str(context.get("hint", "")))


def _unknown_key(loc: tuple[int | str, ...], root: Mapping) -> Problem:
    parent, _ = find(root, loc[:-1])
    key = str(loc[-1])
    at = place(parent.keys_at[key]) if isinstance(parent, Mapping) and key in parent.keys_at else find(root, loc)[1]
    known = _keys(loc[:-1])
    near = get_close_matches(key, known, n=1, cutoff=0.6) or get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}" if known else ""
    return Problem(at, f"unknown key '{key[:80]}' in {dotted(loc[:-1]) or 'the spec'}", hint)


def _alternatives(loc: tuple[int | str, ...]) -> str:
    known = _keys(loc)
    return f"; known here: {', '.join(known)}" if known else ""


def dotted(loc: tuple[int | str, ...]) -> str:
    """Write a pointer as users say it: services.api.memory.max, swap[0].size."""
    out = ""
    for step in loc:
        out += f"[{step}]" if isinstance(step, int) else f".{step}" if out else step
    return out.replace(".swap.areas[", ".swap[").removesuffix(".swap.fact")


def find(root: Node, loc: tuple[int | str, ...]) -> tuple[Node, Location]:
    """Walk to the deepest node that exists; a mapping or list is placed at its key."""
    node: Node = root
    at = Location(getattr(root, "path", ""), root.line, root.column, root.end_line, root.end_column)
    for step in loc:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node:
            at = place(node.keys_at[step])
            node = node[step]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node):
            node = node[step]
            at = Location(node.path, node.line, node.column, node.end_line, node.end_column)
    return node, place(node) if isinstance(node, Scalar) else at


def without(error: ValidationError, root: Mapping) -> Mapping:
    """Copy a tree without what a validation refuses; a host, slice, namespace or service that is refused as a whole stays, empty."""
    return _cut(root, [_refused(item["type"], item["loc"], root) for item in error.errors(include_url=False, include_input=False)], 0)


def spans(error: ValidationError, root: Mapping) -> list[tuple[int, int]]:
    """Give the lines of each host, slice, namespace or service in which a validation refuses something."""
    found: list[tuple[int, int]] = []
    for item in error.errors(include_url=False, include_input=False):
        node, at = find(root, item["loc"][:2])
        found.append((at.line, max(node.end_line, at.end_line)))
    return found


def _refused(kind: str, loc: tuple[int | str, ...], root: Mapping) -> tuple[str, ...]:
    """The keys down to the node to blame; an item is cut with its whole list."""
    node: Node = root
    keys: list[str] = []
    for step in loc[:-1] if kind == "missing" else loc:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node:
            keys.append(step)
            node = node[step]
        elif isinstance(node, Sequence):
            break
    return tuple(keys)


def _cut(node: Mapping, paths: list[tuple[str, ...]], depth: int) -> Mapping:
    below: dict[str, list[tuple[str, ...]]] = {}
    for path in paths:
        if path:
            below.setdefault(path[0], []).append(path[1:])
    kept: dict[str, Node] = {}
    for key, value in node.items():
        inner = below.get(key)
        if inner is None:
            kept[key] = value
        elif () not in inner and isinstance(value, Mapping):
            kept[key] = _cut(value, inner, depth + 1)
        elif depth == 1:
            kept[key] = Mapping()
    return node.copy_with(kept)


def _keys(loc: tuple[int | str, ...]) -> list[str]:
    model = _model(loc)
    return [field.alias or name for name, field in model.model_fields.items()] if model is not None else []


def _model(loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    kind: Any = Spec
    for step in loc:
        kind = _bare(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names = {field.alias or name: field for name, field in kind.model_fields.items()}
            if step not in names:
                continue
            kind = names[str(step)].annotation
        elif get_origin(kind) in (dict, list):
            kind = get_args(kind)[-1]
        else:
            return None
    kind = _bare(kind)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _bare(kind: Any) -> Any:  # noqa: ANN401
    while get_origin(kind) in (Annotated, Union, types.UnionType):
        kind = next(argument for argument in get_args(kind) if argument is not type(None))
    return kind
