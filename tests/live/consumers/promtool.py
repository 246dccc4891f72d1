"""promtool of Prometheus, 2.42 or newer: what it says of rules, of their unit tests, and of metrics in the text format."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from consumers import Refused, folder, locate, need

__all__ = ["available", "check_metrics", "check_rules", "failing", "require", "version"]

_MINIMUM = (2, 42)
_SECONDS = 300


def _binary() -> Path | None:
    return locate("promtool", "OOMCONF_PROMTOOL")


@functools.cache
def version() -> tuple[int, ...] | None:
    """Give promtool's version, such as (2, 42, 0)."""
    found = _binary()
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"version (\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, number.groups())) if number else None


def available() -> str | None:
    """Say why promtool cannot be asked."""
    found = version()
    if found is None:
        return "promtool is not installed (tests/live/consumers/fetch.sh promtool)"
    return None if found >= _MINIMUM else f"promtool {'.'.join(map(str, found))} is older than 2.42"


def require() -> None:
    """Skip, or fail in CI, where promtool cannot be asked."""
    need(available())


def _run(root: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    binary = _binary()
    if binary is None:
        raise FileNotFoundError(available())
    return subprocess.run([binary, *arguments], cwd=root, input=given or "", capture_output=True, text=True, check=False, timeout=_SECONDS)


def check_rules(files: Mapping[str, str]) -> int:
    """Give how many rules `promtool check rules` finds; lint is fatal. Raise Refused in its words."""
    with folder(files) as root:
        run = _run(root, "check", "rules", "--lint=all", "--lint-fatal", *files)
    if run.returncode:
        raise Refused(f"{run.stdout}{run.stderr}".strip())
    return sum(int(number) for number in re.findall(r"SUCCESS: (\d+) rules? found", run.stdout))


def failing(files: Mapping[str, str], test: str) -> list[str]:
    """Give the names of the tests in `test` that fail, in order, by `promtool test rules`; `files` holds it and its rules.

    Raise Refused in its words if it cannot run them.
    """
    with folder(files) as root:
        run = _run(root, "test", "rules", test)
    found = re.findall(r"^ +name: (.*),$", run.stdout + run.stderr, re.MULTILINE)
    if run.returncode and not found:
        raise Refused(f"{run.stdout}{run.stderr}".strip())
    return list(dict.fromkeys(found))


def check_metrics(text: str) -> list[str]:
    """Give what `promtool check metrics` has against metrics in the text format."""
    with folder({}) as root:
        run = _run(root, "check", "metrics", given=text)
    return [line for line in f"{run.stdout}{run.stderr}".splitlines() if line]
