"""Where each value in force comes from: the line that set it, those it beat, and the ancestor that limits it."""

from __future__ import annotations

from oomconf.explanation.build import explain, units_of
from oomconf.explanation.find import Target, find
from oomconf.explanation.nouns import Bound, Explained, Explanation, Line

__all__ = ["Bound", "Explained", "Explanation", "Line", "Target", "explain", "find", "units_of"]
