"""What a host's podman cannot be told in quadlet files."""

from __future__ import annotations

import re
import sys
from typing import Final

from oomconf.placement import QuadletUnit
from oomconf.policy import Facts

__all__ = ["absent", "score_refusal", "too_old"]

_QUADLET: Final = (4, 4)
"""The first podman that has quadlet."""
_DROPINS: Final = (5, 0)
"""Drop-ins for quadlet files are read from podman 5.0 on."""


def absent(facts: Facts) -> str:
    """Say why there is no quadlet; empty if there is, or the version is not known."""
    version = facts.podman
    if version is None or version.value is None or _numbers(version.value) >= _QUADLET:
        return ""
    return f"podman {version.value} has no quadlet (since {'.'.join(map(str, _QUADLET))})"


def too_old(facts: Facts) -> str:
    """Say why drop-ins of a quadlet file are not read; empty if they are, or the version is not known."""
    version = facts.podman
    if version is None or version.value is None or _numbers(version.value) >= _DROPINS:
        return ""
    since = ".".join(map(str, _DROPINS))
    return f"podman {version.value} reads no drop-ins for quadlet files (since {since}): say it in the .container file"


def score_refusal(adj: int, place: QuadletUnit, facts: Facts) -> str:
    """Say why a container's score cannot be said in a drop-in of its quadlet; empty if it can."""
    if adj < 0 and (place.user or (facts.podman_rootless is not None and facts.podman_rootless.value is True)):
        return "a rootless engine cannot lower a score below its own"
    return too_old(facts)


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version; one number alone may be any of its kind."""
    found = tuple(int(one) for one in re.findall(r"\d+", version)[:2])
    return found if len(found) > 1 else (*found, sys.maxsize)
