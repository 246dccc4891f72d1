"""POSIX shells and shellcheck: what they say of a script that is never run."""

from __future__ import annotations

import shutil
import subprocess

from consumers import need

__all__ = ["available", "check", "parse", "require", "shellcheck"]

_PARSERS: tuple[tuple[str, ...], ...] = (("sh",), ("dash",), ("busybox", "sh"))


def available() -> str | None:
    """Say which of the shells is missing."""
    absent = [tool for tool in ("shellcheck", "sh", "dash", "busybox") if shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def require() -> None:
    """Skip, or fail in CI, where one of the shells is missing."""
    need(available())


def shellcheck(script: str, *, exclude: tuple[str, ...] = ()) -> list[str]:
    """Give `LINE:COLUMN: level: text [SCnnnn]` of `shellcheck -s sh` at its strictest; `exclude` takes `SC2086`-like codes."""
    run = subprocess.run(
        ["shellcheck", "--norc", "--shell=sh", "--severity=style", "--format=gcc", *(f"--exclude={code}" for code in exclude), "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line.removeprefix("-:") for line in run.stdout.splitlines()]
    return said or ([f"shellcheck failed: {run.stderr.strip()}"] if run.returncode else [])


def parse(script: str) -> list[str]:
    """Give what `sh -n`, `dash -n` and `busybox sh -n` complain of."""
    said: list[str] = []
    for shell in _PARSERS:
        run = subprocess.run([*shell, "-n", "/dev/stdin"], input=script, capture_output=True, text=True, check=False)
        if run.returncode or run.stderr:
            said += [f"{' '.join(shell)}: {line}" for line in run.stderr.splitlines() or [f"exit {run.returncode}"]]
    return said


def check(script: str, *, exclude: tuple[str, ...] = ()) -> list[str]:
    """Give the complaints of all of them; none means that every shell reads the script and shellcheck has no objection."""
    return parse(script) + shellcheck(script, exclude=exclude)
