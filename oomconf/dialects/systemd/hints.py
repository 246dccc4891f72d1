"""Heaps and caches that a unit's environment and command lines set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from oomconf.dialect import Entry, Ran, Sources
from oomconf.dialects import _ini
from oomconf.dialects._commands import may_tune
from oomconf.dialects._env_files import placed_variables
from oomconf.dialects._hints import ADJUST_FILE, Placed, unheard, variable_of
from oomconf.dialects.systemd.judge import Verdict
from oomconf.location import NOWHERE, Location
from oomconf.policy import Setting
from oomconf.runtimes import KNOWN, Hint, read_command, read_environment

__all__ = ["adjust_file", "command", "from_files", "hidden_kill", "hints", "lost", "ran"]

_PREFIXES: Final = "@-:+!|"
_KILLS: Final = ("SIGKILL", "KILL")
_PASSING_ON: Final = ("docker", "podman", "nerdctl", "sh", "bash", "dash")
"""Programs that exit with 128 and the number of the signal that ended another."""


def from_files(verdicts: Iterable[Verdict], root: str, sources: Sources) -> dict[str, Placed]:
    """Read the variables of each EnvironmentFile= that is in the tree of its host; they override those of Environment=."""
    variables: dict[str, Placed] = {}
    for one in verdicts:
        if one.row.name == "EnvironmentFile":
            path = one.text.removeprefix("-")
            document = sources.get(f"{root.strip('/')}{path}".lstrip("/")) if path.startswith("/") and not one.reset else None
            variables = {} if one.reset else variables | ({} if document is None else placed_variables(document))
    return variables


def hints(verdicts: Iterable[Verdict], files: Mapping[str, Placed]) -> Iterator[tuple[Hint, Location]]:
    """Find what lines, given in the order in which systemd reads them, say of heaps: of the environment in force, then of each command.

    `files` is what files of variables say.
    """
    variables: dict[str, tuple[str, Location]] = {}
    commands: list[Verdict] = []
    for one in verdicts:
        if one.row.name == "Environment":
            if one.reset:
                variables.clear()
            for word in _ini.words(one.text):
                name, equals, value = word.text.partition("=")
                if equals:
                    variables[name] = (value, _within(one.at, word))
        elif one.row.name == "ExecStart":
            commands = [] if one.reset else [*commands, one]
    variables |= files
    for hint in read_environment({name: text for name, (text, _) in variables.items()}):
        yield hint, variable_of(hint, variables)[1]
    for one in commands:
        yield from _of_command(one)


def command(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """Give the words of the program that a unit starts, of the last if there are several; none where a specifier stands in for it."""
    found: tuple[str, ...] = ()
    for one in verdicts:
        if one.row.name == "ExecStart":
            words = [word.text for word in _ini.words(one.text)]
            found = () if one.reset else tuple([words[0].lstrip(_PREFIXES), *words[1:]] if words else [])
    return found


def ran(verdicts: Iterable[Verdict], unit: str) -> Iterator[Ran]:
    """Give the commands of a unit that are in force."""
    said: dict[str, list[Verdict]] = {}
    for one in verdicts:
        if one.row.name.startswith("Exec") and (one.reset or may_tune(one.text)):
            said[one.row.name] = [] if one.reset else [*said.get(one.row.name, []), one]
    for one in (one for found in said.values() for one in found):
        for line in _lines(one):
            first = line[0].text
            bare = first.lstrip(_PREFIXES)
            # behind an @ the second word is not an argument
            rest = line[2:] if "@" in first[: len(first) - len(bare)] else line[1:]
            words = ((bare, _within(one.at, line[0])), *((word.text, _within(one.at, word)) for word in rest))
            yield Ran(unit, words, "unit", one.at)


def hidden_kill(verdicts: Sequence[Verdict], unit: str, restart: Setting[str] | None) -> Iterator[Entry]:
    """Note a SIGKILL that is called a success, or the 137 that another program makes of it, under a Restart= for failures alone."""
    words = [(one, word) for one in _in_force(verdicts, "SuccessExitStatus") for word in one.text.split()]
    program = next(iter(command(verdicts)), "").rpartition("/")[2]
    kills = (*_KILLS, "137") if program in _PASSING_ON or program.endswith(".sh") else _KILLS
    if restart is not None and restart.value in ("on-failure", "on-abnormal", "on-abort"):
        found = next(((one, word) for one, word in words if word in kills), None)
        if found is not None:
            yield Entry("systemd", unit, "hidden-kill", "SuccessExitStatus", f"{found[1]} {restart.value}", found[0].at)


def _in_force(verdicts: Iterable[Verdict], name: str) -> list[Verdict]:
    found: list[Verdict] = []
    for one in verdicts:
        if one.row.name == name:
            found = [] if one.reset else [*found, one]
    return found


def adjust_file(verdicts: Iterable[Verdict]) -> Setting[str] | None:
    """Give PG_OOM_ADJUST_FILE of a unit's environment; without a value where a file or the command itself may set it."""
    said: Setting[str] | None = None
    file: Setting[str] | None = None
    for one in verdicts:
        if one.row.name == "Environment":
            said = None if one.reset else said
            for word in _ini.words(one.text):
                name, equals, value = word.text.partition("=")
                if name == ADJUST_FILE and equals:
                    said = Setting(value, _within(one.at, word), text=value)
        elif one.row.name == "EnvironmentFile":
            file = None if one.reset else Setting(None, one.at)
        elif one.row.name == "ExecStart" and ADJUST_FILE in one.text:
            file = Setting(None, one.at)
    return said or file


