"""procps' sysctl in a mount namespace of its own, whose sysctl.d folders are the test's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from consumers import need

FOLDERS = ("etc/sysctl.d", "usr/lib/sysctl.d")
MAIN = "etc/sysctl.conf"


def available() -> str | None:
    """Say why it cannot be asked; None if it can."""
    if os.geteuid() != 0:
        return "a mount namespace needs root"
    for name in ("sysctl", "unshare"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    if not all(Path(f"/{folder}").is_dir() for folder in FOLDERS):
        return "this machine has no sysctl.d folders to mount over"
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return None if done.returncode == 0 else "no mount namespace can be made here"


def require() -> None:
    """Skip, or fail in CI, where it cannot be asked."""
    need(available())


def effective(files: Mapping[str, str]) -> dict[str, str]:
    """Give the last value of each key that `sysctl --system` would set from these files, and from no others."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True)
        for path, text in files.items():
            (root / path).write_text(text, "utf-8")
        mounts = [f'mount --bind "$0/{folder}" /{folder}' for folder in FOLDERS]
        mounts += [f'mount --bind "$0/{MAIN}" /{MAIN}'] if MAIN in files else []
        script = " && ".join([*mounts, "sysctl --dry-run --system 2>/dev/null"])
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, name], capture_output=True, text=True, check=True)
    found: dict[str, str] = {}
    for line in done.stdout.splitlines():
        key, sign, value = line.partition(" = ")
        if sign and not line.startswith("*"):
            found[key] = value
    return found
