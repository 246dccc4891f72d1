"""Booted Debian machines under emulation: real kernels, systemd as the first process, pure cgroup v2, for the tests marked `lab`.

An `Image` is a disk made of Debian packages by name (images.py), a `Shape` is an image with a kernel's share of memory (shapes.py), and a
`Machine` is one that runs (qemu.py). The first start of a shape boots it and saves it booted; every later one goes on from there in a second.
Everything is kept below `OOMCONF_LAB`, or the user's cache; nothing is written back: each machine starts as the saved one was.
"""

from __future__ import annotations

from machine.images import Image
from machine.qemu import Done, Machine, MachineError
from machine.shapes import BOOKWORM, BOOKWORM_HYBRID, BOOKWORM_SMALL, SHAPES, TRIXIE, TRIXIE_SMALL, Shape, available, require

__all__ = [
    "BOOKWORM",
    "BOOKWORM_HYBRID",
    "BOOKWORM_SMALL",
    "SHAPES",
    "TRIXIE",
    "TRIXIE_SMALL",
    "Done",
    "Image",
    "Machine",
    "MachineError",
    "Shape",
    "available",
    "require",
]
