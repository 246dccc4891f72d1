"""oomconf lint: the rules over specs."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Final

from oomconf import dialects
from oomconf.api import lint as lint_spec
from oomconf.api import selected_ids
from oomconf.cli import EXIT_BUG, EXIT_CALL
from oomconf.cli._shared import exit_code, load, named, show
from oomconf.dialects._common import is_rendered
from oomconf.engine import Report, stamped
from oomconf.errors import InputError
from oomconf.host.files import STDIN, Disk, head, is_spec_name, walk
from oomconf.host.tree import MANIFEST
from oomconf.outputs import json as as_json
from oomconf.outputs.text import summary

_OURS: Final = re.compile(r"^version: *1 *$", re.MULTILINE)
_RENDERED: Final = "rendered by oomconf: its spec is linted instead"


def run(words: list[str]) -> int:
    parser = argparse.ArgumentParser("oomconf lint", description="Find in specs what gets machines killed; 'oomconf rule' lists the rules.")
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", default=["."], help="specs, or folders to look for oomconf.yaml in (default: .)"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--select", action="append", default=[], metavar="ID", help="run these rules only; comma-separated or repeated")
    parser.add_argument("--ignore", action="append", default=[], metavar="ID", help="leave these rules out")
    parser.add_argument("--fail-on", choices=("error", "warning", "note", "never"), default="error")
    parser.add_argument("--allow-partial", action="store_true", help="an input that cannot be read does not fail the run")
    options = parser.parse_args(words)
    select, ignore = _ids(options.select), _ids(options.ignore)
    rules = selected_ids(select, ignore)
    specs, passed, unreadable = _specs(named(options.paths))
    reports: list[Report] = []
    texts: list[Disk] = []
    for path in specs:
        disk = Disk((path,))
        try:
            disk.named(path)
        except InputError as error:
            unreadable.append((path, str(error).removeprefix(f"{path}").removeprefix(": ").removeprefix(":")))
            continue
        texts.append(disk)
        reports.append(_one(path, disk, select, ignore))
    read = {document.path for disk in texts for document in disk.documents()}
    whole = _together(reports, [(path, reason) for path, reason in passed if path not in read] + unreadable)
    if options.format == "json":
        sys.stdout.write(as_json.render(whole, rules=len(rules), specs=len(specs)))
    else:
        for report, disk in zip(reports, texts, strict=True):
            show(report.findings, disk, sys.stdout)
        sys.stdout.flush()
        sys.stderr.write(summary(whole, len(rules), len(specs)))
    for path, reason in unreadable:
        print(f"oomconf: {path}: {reason}", file=sys.stderr)
    for rule, slip in whole.crashed:
        print(f"oomconf: the rule {rule} crashed ({type(slip).__name__}: {slip}); please report it", file=sys.stderr)
    code = exit_code(whole.findings, options.fail_on)
    if unreadable and not options.allow_partial:
        code = max(code, EXIT_CALL)
    return max(code, EXIT_BUG) if whole.crashed else code


def _ids(values: list[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _specs(paths: tuple[str, ...]) -> tuple[list[str], list[tuple[str, str]], list[tuple[str, str]]]:
    """Specs to lint, files passed over with the reason, and named paths that cannot be read."""
    specs: list[str] = []
    passed: list[tuple[str, str]] = []
    unreadable: list[tuple[str, str]] = []
    rooms = dialects.discover()
    for path in paths:
        if path != STDIN and not Path(path).exists():
            unreadable.append((path, "no such file or folder"))
        elif path != STDIN and Path(path).is_dir():
            for found in walk(path.rstrip("/") or path):
                if is_spec_name(found):
                    specs.append(found)
                elif not found.endswith(MANIFEST) and any(room.claims is not None and room.claims(found) for room in rooms):
                    passed.append((found, _why_not(found)))
        else:
            specs.append(path)
    return list(dict.fromkeys(specs)), passed, unreadable


def _why_not(path: str) -> str:
    """Say why a file that some reader claims is passed over."""
    return _RENDERED if is_rendered(head(path)) else "raw files are read by a later version; this one lints specs"


def _one(path: str, disk: Disk, select: list[str], ignore: list[str]) -> Report:
    document = disk.named(path)
    if is_rendered(document.text):
        return Report(not_checked=((path, _RENDERED),))
    if not _looks_like_a_spec(document.text):
        return Report(not_checked=((path, "not an oomconf spec; raw files are read by a later version"),))
    spec, _, findings = load((path,), disk)
    if spec is None:
        return Report(findings=tuple(stamped(findings)))
    return lint_spec(spec, select=select, ignore=ignore)


def _looks_like_a_spec(text: str) -> bool:
    """A file that is no YAML, or whose top level has a key of the spec, is for the loader to judge."""
    from oomconf.dialects._yaml import Mapping, compose

    if _OURS.search(text) and "apiVersion" not in text:
        return True
    documents, faults = compose(text)
    if faults or not documents:
        return True
    root = documents[0].root
    if not isinstance(root, Mapping):
        return False
    foreign = {"apiVersion", "kind"} & set(root)
    version = root.get("version")
    dialect = getattr(version, "text", "1")
    return not foreign and (dialect == "1" or bool({"hosts", "slices", "namespaces", "include"} & set(root)))


def _together(reports: list[Report], passed: list[tuple[str, str]]) -> Report:
    skipped: dict[str, int] = {}
    for report in reports:
        for rule, number in report.skipped.items():
            skipped[rule] = skipped.get(rule, 0) + number
    return Report(
        tuple(finding for report in reports for finding in report.findings),
        tuple(one for report in reports for one in report.suppressed),
        dict(sorted(skipped.items())),
        tuple(crash for report in reports for crash in report.crashed),
        (*passed, *(one for report in reports for one in report.not_checked)),
    )
