"""sysctl.d: the kernel's own settings, both ways (sysctl.d(5))."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from oomconf.dialect import Dialect, Document, Entry, Reading, Rendered, Sources
from oomconf.dialects._common import header
from oomconf.dialects._names import misnamed, unread
from oomconf.dialects._templates import is_filled_in
from oomconf.kernel.profiles import PROFILES
from oomconf.kernel.sysctls import EXCLUSIVE_PAIRS, SYSCTLS, check_value
from oomconf.kernel.version import KernelVersion
from oomconf.ledger import Artifact, Book, Rendering
from oomconf.location import Location
from oomconf.policy import Origin, Policy, Setting, beaten

_FOLDERS: Final = ("etc/sysctl.d/", "run/sysctl.d/", "usr/local/lib/sysctl.d/", "usr/lib/sysctl.d/", "lib/sysctl.d/")
_BLANKS: Final = " \t"
_FOLDER: Final = re.compile(r"(?:^|/)sysctl\.d/$")
_SAID: Final = re.compile(r"^[ \t]*-?(?:vm|kernel)[./][\w./]+[ \t]*=", re.MULTILINE)
_NUMBERS: Final = ("int", "ulong")
"""Of these the kernel takes what stands before the first blank (kernel/sysctl.c: proc_get_long())."""
_TAKEN: Final = ("vm.nr_hugepages", "vm.nr_hugepages_mempolicy")
"""What takes memory from everybody at once, as far as it is free (mm/hugetlb.c: set_max_huge_pages())."""


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write every said sysctl; a profile's values come with their reasons."""
    if not policy.sysctls:
        return Rendering()
    book = Book("sysctl")
    profile = None if policy.sysctl_profile is None else PROFILES.get(policy.sysctl_profile.value or "")
    rows: list[dict[str, str]] = []
    for key, setting in sorted(policy.sysctls.items()):
        if note := _never(key, policy):
            book.impossible(policy.object, key, key, setting, note)
            continue
        if note := _perhaps(key, policy):
            book.approximated(policy.object, key, key, setting, note)
        else:
            book.exact(policy.object, key, key, setting)
        why = profile.why.get(key, "") if profile is not None and setting.origin is Origin.DEFAULT else ""
        rows.append({"key": key, "value": setting.value or "", "comment": why})
    if not rows:
        return Rendering(ledger=tuple(book.cells))
    without = policy.facts.is_without_systemd
    applied = "sysctl -p /etc/sysctl.d/90-oomconf.conf" if without else "systemctl restart systemd-sysctl"
    text = needs.templates.render("sysctl/sysctl.conf.j2", header=header(policy.source, [policy.object]), applied=applied, rows=rows)
    artifact = Artifact(path="root/etc/sysctl.d/90-oomconf.conf", text=text, objects=(policy.object,))
    return Rendering(artifacts=(artifact,), ledger=tuple(book.cells))


def _kernel(policy: Policy) -> KernelVersion | None:
    said = policy.facts.kernel
    try:
        return None if said is None or said.value is None else KernelVersion.parse(said.value)
    except ValueError:
        return None


def _never(key: str, policy: Policy) -> str:
    """Say why a value is not in force once the file is applied; empty if it may be."""
    known = SYSCTLS.get(key)
    if known is not None and known.kind == "action":
        return "it makes something happen once, and nothing is kept"
    refusal = check_value(key, policy.sysctls[key].value or "", _kernel(policy))
    if refusal is not None:
        return f"the kernel refuses it: {refusal}"
    # lines stand in order of their names, and the later write sets the earlier to 0
    later = next((one for pair in EXCLUSIVE_PAIRS for one in pair if key in pair and one > key and one in policy.sysctls), None)
    return "" if later is None else f"{later} is written after it, which sets it to 0"


def _perhaps(key: str, policy: Policy) -> str:
    """Say on what it hangs whether a value is kept; empty if it is."""
    known, kernel = SYSCTLS.get(key), _kernel(policy)
    if key in _TAKEN and policy.sysctls[key].value != "0":
        return "the kernel takes as many as it finds free at that moment, without a word"
    if known is None or kernel is None:
        return ""
    if known.since is not None and kernel < known.since:
        return f"Linux {kernel} has no such file, which came with {known.since}"
    if known.removed is not None and not kernel < known.removed:
        return f"Linux {kernel} has no such file, which went with {known.removed}"
    return ""


