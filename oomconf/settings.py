"""Settings of a repository: `[tool.oomconf]` of pyproject.toml, or `.oomconf.toml`; every mistake in it is an error of the call."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from oomconf.errors import InputError

__all__ = ["PerPath", "Settings", "read"]

_LISTS: Final = ("select", "ignore", "exclude")
_TEXTS: Final = ("fail-on", "host-ram", "host-swap", "baseline")
_FLAGS: Final = ("allow-partial",)
_ROW: Final = ("path", "ignore", "reason")
_LEVELS: Final = ("error", "warning", "note", "never")


@dataclass(frozen=True, slots=True)
class PerPath:
    """Rules that are not asked for paths that match a pattern of gitignore(5), and why."""

    path: str
    ignore: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a file says; None and empty are unsaid. Patterns and paths are relative to its folder."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: str | None = None
    host_ram: str | None = None
    host_swap: str | None = None
    baseline: str | None = None
    allow_partial: bool = False
    per_path: tuple[PerPath, ...] = ()


def read(path: str, text: str, rules: Iterable[str]) -> Settings | None:
    """Read a file; None if it is a pyproject.toml without our table. Raises InputError that names every mistake."""
    try:
        data: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: {str(error)[:200]}") from None
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply") from None
    if path.endswith("pyproject.toml"):
        tool = data.get("tool")
        data = tool.get("oomconf") if isinstance(tool, dict) else None
        if data is None:
            return None
    wrong: list[str] = []
    if not isinstance(data, dict):
        raise InputError(f"{path}: tool.oomconf is no table")
    settings = _settings(data, frozenset(rules), wrong)
    if wrong:
        raise InputError("\n".join(f"{path}: {one}" for one in wrong))
    return settings


def _settings(data: Mapping[str, Any], rules: frozenset[str], wrong: list[str]) -> Settings:
    known = (*_LISTS, *_TEXTS, *_FLAGS, "per-path")
    wrong += [f"there is no setting '{key[:60]}'{_near(key, known)}" for key in data if key not in known]
    lists: dict[str, Any] = {key: _texts(data, key, wrong) for key in _LISTS}
    for key in ("select", "ignore"):
        _rules(lists[key], rules, key, wrong)
    texts: dict[str, Any] = {key.replace("-", "_"): _text(data, key, wrong) for key in _TEXTS}
    if texts["fail_on"] is not None and texts["fail_on"] not in _LEVELS:
        wrong.append(f"fail-on is none of {', '.join(_LEVELS)}")
    partial = data.get("allow-partial", False)
    if not isinstance(partial, bool):
        wrong.append("allow-partial is neither true nor false")
    rows = data.get("per-path", [])
    if not isinstance(rows, list):
        wrong.append("per-path is no list of tables: write [[per-path]]")
        rows = []
    per_path = tuple(row for number, item in enumerate(rows, 1) if (row := _per_path(item, number, rules, wrong)) is not None)
    return Settings(**lists, **texts, allow_partial=partial is True, per_path=per_path)


def _per_path(item: object, number: int, rules: frozenset[str], wrong: list[str]) -> PerPath | None:
    place = f"per-path {number}"
    if not isinstance(item, dict):
        wrong.append(f"{place} is no table")
        return None
    wrong += [f"{place}: there is no setting '{key[:60]}'{_near(key, _ROW)}" for key in item if key not in _ROW]
    path, reason = _text(item, "path", wrong, place), _text(item, "reason", wrong, place)
    ignored = _texts(item, "ignore", wrong, place)
    _rules(ignored, rules, f"{place}: ignore", wrong)
    for key, value in (("path", path), ("ignore", ignored), ("reason", reason)):
        if not value:
            wrong.append(f"{place} lacks {key}")
    return PerPath(path or "", ignored, reason or "")


def _texts(data: Mapping[str, Any], key: str, wrong: list[str], place: str = "") -> tuple[str, ...]:
    value = data.get(key, [])
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    wrong.append(f"{place}{': ' if place else ''}{key} is no list of texts")
    return ()


def _text(data: Mapping[str, Any], key: str, wrong: list[str], place: str = "") -> str | None:
    value = data.get(key)
    if value is None or isinstance(value, str):
        return value
    wrong.append(f"{place}{': ' if place else ''}{key} is no text")
    return None


def _rules(names: Iterable[str], rules: frozenset[str], place: str, wrong: list[str]) -> None:
    wrong += [f"{place}: there is no rule '{name[:60]}'{_near(name, tuple(rules))}" for name in names if name not in rules]


def _near(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