def _lines(one: Verdict) -> Iterator[list[_ini.Word]]:
    """The commands of a line, which a lone `;` parts."""
    words = [word._replace(text=word.text.replace("$$", "$")) for word in _ini.words(one.text)]
    start = 0
    for end in [*(number for number, word in enumerate(words) if word.text == ";"), len(words)]:
        if end > start:
            yield words[start:end]
        start = end + 1


def _of_command(one: Verdict) -> Iterator[tuple[Hint, Location]]:
    for line in _lines(one):
        for hint in read_command([word.text.lstrip(_PREFIXES) if not number else word.text for number, word in enumerate(line)]):
            holder = next((word for word in line if hint.text and hint.text in word.text), None)
            yield hint, one.at if holder is None else _within(one.at, holder)


def _within(at: Location, word: _ini.Word) -> Location:
    """Place of a word; that of the whole value where it spans lines."""
    if at.line != at.end_line:
        return at
    return Location(at.path, at.line, at.column + word.start, at.line, at.column + word.end)


def lost(unit: str, verdicts: Sequence[Verdict]) -> Iterator[Entry]:
    """Note what is said of heaps and does not arrive: words that systemd cuts off a variable, variables that java does not read."""
    variables: dict[str, tuple[str, Location]] = {}
    for one in verdicts:
        if one.row.name == "Environment":
            variables = {} if one.reset else variables
            name = ""
            for word in _ini.words(one.text):
                before, equals, value = word.text.partition("=")
                if word.text.startswith("-") and name in KNOWN:
                    yield _cut(unit, name, word.text, _within(one.at, word))
                elif equals:
                    name = before
                    variables[name] = (value, _within(one.at, word))
    words = [(text, NOWHERE) for text in command(verdicts)]
    # another of its commands may be the script that reads them
    if sum(one.row.name == "ExecStart" and not one.reset for one in verdicts) == 1:
        yield from unheard("systemd", unit, variables, words)


def _cut(unit: str, name: str, text: str, at: Location) -> Entry:
    fault = f"'{text[:60]}' is no assignment: systemd ignores it, and {name} ends before it"
    return Entry("systemd", unit, "runtime", name, text, at, fault, f'put quotes around all of it: Environment="{name}=…"')
