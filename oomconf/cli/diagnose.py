"""oomconf diagnose: every kill of a log explained."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping

from oomconf.cli import EXIT_CALL, EXIT_FINDINGS, EXIT_FINE
from oomconf.cli._plain import complain, named, paper, read_twice
from oomconf.diagnosis import Diagnosis, explain, with_lines
from oomconf.errors import InputError
from oomconf.host.live_log import live_lines
from oomconf.host.logs import lines_of
from oomconf.oomlog import Reader
from oomconf.policy import Policy
from oomconf.reports import diagnosis_json, diagnosis_markdown, diagnosis_text

LIVE = "journal"
_EPILOG = """\
exit codes: 0 read, kills or not; 1 with --fail-on-kill, where there was one; 2 a log or the spec could not be read"""


def run(words: list[str]) -> int:
    options = parser().parse_args(words)
    policies: tuple[Policy, ...] = ()
    texts: Mapping[str, str] = {}
    if read_twice("LOG", options.log, "--spec", options.spec):
        return EXIT_CALL
    if options.spec:
        loaded = _spec(named(options.spec))
        if isinstance(loaded, int):
            return loaded
        policies, texts = loaded
    printer = _Printer(options)
    code, read = EXIT_FINE, 0
    for path in named(options.log) or (LIVE,):
        try:
            for found in _diagnoses(path, policies, live=not options.log):
                printer.take(with_lines(found, texts))
            read += 1
        except InputError as error:
            print(f"oomconf: {error}", file=sys.stderr)
            code = EXIT_CALL
    printer.end(summary=read > 0 or printer.count.total() > 0)
    if options.fail_on_kill and (printer.count["kill"] or printer.count["panic"]):
        code = max(code, EXIT_FINDINGS)
    return code


def parser() -> argparse.ArgumentParser:
    """The options of diagnose."""
    parser = argparse.ArgumentParser(
        "oomconf diagnose",
        description="Explain every kill in a log: who, why that one, who was next, and what to change; or show that it was no OOM kill.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "log",
        nargs="*",
        metavar="LOG",
        help="dmesg, journalctl or syslog text, also packed; - is standard input; without one, this host's journal or dmesg",
    )
    parser.add_argument("--spec", action="append", metavar="SPEC", help="name the lines of this spec that speak of the victim; repeatable")
    parser.add_argument("--format", choices=("text", "json", "markdown"), default="text")
    parser.add_argument("--top", type=_rows, default=10, metavar="N", help="rows of the order of death (default 10)")
    parser.add_argument("--fail-on-kill", action="store_true", help="exit 1 if the log holds a kill or a panic for lack of memory")
    return parser


def _rows(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"'{text[:40]}' is no number of rows")
    return int(text)


def _spec(paths: tuple[str, ...]) -> tuple[tuple[Policy, ...], Mapping[str, str]] | int:
    """Load a spec, which takes what no log needs; an exit code if that cannot be done."""
    from oomconf.cli._shared import load, refused
    from oomconf.host.files import Disk

    disk = Disk(paths)
    try:
        _, fleet, findings = load(paths, disk)
    except InputError as error:
        return complain(str(error))
    if fleet is None:
        return refused(findings, disk)
    return fleet.policies, {document.path: document.text for document in disk.documents()}


def _diagnoses(path: str, policies: tuple[Policy, ...], *, live: bool) -> Iterator[Diagnosis]:
    reader = Reader(path)
    lines = live_lines() if live else lines_of(path, reader.busy)
    for event in reader.events(lines):
        yield explain(event, policies)


class _Printer:
    """Prints each event as it comes, so that a log of any length takes no more memory than its longest event."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.count: Counter[str] = Counter()
        self.paper = paper(sys.stdout)
        if options.format == "json":
            sys.stdout.write(diagnosis_json.HEAD)

    def take(self, found: Diagnosis) -> None:
        first = not self.count.total()
        self.count[_what(found)] += 1
        form = self.options.format
        if form == "json":
            text = ("\n  " if first else ",\n  ") + diagnosis_json.render(found)
        elif form == "markdown":
            text = diagnosis_markdown.render(found, top=self.options.top)
        else:
            text = diagnosis_text.render(found, self.paper, top=self.options.top)
        sys.stdout.write(text.encode(sys.stdout.encoding or "utf-8", "replace").decode(sys.stdout.encoding or "utf-8"))

    def end(self, *, summary: bool) -> None:
        if self.options.format == "json":
            sys.stdout.write(("\n" if self.count.total() else "") + diagnosis_json.TAIL)
        sys.stdout.flush()
        if summary:
            print(diagnosis_text.summary(self.count), file=sys.stderr)


def _what(found: Diagnosis) -> str:
    event = found.event
    if event.killer in ("none", "unknown"):
        return event.killer
    if event.outcome == "killed":
        return "kill"
    return "panic" if event.outcome == "panic" else "report"
