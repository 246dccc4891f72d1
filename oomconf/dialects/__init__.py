"""One dialect a room; found by name, never registered."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from oomconf.dialect import Dialect


@cache
def names() -> tuple[str, ...]:
    """Names of all dialects in order, without importing one."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


@cache
def find(name: str) -> Dialect | None:
    """Import one dialect by its name; None if there is none."""
    if name not in names():
        return None
    dialect: Dialect = import_module(f"{__name__}.{name.replace('-', '_')}").DIALECT
    return dialect


def discover() -> tuple[Dialect, ...]:
    """Import all dialects, in order of their names."""
    return tuple(dialect for name in names() if (dialect := find(name)) is not None)
