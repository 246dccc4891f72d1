"""`systemd-run` and `systemctl set-property` as commands → workloads, with the grammar of units (systemd-run(1), systemctl(1))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from oomconf.dialect import Entry
from oomconf.dialects import _units
from oomconf.dialects._hints import heard
from oomconf.dialects._shell import Word
from oomconf.dialects._unit_names import near
from oomconf.placement import SystemdUnit
from oomconf.policy import Setting, Workload
from oomconf.quantity import SizeError

__all__ = ["properties", "transient"]

_WITH_VALUE: Final = frozenset(
    {
        "--unit",
        "--property",
        "--description",
        "--slice",
        "--uid",
        "--gid",
        "--nice",
        "--working-directory",
        "--setenv",
        "--machine",
        "--host",
    }
    | {
        "--service-type",
        "--on-active",
        "--on-boot",
        "--on-startup",
        "--on-unit-active",
        "--on-unit-inactive",
        "--on-calendar",
        "--background",
    }
    | {"--timer-property", "--path-property", "--socket-property", "--exec", "--root-directory"}
    | {"-u", "-p", "-E", "-M", "-H"}
)
_KINDS: Final = ("service", "scope", "slice", "socket", "mount", "swap")
_LONG: Final = {"-u": "--unit", "-p": "--property", "-E": "--setenv"}


def transient(words: Sequence[Word]) -> tuple[Workload | None, list[Entry]]:
    """Read a `systemd-run` command: the unit that it makes, and the values that it refuses."""
    options, rest = _options(words[1:])
    names = {flag for flag, _, _ in options}
    scope = "--scope" in names
    unit = next((value for flag, value, _ in reversed(options) if flag == "--unit"), "")
    program = rest[0].text.rpartition("/")[2] if rest else "systemd-run"
    name = unit if unit.endswith((".service", ".scope")) else f"{unit or 'run-' + program}.{'scope' if scope else 'service'}"
    said = [(value, word) for flag, value, word in options if flag == "--property"]
    said += [(f"Slice={_as_slice(value)}", word) for flag, value, word in options if flag == "--slice"]
    fields, entries = _said(name, said, "scope" if scope else "service")
    environment: dict[str, Any] = {}
    for flag, value, word in options:
        variable, equals, text = value.partition("=")
        if flag == "--setenv" and equals:
            environment[variable] = (text, word.at)
    place = SystemdUnit(unit=name, user="--user" in names, command=tuple(word.text for word in rest), is_named=bool(unit))
    hints, refused = heard("script", name, environment, [[(word.text, word.at) for word in rest]] if rest else (), at=words[0].at)
    entries += refused
    if not fields and not entries:
        return None, []
    return Workload(name=name, object=name, at=words[0].at, placement=place, runtimes=hints, **fields), entries


def properties(words: Sequence[Word]) -> tuple[Workload | None, list[Entry]]:
    """Read `systemctl set-property UNIT KEY=VALUE…`."""
    rest = [word for word in words[1:] if not word.text.startswith("-")]
    if len(rest) < 3 or rest[0].text != "set-property":  # noqa: PLR2004
        return None, []
    name = rest[1].text if "." in rest[1].text else f"{rest[1].text}.service"
    fields, entries = _said(name, [(word.text, word) for word in rest[2:]], name.rpartition(".")[2])
    user = any(word.text == "--user" for word in words)
    if not fields or name.endswith(".slice"):
        return None, entries
    return Workload(name=name, object=name, at=words[0].at, placement=SystemdUnit(unit=name, user=user), **fields), entries


def _as_slice(text: str) -> str:
    return text if text.endswith(".slice") else f"{text}.slice"


def _options(words: Sequence[Word]) -> tuple[list[tuple[str, str, Word]], Sequence[Word]]:
    found: list[tuple[str, str, Word]] = []
    index = 0
    while index < len(words) and words[index].text.startswith("-") and words[index].text != "-":
        word = words[index]
        index += 1
        if word.text == "--":
            break
        flag, equals, value = word.text.partition("=") if word.text.startswith("--") else (word.text[:2], "", word.text[2:])
        if flag in _WITH_VALUE and not equals and not value and index < len(words):
            word, value, index = words[index], words[index].text, index + 1
        found.append((_LONG.get(flag, flag), value, word))
    return found, words[index:]


def _said(name: str, said: Sequence[tuple[str, Word]], kind: str) -> tuple[dict[str, Any], list[Entry]]:
    fields: dict[str, Any] = {}
    entries: list[Entry] = []
    for assignment, word in said:
        key, equals, text = assignment.partition("=")
        row = _units.find(key)
        meant = near(key, kind) if row is None and equals else None
        if meant is not None:
            fault = "is no property of systemd: the command fails"
            entries.append(Entry("script", name, kind, key, text, word.at, fault, f"did you mean {meant.name}=?", "key"))
        if row is None or not equals or kind not in _KINDS:
            continue
        if row.name == "MemoryLimit":
            fault = "MemoryLimit= is cgroup v1's key: systemd 258 and newer pass over it"
            entries.append(Entry("script", name, kind, key, text, word.at, fault, "write MemoryMax= instead", "gone"))
        value: Any = None
        fault = hint = ""
        if row.gone is not None or kind not in row.kinds:
            fault, hint = f"systemd takes no {key}= for a {kind}: the command fails", f"write {row.instead}" if row.instead else ""
        elif word.known:
            try:
                value = row.empty if not text else row.parse(text) if row.parse is not None else None
            except SizeError as error:
                fault, hint = f"{error.message}: the command fails", error.hint
        entries.append(Entry("script", name, kind, key, text, word.at, fault, hint, source=word.source))
        if row.field is not None and row.name != "MemoryLimit":
            fields[row.field] = Setting(value, word.at, text=text)
    return fields, entries
