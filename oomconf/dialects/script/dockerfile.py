"""What a Dockerfile runs while the image is made (Dockerfile reference: RUN)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Document
from oomconf.dialects._commands import Step, steps

__all__ = ["runs"]

_RUN: Final = re.compile(r"[ \t]*RUN[ \t]+((?:--\w[\w-]*=\S+[ \t]+)*)", re.IGNORECASE)
_HERE: Final = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1")


def runs(document: Document) -> Iterator[Step]:
    """Give the steps of every RUN in shell form; never raises."""
    yield from steps(_shell(document.text), document.path)


def _shell(text: str) -> str:
    """The same text in which all but the commands is blank, so that every word keeps its place."""
    out: list[str] = []
    running = continued = False
    until = ""
    for line in text.split("\n"):
        shown = line
        if until:
            out.append(line if line.strip() != until else "")
            until = "" if line.strip() == until else until
            continue
        if continued and line.lstrip().startswith("#"):
            out.append(" \\" if running else "")  # the builder takes comments out before it joins lines
            continue
        if not continued:
            found = _RUN.match(line)
            running = found is not None and not line[found.end() :].startswith("[")
            if found is not None:
                shown = " " * found.end() + line[found.end() :]
        continued = line.rstrip().endswith("\\")
        here = _HERE.match(shown.strip()) if running else None
        if here is not None:
            until, shown = here[2], ""
        out.append(shown if running else "")
    return "\n".join(out)
