"""What a script runs: its commands without what only wraps them, as sudo, xargs and `sh -c` do, and whether a loop repeats them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from oomconf.dialects._shell import Command, Redirection, Word, script

__all__ = ["Step", "may_tune", "steps", "unwrapped"]

_DEEPEST: Final = 5
_OPENING: Final = frozenset({"if", "then", "else", "elif", "{", "!", "time", "exec", "command", "builtin", "nohup", "setsid", "-"})
_LOOPS: Final = frozenset({"for", "while", "until", "select"})
_ENDLESS: Final = (("while", "true"), ("while", ":"), ("while", "1"), ("until", "false"))
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
# Wrappers, with their options that take a word of their own.
_WRAPPERS: Final = {
    "sudo": ("u", "g", "h", "p", "C", "r", "t", "T", "U", "D", "R"),
    "doas": ("u", "C"),
    "env": ("u", "C", "S"),
    "nice": ("n",),
    "ionice": ("c", "n", "p"),
    "timeout": ("s", "k"),
    "stdbuf": ("i", "o", "e"),
    "flock": ("w", "E"),
    "xargs": ("I", "n", "P", "L", "d", "a", "E", "s"),
    "time": ("f", "o"),
    "chrt": (),
    "choom": ("n", "p"),
}
_TUNES: Final = re.compile(r"oom_(?:score_)?adj|choom|sysctl|/proc/sys/")
_OPERANDS: Final = {"timeout": 1, "flock": 1, "chrt": 1}


@dataclass(slots=True)
class Step:
    """A command as it runs: `words` begin with the program."""

    words: list[Word]
    redirections: list[Redirection] = field(default_factory=list)
    source: list[Word] = field(default_factory=list)
    """The command whose output is piped into it."""
    loop: bool = False
    """Whether it runs once for each of several things."""
    forever: bool = False
    """Whether that loop never ends by itself."""
    sudo: bool = False
    """Whether the words run as root, and the redirections do not."""
    inner: str = ""
    """The script of `sh -c` that holds it as it stands in its quotes; empty outside."""
    score: Word | None = None
    """The score that choom(1) gives it."""
    assigned: list[Word] = field(default_factory=list)
    """Variables of its environment alone, `NAME=value` before it."""


def may_tune(text: str) -> bool:
    """Whether a command may set a score or a sysctl; without one of these words it need not be read."""
    return _TUNES.search(text) is not None


def steps(text: str, path: str) -> Iterator[Step]:
    """Give what a POSIX shell script runs, in its order; never raises."""
    yield from _steps(script(text, path), 0)


def _steps(found: Iterator[Command], depth: int) -> Iterator[Step]:
    loops: list[str] = []
    for command in found:
        words = command.words
        while words and words[0].text in (*_OPENING, *_LOOPS, "do", "done", "fi", "}"):
            first = words[0].text
            if first in _LOOPS:
                endless = (first, *(word.text for word in words[1:2])) in _ENDLESS
                loops.append(f"{first} ever" if endless else first)
                words = []
                break
            if first == "done" and loops:
                loops.pop()
            words = words[1:]
        forever = any(one.endswith(" ever") for one in loops)
        step = Step(words, command.redirections, _piped(command), loop=bool(loops), forever=forever)
        yield from unwrapped(step, depth)


def _piped(command: Command) -> list[Word]:
    source = command.source
    return [] if source is None else _bare(source.words)


def _bare(words: list[Word]) -> list[Word]:
    """Leave out keywords and assignments before a command."""
    index = 0
    while index < len(words) and (words[index].text in _OPENING or words[index].text == "do" or _is_assignment(words[index])):
        index += 1
    return words[index:]


def _is_assignment(word: Word) -> bool:
    name, equals, _ = word.text.partition("=")
    return bool(equals) and name.replace("_", "a").isalnum() and not name[:1].isdigit()


def unwrapped(step: Step, depth: int = 0) -> Iterator[Step]:
    """Give what a command runs below its wrappers, and every command of the script of a shell."""
    step = _stripped(step, step.words)
    name = _program(step.words)
    while name in _WRAPPERS:
        options, rest = _options(step.words[1:], _WRAPPERS[name])
        held = _stripped(step, rest[_OPERANDS.get(name, 0) :])
        rest = held.words
        score = next((value for flag, value in options if flag in ("n", "adjust")), None) if name == "choom" else step.score
        if not rest:
            break
        sudo = step.sudo or name in ("sudo", "doas")
        step = replace(held, loop=step.loop or name == "xargs", sudo=sudo, score=score)
        name = _program(step.words)
    inner = _script_of(step.words) if name in _SHELLS else None
    if inner is None or depth > _DEEPEST:
        yield step
        return
    for one in _steps(script(inner.text, inner.at.path), depth + 1):
        yield _placed(one, inner, step)


def _stripped(step: Step, words: list[Word]) -> Step:
    bare = _bare(words)
    assigned = [word for word in words[: len(words) - len(bare)] if _is_assignment(word)]
    return replace(step, words=bare, assigned=[*step.assigned, *assigned])


def _program(words: Sequence[Word]) -> str:
    return words[0].text.rpartition("/")[2] if words else ""


def _options(words: list[Word], with_value: tuple[str, ...]) -> tuple[list[tuple[str, Word]], list[Word]]:
    """Options and their values until the first word that is none."""
    found: list[tuple[str, Word]] = []
    index = 0
    while index < len(words) and words[index].text.startswith("-") and words[index].text != "-":
        text = words[index].text
        index += 1
        if text == "--":
            break
        if text.startswith("--"):
            name, equals, value = text[2:].partition("=")
            if equals:
                found.append((name, replace(words[index - 1], text=value)))
            elif name == "adjust" and index < len(words):
                found.append((name, words[index]))
                index += 1
        elif text[1] in with_value:
            if text[2:]:
                found.append((text[1], replace(words[index - 1], text=text[2:])))
            elif index < len(words):
                found.append((text[1], words[index]))
                index += 1
    return found, words[index:]


def _script_of(words: Sequence[Word]) -> Word | None:
    """The script that a shell takes with -c."""
    for index, word in enumerate(words[1:-1], 1):
        if not word.text.startswith("-"):
            return None
        if "c" in word.text and not word.text.startswith("--"):
            return words[index + 1]
    return None


def _placed(step: Step, inner: Word, around: Step) -> Step:
    """Give words inside of quotes the place of the quotes: how they were escaped is not known any more."""

    def moved(words: list[Word]) -> list[Word]:
        return [replace(word, at=inner.at) for word in words]

    redirections = [replace(one, target=replace(one.target, at=inner.at), line=inner.at.line) for one in step.redirections]
    return replace(
        step,
        words=moved(step.words),
        redirections=redirections,
        source=moved(step.source),
        assigned=moved([*around.assigned, *step.assigned]),
        loop=step.loop or around.loop,
        forever=step.forever or around.forever,
        inner=step.inner or (inner.text if inner.known else ""),
    )
