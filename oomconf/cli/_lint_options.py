"""What a call of lint asks for: its options, over the settings of the repository."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from oomconf import outputs, rules, settings
from oomconf.cli._shared import named
from oomconf.errors import InputError
from oomconf.host.files import read_text
from oomconf.location import whole_file
from oomconf.policy import Facts, Setting
from oomconf.quantity import Size, SizeError
from oomconf.quantity.spec import parse_size
from oomconf.settings import PerPath, Settings

__all__ = ["Options", "parse", "parser", "size_option"]

_LEAST = 1 << 20
_NAMES = (".oomconf.toml", "pyproject.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A call of lint."""

    paths: tuple[str, ...]
    select: list[str]
    ignore: list[str]
    per_path: tuple[PerPath, ...]
    exclude: list[str]
    gitignore: bool
    alone: bool
    facts: Facts
    format: str | None
    files: list[tuple[str, str]]
    """Formats and the files that they go to."""
    fail_on: str
    allow_partial: bool
    statistics: bool
    baseline: str | None
    write_baseline: str | None
    fix: bool
    diff: bool


def parse(words: list[str]) -> Options:
    """Read a call and the settings that it falls under; raises InputError."""
    given = parser().parse_args(words)
    base, said = _settings(given)
    select, ignore = _ids(given.select), _ids(given.ignore)
    ram = size_option("--host-ram", given.host_ram or said.host_ram)
    swap = size_option("--host-swap", given.host_swap if given.host_swap is not None else said.host_swap)
    return Options(
        paths=named(given.paths),
        select=select or list(said.select),
        ignore=[*said.ignore, *ignore],
        per_path=said.per_path,
        exclude=[*said.exclude, *given.exclude],
        gitignore=not given.no_gitignore,
        alone=given.alone,
        facts=Facts(at=whole_file("the call"), of_nodes=True, memory_total=ram, swap_total=swap),
        format=given.format,
        files=_files(given.output),
        fail_on=given.fail_on or said.fail_on or "error",
        allow_partial=given.allow_partial or said.allow_partial,
        statistics=given.statistics,
        baseline=given.baseline or (str(base / said.baseline) if said.baseline else None),
        write_baseline=_no_stream(given.write_baseline),
        fix=given.fix,
        diff=given.diff,
    )


def parser() -> argparse.ArgumentParser:
    """The options of lint."""
    parser = argparse.ArgumentParser(
        "oomconf lint",
        description="Find what gets machines killed in specs, unit files, sysctl.d, compose files, quadlets, Kubernetes manifests, "
        "kubelet configuration, and in scripts, Dockerfiles, crontabs, cloud-init and Ansible tasks; 'oomconf rule' lists the rules.",
        epilog="Settings stand in .oomconf.toml or in [tool.oomconf] of pyproject.toml, here or above as far as the repository goes: "
        "select, ignore, exclude, fail-on, host-ram, host-swap, baseline, allow-partial, and [[per-path]] with path, ignore and reason. "
        "Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 a wrong call or an input that cannot be read; "
        "3 a file could not be written; 70 a rule crashed.",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", default=["."], help="files, or folders to walk (default: .)")
    parser.add_argument("--format", choices=outputs.NAMES, help="on stdout (default: text; github where GITHUB_ACTIONS is true)")
    parser.add_argument("--output", action="append", default=[], metavar="FORMAT=FILE", help="write a format to a file too; repeatable")
    parser.add_argument("--select", action="append", default=[], metavar="ID", help="run these rules only; comma-separated or repeated")
    parser.add_argument("--ignore", action="append", default=[], metavar="ID", help="leave these rules out")
    parser.add_argument("--fail-on", choices=("error", "warning", "note", "never"), help="exit 1 from this level on (default: error)")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="pass over what matches in a walk, as in .gitignore"
    )
    parser.add_argument("--fix", action="store_true", help="mend in raw files what can be mended without a choice, then lint")
    parser.add_argument("--diff", action="store_true", help="print what --fix would change, and change nothing; exit 1 if that is anything")
    parser.add_argument("--baseline", metavar="FILE", help="report only what this file does not hold")
    parser.add_argument("--write-baseline", metavar="FILE", help="write what is found now, all of it, as a baseline, and exit 0")
    parser.add_argument("--no-gitignore", action="store_true", help="walk into what .gitignore names too")
    parser.add_argument(
        "--alone", action="store_true", help="judge named files by themselves; else the rest of their git tree is looked at beside them"
    )
    parser.add_argument("--config", metavar="FILE", help="settings from this file, and from no other")
    parser.add_argument("--no-config", action="store_true", help="no settings but those of the call")
    parser.add_argument("--no-cache", action="store_true", help="judge anew, and keep no answer; OOMCONF_CACHE= does so too")
    parser.add_argument("--statistics", action="store_true", help="count the findings by rule, on stderr")
    parser.add_argument("--host-ram", metavar="SIZE", help="RAM of the hosts that raw files are for, as 16G; wins over a spec's")
    parser.add_argument("--host-swap", metavar="SIZE", help="swap of those hosts; 0 if they have none")
    parser.add_argument("--allow-partial", action="store_true", help="an input that cannot be read does not fail the run")
    return parser


def _settings(given: argparse.Namespace) -> tuple[Path, Settings]:
    if given.no_config:
        return Path(), Settings()
    names = rules.names()
    if given.config is not None:
        said = settings.read(given.config, read_text(given.config), names)
        if said is None:
            raise InputError(f"{given.config}: has no table [tool.oomconf]")
        return Path(given.config).parent, said
    here = Path.cwd()
    for folder in (here, *here.parents):
        for name in _NAMES:
            path = folder / name
            shown = name if folder == here else str(path)
            there = os.path.isfile(path)  # noqa: PTH113  Path.is_file() raises where nobody may look
            said = settings.read(shown, read_text(str(path)), names) if there else None
            if said is not None:
                return (Path() if folder == here else folder), said
        if os.path.exists(folder / ".git"):  # noqa: PTH110
            break
    return Path(), Settings()


def _ids(values: list[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def size_option(option: str, text: str | None) -> Setting[Size] | None:
    """Read a size that an option gives; raises InputError."""
    if text is None:
        return None
    try:
        size = parse_size(text)
    except SizeError as error:
        raise InputError(f"{option}: {error.message}" + (f" ({error.hint})" if error.hint else "")) from None
    if size < _LEAST and not (size == 0 and option == "--host-swap"):
        raise InputError(
            f"{option}: {text} is {int(size)} bytes, which no machine has" + (f" (was {text}G meant?)" if text.isdigit() else "")
        )
    return Setting(size, whole_file(option))


def _no_stream(path: str | None) -> str | None:
    if path == "-":
        raise InputError("--write-baseline -: writes a file, for findings are printed on standard output")
    return path


def _files(values: list[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for value in values:
        name, equals, path = value.partition("=")
        if not equals or not path or name not in outputs.NAMES:
            raise InputError(f"--output {value[:80]}: say FORMAT=FILE, with a format of {', '.join(outputs.NAMES)}")
        if path == "-":
            raise InputError(f"--output {value}: writes files; say --format {name} for standard output")
        found.append((name, path))
    return found
