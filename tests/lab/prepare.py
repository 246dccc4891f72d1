"""Make the disks and saved boots of the machines ahead of the tests: python tests/lab/prepare.py (as root)."""

from __future__ import annotations

import sys
import time

from machine import BOOKWORM, BOOKWORM_SMALL, TRIXIE, TRIXIE_SMALL, available


def main() -> int:
    """Start each shape once; say what took how long."""
    if reason := available():
        print(f"no machine can be started: {reason}", file=sys.stderr)
        return 1
    for shape in (BOOKWORM, BOOKWORM_SMALL, TRIXIE, TRIXIE_SMALL):
        began = time.monotonic()
        with shape.machine() as found:
            kernel = found.out("uname -r")
        print(f"{shape.title}, {shape.memory}, {kernel}: {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
