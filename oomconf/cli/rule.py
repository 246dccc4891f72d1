"""oomconf rule: the page of one or all rules."""

from __future__ import annotations

import sys
from difflib import get_close_matches

from oomconf import rules
from oomconf.cli import EXIT_CALL, EXIT_FINE

_USAGE = """usage: oomconf rule [ID ...] [--all]

Without ID: every rule with its severity and summary. With IDs: their pages, with examples. --all: every page.
"""


def run(words: list[str]) -> int:
    if any(word in ("-h", "--help") for word in words):
        print(_USAGE, end="")
        return EXIT_FINE
    known = rules.names()
    chosen = list(known) if "--all" in words else [word for word in words if word != "--all"]
    if not chosen:
        width = max((len(name) for name in known), default=0)
        for found in rules.discover():
            print(f"{found.id:<{width}}  {found.severity.word:<7}  {found.summary}")
        return EXIT_FINE
    code = EXIT_FINE
    for number, name in enumerate(chosen):
        one = rules.find(name)
        if one is None:
            near = get_close_matches(name, known, n=1)
            print(f"oomconf: there is no rule '{name[:80]}'" + (f"; did you mean '{near[0]}'?" if near else ""), file=sys.stderr)
            code = EXIT_CALL
            continue
        needs = f"; needs {', '.join(one.needs)}" if one.needs else ""
        print(f"{chr(10) if number else ''}# {one.id}\n\nseverity: {one.severity.word}{needs}\n\n{page(one.page)}")
    return code


def page(text: str) -> str:
    """A page for people: the mark of the expected line becomes words."""
    return text.replace("⟵", "  ← found here").rstrip()
