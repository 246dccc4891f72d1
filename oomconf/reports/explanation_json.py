"""An explanation as JSON, version 1; it only grows. Sizes are bytes, `max` is no limit, null is not known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from oomconf.explanation import Bound, Explained, Explanation, Line
from oomconf.location import Location
from oomconf.quantity import INFINITY

__all__ = ["render"]


def render(found: Sequence[Explanation]) -> str:
    """Write all that was asked for."""
    return json.dumps({"version": 1, "explained": [_one(one) for one in found]}, indent=2, ensure_ascii=True) + "\n"


def _one(found: Explanation) -> dict[str, Any]:
    return {
        "name": found.name,
        "kind": found.kind,
        "state": found.state or None,
        "cgroup": found.cgroup or None,
        "files": list(found.files),
        "settings": {one.field: _setting(one) for one in found.settings},
        "notes": list(found.notes),
        "unseen": list(found.unseen),
    }


def _setting(one: Explained) -> dict[str, Any]:
    return {
        "word": one.word,
        "value": _value(one.value),
        "by": one.by or None,
        "lines": [_line(line) for line in one.lines],
        "loaded": _value(one.loaded),
        "files": _value(one.files),
        "bound": None if one.bound is None else _bound(one.bound),
        "notes": list(one.notes),
    }


def _value(value: int | str | None) -> int | str | None:
    return "max" if isinstance(value, int) and value >= INFINITY else int(value) if isinstance(value, int) else value


def _line(line: Line) -> dict[str, Any]:
    return {**_place(line.at), "text": line.text, "fate": line.fate, "why": line.why or None}


def _place(at: Location | None) -> dict[str, Any]:
    if at is None:
        return {"path": None, "line": None, "column": None}
    return {"path": at.path or None, "line": at.line or None, "column": at.column or None}


def _bound(bound: Bound) -> dict[str, Any]:
    return {
        "by": bound.by or None,
        "value": _value(bound.value),
        **_place(bound.at),
        "used": bound.used,
        "room": _value(bound.room),
        "room_by": bound.room_by or None,
    }
