"""systemd's memory directives: one row each, which readers and renderers both walk (systemd.resource-control(5), systemd.exec(5))."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from oomconf.ledger import Status
from oomconf.policy import GROUP_FIELDS, WORKLOAD_FIELDS, Facts, Group, Origin, Setting, Workload
from oomconf.quantity import INFINITY, Percent, Size, SizeError
from oomconf.quantity import systemd as grammar

__all__ = ["DIRECTIVES", "MANAGER", "OOMD", "SWAP", "Directive", "Kind", "Saying", "find", "known", "sayings", "version"]

Kind = Literal["service", "slice", "scope"]
_FIRST_PREFERENCE: Final = 248
_FIRST_ZERO_SWAP: Final = 239
_USER_FLOOR: Final = 100
_SLICE: Final = re.compile(r"(?!-)[A-Za-z0-9_:.\\]+(-[A-Za-z0-9_:.\\]+)*\.slice|-\.slice")
_RESTARTS: Final = ("no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")
_SECOND: Final = 1_000_000  # in microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """A key of unit files: where it stands, in which versions of systemd, and its grammar."""

    name: str
    field: str | None = None
    """The word of the policy that it says; None for what is only looked at."""
    kinds: tuple[str, ...] = ("service", "slice", "scope", "socket", "mount", "swap")
    section: str | None = None
    """Its section where it is not the one named after the unit's kind."""
    since: int = 0
    gone: int | None = None
    """The first version that passes over it."""
    instead: str = ""
    """What is written in place of one that is gone."""
    parse: Callable[[str], Any] | None = None
    """Reads a value as systemd does; raises SizeError for what it refuses. None for keys whose value is not judged."""
    write: Callable[[Any], str] = str
    empty: Any = None
    """What an empty assignment says: a value, or None for 'as if it were never said'."""
    refuses_empty: bool = False

    def section_in(self, kind: str) -> str:
        """The section that must hold it in a unit of this kind."""
        return self.section or kind.capitalize()


# ── grammars ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _promise(text: str) -> Size | Percent:
    return grammar.parse_memory(text, zero=True)


def _limit(text: str) -> Size | Percent:
    return grammar.parse_memory(text, zero=False)


def _size(value: Size) -> str:
    return grammar.format(value)


def _score(text: str) -> int:
    value = grammar.parse_integer(text)
    if not -1000 <= value <= 1000:  # noqa: PLR2004
        raise SizeError(f"{text!r} is not between -1000 and 1000", "write a number from -1000 to 1000")
    return value


def _priority(text: str) -> int:
    value = grammar.parse_integer(text)
    if not -1 <= value <= 32767:  # noqa: PLR2004
        raise SizeError(f"{text!r} is not between -1 and 32767", "write a number from -1 to 32767; the higher is used first")
    return value


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            hint = f"did you mean {text.lower()}?" if text.lower() in words else f"write one of {', '.join(words)}"
            raise SizeError(f"{text[:40]!r} is none of {', '.join(words)}", hint)
        return text

    return parse


def _slice(text: str) -> str | None:
    if "%" in text:
        return None
    if _SLICE.fullmatch(text) is None:
        hint = f"did you mean {text}.slice?" if _SLICE.fullmatch(f"{text}.slice") else "write a whole name such as database.slice"
        raise SizeError(f"{text[:80]!r} is not the name of a slice", hint)
    return text


def _duration(text: str) -> int:
    micro = grammar.parse_seconds(text)
    if not _SECOND <= micro < 2**64 - 1:
        raise SizeError(f"{text!r} is not a time of at least one second", "write for example 20s")
    return micro


def _whole_seconds(text: str) -> int | None:
    micro = grammar.parse_seconds(text)
    if 0 < micro < _SECOND or micro >= 2**64 - 1:
        raise SizeError(f"{text!r} is not a time of at least one second", "write for example 20s")
    return None if micro % _SECOND or micro == 0 else micro // _SECOND


def _rlimit(text: str) -> str:
    soft, colon, hard = text.partition(":")
    values = [INFINITY if part == "infinity" else grammar.parse_size(part) for part in ((soft, hard) if colon else (soft,))]
    if values[0] > values[-1]:
        raise SizeError(f"{text!r} has a soft limit above its hard one", "write SOFT:HARD, the smaller first")
    return text


def _condition(text: str) -> str:
    grammar.parse_size(re.sub(r"^[|!]{0,2}(<=|>=|!=|=|<|>)?\s*", "", text))
    return text


