"""oomconf audit: a host as it is, against a spec or its own files."""

from __future__ import annotations

import argparse
import sys
import time

from oomconf.cli import EXIT_CALL, EXIT_FINDINGS, EXIT_FINE
from oomconf.cli._capture import captured
from oomconf.cli._plain import complain, deliver, named, paper, read_twice
from oomconf.inforce import Audit, audit_host, which

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oomconf.policy import Policy

_EPILOG = """\
Answers, from this host or a captured one: was it the killer, how much memory is there, who uses it, who is next, are the limits right.
Only reads, and says what it could not see; 'oomconf simulate --capture' and '--capture-script' make the snapshot of another host.
exit codes: 0 nothing drifts of what could be looked at; 1 drift (a score that waits for a restart is none), with --fail-on-kill a kill,
with --fail-on-unseen a value that could not be looked at; 2 a wrong call, a spec or a snapshot that cannot be used; 3 what is printed
or named by --output could not be written"""


def run(words: list[str]) -> int:
    options = parser().parse_args(words)
    if options.output and options.format == "text":
        return complain("--output goes with --format json or prometheus")
    if options.host and not options.spec:
        return complain("--host goes with a spec; without one the host is held against its own files")
    if read_twice("SPEC", options.spec, "--snapshot", options.snapshot):
        return EXIT_CALL
    fleet: tuple[Policy, ...] = ()
    if options.spec:
        loaded = _spec(named(options.spec))
        if isinstance(loaded, int):
            return loaded
        fleet = loaded
    taken = captured(options.snapshot)
    if isinstance(taken, int):
        return taken
    policy: Policy | None = None
    if options.spec:
        policy, why = which(fleet, taken.hostname, options.host)
        if policy is None:
            return complain(why)
    found = audit_host(taken, policy)
    _print(found, options)
    killed = options.fail_on_kill and any(kill.outcome in ("killed", "panic") for kill in found.killer.kills)
    killed = killed or bool(options.fail_on_kill and found.killer.counter)
    return EXIT_FINDINGS if found.drift or killed or (options.fail_on_unseen and found.blind) else EXIT_FINE


def parser() -> argparse.ArgumentParser:
    """The options of audit."""
    parser = argparse.ArgumentParser(
        "oomconf audit",
        description="Hold the values in force against the spec, and tell how much memory there is, who uses it, who dies next, who died.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "spec", nargs="*", metavar="SPEC", help="spec files, the later winning; without one the host's own files are what is said"
    )
    parser.add_argument("--host", metavar="NAME", help="which host of the spec this is (default: the only one, or the one of that name)")
    parser.add_argument("--snapshot", metavar="FILE", help="a captured host instead of this one; - is standard input")
    parser.add_argument("--top", type=_rows, default=8, metavar="N", help="rows of each table (default 8)")
    parser.add_argument("--all", action="store_true", help="every row, also of what is as it should be")
    parser.add_argument("--format", choices=("text", "json", "prometheus"), default="text")
    parser.add_argument(
        "--output", metavar="FILE", help="write there, whole or not at all (for node_exporter's textfile collector); - is standard output"
    )
    parser.add_argument("--fail-on-kill", action="store_true", help="exit 1 if anything was killed for lack of memory since boot")
    parser.add_argument(
        "--fail-on-unseen", action="store_true", help="exit 1 if a value could not be looked at, for want of rights or of what it is of"
    )
    return parser


def _rows(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) == 0:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"'{text[:40]}' is no number of rows")
    return int(text)


def _spec(paths: tuple[str, ...]) -> tuple[Policy, ...] | int:
    """Load a spec, which takes what an audit without one does not need; an exit code if that cannot be done."""
    from oomconf.cli._shared import load, refused
    from oomconf.host.files import Disk

    disk = Disk(paths)
    _, fleet, findings = load(paths, disk)
    return refused(findings, disk) if fleet is None else fleet.policies


def _print(found: Audit, options: argparse.Namespace) -> None:
    if options.format == "json":
        from oomconf.reports import audit_json

        text = audit_json.render(found)
    elif options.format == "prometheus":
        from oomconf.reports import audit_metrics

        text = audit_metrics.render(found, int(time.time()))
    else:
        from oomconf.reports import audit_text

        text = audit_text.render(found, paper(sys.stdout), top=options.top, every=options.all)
    deliver(options.output, text, mode=0o644)
