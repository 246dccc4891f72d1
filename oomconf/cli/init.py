"""oomconf init: a commented starter spec, from this host or from nothing."""

from __future__ import annotations

import argparse
import sys

from oomconf.cli import EXIT_CALL, EXIT_FINE
from oomconf.cli._plain import complain, deliver, is_taken
from oomconf.templating import Templates


def run(words: list[str]) -> int:
    options = parser().parse_args(words)
    if options.template and options.snapshot:
        return complain("--template is made of nothing, and --snapshot of a host: say one")
    if is_taken(options.out):
        return EXIT_CALL
    text = Templates().render("init/oomconf.yaml.j2")
    left: tuple[tuple[object, str, str], ...] = ()
    if not options.template:
        from oomconf.cli._capture import captured, has_memory

        taken = captured(options.snapshot or None, lambda taken: not options.snapshot or has_memory(taken))
        if isinstance(taken, int):
            return taken
        if has_memory(taken):
            from oomconf.api import init_spec

            made = init_spec(taken)
            text, left = made.text, made.left
        else:
            print("oomconf: this host has no /proc/meminfo: what follows is a template", file=sys.stderr)
    deliver(options.out, text)
    if left:
        print(f"not taken over: {len(left)}", file=sys.stderr)
        for at, what, why in left:
            print(f"  {at}: {what}: {why}" if str(at) else f"  {what}: {why}", file=sys.stderr)
    return EXIT_FINE


def parser() -> argparse.ArgumentParser:
    """The options of init."""
    parser = argparse.ArgumentParser(
        "oomconf init",
        description="Write a commented starter spec: what this host has, what its services and containers use, which limits, scores and "
        "sysctls are in force. It passes check, and lints without errors; what would not is listed on stderr. Reads only.",
        epilog="exit codes: 0 made; 2 a wrong call, a snapshot that cannot be used, or a file that is there already; "
        "3 the file could not be written",
    )
    parser.add_argument("-o", "--out", metavar="FILE", help="write it there instead of to standard output; never over a file")
    parser.add_argument("--snapshot", metavar="FILE", help="of a captured host (oomconf simulate --capture-script); - is standard input")
    parser.add_argument("--template", action="store_true", help="an annotated example, whatever this host is")
    return parser
