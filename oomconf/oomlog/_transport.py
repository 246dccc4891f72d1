"""What stands around a kernel's words in dmesg, journals, syslog and container logs, and the words without it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

__all__ = ["KERNEL", "Part", "Unwrapper", "journal", "unescape", "unwrap"]

KERNEL: Final = "kernel"
_PREFIX_END: Final = " kernel: "


class Part(NamedTuple):
    """A physical line without what its carrier put around it."""

    text: str
    number: int
    at: str | None = None
    host: str | None = None
    source: str | None = None
    """Who logged it: `kernel`, or the program's name; None where the carrier does not say."""
    framed: bool = False
    """Whether a carrier's mark stood in front of it: in a log that has them, a line without is the rest of the one before."""


_STAMP_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
# the month is the locale's own word; some formats put the year or the weekday too
_STAMP_SYSLOG = (
    r"[^\s\d\[<{:]{2,12}\.?\s{1,2}\d{1,2}\s+(?:\d{4}\s+)?\d\d:\d\d:\d\d(?:\.\d+)?|\d{1,2}月\s{1,2}\d{1,2}\s+\d\d:\d\d:\d\d(?:\.\d+)?"
)
_STAMP_YEAR = r"\d{4} [^\s\d\[<{:]{2,12}\.? {1,2}\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)?|[A-Za-z]{3} [A-Za-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}"
_STAMP_FULL = r"[^\s\d\[<{]{2,5} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Z+-][\w:+-]*"

_QUOTE: Final = re.compile(r"^(?:> ?)+")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_COMPOSE: Final = re.compile(r"^[\w.-]+\s+\| ")
_CRI: Final = re.compile(rf"^({_STAMP_ISO}) (?:stdout|stderr) [FP] ")
_PRIORITY: Final = re.compile(r"^<\d{1,3}>(?:\d )?")
_KMSG: Final = re.compile(r"^\d+,\d+,(\d+),[^;,\s]*(?:,[^;\s]*)?;")
_LEVELS: Final = re.compile(r"^[a-z]+\s*:[a-z]+\s*: (?=\[)")
_STAMP: Final = rf"{_STAMP_FULL}|{_STAMP_ISO}|{_STAMP_YEAR}|{_STAMP_SYSLOG}|\d{{9,11}}\.\d{{3,9}}"
_DATED: Final = re.compile(rf"^({_STAMP}):?(?:\s+|$)")
# a host that passes on what another logged puts its own stamp and name in front
_RELAYED: Final = re.compile(rf"^[^\s\[\]:]+(?::[^\s\[\]:]+)*\s+(?=(?:{_STAMP})\s)")
_GREP: Final = re.compile(rf"^(?:[\w./+@-]{{1,60}}[:-])?(?:\d{{1,9}}[:-])?(?=(?:{_STAMP})\s|\[\s*\d+\.\d{{6}}\])")
"""What `grep -n` and `grep -H` put in front."""
_SYSLOG_5424: Final = re.compile(r"^<\d{1,3}>1 (\S+) (\S+) (\S+) (\S+) \S+ (?:-|(?:\[[^\]]*\])+) ?\ufeff?")
_FACILITY: Final = re.compile(r"^(?:kern|user|daemon|auth|authpriv|syslog|cron|local\d)\.[a-z]+ ")
_KLOG: Final = re.compile(r"^[IWEF](\d{4} \d\d:\d\d:\d\d\.\d+)\s+\d+ \S+:\d+\] ")
# dmesg's own: seconds since boot, a difference, or -T's date in any language, and the caller of PRINTK_CALLER
_BRACKET: Final = re.compile(
    r"^\[(?:(?:<\s*|\s*\+)\s*\d+\.\d+>?|\s*(\d+\.\d+)(?:\s+<[^\[\]>]{0,24}>)?(?: / [^\[\]]{1,40}\]\[\d{1,4})?"
    r"|([^\[\]]{0,20}\d\d:\d\d:\d\d[^\[\]]{0,12}|[A-Z][a-z]{2} ?\d{1,2} \d\d:\d\d))\](?: ?\[\s*[TC]\d+\])? ?"
)
_TAG: Final = re.compile(r"^(?:(?P<host>[^\s:\[\]=]+)\s+)?(?P<tag>[A-Za-z][\w.@()/+~-]*)(?:\[(?P<pid>[^\]\s]*)\])?:(?: |$)")
_UNMARKED: Final = re.compile(r"^(?:(?P<host>[^\s:\[\]=]+)\s+)?kernel (?=\[\s*\d+\.\d+\])")
_NAMED: Final = frozenset(
    {"kernel", "systemd", "systemd-oomd", "earlyoom", "nohang", "kubelet", "dockerd", "containerd", "k3s", "crio", "node-problem-detector"}
)
_OCTAL: Final = re.compile(r"#(0[0-3][0-7])")
# not `\\x2d` and the like, which are systemd's own spelling of unit names
_HEX: Final = re.compile(r"\\x(0[0-9a-f]|1[0-9a-f]|5c|7f)")


