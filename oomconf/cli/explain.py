"""oomconf explain: where each value in force of a service comes from, and what limits it."""

from __future__ import annotations

import argparse
import sys

from oomconf.cli import EXIT_CALL, EXIT_FINE
from oomconf.cli._capture import captured, has_memory
from oomconf.cli._plain import complain, named, paper, read_twice
from oomconf.explanation import Explanation
from oomconf.policy import Policy


def run(words: list[str]) -> int:
    # `-.slice` looks like an option, and is the root's: the cgroup `/`
    options = parser().parse_args(["/" if word == "-.slice" else word for word in words])
    if options.host and not options.spec:
        return complain("--host goes with --spec: it says which host of the spec this one is")
    from oomconf.host.explained import explained

    policy: Policy | None = None
    if read_twice("--spec", options.spec, "--snapshot", options.snapshot):
        return EXIT_CALL
    taken = captured(options.snapshot or None, lambda taken: has_memory(taken) or bool(taken.files or taken.units))
    if isinstance(taken, int):
        return taken
    if options.spec:
        from oomconf.cli._shared import load, refused
        from oomconf.host.files import Disk

        paths = named(options.spec)
        disk = Disk(paths)
        spec, fleet, findings = load(paths, disk)
        if spec is None or fleet is None:
            return refused(findings, disk)
        from oomconf.inforce.which import which

        policy, why = which(fleet.policies, taken.hostname, options.host)
        if policy is None:
            return complain(why)
    root = None if options.snapshot else "/"
    return _report([one for name in options.service for one in explained(taken, name, policy, root)], options)


def parser() -> argparse.ArgumentParser:
    """The options of explain."""
    parser = argparse.ArgumentParser(
        "oomconf explain",
        description="Tell of each setting of a service what is in force, the line of the file that set it, those it overrode, and what "
        "limits it really. Reads this host, or a snapshot of one.",
        epilog="exit codes: 0 told; 2 a wrong call, a name that nothing has, or a snapshot or spec that cannot be used",
    )
    parser.add_argument(
        "service",
        nargs="+",
        metavar="SERVICE",
        help="a unit, a container's name or id, a process by its id or name, a cgroup, a sysctl, or a service of the spec",
    )
    parser.add_argument("--snapshot", metavar="FILE", help="a captured host (oomconf simulate --capture); - is standard input")
    parser.add_argument("--spec", action="append", metavar="SPEC", help="spec files, the later winning: what they ask for is told beside")
    parser.add_argument("--host", metavar="NAME", help="which host of the spec this one is; else the one of its name, or the only one")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _report(found: list[Explanation], options: argparse.Namespace) -> int:
    if options.format == "json":
        from oomconf.reports import explanation_json

        sys.stdout.write(explanation_json.render(found))
    else:
        from oomconf.reports import explanation_text

        page = paper(sys.stdout)
        sys.stdout.write("\n".join(explanation_text.render(one, page) for one in found))
    sys.stdout.flush()
    return EXIT_FINE
