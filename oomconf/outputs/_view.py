"""What an output is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oomconf.engine import Report
from oomconf.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A report, the texts that it speaks of by path, and what was run on what."""

    report: Report
    texts: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule[Any], ...] = ()
    specs: int = 0
    files: int = 0
    version: str = ""
    colour: bool = False