def claims(path: str) -> bool:
    """sysctl.d/*.conf in any root, what is misnamed beside, and sysctl.conf."""
    return (
        ("sysctl.d/" in path and path.endswith(".conf"))
        or path == "sysctl.conf"
        or path.endswith("/sysctl.conf")
        or misnamed(path, _FOLDER)
    )


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read as systemd-sysctl does: equal names hide each other by folder, then all in order of name, the last assignment wins."""
    values: dict[str, Setting[str]] = {}
    entries: list[Entry] = []
    for document in documents:
        found = unread("sysctl", document, _SAID) if misnamed(document.path, _FOLDER) else None
        entries += [] if found is None else [found]
    for document in order([document for document in documents if not misnamed(document.path, _FOLDER)]):
        for key, value, at, named, fault, beside in assignments(document):
            if beside:
                entries.append(Entry("sysctl", key, beside, f"-{key}" if beside == "optional" else key, value, at, kind="beside"))
            if beside == "filled in":
                continue
            entries.append(Entry("sysctl", key, "", key, value, at, fault))
            if not fault:
                below = values.pop(key, None)
                known = SYSCTLS.get(key)
                taken = value.split()[0] if known is not None and known.kind in _NUMBERS else value
                # of an unknown one the name is what is looked at
                values[key] = Setting(taken, named if known is None else at, Origin.WRITTEN, value, beaten(below))
    if not entries:
        return Reading()
    return Reading((Policy(name="host", object="host", sysctls=values),), tuple(entries))


def order(documents: Sequence[Document]) -> list[Document]:
    """The folder decides between files of one name; then names in order of their bytes; sysctl.conf last (procps `--system`)."""
    chosen: dict[str, tuple[int, Document]] = {}
    for document in documents:
        name = document.path.rpartition("/")[2]
        rank = next((number for number, folder in enumerate(_FOLDERS) if folder in f"/{document.path}"), len(_FOLDERS))
        if name not in chosen or rank < chosen[name][0]:
            chosen[name] = (rank, document)
    return [document for name, (_, document) in sorted(chosen.items(), key=lambda item: (item[0] == "sysctl.conf", item[0].encode()))]


class Assignment(NamedTuple):
    """A line of sysctl.d."""

    key: str
    value: str
    at: Location
    """The value's place."""
    named: Location
    """The key's."""
    fault: str
    beside: str
    """A failure may be passed over (`optional`), or the value comes to be elsewhere (`filled in`)."""


def assignments(document: Document) -> list[Assignment]:
    """Give the assignments of a file in its order."""
    found: list[Assignment] = []
    for number, raw in enumerate(document.text.split("\n"), 1):
        line = raw.removesuffix("\r")
        text = line.strip(_BLANKS)
        if not text or text[0] in "#;":
            continue
        name, equals, value = text.partition("=")
        start = len(line) - len(line.lstrip(_BLANKS)) + 1
        if not equals:
            at = Location(document.path, number, start, number, start + len(text))
            # `-key` alone excludes the key from globs
            if not text.startswith("-") and not is_filled_in(text):
                found.append(Assignment(text, "", at, at, "is not an assignment, so it is ignored", ""))
            continue
        value = value.strip(_BLANKS)
        key = _key(name.strip(_BLANKS).removeprefix("-").strip(_BLANKS))
        column = line.rindex(value) + 1 if value else len(line) + 1
        at = Location(document.path, number, column, number, column + len(value))
        named = Location(document.path, number, start, number, start + len(name.rstrip(_BLANKS)))
        if is_filled_in(line):
            found.append(Assignment(key, value, at, named, "", "filled in"))
            continue
        fault = _fault(key, value)
        found.append(Assignment(key, " ".join(value.split()), at, named, fault, "optional" if name.startswith("-") and not fault else ""))
    return found


def _key(name: str) -> str:
    """The first separator decides: with a slash first, dots and slashes change places (sysctl.d(5))."""
    name = name.removeprefix("/")
    first = next((mark for mark in name if mark in "./"), ".")
    return name if first == "." else name.translate(str.maketrans("/.", "./"))


def _fault(key: str, value: str) -> str:
    if not key:
        return "names no key"
    if not value:
        return "is written empty, which the kernel refuses"
    known = SYSCTLS.get(key)
    # the kernel takes blanks behind a number and what follows them is lost (lib/sysctl: proc_get_long)
    if (
        known is not None
        and known.kind in _NUMBERS
        and "#" in value
        and value.split("#", maxsplit=1)[0] == value.split("#", maxsplit=1)[0].rstrip()
    ):
        return f"'{value}' is written whole, comment and all, which the kernel refuses"
    return ""


DIALECT: Final = Dialect(
    name="sysctl",
    summary="etc/sysctl.d/90-oomconf.conf",
    render=render,
    claims=claims,
    read=read,
    proven="systemd-sysctl and procps sysctl --dry-run; a booted kernel",
)