class Unwrapper:
    """Takes lines out of their carrier; remembers the last syslog prefix, which stands in front of all lines of a second."""

    def __init__(self) -> None:
        self._prefix = ""
        self._last = Part("", 0)

    def unwrap(self, line: str, number: int) -> Part:
        """Take the carrier's marks off a line, as the function does."""
        if self._prefix and line.startswith(self._prefix):
            last, text = self._last, line[len(self._prefix) :].rstrip("\r\n\x00")
            match = _BRACKET.match(text)
            return Part(text if match is None else text[match.end() :], number, last.at, last.host, last.source, True)
        part = unwrap(line, number)
        if (
            part.source == KERNEL
            and part.framed
            and part.at is not None
            and (end := line.find(_PREFIX_END, 0, 160)) > 0
            and not line.startswith("{")
        ):
            self._prefix, self._last = line[: end + len(_PREFIX_END)], part
        return part


def unwrap(line: str, number: int) -> Part:
    """Take the carrier's marks off a line: quotes of mail, containers' and compose's prefixes, priorities, stamps, host and tag.

    Journal and dmesg objects (`-o json`, `--json`) give their message. What is not known as a mark stays in the text.
    """
    text = line.rstrip("\r\n\x00")
    if text.startswith("\x1b"):
        text = _COLOUR.sub("", text)
    if text.startswith(">"):
        text = _QUOTE.sub("", text)
    if text.startswith("data: {"):
        text = text[6:]
    elif ":" in text[:60] and (match := _GREP.match(text)):
        text = text[match.end() :]
    if "{" in text[:40] and text.lstrip().startswith("{") and text.rstrip().rstrip(",").endswith("}"):
        inner = _object(text.lstrip(), number)
        if inner is not None:
            return inner
    if "| " in text[:80] and (match := _COMPOSE.match(text)):
        text = text[match.end() :]
    part = _peeled(text, number)
    if part.source is None and part.text.startswith("kernel: "):
        rest = part.text[8:]
        inside = _BRACKET.match(rest)
        at = part.at or (None if inside is None else _stamp(inside))
        return Part(rest if inside is None else rest[inside.end() :], number, at, part.host, KERNEL, True)
    return part


def _peeled(text: str, number: int) -> Part:
    """Take marks off until there is none, or until a tag says that a program wrote it."""
    at = host = source = None
    framed = False
    for _ in range(4):
        found = _mark(text)
        if found is None:
            break
        dated = not text.startswith("[")
        stamp, origin, text = found
        at, framed = at or stamp, True
        if origin is not None:
            source = origin
        elif source is None and at is not None and (tagged := _tag(text)) is not None and (dated or tagged[0] is not None):
            host, source, text = tagged
            if source != KERNEL:
                break
        elif source is None and dated and stamp is not None and (relay := _RELAYED.match(text)):
            text = text[relay.end() :]
    return Part(text, number, at, host, source, framed)


