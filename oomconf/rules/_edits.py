"""Edits that several rules offer."""

from __future__ import annotations

import re
from typing import Final

from oomconf.dialect import Entry
from oomconf.finding import Edit

__all__ = ["suggested"]

_SUGGESTION: Final = re.compile(r"did you mean ([A-Za-z0-9_.%:-]+)=?\?")
_EXACT: Final = ("systemd", "quadlet", "sysctl", "compose", "kubernetes", "kubelet")
"""Dialects whose entries point at the value, or the key, and at nothing else."""


def suggested(entry: Entry, old: str) -> tuple[Edit, ...]:
    """Put the only suggestion in the place of what it is for, the key or the value; nothing where there are several, or none."""
    found = _SUGGESTION.fullmatch(entry.hint)
    # a variable's value is mended where it is set
    if found is None or entry.dialect not in _EXACT or "$" in entry.value or entry.at.line != entry.at.end_line:
        return ()
    return (Edit(entry.at, found[1], old),)
