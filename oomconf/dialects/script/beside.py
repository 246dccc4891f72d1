"""Commands of scripts that speak of memory in ways that a policy has no word for: import lists them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from oomconf.dialect import Entry
from oomconf.dialects._shell import Word
from oomconf.location import Location

__all__ = ["added", "unheard"]

_PROGRAMS: Final = frozenset(
    {"kubectl", "oc", "helm", "docker", "podman", "nerdctl", "crictl", "lxc", "incus", "virsh", "machinectl", "systemd-nspawn"}
    | {"prlimit", "ulimit", "cgset", "cgcreate", "cgexec", "mkswap", "zramctl", "earlyoom", "nohang", "mount"}
    | {"sed", "perl", "crudini", "augtool"}
)
_WORD: Final = re.compile(r"memory|memsw|\boom|swap|setmaxmem|setmem|shm|tmpfs|oomscore|managedoom|\bvm\.", re.IGNORECASE)
_KEY: Final = re.compile(r"[ \t]*[A-Za-z]*(?:Memory|OOM)[A-Za-z]*[ \t]*=")
_LIMITS: Final = {"ulimit": ("-v", "-m", "-d"), "prlimit": ("--as", "--rss", "--data", "-v", "-m", "-d")}
_SHORT: Final = {"earlyoom": ("-m", "-M", "-s", "-S"), "zramctl": ("-s", "--size")}
_LOOKS: Final = ("get", "describe", "top", "explain", "logs", "wait")
_LISTS: Final = ("-s", "-a", "--show", "--summary", "--all", "-h", "--help", "-V", "--version")


def unheard(name: str, words: Sequence[Word]) -> Iterator[Entry]:
    """Give the words about memory of a command that nothing else reads."""
    program = words[0].text.rpartition("/")[2]
    if program == "swapon" and len(words) > 1 and not any(word.text in _LISTS for word in words[1:]):
        yield _entry(name, program, words[-1])
    if program not in _PROGRAMS or (program == "kubectl" and any(word.text in _LOOKS for word in words[1:3])):
        return
    flags = _LIMITS.get(program) or _SHORT.get(program) or ()
    verb = next((word.text for word in words[1:2] if word.text.isalpha()), "")
    for index, word in enumerate(words[1:], 1):
        flag = word.text.partition("=")[0]
        last = program == "mkswap" and index == len(words) - 1
        if last or flag in flags or (not flags and _WORD.search(word.text) is not None and word.text != verb):
            value = words[index + 1] if "=" not in word.text and word.text.startswith("-") and index + 1 < len(words) else None
            text = word.text if value is None else f"{word.text} {value.text}"
            at = word.at if value is None else word.at._replace(end_line=value.at.end_line, end_column=value.at.end_column)
            yield Entry("script", name, "beside", f"{program} {verb}".strip(), text, at, kind="beside")


def added(name: str, path: str, text: str, at: Location) -> Iterator[Entry]:
    """Give what is said of memory in lines that are put into a unit, in whichever section."""
    for line in text.splitlines():
        if _KEY.match(line):
            yield Entry("script", name, "beside", path, line.strip(), at, kind="beside")


def _entry(name: str, key: str, word: Word) -> Entry:
    return Entry("script", name, "beside", key, word.text, word.at, kind="beside")