def _mark(text: str) -> tuple[str | None, str | None, str] | None:
    """Take one mark off the front: its stamp, who must have written it, and the rest; None where there is none."""
    first = text[:1]
    if first == "[":
        match = _BRACKET.match(text)
        return None if match is None else (_stamp(match), None, text[match.end() :])
    if first == "<":
        if match := _SYSLOG_5424.match(text):
            return match[1], None, f"{match[2]} {match[3]}[{match[4]}]: {text[match.end() :]}"
        match = _PRIORITY.match(text)
        return None if match is None else (None, None, text[match.end() :])
    if first.isdecimal():
        if match := _KMSG.match(text):
            return _seconds(match[1]), KERNEL, text[match.end() :]
        if match := _CRI.match(text):
            return match[1], None, text[match.end() :]
    elif first == " " or not first:
        return None
    elif match := _LEVELS.match(text) or _FACILITY.match(text):
        return None, None, text[match.end() :]
    elif match := _KLOG.match(text):
        return match[1], None, text[match.end() :]
    match = _DATED.match(text) if ":" in text[:60] else None
    return None if match is None else (match[1], None, text[match.end() :])


def _stamp(match: re.Match[str]) -> str | None:
    """The time of a bracket; a difference to the line before is none."""
    found = match[1] or match[2]
    return None if found is None else found.strip()


def _tag(text: str) -> tuple[str | None, str, str] | None:
    """Split `host tag[pid]: ` off; a tag without a pid must be one that we know, or a kernel's own words would be taken for one."""
    if match := _FACILITY.match(text):
        text = text[match.end() :]
    match = _TAG.match(text)
    if match is None:
        match = _UNMARKED.match(text) if "kernel [" in text[:80] else None
        return None if match is None else (match["host"], KERNEL, text[match.end() :])
    tag = match["tag"]
    if match["pid"] is None and tag not in _NAMED:
        return None
    # `-o with-unit` names the manager by its own cgroup
    source = KERNEL if tag.startswith(KERNEL) else "systemd" if tag == "init.scope" else tag
    return match["host"], source, text[match.end() :]


def _seconds(micro: str) -> str:
    return f"{int(micro[:18]) / 1e6:.6f}"


def _object(text: str, number: int) -> Part | None:
    """Read a journal entry, a record of `dmesg --json`, or a line of Docker's json-file driver."""
    try:
        found = json.loads(text.rstrip().rstrip(","))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    if "MESSAGE" in found:
        return journal(found, number)
    if isinstance(found.get("msg"), str) and "pri" in found:
        return Part(found["msg"], number, _text(found.get("time")), None, KERNEL, True)
    if isinstance(found.get("log"), str) and "stream" in found:
        inner = unwrap(found["log"], number)
        return Part(inner.text, number, inner.at or _text(found.get("time")), inner.host, inner.source, True)
    return None


def journal(fields: dict[str, Any], number: int) -> Part:
    """Read an entry of the journal by its fields (systemd.journal-fields(7))."""
    message = fields.get("MESSAGE")
    if isinstance(message, list):
        message = bytes(byte for byte in message if isinstance(byte, int) and 0 <= byte <= 255).decode("utf-8", "backslashreplace")  # noqa: PLR2004
    source = _text(fields.get("SYSLOG_IDENTIFIER"))
    if _text(fields.get("_TRANSPORT")) == KERNEL:
        source = KERNEL
    return Part(
        message if isinstance(message, str) else "",
        number,
        _microseconds(_text(fields.get("__REALTIME_TIMESTAMP"))),
        _text(fields.get("_HOSTNAME")),
        source,
        True,
    )


def _text(value: object) -> str | None:
    return None if value is None or isinstance(value, list | dict) else str(value)


def _microseconds(text: str | None) -> str | None:
    """Turn microseconds since 1970 into a UTC stamp; what is no number, or beyond the calendar, is left as it is."""
    if text is None or not text.isdecimal():
        return text
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(text[:20]))).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (OverflowError, ValueError):
        return text


def unescape(text: str) -> str:
    """Undo what rsyslog (`#012`) and /dev/kmsg (`\\x0a`) write for control characters."""
    if "#0" in text:
        text = _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)
    if "\\x" in text:
        text = _HEX.sub(lambda found: chr(int(found[1], 16)), text)
    return text
