"""Podman's quadlet generator, 5.0 or newer: the units that it makes of `.container` files and their drop-ins."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from consumers import Refused, cache_dir, folder, need

__all__ = ["available", "generated", "require", "version"]

_INSTALLED = ("/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet")
_MINIMUM = (5, 0)


def _binary() -> Path | None:
    if told := os.environ.get("OOMCONF_QUADLET"):
        return Path(told) if os.access(told, os.X_OK) else None
    return next((path for path in map(Path, (*_INSTALLED, str(cache_dir() / "quadlet"))) if os.access(path, os.X_OK)), None)


@functools.cache
def version() -> tuple[int, ...] | None:
    """Give the generator's version, such as (5, 4, 2)."""
    found = _binary()
    if found is None:
        return None
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stdout
    number = re.match(r"(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, number.groups())) if number else None


def available() -> str | None:
    """Say why quadlet cannot be asked."""
    found = version()
    if found is None:
        return "podman's quadlet is not installed (tests/live/consumers/fetch.sh quadlet)"
    return None if found >= _MINIMUM else f"quadlet {'.'.join(map(str, found))} is older than 5.0"


def require() -> None:
    """Skip, or fail in CI, where quadlet cannot be asked."""
    need(available())


def generated(files: Mapping[str, str], *, user: bool = False) -> dict[str, str]:
    """Give the text of each generated unit by its name (`api.service`), drop-ins (`api.container.d/60-oomconf.conf`) merged in.

    Keys are paths below `etc/containers/systemd`, with or without that prefix. Raise Refused, in the generator's words, where it drops a
    unit: an unknown key makes no unit at all, and `Memory=` needs 5.5. The texts go into `systemd.effective` as they are.
    """
    binary = _binary()
    if binary is None:
        raise FileNotFoundError(available())
    with folder({name.removeprefix("etc/containers/systemd/"): text for name, text in files.items()}) as root:
        run = subprocess.run(
            [binary, *(["-user"] if user else []), "-dryrun"],
            env={"PATH": os.environ["PATH"], "HOME": str(root), "QUADLET_UNIT_DIRS": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )
        said, out = run.stderr.replace(f"{root}/", ""), run.stdout.replace(f"{root}/", "/etc/containers/systemd/")
    complaints = [
        re.sub(r"^quadlet-generator\[\d+\]: ", "", line)
        for line in said.splitlines()
        if not re.search(r"Loading source (unit|drop-in) file ", line)
    ]
    if run.returncode or complaints:
        raise Refused("\n".join(complaints) or f"exit {run.returncode}")
    parts = re.split(r"^---(\S+)---\n", out, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (text.strip("\n") + "\n" for text in parts[2::2]), strict=True))
