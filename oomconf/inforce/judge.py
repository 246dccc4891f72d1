"""Whether a value is in force: what is said against what the manager has and what the kernel holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from oomconf.inforce.nouns import Row, State, Value
from oomconf.location import NOWHERE, Location
from oomconf.quantity import INFINITY, Percent, Size

__all__ = ["Asked", "Seen", "blind", "judged", "shown", "unsayable"]

_SCALE: Final = 0xFFFFFFFF
_LONGEST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a setting is expected to be, and where that is said."""

    object: str
    thing: str
    setting: str
    expected: Value | None
    at: Location = NOWHERE

    def row(
        self,
        state: State,
        *,
        found: Value | None = None,
        manager: Value | None = None,
        source: str = "",
        why: str = "",
        is_blind: bool = False,
    ) -> Row:
        return Row(
            object=self.object,
            thing=self.thing,
            setting=self.setting,
            state=state,
            expected=self.expected,
            at=self.at,
            found=found,
            manager=manager,
            source=source,
            why=why,
            blind=is_blind,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is on the host; None is not seen."""

    manager: Value | None = None
    kernel: Value | None = None
    running: bool = True
    late: bool = False
    """Whether the kernel takes the value only when what it is of starts."""
    who: str = "systemd"
    kernel_word: str = "its cgroup"
    source: str = ""
    why: str = ""
    """Why nothing is seen, or what else there is to say."""
    unseen: str = ""
    """Why the kernel's value is not seen though it runs."""


def judged(asked: Asked, seen: Seen) -> Row:
    """Compare: the manager first, for the kernel takes its values from there; both are told where they disagree."""
    found = seen.kernel if seen.kernel is not None else seen.manager
    if found is None:
        return blind(asked, seen.why or "nothing that is seen holds it") if seen.running else asked.row("not running", why=seen.why)
    differs = seen.manager is not None and seen.kernel is not None and seen.manager != seen.kernel
    told = seen.manager if differs else None
    words = (
        f"{seen.who} has {shown(asked.setting, seen.manager)}, {seen.kernel_word} {shown(asked.setting, seen.kernel)}" if differs else ""
    )
    if seen.manager is not None and seen.manager != asked.expected:
        why = "; ".join(word for word in (words, seen.why) if word)
        return asked.row("drift", found=found, manager=told, source=seen.source, why=why)
    if seen.kernel is not None and seen.kernel != asked.expected:
        state: State = "pending restart" if seen.late else "drift"
        source = seen.source if seen.manager is None else "" if seen.late else f"written into {seen.kernel_word} by hand"
        return asked.row(state, found=found, manager=told, source=source, why="; ".join(word for word in (words, seen.why) if word))
    if not seen.running:
        return asked.row("not running", found=found, source=seen.source, why=seen.why)
    if seen.kernel is None and seen.unseen:
        return replace(blind(asked, seen.unseen), found=found, source=seen.source)
    return asked.row("as said", found=found, source=seen.source, why=seen.why)


def blind(asked: Asked, why: str) -> Row:
    """Say that a value could not be looked at, and could with more rights or a whole capture."""
    return asked.row("not seen", why=why, is_blind=True)


def unsayable(asked: Asked, why: str) -> Row:
    """Say that there is nothing to look at."""
    return asked.row("not seen", why=why)


def shown(setting: str, value: Value | None) -> str:
    """Write a value as people do: sizes in units."""
    if value is None:
        return "nothing"
    if isinstance(value, Size) or (isinstance(value, int) and (setting.startswith("memory_") or setting == "size")):
        return "no limit" if value >= INFINITY else str(Size(value))
    return str(value)


def size_in(text: str) -> Size | None:
    """Read a size of `systemctl show`."""
    if text in ("infinity", "18446744073709551615"):
        return INFINITY
    return Size(min(int(text), INFINITY)) if text.isdecimal() and text.isascii() and len(text) <= _LONGEST else None


def score_in(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isdecimal() and digits.isascii() and len(digits) < 5 else None  # noqa: PLR2004


def share_in(text: str) -> str | None:
    """Read a share, which the manager keeps in parts of 2³² - 1."""
    if not text.isdecimal() or not text.isascii() or int(text[:_LONGEST]) > _SCALE:
        return None
    return str(Percent(round(int(text) * 10_000 / _SCALE)))
