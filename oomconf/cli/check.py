"""oomconf check: whether a spec can be rendered."""

from __future__ import annotations

import argparse
import sys

from oomconf import outputs
from oomconf.cli import EXIT_CALL, EXIT_FINE
from oomconf.cli._shared import load, named, show
from oomconf.engine import Report
from oomconf.host.files import Disk
from oomconf.outputs._view import View


def run(words: list[str]) -> int:
    options = parser().parse_args(words)
    paths = named(options.spec)
    disk = Disk(paths)
    _, fleet, findings = load(paths, disk)
    if options.format == "json":
        sys.stdout.write(outputs.write("json", View(report=Report(findings), specs=len(paths))))
    else:
        show(findings, disk, sys.stdout)
    sys.stdout.flush()
    if fleet is None:
        print(f"{len(findings)} problem{'' if len(findings) == 1 else 's'}: cannot be rendered", file=sys.stderr)
        return EXIT_CALL
    hosts = sum(policy.scope == "host" for policy in fleet.policies)
    services = len({workload.object for policy in fleet.policies for workload in policy.workloads})
    print(f"fine: {services} service{'' if services == 1 else 's'} on {hosts} host{'' if hosts == 1 else 's'}", file=sys.stderr)
    return EXIT_FINE


def parser() -> argparse.ArgumentParser:
    """The options of check."""
    parser = argparse.ArgumentParser(
        "oomconf check",
        description="Refuse only what cannot be rendered; judgements are rules (oomconf lint).",
        epilog="exit codes: 0 it can be rendered; 2 it cannot, or a wrong call",
    )
    parser.add_argument("spec", nargs="+", metavar="SPEC", help="spec files, the later winning over the earlier; - is standard input")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser
