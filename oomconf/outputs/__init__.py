"""Findings in the forms that people and machines read, one a file; none opens a file."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from oomconf.outputs._view import View

NAMES: Final = ("text", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown")


def write(name: str, view: View) -> str:
    """Make the output of this name; what no UTF-8 can say, as a path of other bytes, becomes '?'."""
    made: str = import_module(f"{__name__}.{name}").render(view)
    return made.encode("utf-8", "replace").decode()
