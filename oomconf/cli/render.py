"""oomconf render: a spec into files, after check and the rules."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import Any

from oomconf.api import Spec, chosen_rules, scope_of
from oomconf.api import render as render_spec
from oomconf.cli import EXIT_BUG, EXIT_FINDINGS, EXIT_FINE
from oomconf.cli._shared import complain, load, named, show
from oomconf.engine import Report, inexpressible
from oomconf.engine import lint as run_rules
from oomconf.finding import Severity
from oomconf.host.files import Disk
from oomconf.host.tree import Changes, Tree
from oomconf.ledger import Cell, Status
from oomconf.outputs import json as as_json
from oomconf.policy import Fleet
from oomconf.renderer import Output


def run(words: list[str]) -> int:
    options = parser().parse_args(words)
    if (options.check or options.diff) and options.out is None:
        return complain("--check and --diff compare with a folder: say which with --out DIR")
    paths = named(options.spec)
    disk = Disk(paths)
    spec, fleet, findings = load(paths, disk)
    if spec is None or fleet is None:
        show(findings, disk, sys.stderr)
        return complain(f"{len(findings)} problem{'' if len(findings) == 1 else 's'}: nothing is rendered")
    output = render_spec(spec, target=_list(options.target), host=_list(options.host), templates=options.templates)
    report = _judge(spec, fleet, output, options)
    if report is not None and report.crashed:
        for rule, error in report.crashed:
            print(f"oomconf: the rule {rule} crashed ({type(error).__name__}: {error}); please report it", file=sys.stderr)
        return EXIT_BUG
    if report is not None:
        notable = [finding for finding in report.findings if finding.severity > Severity.NOTE]
        show(notable, disk, sys.stderr)
        errors = sum(finding.severity is Severity.ERROR for finding in notable)
        if errors:
            return _refused(errors)
    _tell_ledger(output.ledger, options)
    return _deliver(output, options)


def parser() -> argparse.ArgumentParser:
    """The options of render."""
    parser = argparse.ArgumentParser(
        "oomconf render",
        description="Check, lint, and write the files of every host; errors of the rules refuse (exit 1, nothing written).",
        epilog="exit codes: 0 written, or nothing would change; 1 errors of the rules, or with --check and --diff something would change; "
        "2 a wrong call or a spec that cannot be rendered; 3 the folder could not be written, and is as it was; 70 a rule crashed",
    )
    parser.add_argument("spec", nargs="+", metavar="SPEC", help="spec files, the later winning over the earlier; - is standard input")
    parser.add_argument("--out", metavar="DIR", help="where the files go; without it one file goes to standard output")
    parser.add_argument("--host", action="append", metavar="NAME", help="only these hosts; comma-separated or repeated")
    parser.add_argument("--target", action="append", metavar="NAME", help="only these targets, such as systemd or kubernetes")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change, exit 1 if anything would")
    parser.add_argument(
        "--ledger", action="store_true", help="print what each target says exactly, roughly or not at all, and with --out also write"
    )
    parser.add_argument("--strict", action="store_true", help="a value that a target cannot say exactly is an error")
    parser.add_argument("--no-lint", action="store_true", help="do not run the rules")
    parser.add_argument("--templates", metavar="DIR", help="templates of your own, by the same names")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the ledger")
    return parser


def _list(values: list[str] | None) -> list[str] | None:
    return None if values is None else [word.strip() for value in values for word in value.split(",") if word.strip()]


def _judge(spec: Spec, fleet: Fleet, output: Output, options: argparse.Namespace) -> Report | None:
    """Run the rules; with --no-lint only --strict's demand for exactness is left."""
    if options.no_lint and not options.strict:
        return None
    rules: tuple[Any, ...] = () if options.no_lint else chosen_rules()
    return run_rules(fleet, rules, silences=spec.silences, found=inexpressible(output.ledger, strict=options.strict))


def _refused(errors: int) -> int:
    print(
        f"oomconf: {errors} error{'' if errors == 1 else 's'}: nothing is written (accept one with a reason in lint.ignore, or --no-lint)",
        file=sys.stderr,
    )
    return EXIT_FINDINGS


def _tell_ledger(ledger: tuple[Cell, ...], options: argparse.Namespace) -> None:
    count = Counter(cell.status for cell in ledger)
    if options.ledger:
        sys.stdout.write(as_json.ledger(ledger) if options.format == "json" else _table(ledger))
    sys.stdout.flush()
    parts = ", ".join(f"{count[status]} {status.value}" for status in Status if count[status])
    if parts:
        more = "" if options.ledger or len(count) == count[Status.EXACT] else "; --ledger tells each"
        print(f"ledger: {parts}{more}", file=sys.stderr)
    if not options.ledger:
        inexact = [cell for cell in ledger if cell.status is not Status.EXACT]
        for cell in inexact[:10]:
            print(f"  {cell.object}: {cell.target}: {cell.field} is {cell.status.value}: {cell.note}", file=sys.stderr)
        if len(inexact) > 10:  # noqa: PLR2004
            print(f"  and {len(inexact) - 10} more", file=sys.stderr)


def _table(ledger: tuple[Cell, ...]) -> str:
    rows = [(cell.object, cell.target, cell.field, str(cell.setting.value), cell.status.value, cell.note) for cell in ledger]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(5)]
    return "".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip() + "\n" for row in rows
    )


def _deliver(output: Output, options: argparse.Namespace) -> int:
    scope = scope_of(_list(options.target), _list(options.host))
    if options.out is None:
        if options.ledger:
            return EXIT_FINE
        if not output.artifacts:
            return complain("there is nothing to render: no value of the spec is for this host and target")
        if len(output.artifacts) > 1:
            names = "".join(f"\n  {artifact.path}" for artifact in output.artifacts[:30])
            more = f"\n  and {len(output.artifacts) - 30} more" if len(output.artifacts) > 30 else ""  # noqa: PLR2004
            return complain(
                f"{len(output.artifacts)} files do not fit on standard output: say --out DIR, or narrow by --host and --target{names}{more}"
            )
        sys.stdout.write(output.artifacts[0].text)
        return EXIT_FINE
    tree = Tree(options.out)
    if options.check or options.diff:
        changes = tree.plan(output.artifacts, scope, diff=options.diff)
        sys.stdout.write("".join(f"{line}\n" for line in changes.diff))
        _tell(changes, "would be ")
        return EXIT_FINDINGS if changes.any() else EXIT_FINE
    _tell(tree.write(output.artifacts, scope), "")
    return EXIT_FINE


def _tell(changes: Changes, mood: str) -> None:
    lists = (("created", changes.created), ("changed", changes.changed), ("removed", changes.removed))
    for word, names in lists if mood else ():
        for name in names:
            print(f"{mood}{word}: {name}", file=sys.stderr)
    for name in changes.kept:
        print(f"changed by hand, so left in place: {name}", file=sys.stderr)
    if changes.pending:
        print("an earlier render was interrupted" + (": render again to finish it" if mood else " and is finished now"), file=sys.stderr)
    counts = [*((len(names), word) for word, names in lists), (changes.unchanged, "unchanged")]
    print("files: " + (", ".join(f"{number} {word}" for number, word in counts if number) or "none"), file=sys.stderr)
