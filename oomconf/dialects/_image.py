"""What an image runs by its Dockerfile: ENV, ENTRYPOINT and CMD of the stage that is built (Dockerfile reference)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from oomconf.dialect import Document
from oomconf.dialects._hints import Placed
from oomconf.dialects._nested import relocate
from oomconf.dialects._shell import commands
from oomconf.dialects._yaml import Scalar, Sequence, compose
from oomconf.location import Location, moved

__all__ = ["Image", "image"]

_INSTRUCTION: Final = re.compile(r"[ \t]*(FROM|ARG|ENV|ENTRYPOINT|CMD)[ \t]+", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::-([^{}$]*))?\})")
_PLAIN: Final = re.compile(r"(?:docker\.io/)?(?:library/)?(?:debian|ubuntu|alpine|openjdk|eclipse-temurin|amazoncorretto)(?:[:@].*)?")
"""Images whose entrypoint, if they have one, reads no options of java."""
_HERE: Final = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1")
_MOST_STAGES: Final = 1000
_LONGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Image:
    """What a container of it has without being told."""

    variables: dict[str, Placed] = field(default_factory=dict)
    base: str = ""
    """The image outside of the file that it is from."""
    direct: bool = False
    """Whether what is started stands in the file, in the exec form."""
    entrypoint: tuple[Placed, ...] = ()
    command: tuple[Placed, ...] = ()


def image(document: Document, *, target: str = "", given: Mapping[str, str] | None = None) -> Image:
    """Read the last stage, or the one of this name, on top of those that it is from; `given` are build arguments. Never raises."""
    stages: dict[str, Image] = {}
    said: dict[str, str] = {}
    now = Image()
    for word, text, at in _instructions(document):
        if word == "FROM":
            parts = [part for part in text.split() if not part.startswith("--")]
            if (target and target.lower() in stages) or len(stages) > _MOST_STAGES:
                break
            base = stages.get(parts[0].lower()) if parts else None
            now = Image(base=parts[0] if parts else "") if base is None else replace(base, variables=dict(base.variables))
            stages[(parts[2] if len(parts) > 2 else str(len(stages))).lower()] = now  # noqa: PLR2004
            continue
        if word == "ARG":
            for name, (value, _) in _pairs(text, at, said):
                said[name] = (given or {}).get(name, value)
        elif word == "ENV":
            for name, (value, place) in _pairs(text, at, said):
                now.variables[name] = value, place
                said[name] = value
        elif word == "ENTRYPOINT":
            now = replace(now, direct=_is_exec(text), entrypoint=tuple(_words(text, at)), command=())
        else:
            bare = not now.entrypoint and _PLAIN.fullmatch(now.base) is not None
            now = replace(now, direct=_is_exec(text) if bare else now.direct, command=tuple(_words(text, at)))
        if stages:
            stages[next(reversed(stages))] = now
    return stages.get(target.lower(), now) if target else now


def _instructions(document: Document) -> Iterator[tuple[str, str, Location]]:
    """Give each instruction of those, what stands behind its name, and where that begins; comments between its lines are blank."""
    word, start = "", Location(document.path, 0, 0, 0, 0)
    lines: list[str] = []
    until = ""
    for number, line in enumerate(document.text.split("\n"), 1):
        if until:
            until = "" if line.strip() == until else until
            continue
        if lines and line.lstrip().startswith("#"):
            lines.append("\\")
            continue
        if not lines:
            found = _INSTRUCTION.match(line)
            here = _HERE.search(line) if found is None and line.lstrip()[:4].upper() in ("RUN ", "COPY") else None
            until = "" if here is None else here[2]
            word = "" if found is None else found[1].upper()
            start = Location(document.path, number, 1, number, 1)
            line = line if found is None else " " * found.end() + line[found.end() :]  # noqa: PLW2901
        lines.append(line)
        if line.rstrip().endswith("\\"):
            continue
        if word and sum(map(len, lines)) < _LONGEST:
            yield word, "\n".join(lines), start
        lines = []


def _expanded(text: str, said: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: said.get(found[1] or found[2], found[3] or found[0]), text)


def _pairs(text: str, start: Location, said: Mapping[str, str]) -> Iterator[tuple[str, Placed]]:
    """Give NAME=value words, or the one pair of the old form `ENV NAME value`."""
    words = [word for line in commands(text, start.path) for word in line]
    if words and "=" not in words[0].text:
        if len(words) > 1:
            value = " ".join(word.text for word in words[1:])
            yield words[0].text, (_expanded(value, said), moved(words[1].at, start))
        return
    for word in words:
        name, equals, value = word.text.partition("=")
        if equals:
            yield name, (_expanded(value, said), moved(word.at, start))


def _is_exec(text: str) -> bool:
    return text.lstrip().startswith("[")


def _words(text: str, start: Location) -> Iterator[Placed]:
    """Give the words of the exec form, a JSON list, or of the shell form."""
    if _is_exec(text):
        found, _ = compose(re.sub(r"\\[ \t]*$", " ", text, flags=re.MULTILINE), path=start.path)
        root = found[0].root if found else None
        if isinstance(root, Sequence):
            relocate(root, start)
            yield from ((item.text, item.at) for item in root if isinstance(item, Scalar))
        return
    for line in commands(text, start.path):
        yield from ((word.text, moved(word.at, start)) for word in line)