def _memory(name: str, field: str | None, since: int, *, zero: bool = False, gone: int | None = None, instead: str = "") -> Directive:
    empty = Size(0) if name.endswith(("Min", "Low")) else INFINITY
    parse = _promise if zero else _limit
    return Directive(name=name, field=field, since=since, gone=gone, instead=instead, parse=parse, write=_size, empty=empty)


_SERVICE: Final = ("service",)
_STARTED: Final = ("service", "socket")
_WATCHED: Final = ("service", "slice", "scope")
_EXEC: Final = ("service", "socket", "mount", "swap")
_PLACED: Final = ("service", "scope", "socket", "mount", "swap")
_EVERY_KIND: Final = ("service", "slice", "scope", "socket", "mount", "swap", "timer")
DIRECTIVES: Final = (
    Directive(name="Slice", field="slice", since=208, kinds=_PLACED, parse=_slice, refuses_empty=True),
    Directive(name="OOMScoreAdjust", field="oom_score_adj", kinds=_EXEC, parse=_score),
    _memory("MemoryMin", "memory_min", 240, zero=True),
    _memory("MemoryLow", "memory_low", 231, zero=True),
    _memory("MemoryHigh", "memory_high", 231),
    _memory("MemoryMax", "memory_max", 231),
    _memory("MemorySwapMax", "memory_swap_max", 232, zero=True),
    Directive(
        name="OOMPolicy",
        field="oom_policy",
        since=243,
        kinds=("service", "scope"),
        parse=_one_of("continue", "stop", "kill"),
        refuses_empty=True,
    ),
    Directive(name="Restart", field="restart", kinds=_SERVICE, parse=_one_of(*_RESTARTS), refuses_empty=True),
    Directive(name="ManagedOOMSwap", field="managed_oom_swap", kinds=_WATCHED, since=247, parse=_one_of("auto", "kill"), empty="auto"),
    Directive(
        name="ManagedOOMMemoryPressure",
        field="managed_oom_memory_pressure",
        kinds=_WATCHED,
        since=247,
        parse=_one_of("auto", "kill"),
        empty="auto",
    ),
    Directive(
        name="ManagedOOMMemoryPressureLimit",
        field="managed_oom_memory_pressure_limit",
        kinds=_WATCHED,
        since=248,
        parse=grammar.parse_permyriad,
    ),
    Directive(
        name="ManagedOOMPreference", field="managed_oom_preference", since=248, parse=_one_of("none", "avoid", "omit"), refuses_empty=True
    ),
    # looked at only
    Directive(name="ManagedOOMMemoryPressureDurationSec", kinds=_WATCHED, since=257, parse=_duration),
    Directive(name="ManagedOOMMemoryPressureLimitPercent", gone=248, instead="ManagedOOMMemoryPressureLimit="),
    Directive(name="OOMRules", since=261),
    Directive(name="MemoryAccounting", since=208, parse=grammar.parse_boolean),
    _memory("MemoryZSwapMax", None, 253, zero=True),
    Directive(name="MemoryZSwapWriteback", since=256, parse=grammar.parse_boolean),
    _memory("StartupMemoryLow", None, 254, zero=True),
    _memory("StartupMemoryHigh", None, 254),
    _memory("StartupMemoryMax", None, 254),
    _memory("StartupMemorySwapMax", None, 254, zero=True),
    _memory("StartupMemoryZSwapMax", None, 254, zero=True),
    _memory("DefaultMemoryMin", None, 243, zero=True),
    _memory("DefaultMemoryLow", None, 243, zero=True),
    _memory("DefaultStartupMemoryLow", None, 254, zero=True),
    _memory("MemoryLimit", None, 0, instead="MemoryMax="),
    Directive(name="MemorySoftLimit", gone=208, instead="MemoryHigh= or MemoryLow="),
    Directive(name="OOMAdjust", kinds=_EXEC, gone=1, instead="OOMScoreAdjust="),
    Directive(name="MemoryPressureWatch", since=254),
    Directive(name="MemoryPressureThresholdSec", since=254),
    Directive(name="MemoryKSM", since=254, kinds=_EXEC, parse=grammar.parse_boolean),
    Directive(name="MemoryTHP", since=260, kinds=_EXEC),
    Directive(name="AllowedMemoryNodes", since=244),
    Directive(name="Delegate", since=218, kinds=("service", "scope")),
    Directive(name="DisableControllers", since=240),
    Directive(name="LimitAS", kinds=_EXEC, parse=_rlimit),
    Directive(name="LimitDATA", kinds=_EXEC, parse=_rlimit),
    Directive(name="LimitRSS", kinds=_EXEC, parse=_rlimit),
    Directive(name="RestartSec", kinds=_SERVICE, parse=grammar.parse_seconds),
    Directive(name="RestartPreventExitStatus", kinds=_SERVICE),
    Directive(name="RestartForceExitStatus", kinds=_SERVICE),
    Directive(name="SuccessExitStatus", kinds=_SERVICE),
    Directive(name="Environment", kinds=_EXEC),
    Directive(name="EnvironmentFile", kinds=_EXEC),
    Directive(name="ExecStart", kinds=_SERVICE),
    Directive(name="ExecStartPre", kinds=_STARTED),
    Directive(name="ExecStartPost", kinds=_STARTED),
    Directive(name="ExecReload", kinds=_SERVICE),
    # the older StartLimitInterval= may stand in [Service]
    Directive(name="StartLimitIntervalSec", since=230, section="Unit", kinds=_EVERY_KIND),
    Directive(name="ConditionMemory", since=244, section="Unit", kinds=_EVERY_KIND, parse=_condition),
    Directive(name="AssertMemory", since=244, section="Unit", kinds=_EVERY_KIND, parse=_condition),
)
"""Keys of units that speak of memory or of what follows when it runs out."""

