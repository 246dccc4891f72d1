"""What systemd makes of each line that speaks of memory: a value, a reset, or nothing, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from oomconf.dialect import Document, Entry, FaultOf
from oomconf.dialects import _ini, _units
from oomconf.dialects._templates import is_templated
from oomconf.dialects._unit_keys import KEYS
from oomconf.dialects._unit_names import default_of, near
from oomconf.location import Location
from oomconf.quantity import SizeError

__all__ = ["SECTIONS", "Judged", "Verdict", "judge"]

SECTIONS: Final = {
    "service": frozenset({"Unit", "Service", "Install"}),
    "slice": frozenset({"Unit", "Slice", "Install"}),
    **{kind: frozenset({"Unit", kind.capitalize(), "Install"}) for kind in ("scope", "socket", "mount", "swap", "timer")},
    "oomd": frozenset({"OOM"}),
    "manager": frozenset({"Manager"}),
}
_IGNORED: Final = "the line is ignored"
_HOMELESS: Final = "before any section"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line: what it says of which row, or the fault for which it is dropped."""

    row: _units.Directive
    key: str
    section: str
    text: str
    at: Location
    value: Any = None
    """None beside no fault: an empty assignment that makes the key unsaid, or a value that only the host can compute."""
    reset: bool = False
    fault: str = ""
    hint: str = ""
    kind: FaultOf = "value"


