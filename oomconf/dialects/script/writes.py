"""What a command writes to which file: `echo … >`, `printf`, `tee`, `cat <<`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from oomconf.dialects._commands import Step
from oomconf.dialects._shell import Redirection, Word

__all__ = ["Write", "writes"]

_PRINTERS: Final = ("echo", "printf")
_EXPANSION: Final = re.compile(r"\$\{[^}\n]*\}|\$\([^)\n]*\)|\$[A-Za-z_][A-Za-z0-9_]*|\$[0-9@*#?$!-]|`[^`\n]*`")


@dataclass(frozen=True, slots=True)
class Write:
    """A text on its way to a file; `text` is None where it is not known."""

    target: Word
    text: str | None
    value: Word
    """The word that is written, or the target where there is none."""
    line: int = 0
    """The first line of a here-document; 0 for a word."""
    through_shell: bool = True
    """Whether the shell itself opens the file, and not a program that sudo may have started."""
    appends: bool = False


def writes(step: Step) -> Iterator[Write]:
    """Give every file that a step is seen to write, with what it writes."""
    program = step.words[0].text.rpartition("/")[2] if step.words else ""
    text, value, line = _content(step, program)
    for one in step.redirections:
        if one.operator in (">", ">>", ">|", "&>", "&>>"):
            yield Write(one.target, text, value or one.target, line, appends=one.operator.endswith(">>"))
    if program == "tee":
        appends = any(word.text in ("-a", "--append") for word in step.words[1:])
        for word in step.words[1:]:
            if not word.text.startswith("-"):
                yield Write(word, text, value or word, line, through_shell=False, appends=appends)


def _content(step: Step, program: str) -> tuple[str | None, Word | None, int]:
    here = next((one for one in reversed(step.redirections) if one.operator in ("<<", "<<-", "<<<")), None)
    if program in ("cat", "tee") and here is not None:
        return (
            (here.target.text if here.target.known else None, here.target, 0) if here.operator == "<<<" else (_body(here), None, here.line)
        )
    if program in _PRINTERS:
        return _printed(step.words)
    if program == "tee" and step.source and step.source[0].text.rpartition("/")[2] in _PRINTERS:
        return _printed(step.source)
    return None, None, 0


def _printed(words: Sequence[Word]) -> tuple[str | None, Word | None, int]:
    said = [word for word in words[1:] if not (word.text.startswith("-") and word.text[1:] and set(word.text[1:]) <= set("neE"))]
    if not said:
        return "", None, 0
    text: str | None = " ".join(word.text for word in said)
    if words[0].text.endswith("printf"):
        form = said[0].text.replace("\\n", "\n")
        text = form
        if "%" in form:
            text = said[1].text if len(said) == 2 and form.strip() in ("%s", "%d", "%i") else None  # noqa: PLR2004
            said = said[1:] or said
    known = text is not None and all(word.known for word in said)
    return (text if known else None), said[0], 0


def _body(here: Redirection) -> str:
    """A here-document whose variables are marked as a template's, in the same width."""
    if not here.expands:
        return here.body
    return _EXPANSION.sub(lambda found: "{{" + "_" * (len(found[0]) - 2), here.body)
