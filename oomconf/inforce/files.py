"""Which line of which file of a captured host says a value: unit files with their drop-ins, and sysctl.d."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from oomconf.dialect import Document
from oomconf.dialects import sysctl
from oomconf.inforce.nouns import Value
from oomconf.kernel.sysctls import SYSCTLS
from oomconf.origins import said_of
from oomconf.policy import Setting
from oomconf.quantity import Percent
from oomconf.snapshot import Snapshot

__all__ = ["Files", "document"]

_MOST_LINES: Final = 100_000
_OOMD: Final = ("swap_used_limit", "default_memory_pressure_limit", "default_memory_pressure_duration")


class Files:
    """What the files of a host say, each unit's read once."""

    OTHERWISE: Final = "not from its files"

    def __init__(self, taken: Snapshot) -> None:
        self._taken = taken
        self._said: dict[str, Mapping[str, Setting[Any]]] = {}
        self._default_protection: bool | None = None
        self._oomd: Mapping[str, Setting[Any]] | None = None
        self._sysctls: Mapping[str, Setting[str]] | None = None

    def said(self, unit: str) -> Mapping[str, Setting[Any]]:
        """What the files say of a unit, by the policy's words."""
        if unit not in self._said:
            self._said[unit] = said_of(self._taken, unit)
        return self._said[unit]

    def has_default_protection(self) -> bool:
        """Whether any unit file promises memory to what is below (DefaultMemoryLow=, DefaultMemoryMin=)."""
        if self._default_protection is None:
            every = (line.lstrip(" \t") for lines in self._taken.files.values() for _, line in lines)
            self._default_protection = any(line.startswith(("DefaultMemoryLow", "DefaultMemoryMin")) for line in every)
        return self._default_protection

    def source(self, unit: str, setting: str, found: Value | None) -> str:
        """Where the value that a manager has comes from."""
        said = self.said(unit).get(setting)
        if said is None:
            return "no file says it"
        value = said.value
        plain: Any = str(value) if isinstance(value, Percent) and isinstance(found, str) else value
        if isinstance(plain, Percent) and self._taken.memory_total is not None:
            plain = plain.of(self._taken.memory_total, self._taken.page_size)
        if isinstance(plain, int) and isinstance(found, int) and setting.startswith("memory_"):
            same = plain // self._taken.page_size == found // self._taken.page_size
        else:
            same = plain == found
        return self.place(said) if same else f"{self.OTHERWISE}: {self.place(said)} says {said.text or said.value}"

    def place(self, said: Setting[Any]) -> str:
        """A line, and what put it there where that is known."""
        path = f"/{said.at.path.lstrip('/')}"
        how = " (set-property)" if ".control/" in path else ""
        return f"{path}:{said.at.line}{how}"

    def oomd(self) -> Mapping[str, Setting[Any]]:
        """What oomd.conf and its drop-ins say, by the policy's words."""
        if self._oomd is None:
            from oomconf.dialects.systemd.read import read as read_units  # noqa: PLC0415

            documents = [document(path, lines) for path, lines in self._taken.files.items() if "/oomd.conf" in path]
            found = [policy.oomd for policy in read_units(documents, _NoSources()).policies if policy.oomd is not None]
            self._oomd = {name: setting for one in found[:1] for name in _OOMD if (setting := getattr(one, name)) is not None}
        return self._oomd

    def sysctls(self) -> Mapping[str, Setting[str]]:
        """What sysctl.d says, as systemd-sysctl reads it."""
        if self._sysctls is None:
            documents = [
                document(path, lines) for path, lines in self._taken.files.items() if "/sysctl.d/" in path or path.endswith("/sysctl.conf")
            ]
            reading = sysctl.read(documents, _NoSources())
            self._sysctls = {key: setting for policy in reading.policies for key, setting in policy.sysctls.items()}
        return self._sysctls

    def sysctl_source(self, key: str, found: str) -> str:
        """Where the value of a sysctl comes from."""
        said = self.sysctls().get(key)
        if said is not None:
            return self.place(said) if said.value == found else f"written since boot: {self.place(said)} says {said.value}"
        known = SYSCTLS.get(key)
        if known is not None and known.default is not None:
            return "the kernel's default" if str(known.default) == found else "no file says it: written since boot"
        return "no file says it"


class _NoSources:
    def get(self, path: str) -> Document | None:  # noqa: ARG002
        return None


def document(path: str, lines: tuple[tuple[int, str], ...]) -> Document:
    """A file of a capture with every line where it stood; those that were not taken are empty."""
    text: list[str] = []
    for number, line in sorted(lines):
        if len(text) < number <= _MOST_LINES:
            text += [""] * (number - 1 - len(text))
            text.append(line)
    return Document(path.lstrip("/"), "".join(f"{line}\n" for line in text))
