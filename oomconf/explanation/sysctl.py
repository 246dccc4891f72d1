"""Explains a sysctl: the value in force, and the line of sysctl.d that set it (sysctl.d(5))."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from oomconf.dialects.sysctl import assignments, order
from oomconf.explanation.nouns import Explained, Explanation, Line
from oomconf.kernel.sysctls import EXCLUSIVE_PAIRS, SYSCTLS
from oomconf.origins import document
from oomconf.snapshot import Snapshot

__all__ = ["explain", "files_of"]

_FOLDERS: Final = ("/etc/sysctl.d/", "/run/sysctl.d/", "/usr/local/lib/sysctl.d/", "/usr/lib/sysctl.d/")
_CONF: Final = "/etc/sysctl.conf"
_MARKS: Final = "*?["


def files_of(taken: Snapshot) -> tuple[str, ...]:
    """The files in the order in which systemd-sysctl reads them, those of a name that another one hides left out."""
    documents = [document(taken, path) for path in taken.files if path.startswith(_FOLDERS) and path.count("/") == _depth(path)]
    return tuple(one.path for one in order(documents))


def _depth(path: str) -> int:
    return next(folder for folder in _FOLDERS if path.startswith(folder)).count("/")


def explain(taken: Snapshot, key: str) -> Explanation:
    """Explain one key: the last line that names it wins, then the last pattern that fits it, whatever the order of the two."""
    named: list[Line] = []
    fitting: list[Line] = []
    ignored: list[Line] = []
    excluded = False
    for path in files_of(taken):
        text = document(taken, path)
        # a key behind a dash, without a value, is left out of patterns
        excluded = excluded or any(line.strip() == f"-{key}" for line in text.text.split("\n"))
        for one in assignments(text):
            if one.key != key and not (any(mark in one.key for mark in _MARKS) and fnmatchcase(key, one.key)):
                continue
            line = Line(at=one.named, text=f"{one.key} = {one.value}", fate="ignored" if one.fault else "beaten", why=one.fault)
            (ignored if one.fault else named if one.key == key else fitting).append(line)
    fitting = [] if excluded else fitting
    by_procps = [
        Line(
            at=one.named,
            text=f"{key} = {one.value}",
            fate="ignored",
            why="systemd-sysctl does not read this file; sysctl --system does, last",
        )
        for one in assignments(document(taken, _CONF))
        if one.key == key and _CONF in taken.files
    ]
    winner = (named or fitting)[-1:]
    beaten = [line for line in (*fitting, *named) if line not in winner]
    lines = [Line(at=line.at, text=line.text, fate="wins") for line in winner]
    lines += [*reversed(beaten), *ignored, *by_procps]
    value = taken.sysctls.get(key)
    files = winner[0].text.partition(" = ")[2] if winner else None
    known = SYSCTLS.get(key)
    if winner:
        by = ""
    elif known is not None and known.default is not None and (value is None or str(known.default) == value):
        by = f"nobody set it: the kernel's default is {known.default}"
    elif known is not None and known.default is not None:
        by = f"no file sets it, and the kernel's default is {known.default}: a program or a hand set it"
    else:
        by = "nobody set it: no file of sysctl.d names it, and the kernel chooses"
    found = Explained(
        field=key, word=key, value=value, lines=tuple(lines), by=by, files=files, notes=tuple(_notes(taken, key, value, files))
    )
    unseen = () if value is not None else (f"/proc/sys/{key.replace('.', '/')} is not seen",)
    return Explanation(name=key, kind="sysctl", files=files_of(taken), settings=(found,), unseen=unseen)


def _notes(taken: Snapshot, key: str, value: str | None, files: str | None) -> Iterator[str]:
    if value is None or files is None or _same(value, files):
        return
    twin = next((pair[key == pair[0]] for pair in EXCLUSIVE_PAIRS if key in pair), None)
    if twin is not None and value == "0" and taken.sysctls.get(twin, "0") != "0":
        yield f"the files say {files}, and the kernel set it to 0 when {twin} was written: only one of the two is in force"
    else:
        yield f"the files say {files}, the kernel has {value}: set since by a program or a hand, or the file is newer than the boot"


def _same(value: str, said: str) -> bool:
    """Whether the kernel shows what was written: numbers may have been written in another base, and blanks are its own."""
    if value.split() == said.split():
        return True
    try:
        return [int(word) for word in value.split()] == [
            int(word, 8 if word.lstrip("-").isdecimal() and word.lstrip("-").startswith("0") else 0) for word in said.split()
        ]
    except ValueError:
        return False
