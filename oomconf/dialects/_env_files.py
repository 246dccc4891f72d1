"""Files of NAME=value lines: `.env`, `env_file` and EnvironmentFile=."""

from __future__ import annotations

from oomconf.dialect import Document
from oomconf.location import Location

__all__ = ["placed_variables"]


def placed_variables(document: Document) -> dict[str, tuple[str, Location]]:
    """Read NAME=value lines, each with the place of its value."""
    found: dict[str, tuple[str, Location]] = {}
    for number, line in enumerate(document.text.splitlines(), 1):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            value = value.strip()
            is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            column = line.index("=") + 2
            plain = value[1:-1] if is_quoted else value.partition(" #")[0].rstrip()
            found[name.strip()] = plain, Location(document.path, number, column, number, max(column + 1, len(line) + 1))
    return found
