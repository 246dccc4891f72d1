"""The kernel's command line in the files of boot loaders, read only: memory control and huge pages (kernel-parameters.txt)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from oomconf.dialect import Dialect, Document, Entry, Reading, Sources
from oomconf.location import Location
from oomconf.policy import Facts, Policy, Setting
from oomconf.quantity import SizeError, memparse

_PATH: Final = re.compile(
    r"(?:^|/)(?:etc/default/grub(?:\.d/[^/]+\.cfg)?|etc/kernel/cmdline|boot/(?:firmware/)?cmdline\.txt|boot/loader/entries/[^/]+\.conf)$"
)
_GRUB: Final = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>GRUB_CMDLINE_LINUX(?:_DEFAULT)?)(?P<adds>\+?)="""
    r"""(?P<quote>["']?)(?P<line>.*?)(?P=quote)[ \t]*(?:\#.*)?$""",
    re.MULTILINE,
)
_ENTRY: Final = re.compile(r"^[ \t]*options[ \t]+(?P<line>.*)$", re.MULTILINE)
_BARE: Final = re.compile(r"^(?P<line>[^#\n]*)$", re.MULTILINE)
_WORD: Final = re.compile(r"[^\s\"']+")
_HUGE: Final = 2 << 20
_HIERARCHY: Final = "systemd.unified_cgroup_hierarchy"
_OFF: Final = ("0", "no", "n", "false", "off")


class _Word(NamedTuple):
    key: str
    value: str
    at: Location


def claims(path: str) -> bool:
    """GRUB's defaults, /etc/kernel/cmdline, a Raspberry Pi's cmdline.txt and the entries of the boot loader specification."""
    return _PATH.search(path) is not None


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read the words of every line that is in force; the later file adds to the earlier. Never raises."""
    words = [word for document in sorted(documents, key=lambda one: one.path) for word in _words(document)]
    enabled = any(one.key == "cgroup_enable" and "memory" in one.value.split(",") for one in words)
    off = [] if enabled else [one for one in words if one.key == "cgroup_disable" and "memory" in one.value.split(",")]
    entries = [Entry("cmdline", "the kernel", "", one.key, one.value, one.at, kind="beside") for one in off]
    facts, said = _facts(words), [one for one in words if one.key == _HIERARCHY]
    if facts.cgroup_version is not None:
        entries.append(Entry("cmdline", "the kernel", "hierarchy", _HIERARCHY, said[-1].value, said[-1].at, kind="beside"))
    policy = Policy(name="host", object="host", facts=facts, sysctls=_huge_pages(words))
    return Reading((policy,) if policy.sysctls or policy.facts != Facts() else (), tuple(entries))


def _words(document: Document) -> Iterator[_Word]:
    grub = "etc/default/grub" in document.path
    lines: dict[str, list[re.Match[str]]] = {}
    for line in (_GRUB if grub else _ENTRY if "/entries/" in document.path else _BARE).finditer(document.text):
        name = line["name"] if grub else ""
        # an assignment replaces the one before it, unless it takes that up
        keeps = not grub or line["adds"] or "$" in line["line"]
        lines[name] = [*lines.get(name, []), line] if keeps else [line]
    for line in (one for found in lines.values() for one in found):
        number = document.text.count("\n", 0, line.start()) + 1
        start = document.text.rfind("\n", 0, line.start("line")) + 1
        for word in _WORD.finditer(document.text, line.start("line"), line.end("line")):
            key, _, value = word[0].partition("=")
            at = Location(document.path, number, word.start() - start + 1, number, word.end() - start + 1)
            yield _Word(key.replace("-", "_"), value, at)


def _facts(words: Sequence[_Word]) -> Facts:
    said = [one for one in words if one.key == _HIERARCHY]
    return Facts(cgroup_version=Setting(1, said[-1].at)) if said and said[-1].value in _OFF else Facts()


def _huge_pages(words: Sequence[_Word]) -> dict[str, Setting[Any]]:
    """Huge pages of 2M as the sysctl that says the same; `hugepagesz` is of the counts behind it."""
    size: int | None = _HUGE
    count: Setting[str] | None = None
    for one in words:
        if one.key in ("hugepagesz", "default_hugepagesz"):
            size = _size(one.value)
        elif one.key == "hugepages" and one.value.isascii() and one.value.isdigit() and size == _HUGE:
            count = Setting(one.value, one.at, text=one.value)
    return {} if count is None else {"vm.nr_hugepages": count}


def _size(text: str) -> int | None:
    try:
        return memparse.parse(text)
    except SizeError:
        return None


DIALECT: Final = Dialect(
    name="cmdline",
    summary="etc/default/grub, cmdline.txt and the like: read only",
    claims=claims,
    read=read,
    proven="by documentation",
)