OOMD: Final = (
    Directive(name="SwapUsedLimit", field="swap_used_limit", kinds=("oomd",), section="OOM", since=248, parse=grammar.parse_permyriad),
    Directive(
        name="DefaultMemoryPressureLimit",
        field="default_memory_pressure_limit",
        kinds=("oomd",),
        section="OOM",
        since=248,
        parse=grammar.parse_permyriad,
    ),
    Directive(
        name="DefaultMemoryPressureDurationSec",
        field="default_memory_pressure_duration",
        kinds=("oomd",),
        section="OOM",
        since=248,
        parse=_whole_seconds,
        write=lambda seconds: f"{seconds}s",
    ),
    Directive(name="SwapUsedLimitPercent", kinds=("oomd",), section="OOM", gone=248, instead="SwapUsedLimit="),
    Directive(name="DefaultMemoryPressureLimitPercent", kinds=("oomd",), section="OOM", gone=248, instead="DefaultMemoryPressureLimit="),
    Directive(name="PrekillHookTimeoutSec", kinds=("oomd",), section="OOM", since=260),
)
"""Keys of oomd.conf(5)."""

MANAGER: Final = (
    Directive(name="DefaultMemoryAccounting", kinds=("manager",), section="Manager", since=211, parse=grammar.parse_boolean),
    Directive(
        name="DefaultOOMPolicy",
        field="default_oom_policy",
        kinds=("manager",),
        section="Manager",
        since=243,
        parse=_one_of("continue", "stop", "kill"),
        refuses_empty=True,
    ),
    Directive(name="DefaultOOMScoreAdjust", field="default_oom_score_adj", kinds=("manager",), section="Manager", since=250, parse=_score),
    Directive(name="DefaultLimitAS", kinds=("manager",), section="Manager", parse=_rlimit),
    Directive(name="DefaultLimitDATA", kinds=("manager",), section="Manager", parse=_rlimit),
    Directive(name="DefaultLimitRSS", kinds=("manager",), section="Manager", parse=_rlimit),
)
"""Keys of systemd-system.conf(5)."""

SWAP: Final = (
    Directive(name="What", field="what", kinds=("swap",), section="Swap", refuses_empty=True),
    Directive(name="Priority", field="priority", kinds=("swap",), section="Swap", parse=_priority),
    Directive(name="Options", kinds=("swap",), section="Swap"),
)
"""Keys of systemd.swap(5)."""

_EVERY: Final = (*DIRECTIVES, *OOMD, *MANAGER, *SWAP)
_BY_NAME: Final = {row.name: row for row in _EVERY}


def find(name: str) -> Directive | None:
    """Give the row of a key, spelled exactly."""
    return _BY_NAME.get(name)


def known() -> tuple[str, ...]:
    """Names of all rows."""
    return tuple(_BY_NAME)


def version(facts: Facts) -> int | None:
    """The host's systemd: 0 if it has none, None if unknown."""
    return None if facts.systemd is None else facts.systemd.value


# ── saying ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Saying:
    """How one said field becomes a line: `key=text`, or why it does not."""

    field: str
    setting: Setting[Any]
    key: str = ""
    text: str = ""
    status: Status = Status.EXACT
    note: str = ""

    @property
    def line(self) -> str:
        """The assignment; empty where there is none."""
        return f"{self.key}={self.text}" if self.key else ""


