"""What lint says and writes of fixes."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping

from oomconf.cli import EXIT_FINDINGS, EXIT_FINE
from oomconf.errors import WriteError
from oomconf.finding import Finding
from oomconf.fixes import Fixed
from oomconf.host.files import rewrite
from oomconf.safe import clean

__all__ = ["show", "write"]

_MOST_SAID = 3


def write(fixed: Fixed, texts: Mapping[str, str]) -> dict[str, str]:
    """Put fixed texts into their files; gives those that were written."""
    written: dict[str, str] = {}
    for path, text in sorted(fixed.texts.items()):
        try:
            rewrite(path, texts[path], text)
            written[path] = text
        except WriteError as error:
            print(f"oomconf: {error}", file=sys.stderr)
    made = sum(one.at.path in written for one in fixed.findings)
    print(f"fixed {_number(made, 'finding')} in {_number(len(written), 'file')}", file=sys.stderr)
    _left(fixed)
    return written


def show(fixed: Fixed, texts: Mapping[str, str]) -> int:
    """Print what --fix would change; gives the exit code."""
    for path, text in sorted(fixed.texts.items()):
        lines = difflib.unified_diff(texts[path].splitlines(keepends=True), text.splitlines(keepends=True), f"a/{path}", f"b/{path}")
        for line in lines:
            sys.stdout.write(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    sys.stdout.flush()
    print(f"{_number(len(fixed.findings), 'finding')} in {_number(len(fixed.texts), 'file')} would be fixed", file=sys.stderr)
    _left(fixed)
    return EXIT_FINDINGS if fixed.texts else EXIT_FINE


def _left(fixed: Fixed) -> None:
    if fixed.left:
        print(f"{len(fixed.left)} left alone:", file=sys.stderr)
        for one in fixed.left:
            print(f"  {one.at}: {one.rule}{_then(fixed.uncovered.get(one, []))}", file=sys.stderr)


def _then(found: list[Finding]) -> str:
    """Say what would be found if a fix were made, or why it cannot be made."""
    said = dict.fromkeys(f"'{clean(one.message)}' [{one.rule}]" for one in found)
    more = f", and {len(said) - _MOST_SAID} more" if len(said) > _MOST_SAID else ""
    if not said:
        return ": it cannot be put into the text as it stands there, so change it by hand"
    return f": then {', '.join(list(said)[:_MOST_SAID])}{more}"


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
