"""A script as its reader, and lint, see it."""

from __future__ import annotations

from oomconf.api import lint_raw
from oomconf.dialect import Document, NoSources, Reading
from oomconf.dialects.script.read import read
from oomconf.finding import Finding


def reading(path: str, text: str) -> Reading:
    return read([Document(path, text)], NoSources())


def sysctls(path: str, text: str) -> dict[str, str | None]:
    return {key: setting.value for policy in reading(path, text).policies for key, setting in policy.sysctls.items()}


def findings(path: str, text: str) -> list[Finding]:
    return list(lint_raw([Document(path, text)], NoSources()).findings)