def sayings(thing: Workload | Group, kind: Kind, facts: Facts, *, user: bool = False) -> Iterator[Saying]:
    """Say every said field of a workload or slice that has a directive in units of this kind, in the table's order.

    What the host's systemd or cgroup version cannot do, and what systemd would not read back as the same value, comes without a line.
    """
    fields = WORKLOAD_FIELDS if isinstance(thing, Workload) else GROUP_FIELDS
    for row in DIRECTIVES:
        if row.field is None or row.field not in fields or kind not in row.kinds:
            continue
        setting: Setting[Any] | None = getattr(thing, row.field)
        if setting is not None:
            yield _saying(row, setting, kind, facts, thing.name, user=user)


def _saying(row: Directive, setting: Setting[Any], kind: str, facts: Facts, name: str, *, user: bool) -> Saying:
    note = refusal(row, setting, facts) or _limits_of(row, setting, kind, facts, name, user=user)
    if note:
        return Saying(row.field or "", setting, status=Status.IMPOSSIBLE, note=note)
    status, note = Status.EXACT, ""
    if user and row.field == "managed_oom_preference" and setting.value != "none":
        # src/oom/oomd-util.c, oomd_fetch_cgroup_oom_preference(): the marks of cgroups that are not root's
        status, note = Status.APPROXIMATED, "systemd-oomd heeds a user unit's for memory pressure alone, below a cgroup of the same user"
    return Saying(row.field or "", setting, row.name, row.write(setting.value), status, note)


def refusal(row: Directive, setting: Setting[Any], facts: Facts) -> str:
    """Say why a line would not mean the value on this host; empty if it would: systemd's version and its own grammar."""
    have = version(facts)
    if setting.value is None:
        return "its value is not known"
    if have == 0:
        return "the host has no systemd"
    if have is not None and have < row.since:
        return f"systemd {have} does not know {row.name}= (since {row.since})"
    if isinstance(setting.value, Percent) and row.write is _size:
        return f"{setting.value} of a RAM that is not known"
    try:
        text = row.write(setting.value)
        back = row.parse(text) if row.parse is not None and text.isprintable() else None
    except SizeError as error:
        return error.message
    return "" if back == setting.value else f"{row.name}={text[:40]!r} is not read back as the same value"


def _limits_of(row: Directive, setting: Setting[Any], kind: str, facts: Facts, name: str, *, user: bool) -> str:
    """What holds beside the grammar: the cgroup version, ranks of users, and words with a second meaning."""
    have = version(facts)
    if row.field == "managed_oom_preference" and have is None and setting.origin is Origin.DERIVED:
        return f"the host's systemd is not known, and ManagedOOMPreference= needs {_FIRST_PREFERENCE}: say 'systemd:' on the host"
    if kind == "scope" and row.field == "oom_policy" and (have is None or have < 253):  # noqa: PLR2004
        return "scopes have OOMPolicy= since systemd 253"
    if user and row.field == "oom_score_adj" and setting.value is not None and setting.value < _USER_FLOOR:
        return f"a user manager runs at {_USER_FLOOR} and may not lower it to {setting.value}"
    if facts.cgroup_version is not None and facts.cgroup_version.value == 1:
        return _on_v1(row, setting, user=user)
    if row.field == "memory_swap_max" and setting.value == 0 and have is not None and have < _FIRST_ZERO_SWAP:
        return f"systemd {have} reads MemorySwapMax=0 as no limit (github.com/systemd/systemd/issues/8363)"
    if name == "-.slice" and row.write is _size:
        return "the root cgroup has no memory limits"
    if row.field == "managed_oom_memory_pressure_limit" and setting.value == Percent(0):
        return "to systemd 0% is the default of oomd.conf"
    return ""


def _on_v1(row: Directive, setting: Setting[Any], *, user: bool) -> str:
    word = (row.field or "").replace("memory_swap_max", "memory.swap.max").replace("memory_", "memory.")
    if row.write is _size and user:
        return f"cgroup v1 is not delegated to user managers, so they cannot set {word}"
    if row.write is _size and row.field != "memory_max":
        return f"cgroup v1 has no {word}"
    if row.name.startswith("ManagedOOM"):
        return "systemd-oomd needs cgroup v2"
    if row.field == "oom_policy" and setting.value != "continue":
        return "with cgroup v1 systemd learns of no OOM kill"
    return ""
