"""oomconf rule: the page of one or all rules."""

from __future__ import annotations

import re
import sys
from difflib import get_close_matches
from typing import Final

from oomconf import rules
from oomconf.cli import EXIT_CALL, EXIT_FINE

_FENCE: Final = re.compile(r"^```(\S+) (bad|good|with) (\S+)([^\n]*)$", re.MULTILINE)
_USAGE: Final = """usage: oomconf rule [ID ...] [--all] [--format text|markdown]

Without ID: every rule with its severity and summary. With IDs: their pages, with examples. --all: every page.
--format markdown: the same for a site; each page's heading is the rule's id.
"""


def run(words: list[str]) -> int:
    if any(word in ("-h", "--help") for word in words):
        print(_USAGE, end="")
        return EXIT_FINE
    form, words = _format(words)
    if form not in _FORMATS:
        print(f"oomconf: there is no format '{form[:80]}'; say one of {', '.join(_FORMATS)}", file=sys.stderr)
        return EXIT_CALL
    known = rules.names()
    chosen = list(known) if "--all" in words else words
    if not chosen:
        if form == "markdown":
            print("| rule | severity | finds |\n| --- | --- | --- |")
            for found in rules.discover():
                print(f"| `{found.id}` | {found.severity.word} | {found.summary} |")
            return EXIT_FINE
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
        print(f"{chr(10) if number else ''}# {one.id}\n\nseverity: {one.severity.word}{needs}\n\n{_FORMATS[form](one.page)}")
    return code


def _format(words: list[str]) -> tuple[str, list[str]]:
    """Take `--format F` or `--format=F` out of the words."""
    form, rest = "text", []
    waiting = iter(words)
    for word in waiting:
        if word == "--format":
            form = next(waiting, "")
        elif word.startswith("--format="):
            form = word.partition("=")[2]
        else:
            rest.append(word)
    return form, rest


def page(text: str) -> str:
    """A page for people: the mark of the expected line becomes words."""
    return text.replace("⟵", "  ← found here").rstrip()


def markdown(text: str) -> str:
    """A page for a site: an example's verdict and path stand above it, as no highlighter knows them behind the language."""

    def title(match: re.Match[str]) -> str:
        language, verdict, path, facts = match.groups()
        word = {"bad": "Found", "good": "Not found", "with": "beside it"}[verdict]
        return f"{word}, `{path}`{f' ({facts.strip()})' if facts.strip() else ''}:\n\n```{language}"

    return _FENCE.sub(title, page(text))


_FORMATS: Final = {"text": page, "markdown": markdown}
