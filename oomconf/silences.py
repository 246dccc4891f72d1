"""Requests to accept findings: comments in any file, and the faults of those that accept nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from oomconf.dialect import Document
from oomconf.finding import Edit, Finding, Severity
from oomconf.location import Location, whole_file

__all__ = ["Silence", "note", "silences_in", "speaks_of"]

_COMMENT: Final = re.compile(r"#\s*oomconf:\s*ignore\[([A-Za-z0-9_, -]*)\][ \t]*(.*)$")
_MEANT: Final = re.compile(
    r"""\#\s*oomconf
    (?: \s*:\s* (?: ignore(?![\w-]) | (?:ignor|disable|suppress|skip|allow|noqa|nolint)[\w-]*\s*[\[(] )
      | [ \t_-]+ ignore (?: d|s )? (?: \s*[\[(:=] | [ \t]*$ | [ \t]+[a-z]+(?:-[a-z]+)+(?![\w-]) )
    )""",
    re.VERBOSE | re.IGNORECASE,
)
"""What begins a comment that can only be meant as an ignore; `# oomconf ignores what git ignores` is prose."""
_SCRIPT_ENDS: Final = (".sh", ".bash")
_FORM: Final = "write # oomconf: ignore[rule-id] reason"
_BEHIND: Final = "put it alone on the line above"


@dataclass(frozen=True, slots=True)
class Silence:
    """A request to accept a finding: by line, or by object in the spec's `lint.ignore`."""

    rule: str
    reason: str
    at: Location
    line: int | None = None
    """The line it speaks of; None if it speaks of objects."""
    where: str | None = None
    until: int | None = None
    """The last line of a command that a shell joins from several."""
    removal: Edit | None = None
    """Takes the comment away, where it names this rule alone."""
    paths: frozenset[str] | None = None
    """The files that it speaks of; None if it speaks of lines, or of objects wherever they are."""
    fault: str = ""
    """What to write instead, where it is not written as an ignore is."""

    @classmethod
    def of_paths(cls, rule: str, reason: str, paths: frozenset[str]) -> Silence:
        """Accept a rule's findings in whole files."""
        return cls(rule, reason, whole_file("settings"), paths=paths)


def silences_in(document: Document) -> tuple[Silence, ...]:
    """Find `# oomconf: ignore[rule-id] reason`: alone on a line it speaks of the next line that says something, else of its own.

    A line that goes on behind a backslash is one with those that follow. What is plainly meant as an ignore and is not written as
    one is given with its fault.

    Only YAML has comments behind a value; in units and sysctl.d such a one is part of the value, and accepts nothing.
    """
    if "oomconf" not in document.text and "OOMCONF" not in document.text:
        return ()
    trailing = document.path.endswith((".yaml", ".yml")) or document.path.startswith("<")
    script = document.path.endswith(_SCRIPT_ENDS) or document.text.startswith("#!")
    lines = document.text.splitlines()
    found: list[Silence] = []
    for number, line in enumerate(lines, 1):
        match = _COMMENT.search(line)
        if match is None or (line[: match.start()].strip() and not trailing):
            fault = _misread(document.path, number, line, behind=trailing or script, good=match is not None)
            found += [] if fault is None else [fault]
            continue
        about = number if line[: match.start()].strip() else _next_said(lines, number)
        at = Location(document.path, number, match.start() + 1, number, len(line) + 1)
        words = match[1].split(",")
        removal = _removal(document.path, number, line, match.start()) if len(words) == 1 else None
        until = None if trailing else _joined(lines, about)
        found += [Silence(word.strip(), match[2].strip(), at, about, until=until, removal=removal) for word in words]
    return tuple(found)


def _misread(path: str, number: int, line: str, *, behind: bool, good: bool) -> Silence | None:
    """Find a comment that is meant as an ignore; `behind`: it may stand behind something, `good`: it is written as one."""
    match = _MEANT.search(line)
    if match is None:
        return None
    before = line[: match.start()]
    if before.strip() and (not behind or not before[-1].isspace() or "#" in before or before.count('"') % 2 or before.count("'") % 2):
        return None
    at = Location(path, number, match.start() + 1, number, len(line) + 1)
    return Silence("", "", at, number, fault=_BEHIND if good else _FORM)


def _removal(path: str, number: int, line: str, start: int) -> Edit:
    said = line[:start].rstrip()
    if said:
        return Edit(Location(path, number, len(said) + 1, number, len(line) + 1), "", line[len(said) :])
    return Edit(Location(path, number, 1, number + 1, 1), "", f"{line}\n")


def _joined(lines: Sequence[str], number: int) -> int:
    """The last of the lines that a backslash at the end joins to one."""
    while number < len(lines) and lines[number - 1].endswith("\\"):
        number += 1
    return number


def _next_said(lines: Sequence[str], number: int) -> int:
    for later in range(number, len(lines)):
        text = lines[later].strip()
        if text and not text.startswith("#"):
            return later + 1
    return number


def speaks_of(silence: Silence, finding: Finding) -> bool:
    """Whether it is this finding that it accepts."""
    if silence.rule != finding.rule:
        return False
    if silence.paths is not None and finding.at.path not in silence.paths:
        return False
    if silence.line is not None:
        last = silence.line if silence.until is None else silence.until
        return silence.at.path == finding.at.path and silence.line <= finding.at.line <= last
    where = silence.where
    return where is None or finding.object == where or finding.object.startswith(where + ".") or fnmatchcase(finding.object, where)


def note(silence: Silence, ran: Collection[str], known: Collection[str]) -> Finding | None:
    """Tell of a silence that accepted nothing; `ran` are the rules that were asked, `known` all there are."""
    if silence.fault:
        return _without_effect(silence, "this ignore is not read, and accepts nothing", silence.fault, ran)
    if not silence.reason:
        message = f"the ignore of {silence.rule or 'nothing'} gives no reason and silences nothing"
        return Finding(
            "ignore-without-reason", Severity.ERROR, silence.where or "spec", silence.at, message, "write the reason behind the bracket"
        )
    if silence.paths is not None and silence.where is None:
        return None
    if silence.rule not in known:
        near = get_close_matches(silence.rule, known, n=1)
        remedy = f"did you mean '{near[0]}'?" if near else "'oomconf rule' lists them"
        return _without_effect(silence, f"there is no rule '{silence.rule[:80]}' to ignore", remedy, ran)
    if silence.rule not in ran:
        return None
    message = f"nothing to ignore: {silence.rule} finds nothing here"
    fix = () if silence.removal is None else (silence.removal,)
    return Finding("unused-ignore", Severity.NOTE, silence.where or "spec", silence.at, message, "remove it", fix=fix)


def _without_effect(silence: Silence, message: str, remedy: str, ran: Collection[str]) -> Finding | None:
    return Finding("unused-ignore", Severity.NOTE, silence.where or "spec", silence.at, message, remedy) if "unused-ignore" in ran else None
