"""Scripts that stand in values of YAML, with the places that their words have in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from oomconf.dialects._commands import Step, steps
from oomconf.dialects._nested import origin
from oomconf.dialects._shell import Redirection, Word
from oomconf.dialects._templates import is_templated
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence
from oomconf.location import Location, moved

__all__ = ["ran", "text_of"]


def text_of(node: Node | None, key: str = "") -> str:
    """The text of a scalar, or of a mapping's value; empty if there is none."""
    if key:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node.text if isinstance(node, Scalar) else ""


def ran(node: Node | None, lines: list[str]) -> Iterator[Step]:
    """Give what a value runs: a text is a script, a list the words of one command."""
    if isinstance(node, Scalar):
        begin = origin(node, lines)
        for step in steps(node.text, node.at.path):
            yield _moved(step, begin, node.at)
    elif isinstance(node, Sequence):
        words = [Word(item.text, item.at, not is_templated(item.text)) for item in node if isinstance(item, Scalar)]
        if words:
            yield from _as_command(words)


def _as_command(words: list[Word]) -> Iterator[Step]:
    shell = words[0].text.rpartition("/")[2] in ("sh", "bash") and len(words) > 2 and words[1].text.endswith("c")  # noqa: PLR2004
    if shell:
        for step in steps(words[2].text, words[2].at.path):
            yield _moved(step, None, words[2].at)
    else:
        yield Step(words)


def _moved(step: Step, begin: Location | None, whole: Location) -> Step:
    def word(one: Word) -> Word:
        return replace(one, at=whole if begin is None else moved(one.at, begin))

    def redirection(one: Redirection) -> Redirection:
        line = one.line and (whole.line if begin is None else one.line + begin.line - 1)
        return replace(one, target=word(one.target), line=line)

    return replace(
        step,
        words=[word(one) for one in step.words],
        redirections=[redirection(one) for one in step.redirections],
        source=[word(one) for one in step.source],
        assigned=[word(one) for one in step.assigned],
        score=None if step.score is None else word(step.score),
    )
