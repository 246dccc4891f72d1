"""`docker run`, `create` and `update` as commands → workloads (docker/cli: cli/command/container/opts.go)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from oomconf.dialect import Entry
from oomconf.dialects._containers import of_the_machine, said_restart, swap_beside
from oomconf.dialects._hints import Placed, adjust_file, heard
from oomconf.dialects._shell import Word
from oomconf.dialects._tmpfs import SHM, mounted, sized
from oomconf.placement import DockerContainer
from oomconf.policy import Amount, Origin, Setting, Tmpfs, Workload, size_of
from oomconf.quantity import SizeError
from oomconf.quantity import docker as grammar

__all__ = ["FLAGS", "container", "flags"]

_ENGINES: Final = ("docker", "podman", "nerdctl")
_GLOBAL: Final = ("-H", "--host", "-c", "--context", "-l", "--log-level", "--config", "--root", "--runroot", "-n", "--namespace")
"""Options of the client itself that take a word."""
_ELSEWHERE: Final = ("-H", "--host", "-c", "--context")
FLAGS: Final = {
    "--memory": "memory_max",
    "--memory-swap": "memory_swap_max",
    "--memory-reservation": "memory_low",
    "--oom-score-adj": "oom_score_adj",
    "--cgroup-parent": "slice",
    "--restart": "restart",
}
"""Long flags and the word of the policy that each says."""
_SWITCHES: Final = frozenset(
    {"--init", "--rm", "--detach", "--interactive", "--tty", "--privileged", "--read-only", "--publish-all", "--oom-kill-disable"}
    | {"--no-healthcheck", "--sig-proxy", "--quiet", "--help", "--disable-content-trust"}
)
_SHORT_SWITCHES: Final = "ditPq"
_GONE: Final = {
    "--memory-swappiness": ("is cgroup v1's: with cgroup v2 the engine drops it", "say --memory-swap equal to --memory for no swap"),
    "--kernel-memory": ("is gone since Docker 23", "say --memory, which holds the kernel's memory too"),
    "--oom-kill-disable": (
        "is cgroup v1's: with cgroup v2 the engine drops it, and with v1 the container hangs at its limit",
        "remove it, and say a limit that is enough",
    ),
}
_SCORES: Final = 1000
_SHORT: Final = {"m": "--memory", "e": "--env", "c": "--cpu-shares"}


def container(command: Sequence[Word]) -> tuple[Workload, list[Entry]] | None:
    """Read a command; None if it is not `docker [container] run|create|update` of an engine that takes Docker's flags.

    What stands behind the image is the container's own. A value that holds what the shell puts in is unknown.
    """
    line = _line(command)
    return None if line is None else _read(*line)


def flags(words: Sequence[Word], name: str, dialect: str, memory: Setting[Amount] | None = None) -> tuple[dict[str, Any], list[Entry]]:
    """Read the options of `podman run` that stand alone; `memory` is a limit that stands before them."""
    values = {one.flag: (one.value, one.at) for one in _options(words)[0] if one.flag in FLAGS}
    return _settings(values, name, dialect, memory)


def _line(command: Sequence[Word]) -> tuple[Word, Sequence[Word], str] | None:
    """The verb, the words behind it, and the client, with the option by which it speaks to an engine elsewhere."""
    if not command or command[0].text.rpartition("/")[2] not in _ENGINES:
        return None
    rest = 1
    while rest < len(command) and command[rest].text.startswith("-"):
        rest += 2 if command[rest].text in _GLOBAL else 1
    if rest < len(command) and command[rest].text == "container":
        rest += 1
    if rest < len(command) and command[rest].text in ("run", "create", "update"):
        elsewhere = next((f" {flag}" for word in command[1:rest] if (flag := word.text.partition("=")[0]) in _ELSEWHERE), "")
        return command[rest], command[rest + 1 :], command[0].text.rpartition("/")[2] + elsewhere
    return None


def _read(verb: Word, words: Sequence[Word], engine: str) -> tuple[Workload, list[Entry]]:
    options, rest = _options(words)
    values: dict[str, tuple[str, Word]] = {}
    environment: dict[str, Placed] = {}
    tmpfs: list[Tmpfs] = []
    gone: list[tuple[str, Word]] = []
    refused: list[tuple[str, str, Word]] = []
    for flag, value, at, _ in options:
        if flag in ("--tmpfs", "--shm-size", "--mount"):
            tmpfs += _tmpfs(flag, value, at)
        fault = of_the_machine(value.partition("=")[0]) if flag == "--sysctl" else ""
        if fault:
            refused.append(("--sysctl", f"{fault}: the engine does not start it", at))
        if flag in _GONE and at.text.partition("=")[2] not in ("false", "0"):
            gone.append((flag, at))
        if flag == "--env":
            name, equals, text = value.partition("=")
            if equals:
                environment[name] = (text, at.at)
        else:
            values[flag] = (value, at)
    image = rest[0].text if rest and verb.text != "update" else None
    name = values["--name"][0] if "--name" in values else rest[0].text if rest else "container"
    fields, entries = _settings(values, name)
    entries += [Entry("docker", name, "", flag, "", at.at, f"{flag} {_GONE[flag][0]}", _GONE[flag][1], "gone") for flag, at in gone]
    remedy = "set it on the host, in /etc/sysctl.d"
    entries += [Entry("docker", name, "", flag, "", at.at, fault, remedy, "place") for flag, fault, at in refused]
    whole = all(word.known for word in words)
    place = DockerContainer(
        name=name,
        image=image,
        options=_kept(options) if whole and verb.text != "update" else (),
        command=tuple(one.text for one in rest[1:]) if verb.text != "update" else (),
        engine=engine,
        is_named="--name" in values or verb.text == "update",
        is_whole=whole or verb.text == "update",
    )
    command = [[(word.text, word.at) for word in rest[1:]]] if verb.text != "update" else ()
    hints, faults = heard("docker", name, environment, command, at=verb.at, image=image)
    entries += faults
    fields["oom_adjust_file"] = adjust_file(environment)
    return Workload(name=name, object=name, at=verb.at, placement=place, image=image, runtimes=hints, tmpfs=tuple(tmpfs), **fields), entries


def _tmpfs(flag: str, value: str, at: Word) -> Iterator[Tmpfs]:
    if flag == "--tmpfs":
        yield mounted(value, at.at)
        return
    parts = dict(part.partition("=")[::2] for part in value.split(",")) if flag == "--mount" else {"type": "shm", "size": value}
    if flag == "--mount" and parts.get("type") != "tmpfs":
        return
    path = SHM if flag != "--mount" else parts.get("target") or parts.get("destination") or parts.get("dst") or ""
    size = parts.get("tmpfs-size") or parts.get("size")
    found = None if size is None or not at.known else sized(path, size, at.at)
    if found is not None or flag == "--mount":
        yield found or Tmpfs(path=path, at=at.at)


class _Option(NamedTuple):
    flag: str
    value: str
    at: Word
    words: tuple[str, ...]
    """As it may be written again, by itself."""


def _kept(options: Sequence[_Option]) -> tuple[str, ...]:
    """Options that a policy does not say."""
    return tuple(word for one in options if one.flag not in FLAGS and one.flag != "--name" for word in one.words)


def _options(words: Sequence[Word]) -> tuple[list[_Option], Sequence[Word]]:
    """Options until the first word that is none, which is the image."""
    found: list[_Option] = []
    index = 0
    while index < len(words):
        text = words[index].text
        if text == "--":
            return found, words[index + 1 :]
        if not text.startswith("-") or text == "-":
            return found, words[index:]
        at = words[index]
        index += 1
        if text.startswith("--"):
            flag, equals, value = text.partition("=")
            lone = flag in _SWITCHES or (flag not in FLAGS and index < len(words) and words[index].text.startswith("--"))
            said: tuple[str, ...] = (text,)
            if not equals and not lone:
                value, index = _next(words, index)
                said = (text, value)
            found.append(_Option(flag, value, at if equals or index > len(words) else words[index - 1], said))
            continue
        letters = text[1:].lstrip(_SHORT_SWITCHES)
        if letters != text[1:]:
            found.append(_Option("", "", at, (text[: len(text) - len(letters)],)))
        if letters:
            flag = _SHORT.get(letters[0], f"-{letters[0]}")
            value = letters[1:].removeprefix("=")
            if not value:
                value, index = _next(words, index)
            found.append(_Option(flag, value, words[index - 1], (f"-{letters[0]}", value)))
    return found, ()


def _next(words: Sequence[Word], index: int) -> tuple[str, int]:
    return (words[index].text, index + 1) if index < len(words) else ("", index)


def _settings(
    values: dict[str, tuple[str, Word]], name: str, dialect: str = "docker", memory: Setting[Amount] | None = None
) -> tuple[dict[str, Any], list[Entry]]:
    fields: dict[str, Any] = {}
    entries: list[Entry] = []
    for flag, field in FLAGS.items():
        if flag not in values:
            continue
        text, at = values[flag]
        setting, fault, hint = _value(field, text, at, memory)
        if setting is None:
            continue
        entries.append(Entry(dialect, name, "", flag, text, at.at, fault, hint, source=at.source))
        fields[field] = setting
        if field == "memory_max":
            memory = setting
    return fields, entries


def _value(field: str, text: str, at: Word, memory: Setting[Amount] | None) -> tuple[Setting[Any] | None, str, str]:
    if not at.known:
        return Setting(None, at.at, text=text), "", ""
    try:
        value: Any = text
        if field in ("memory_max", "memory_low"):
            value = grammar.parse(text)
            if value == 0:
                return None, "", ""
        elif field == "memory_swap_max":
            value = swap_beside(grammar.parse_swap(text), size_of(memory))
            if value is None:
                return None, "", ""
        elif field == "oom_score_adj":
            value = grammar.parse_int(text)
            if not -_SCORES <= value <= _SCORES:
                return Setting(None, at.at, text=text), f"is not between -{_SCORES} and {_SCORES}: the engine refuses it", ""
        elif field == "restart":
            value = said_restart(text)
    except SizeError as error:
        return Setting(None, at.at, text=text), error.message, error.hint
    return Setting(value, at.at, Origin.WRITTEN, text), "", ""
