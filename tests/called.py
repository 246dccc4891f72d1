"""A folder of specs, good and bad, in which the command line is called."""

from __future__ import annotations

import os
from pathlib import Path

SPEC = """\
version: 1
hosts: {web: {ram: 8G, swap: 2G, systemd: 252}}
services:
  api: {memory: {max: 2G, swap_max: 0}, systemd: {unit: api.service}}
"""
WRONG = SPEC.replace("2G, swap_max", "12G, swap_max")
BROKEN = SPEC.replace("unit: api.service", "unit: api")


def filled(folder: Path) -> Path:
    """Write the specs, and what is none."""
    (folder / "good.yaml").write_text(SPEC)
    (folder / "wrong.yaml").write_text(WRONG)
    (folder / "broken.yaml").write_text(BROKEN)
    (folder / "latin.yaml").write_bytes(b"version: 1\n# caf\xe9\n")
    (folder / "large.yaml").write_bytes(b"version: 1\n" + b"# x\n" * (13 << 20))
    (folder / "folder").mkdir()
    (folder / "README.md").write_text("nothing\n")
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
