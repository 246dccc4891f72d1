"""One rule a module; found by name, never registered."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from oomconf.rule import Rule


@cache
def names() -> tuple[str, ...]:
    """Ids of all rules in order, without importing one."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def find(name: str) -> Rule[Any] | None:
    """Import one rule by its id; None if there is none of that name."""
    if name not in names():
        return None
    found: Rule[Any] = getattr(import_module(f"{__name__}.{name.replace('-', '_')}"), name.replace("-", "_"))
    return found


def discover() -> Iterator[Rule[Any]]:
    """Import all rules, in order of their ids."""
    for name in names():
        found = find(name)
        if found is not None:
            yield found
