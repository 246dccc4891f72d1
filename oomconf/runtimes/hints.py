"""Heaps and caches that environment values and command lines set."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from oomconf.quantity import INFINITY, Percent, Size, SizeError, dotnet, golang, jvm

_JAVA_VARIABLES: Final = ("_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")
"""What `java` itself reads, the strongest first; the command line stands behind the first."""
_JAVA_SCRIPTS: Final = (
    "JAVA_OPTS",
    "CATALINA_OPTS",
    "ES_JAVA_OPTS",
    "OPENSEARCH_JAVA_OPTS",
    "LS_JAVA_OPTS",
    "KAFKA_HEAP_OPTS",
    "KAFKA_OPTS",
    "SOLR_OPTS",
)
"""What start scripts hand on."""
_WORD: Final = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_SHARE: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]+)?")
_NODE: Final = re.compile(r"--max[-_]old[-_]space[-_]size(-percentage)?=([0-9]{1,9})")
_REDIS: Final = {"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 1000**2, "mb": 1 << 20, "g": 1000**3, "gb": 1 << 30}
_POSTGRES: Final = {"": 8192, "B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


@dataclass(frozen=True, slots=True)
class Hint:
    """A heap or cache that a text sets: a size, or a share of the limit; with a fault its program refuses or misreads it."""

    kind: str
    knob: str
    heap: Size | None = None
    percent: Percent | None = None
    text: str = ""
    fault: str = ""


def read_environment(variables: Mapping[str, str]) -> tuple[Hint, ...]:
    """Find the heaps that environment variables set; of several -Xmx the one that wins."""
    found: list[Hint] = []
    for name in (*_JAVA_VARIABLES, *_JAVA_SCRIPTS):
        hint = _java(words(variables[name]), name) if name in variables else None
        if hint is not None:
            found.append(hint)
            if name in _JAVA_VARIABLES:
                break
    for name, read in _READERS.items():
        if name in variables:
            found += read(name, variables[name].strip())
    return tuple(found)


def read_command(line: Sequence[str]) -> tuple[Hint, ...]:
    """Find the heaps and caches that a command line sets, given as the program's words."""
    found: list[Hint] = []
    java = _java(line, "-Xmx")
    if java is not None:
        found.append(java)
    found += _node("", " ".join(line)) if any(word.startswith("--max") for word in line) else ()
    for word, following in zip(line, (*line[1:], ""), strict=False):
        if word == "--maxmemory":
            found += _scaled("redis", "--maxmemory", following, _REDIS, str.lower)
        elif word.startswith("--maxmemory="):
            found += _scaled("redis", "--maxmemory", word.partition("=")[2], _REDIS, str.lower)
        elif word.startswith(("shared_buffers=", "--shared_buffers=")):
            found += _scaled("postgresql", "shared_buffers", word.partition("=")[2], _POSTGRES, str)
    return tuple(found)


def words(text: str) -> list[str]:
    """Split as a shell would, quotes taken off; an unbalanced quote stays where it is."""
    return [word.replace('"', "").replace("'", "") for word in _WORD.findall(text)]


def _java(options: Sequence[str], knob: str) -> Hint | None:
    last: Hint | None = None
    for word in options:
        if word.startswith(("-Xmx", "-XX:MaxHeapSize=")):
            text = word.removeprefix("-Xmx").removeprefix("-XX:MaxHeapSize=")
            try:
                last = Hint("jvm", knob, heap=jvm.parse(text), text=word)
            except SizeError as error:
                last = Hint("jvm", knob, text=word, fault=f"java refuses to start: {error.message}")
        elif word.startswith("-XX:MaxRAMPercentage=") and (last is None or last.heap is None):
            last = _share(word, knob)
    return last


def _share(word: str, knob: str) -> Hint:
    text = word.partition("=")[2]
    if _SHARE.fullmatch(text) is None or float(text) > 100:  # noqa: PLR2004
        return Hint("jvm", knob, text=word, fault=f"java refuses to start: '{text}' is no percentage from 0 to 100")
    fault = f"{text} means {text} percent, not a fraction" if 0 < float(text) <= 1 else ""
    return Hint("jvm", knob, percent=Percent(round(float(text) * 100)), text=word, fault=fault)


def _go(name: str, text: str) -> Iterator[Hint]:
    try:
        size = golang.parse(text)
    except SizeError as error:
        yield Hint("go", name, text=text, fault=f"the program dies at start: {error.message}")
        return
    if size < INFINITY:
        yield Hint("go", name, heap=size, text=text)


def _node(name: str, text: str) -> Iterator[Hint]:
    for share, number in _NODE.findall(text):
        value = int(number)
        if share and 0 < value <= 100:  # noqa: PLR2004
            yield Hint("node", name or "--max-old-space-size-percentage", percent=Percent(value * 100), text=number)
        elif not share and value:
            yield Hint("node", name or "--max-old-space-size", heap=Size(value << 20), text=number)


def _dotnet(name: str, text: str) -> Iterator[Hint]:
    try:
        yield Hint("dotnet", name, heap=dotnet.parse(text), text=text)
    except SizeError as error:
        yield Hint("dotnet", name, text=text, fault=error.message)


def _dotnet_percent(name: str, text: str) -> Iterator[Hint]:
    try:
        value = dotnet.parse_percent(text)
    except SizeError as error:
        yield Hint("dotnet", name, text=text, fault=error.message)
        return
    fault = f"environment values of .NET are hexadecimal: {text} is {value}" if value > 100 else ""  # noqa: PLR2004
    yield Hint("dotnet", name, percent=None if fault else Percent(value * 100), text=text, fault=fault)


def _scaled(kind: str, knob: str, text: str, units: Mapping[str, int], fold: Callable[[str], str]) -> Iterator[Hint]:
    match = re.fullmatch(r"([0-9]{1,18})([A-Za-z]{0,2})", text)
    unit = None if match is None else units.get(fold(match[2]))
    if match is None or unit is None:
        yield Hint(kind, knob, text=text, fault=f"'{text[:40]}' is no size to it")
    elif int(match[1]):
        yield Hint(kind, knob, heap=Size(int(match[1]) * unit), text=text)


_READERS: Final[Mapping[str, Callable[[str, str], Iterator[Hint]]]] = {
    "GOMEMLIMIT": _go,
    "NODE_OPTIONS": _node,
    "DOTNET_GCHeapHardLimit": _dotnet,
    "COMPlus_GCHeapHardLimit": _dotnet,
    "DOTNET_GCHeapHardLimitPercent": _dotnet_percent,
    "COMPlus_GCHeapHardLimitPercent": _dotnet_percent,
}
