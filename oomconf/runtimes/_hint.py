"""What a variable or a flag was found to say of a heap or cache, and which of several hints counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from oomconf.quantity import Percent, Size

__all__ = ["JVM_VARIABLES", "PRODUCT_VARIABLES", "SCRIPT_VARIABLES", "Hint", "Kind", "effective", "is_unresolved"]

Kind = Literal["jvm", "go", "node", "dotnet", "python", "other"]

JVM_VARIABLES: Final = ("_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")
"""What java itself reads, the strongest first; the command line stands between the first and the second."""

SCRIPT_VARIABLES: Final = (
    "JAVA_OPTS",
    "CATALINA_OPTS",
    "ES_JAVA_OPTS",
    "OPENSEARCH_JAVA_OPTS",
    "LS_JAVA_OPTS",
    "KAFKA_HEAP_OPTS",
    "JAVA_OPTS_KC_HEAP",
    "SOLR_JAVA_MEM",
    "INSTALL4J_ADD_VM_PARAMS",
)
"""What only products' start scripts hand to java; java itself does not know them."""


PRODUCT_VARIABLES: Final = {
    "SOLR_HEAP": "solr",
    "MAX_HEAP_SIZE": "cassandra",
    "MAX_MEMORY": "itzg/minecraft-server",
    "MEMORY": "itzg/minecraft-server",
}
"""A bare size that an image's start script makes -Xmx of (bin/solr, conf/cassandra-env.sh, itzg's start-finalExec), the strongest first."""
_PLACEHOLDER: Final = re.compile(r"@[A-Z][A-Z0-9_]*@|%[A-Z][A-Z0-9_]+%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What one variable or flag says of a heap or cache.

    Neither `heap` nor `percent` and no `fault` means that it says something that cannot be known here, such as `-Xmx${HEAP}`.
    """

    kind: Kind
    knob: str
    """The variable, or on a command line the flag: `JAVA_TOOL_OPTIONS`, `-Xmx`, `maxmemory`."""
    text: str
    """The word that says it, such as `-Xmx2g`."""
    heap: Size | None = None
    """Bytes. What says that there is no limit (`GOMEMLIMIT=off`, `--maxmemory 0`) is no hint: it is what happens unsaid."""
    percent: Percent | None = None
    """Of the memory that the runtime sees: the limit, where it knows limits."""
    min_percent: Percent | None = None
    """-XX:MinRAMPercentage, which the JVM takes in place of `percent` where memory is small."""
    arenas: int | None = None
    """MALLOC_ARENA_MAX."""
    fault: str | None = None
    """Why the process does not start, or ignores or misreads the text; the value beside it, if any, is what it then takes."""
    remedy: str = ""
    """What was probably meant."""


def is_unresolved(text: str) -> bool:
    """Whether a text still has to be expanded by a shell, Compose, Kubernetes or a template, so that nothing can be said of it."""
    return "$" in text or "{{" in text or "<%" in text or _PLACEHOLDER.search(text) is not None


def effective(hints: Iterable[Hint], *, scripts: bool = True) -> tuple[Hint, ...]:
    """Give for each runtime, and for each server's knob, the hint that counts, in the order of their first mention.

    For java: a size beats every percentage, then _JAVA_OPTIONS > command line > JDK_JAVA_OPTIONS > JAVA_TOOL_OPTIONS. Variables of
    start scripts end up on the command line, before its own words; `scripts=False` leaves them out, as where java is called directly.
    For the others a command line beats a variable. Hints that stop the process are left out.
    """
    best: dict[tuple[str, str], Hint] = {}
    for hint in hints:
        if hint.fault is not None and hint.heap is None and hint.percent is None:
            continue
        if hint.knob in SCRIPT_VARIABLES and not scripts:
            continue
        key = (hint.kind, hint.knob if hint.kind == "other" or hint.arenas is not None else "")
        held = best.get(key)
        if held is None or _strength(hint) > _strength(held):
            best[key] = hint
    return tuple(best.values())


_RANKS: Final = {"JAVA_TOOL_OPTIONS": 0, "JDK_JAVA_OPTIONS": 1, **dict.fromkeys(SCRIPT_VARIABLES, 2), "_JAVA_OPTIONS": 4}
_FLAG: Final = 3


def _strength(hint: Hint) -> tuple[bool, int]:
    percentage = hint.percent is not None or hint.min_percent is not None
    if hint.kind == "jvm":
        return not percentage, _RANKS.get(hint.knob, _FLAG)
    if hint.kind == "dotnet":
        return not percentage, 1 if hint.knob.startswith("DOTNET_") else 0
    return True, _FLAG if hint.knob.startswith("-") else 0
