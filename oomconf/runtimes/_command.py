"""Heaps and caches read back from command lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from oomconf.runtimes._hint import Hint
from oomconf.runtimes._servers import server_hints
from oomconf.runtimes._variables import KNOWN, direct_hints, jvm_hints, node_hints, read_environment
from oomconf.runtimes._words import SHELL, split

__all__ = ["is_program", "program", "read_command", "starts_java"]

_PROGRAMS: Final = {
    "java": "java",
    "node": "node",
    "nodejs": "node",
    "redis-server": "redis-server",
    "valkey-server": "redis-server",
    "keydb-server": "redis-server",
    "postgres": "postgres",
    "postmaster": "postgres",
    "memcached": "memcached",
    "mariadbd": "mariadbd",
    "mysqld": "mariadbd",
    "mongod": "mongod",
    "dotnet": "dotnet",
}
_IMAGES: Final = {
    "redis": "redis-server",
    "valkey": "redis-server",
    "keydb": "redis-server",
    "postgres": "postgres",
    "postgis": "postgres",
    "memcached": "memcached",
    "mariadb": "mariadbd",
    "mysql": "mariadbd",
    "mongo": "mongod",
}
"""Images whose entrypoint hands flags to a server, by the last part of their names."""
_IMAGE: Final = re.compile(r"(?:.*/)?(?P<name>[^/:@]+)(?::[^/@]*)?(?:@.*)?", re.DOTALL)
_INITS: Final = frozenset({"tini", "dumb-init", "catatonit"})
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"})
_ASSIGNMENT: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.DOTALL)
_PARTING: Final = frozenset({";", "&&", "||", "|", "&", "\n"})
_DEEPEST: Final = 3
# a part of every flag, program and variable that gives a hint: most commands have none and need not be taken apart
_MAY_SAY: Final = re.compile("-xm|-mx|max|minram|shared|innodb|cache|memcached|postgres|postmaster|gomemlimit|gcheap", re.IGNORECASE)

# options whose value is the next word (java -help, node --help), so that it is not taken for the program's name
_JAVA_VALUED: Final = frozenset({
    "-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules", "--add-opens",
    "--add-exports", "--add-reads", "--limit-modules", "--patch-module", "--source", "--describe-module", "-d",
})  # fmt: skip
_NODE_VALUED: Final = frozenset({
    "-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "-e", "--eval", "-p", "--print",
    "-pe", "--input-type", "--env-file", "--env-file-if-exists", "--title", "--icu-data-dir", "--openssl-config",
    "--dns-result-order", "--unhandled-rejections", "--redirect-warnings", "--diagnostic-dir", "--report-dir",
    "--report-directory", "--watch-path", "--test-reporter", "--inspect-port", "--max-http-header-size",
})  # fmt: skip


def program(words: Sequence[str]) -> str | None:
    """Give the name of the first program in a command that has a heap or cache to set, such as `java`; None where there is none."""
    position = _position(words)
    return None if position is None else _PROGRAMS[_base(words[position])]


def is_program(word: str) -> bool:
    """Whether a command that begins with this word is one of a program that is known here."""
    return _base(word) in _PROGRAMS


def starts_java(words: Sequence[str]) -> int | None:
    """Give how many words stand before java's own options where java itself is started and no script or shell; None where it is not."""
    position = _position(words)
    if position is None or _PROGRAMS[_base(words[position])] != "java":
        return None
    return position + 1 if all(_base(word) in _INITS or word.startswith("-") for word in words[:position]) else None


def read_command(words: Sequence[str], *, image: str = "") -> tuple[Hint, ...]:
    """Read what a command line, cut into words, says of heaps and caches, also behind wrappers such as `env`, `tini --` and `sh -c`.

    Without a program that is known, as in a container's arguments, the flags that can mean only one thing are read. A heap that stands
    behind the name of java's or node's program goes to that program: the hint says so in `fault`. Flags that begin a container's
    arguments go to the server that its `image` is of. Nothing is raised.
    """
    server = _server(image) if image and words and words[0].startswith("-") else None
    if server is not None:
        return tuple(server_hints(words, server))
    if _MAY_SAY.search("\n".join(words)) is None:
        return ()
    return tuple(hint for command in _commands(tuple(words), 0) for hint in _read(command))


def _server(image: str) -> str | None:
    found = _IMAGE.fullmatch(image)
    return None if found is None else _IMAGES.get(found["name"])


def _commands(words: tuple[str, ...], depth: int) -> Iterator[tuple[str, ...]]:
    script = _script(words)
    if script is None or depth >= _DEEPEST:
        yield words
        return
    inner, _ = split(re.sub(r"(;|&&|\|\||\n)", r" \1 ", script), SHELL)
    command: list[str] = []
    for word in (*inner, ";"):
        if word in _PARTING:
            yield from _commands(tuple(command), depth + 1) if command else ()
            command = []
        else:
            command.append(word)


def _script(words: Sequence[str]) -> str | None:
    for position, word in enumerate(words[:-1]):
        if _base(word) in _PROGRAMS:
            return None
        if re.fullmatch("-[a-z]*c", word) and any(_base(before) in _SHELLS for before in words[:position]):
            return words[position + 1]
    return None


def _base(word: str) -> str:
    return word.rpartition("/")[2]


def _position(words: Sequence[str]) -> int | None:
    return next((position for position, word in enumerate(words) if _base(word) in _PROGRAMS), None)


def _read(words: tuple[str, ...]) -> list[Hint]:
    position = _position(words)
    ahead = words if position is None else words[:position]
    assigned = [found for word in ahead if (found := _ASSIGNMENT.fullmatch(word)) is not None and found["name"] in KNOWN]
    hints = list(read_environment({found["name"]: found["value"] for found in assigned}))
    if position is None:
        # whose flags they are is not certain, so what they refuse is not either
        others = (*node_hints(words), *server_hints(words, None))
        return [*hints, *jvm_hints(words), *direct_hints(words), *(replace(hint, fault=None) for hint in others)]
    name, rest = _PROGRAMS[_base(words[position])], words[position + 1 :]
    if name == "java":
        end = _end(rest, _JAVA_VALUED, ("-jar", "-m", "--module"))
        return [*hints, *jvm_hints(rest[:end], launcher=True), *direct_hints(rest[:end]), *_misplaced(jvm_hints, rest, end, "java")]
    if name == "node":
        end = _end(rest, _NODE_VALUED, ())
        return [*hints, *node_hints(rest[:end]), *_misplaced(node_hints, rest, end, "node")]
    return [*hints, *server_hints(rest, name)]


def _end(words: Sequence[str], valued: frozenset[str], naming: tuple[str, ...]) -> int:
    position = 0
    while position < len(words):
        word = words[position]
        if word in naming or word == "--" or not word.startswith(("-", "@")):
            return position
        position += 2 if word in valued else 1
    return len(words)


def _misplaced(reader: Callable[[Sequence[str]], list[Hint]], words: Sequence[str], end: int, name: str) -> list[Hint]:
    named = end + 1 if end < len(words) and words[end].startswith("-") else end
    behind = words[named + 1 :]
    # a word behind an option without '=' may be that option's value, meant for a process that the program starts
    own = [word for before, word in zip(("", *behind), behind, strict=False) if not before.startswith("-") or "=" in before]
    own = [word for word in own if word.startswith("-")]
    return [
        replace(
            hint,
            heap=None,
            percent=None,
            min_percent=None,
            fault=f"'{hint.text}' stands behind '{words[named]}' and goes to that program, not to {name}",
        )
        for hint in reader(own)
        if hint.heap is not None or hint.percent is not None
    ]
