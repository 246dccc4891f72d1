"""Jinja templates of files: the same text, line for line, without what the engine does in it."""

from __future__ import annotations

import json
import re
from typing import Final

from oomconf.dialect import Document, Nested
from oomconf.dialects._single import LINES, VALUES
from oomconf.dialects._yaml import compose
from oomconf.location import Location

__all__ = ["part", "plain_name"]

_END: Final = ".j2"
_PLAIN: Final = re.compile(
    r"(?:^|/)(?:[^/]+\.(?:service|slice|container)|[^/]+\.(?:service|slice|container)\.d/[^/]+\.conf"
    r"|(?:docker-)?compose[^/]*\.ya?ml|daemon\.json|(?:[^/]+/)*sysctl\.d/[^/]+\.conf|sysctl\.conf)\.j2$"
)
_CONTROL: Final = re.compile(r"\{#.*?#\}|\{%.*?%\}", re.DOTALL)
_VALUE: Final = re.compile(r"\{\{.*?\}\}+", re.DOTALL)
_OTHERS: Final = re.compile(r"\{%[-+]?\s*(?:include|import|from|extends|macro|call|block|for|raw)\b")
"""Controls that bring in lines of elsewhere, or the same lines again."""
_OPENS: Final = re.compile(r"\{%[-+]?\s*(if|end\w+)\b")
_STAND_IN: Final = re.compile(r"__X{2,}__")
_STRING: Final = re.compile(r'("(?:\\.|[^"\\\n])*")|__X{2,}__')
_NARROWEST: Final = 6


def plain_name(path: str) -> str | None:
    """The name of the file that a template of this name becomes; None if the name does not say."""
    return path.removesuffix(_END) if _PLAIN.search(path) is not None else None


def part(source: Document, path: str) -> Nested | None:
    """Make of a template the file of this path of which single lines can be judged; None if it is not of its format without the engine."""
    is_yaml, is_json = path.endswith((".yml", ".yaml")), path.endswith(".json")
    text = _blanked(source.text, comment="" if is_yaml or is_json else "#")
    if is_json:
        text = _STRING.sub(lambda found: found[1] or "null".ljust(len(found[0])), text)
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return None
    elif is_yaml and compose(text, path=source.path)[1]:
        return None
    kept = VALUES if is_yaml or is_json or not _is_steady(source.text, text) else LINES
    return Nested(Document(path, text), Location(source.path, 1, 1, 1, 1), kept)


def _blanked(text: str, comment: str) -> str:
    """A stand-in for each expression; a line of controls alone, which goes with its end, becomes a comment."""
    rows = _CONTROL.sub(lambda found: re.sub(r"[^\n]", "\0", found[0]), text)
    rows = _VALUE.sub(lambda found: "\n".join(_stand_in(row) for row in found[0].split("\n")), rows)
    return "\n".join(_row(row, comment) for row in rows.split("\n"))


def _row(row: str, comment: str) -> str:
    """A line without controls; in YAML one of a single expression, which may be any lines, says nothing either."""
    bare = row.strip("\0 \t\r")
    if (not bare and "\0" in row) or (not comment and _STAND_IN.fullmatch(bare) is not None):
        return comment
    return re.sub("\0+", lambda found: _stand_in(found[0]), row)


def _stand_in(text: str) -> str:
    width = max(len(text), _NARROWEST)
    return f"__{'X' * (width - 4)}__"


def _is_steady(source: str, blanked: str) -> bool:
    """Whether each line is known to stand in the section whose header is above it."""
    if _OTHERS.search(source) is not None:
        return False
    depth = 0
    for written, row in zip(source.split("\n"), blanked.split("\n"), strict=True):
        bare = row.strip()
        if _STAND_IN.fullmatch(bare) is not None or (bare.startswith("[") and (depth or _STAND_IN.search(bare) is not None)):
            return False
        depth += sum(1 if found[1] == "if" else -1 for found in _OPENS.finditer(written))
    return True
