"""oomconf import: a spec from the files of a repository."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from oomconf.api import import_spec
from oomconf.cli import EXIT_CALL, EXIT_FINE
from oomconf.cli._lint_options import size_option
from oomconf.cli._plain import deliver, is_taken, named
from oomconf.host.collect import collect
from oomconf.host.files import Folders
from oomconf.importer import variants


def run(words: list[str]) -> int:
    options = parser().parse_args(words)
    given = {"ram": size_option("--host-ram", options.host_ram), "swap": size_option("--host-swap", options.host_swap)}
    if is_taken(options.out):
        return EXIT_CALL
    paths = named(options.paths)
    found = collect(paths, options.exclude, gitignore=not options.no_gitignore)
    said = {key: value for key, value in given.items() if value is not None}
    apart = dict(variants(found.raw, paths))
    for path in apart:
        del found.raw[path]
    made = import_spec(tuple(found.raw.values()), Folders(paths), said, source=", ".join(paths), folder=_folder(options.out))
    deliver(options.out, made.text)
    _tell(made.left, {**found.passed, **apart, **made.passed, **dict.fromkeys(found.specs, "is a spec already")})
    for path, why in found.unreadable.items():
        print(f"oomconf: {path}: {why}", file=sys.stderr)
    return EXIT_CALL if found.unreadable and not options.allow_partial else EXIT_FINE


def _folder(out: str | None) -> str:
    return "" if out is None or out == "-" else str(Path(out).parent)


def _tell(left: tuple[tuple[object, str, str], ...], passed: dict[str, str]) -> None:
    if left:
        print(f"not taken over: {len(left)}", file=sys.stderr)
        for at, what, why in left:
            print(f"  {at}: {what}: {why}" if str(at) else f"  {what}: {why}", file=sys.stderr)
    if passed:
        print(f"not read: {len(passed)} file{'' if len(passed) == 1 else 's'}", file=sys.stderr)
        for path, why in passed.items():
            print(f"  {path}: {why}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The options of import."""
    parser = argparse.ArgumentParser(
        "oomconf import",
        description="Write a spec that says what units, sysctl.d, compose files, quadlets, manifests and scripts say; "
        "what it cannot take over is listed on stderr.",
        epilog="exit codes: 0 made; 2 a wrong call, an input that cannot be read, or a file that is there already; "
        "3 the file could not be written",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", default=["."], help="files, or folders to walk (default: .)")
    parser.add_argument("-o", "--out", metavar="FILE", help="write it there instead of to standard output; never over a file")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="pass over what matches in a walk, as in .gitignore"
    )
    parser.add_argument("--no-gitignore", action="store_true", help="walk into what .gitignore names too")
    parser.add_argument("--host-ram", metavar="SIZE", help="RAM of the hosts, as 16G")
    parser.add_argument("--host-swap", metavar="SIZE", help="swap of the hosts; 0 if they have none")
    parser.add_argument("--allow-partial", action="store_true", help="an input that cannot be read does not fail the run")
    return parser