_MEANT: Final = re.compile(r"did you mean ([A-Za-z]+)=\?")
_GOING: Final = "MemoryLimit"
_UNIFIED: Final = ("MemoryMin", "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A document's verdicts in its order, and the line at which it stops to count."""

    document: Document
    verdicts: tuple[Verdict, ...] = ()
    fatal: _ini.Fault | None = None
    empty: bool = False
    whole: bool = True
    """A unit file, which is not loaded at all if a line is fatal; of a drop-in the part above that line counts."""

    def entries(self, thing: str) -> Iterator[Entry]:
        """Every line that a rule may want, and the fatal one; lines before any section come as one."""
        homeless = [one for one in self.verdicts if _is_homeless(one)]
        if len(homeless) > 1:
            first = homeless[0]
            fault = f"{len(homeless)} keys stand {_HOMELESS}, and are passed over: {first.key}= is the first"
            yield Entry("systemd", thing, "", first.key, first.text, first.at, fault, first.hint, first.kind)
        for one in self.verdicts:
            if len(homeless) > 1 and _is_homeless(one):
                continue
            hint = self._hint(one)
            yield Entry("systemd", thing, one.section, one.key, one.text, one.at, one.fault, hint, one.kind)
        if self.fatal is not None:
            effect = "and the unit does not load" if self.whole else "and the rest of this drop-in is lost"
            yield Entry("systemd", thing, "", "", self.fatal.text, self.fatal.at, f"{self.fatal.message}, {effect}", self.fatal.hint)

    def _hint(self, one: Verdict) -> str:
        if one.key == _GOING and not one.fault:
            return self._beside_others(one) or one.hint
        meant = _MEANT.fullmatch(one.hint)
        if meant is not None and any(other.key == meant[1] and not other.fault for other in self.verdicts):
            return f"did you mean {meant[1]}=, which stands in this file too?"
        return one.hint

    def _beside_others(self, going: Verdict) -> str:
        """Say that another key has the say already (systemd: src/core/cgroup.c, unit_has_unified_memory_config)."""
        other = next((one.key for one in self.verdicts if one.key in _UNIFIED and not one.fault and one.section == going.section), None)
        return "" if other is None else f"remove it: beside {other}= every systemd passes over it on cgroup v2"


def _is_homeless(one: Verdict) -> bool:
    return one.kind == "place" and _HOMELESS in one.fault


def judge(document: Document, kind: str, *, whole: bool) -> Judged:
    """Judge a unit file or drop-in of a kind of SECTIONS, or a file of `oomd` or the `manager`; never raises."""
    parsed = _ini.parse(document.path, document.text, SECTIONS[kind])
    dead = ""
    if whole and parsed.fatal is not None and kind not in ("oomd", "manager"):
        dead = f"line {parsed.fatal.at.line} keeps the whole unit from loading"
    assignments = [one for one in parsed.assignments if one.key not in KEYS or _units.find(one.key) is not None]
    verdicts = [verdict for one in assignments if (verdict := _verdict(one, kind, dead)) is not None]
    verdicts += [verdict for fault in parsed.faults if (verdict := _without_equals(fault, kind)) is not None]
    return Judged(document=document, verdicts=tuple(verdicts), fatal=parsed.fatal, empty=parsed.empty, whole=whole)


def _verdict(one: _ini.Assignment, kind: str, dead: str) -> Verdict | None:
    row = _units.find(one.key)
    if row is None:
        meant = near(one.key, kind) or default_of(one.key, kind)
        if meant is None:
            return None
        if kind == "manager" and kind not in meant.kinds:
            message = f"systemd knows no default for {meant.name}=; {_IGNORED}"
            hint = f"say {meant.name}= in etc/systemd/system/service.d/10-memory.conf, for every service"
            return Verdict(meant, one.key, one.section, one.value, one.key_at, fault=message, hint=hint, kind="key")
        message = f"systemd knows no key '{one.key[:80]}'; {_IGNORED}"
        return Verdict(meant, one.key, one.section, one.value, one.key_at, fault=message, hint=f"did you mean {meant.name}=?", kind="key")
    if row in _units.SWAP and kind != "swap":
        return None  # names that other units have too
    if row.gone is not None:
        message = f"systemd knows no {row.name}= any more; {_IGNORED}"
        return Verdict(row, one.key, one.section, one.value, one.key_at, fault=message, hint=f"write {row.instead} instead", kind="gone")
    if one.fault or dead:
        hint = f"put it under [{row.section_in(kind)}]" if not one.section and kind in row.kinds else ""
        return Verdict(
            row,
            one.key,
            one.section,
            one.value,
            one.key_at,
            fault=f"{one.key}= {one.fault}" if one.fault else dead,
            hint=hint,
            kind="place",
        )
    if kind not in row.kinds:
        message = f"{row.name}= means nothing to a {kind}; {_IGNORED}"
        return Verdict(row, one.key, one.section, one.value, one.key_at, fault=message, hint="remove it", kind="place")
    if one.section != row.section_in(kind):
        message = f"{row.name}= means nothing in [{one.section}]; {_IGNORED}"
        return Verdict(
            row, one.key, one.section, one.value, one.key_at, fault=message, hint=f"move it under [{row.section_in(kind)}]", kind="place"
        )
    return _value(row, one)


def _value(row: _units.Directive, one: _ini.Assignment) -> Verdict:
    hint = f"systemd 258 and newer pass over {row.name}=: write {row.instead}" if row.instead else ""
    if not one.value:
        if row.refuses_empty:
            message = f"{row.name}= takes no empty value; {_IGNORED}"
            return Verdict(row, one.key, one.section, "", one.at, fault=message, hint="write a value, or remove the line")
        return Verdict(row, one.key, one.section, "", one.at, row.empty, reset=True, hint=hint)
    if row.parse is None or is_templated(one.value):
        return Verdict(row, one.key, one.section, one.value, one.at, hint=hint)
    try:
        return Verdict(row, one.key, one.section, one.value, one.at, row.parse(one.value), hint=hint)
    except SizeError as error:
        return Verdict(row, one.key, one.section, one.value, one.at, fault=f"{error.message}; {_IGNORED}", hint=error.hint)


def _without_equals(fault: _ini.Fault, kind: str) -> Verdict | None:
    word = next(iter(fault.text.replace(":", " ").split()), "")
    row = None if fault.fatal or not word or word.startswith("[") else _units.find(word) or near(word, kind)
    return None if row is None else Verdict(row, word, "", fault.text, fault.at, fault=fault.message, hint=fault.hint, kind="key")
