"""The kernel's own lines about an OOM, of every era from 2.6.18 to 6.19 (mm/oom_kill.c, mm/memcontrol.c, lib/show_mem.c)."""

from __future__ import annotations

import re
from typing import Final

from oomconf.oomlog._amounts import amounts, is_wide, stat
from oomconf.oomlog._lines import (
    Amounts,
    Cpu,
    Group,
    Header,
    Killed,
    Limit,
    Line,
    Mems,
    NoVictim,
    Panic,
    Reaped,
    Selected,
    Sharer,
    Skipped,
    Summary,
    Usage,
    number,
)  # fmt: skip
from oomconf.oomlog.events import Victim

__all__ = [
    "Amounts", "Cpu", "Group", "Header", "Killed", "Limit", "Line", "Mems", "NoVictim", "Panic", "Reaped", "Selected", "Sharer", "Skipped",
    "Summary", "Usage", "complete", "read", "starts", "stat",
]  # fmt: skip

_COMM_MAX: Final = 64
"""A name has 15 bytes; a worker's may be longer, and escapes make it longer still."""

_PREFIX = r"(?P<prefix>Out of [Mm]emory(?: \([a-z_]+\))?|Memory cgroup out of memory)"
_ADJ = r"(?:oomkilladj|oom_adj|oom_score_adj)"
_HEADER: Final = re.compile(rf"^(?P<name>.{{0,{_COMM_MAX}}}?) invoked oom-killer(?P<rest>:.*)?$")
_HEADER_END: Final = re.compile(rf"\b{_ADJ}=-?\d+$")
_GFP: Final = re.compile(r"\bgfp_mask=(0x[0-9a-f]+(?:\([^)]*\))?)")
_ORDER: Final = re.compile(r"\border=(-?\d+)")
_SCORE_ADJ: Final = re.compile(r"\boom_score_adj=(-?\d+)")
_MEMS: Final = re.compile(r"^(.{1,64}) cpuset=(.*) mems_allowed=([\d,-]*)$")
_CPU_NEW: Final = re.compile(r"^CPU: \d+ (?:UID: \d+ )?PID: (\d+) Comm: (.*)$")
_CPU_OLD: Final = re.compile(r"^Pid: (\d+), comm: (.*)$")
_TAINT: Final = re.compile(r"^(?P<name>.*?) +(?:Kdump: loaded )?(?:Not\s+tainted|Tainted: .*?)\s+(?P<kernel>\d+\.\d+\S*)")
_LIMIT: Final = re.compile(r"^Task in (\S.*?) killed as a result of limit of (\S.*)$")
_LIMIT_HEAD: Final = re.compile(r"^Task in (\S.*)$")
_LIMIT_TAIL: Final = re.compile(r"^ ?(?:killed )?as a result of limit of (\S.*)$")
_LIMIT_REACHED: Final = re.compile(r"^Memory limit reached of cgroup (\S.*)$")
_USAGE: Final = re.compile(r"^(memory|memory\+swap|swap|kmem): usage (\d+)kB, limit (\d+)kB, failcnt (\d+)$")
_SUMMARY: Final = re.compile(
    r"^oom-kill:constraint=(?P<constraint>\w+),nodemask=(?P<nodemask>\(null\)|[\d,-]*)"
    r"(?:,cpuset=(?P<cpuset>.*?),mems_allowed=(?P<mems>[\d,-]*))?"
    r"(?P<scope>,global_oom|,oom_memcg=(?P<oom_memcg>.*?))?(?:,task_memcg=(?P<task_memcg>.*))?"
    r",task=(?P<name>.*),pid=(?P<pid>\d+),uid=(?P<uid>\d+)$"
)
_SUMMARY_HEAD: Final = "oom-kill:constraint="
_SELECTED: Final = re.compile(
    rf"^{_PREFIX}: [Kk]ill process (?P<pid>\d+) \((?P<name>.*)\) score (?P<score>\d+)"
    r"(?P<end> or sacrifice child| or a child| and children\.?)?$"
)
_SIZES = r"total-vm:(?P<vm>\d+)kB, anon-rss:(?P<anon>\d+)kB, file-rss:(?P<file>\d+)kB(?:, shmem-rss:(?P<shmem>\d+)kB)?"
_TAIL = r"(?:, UID:(?P<uid3>\d+) pgtables:(?P<pgtables>\d+)kB oom_score_adj:(?P<adj>-?\d+))?"
_KILLED: Final = re.compile(
    rf"^(?:{_PREFIX}: )?Killed process (?P<pid>\d+)(?:, UID (?P<uid>\d+),)? \((?P<name>.*)\)(?:, UID (?P<uid2>\d+),)?"
    rf"(?: {_SIZES}{_TAIL})?$"
)
_KILLED_CUT: Final = re.compile(rf"^(?:{_PREFIX}: )?Killed process (?P<pid>\d+)(?:, UID (?P<uid>\d+),)? \((?P<name>.*)$")
_SIZE: Final = re.compile(r"\b(total-vm|anon-rss|file-rss|shmem-rss|pgtables):(\d+)kB(?=[, ]|$)")
_GROUP: Final = re.compile(r"^Tasks in (.*) are going to be killed due to memory\.oom\.group set$")
_NO_VICTIM: Final = re.compile(rf"^{_PREFIX} and no killable processes\.\.\.$")
_PANIC: Final = re.compile(
    r"^Kernel panic - not syncing: ((?:Out of memory|System is deadlocked on memory|Attempted to kill init)[^\n]*?) *$"
    r"|^(out of memory\. panic_on_oom is selected.*)$"
)
_REAPED: Final = re.compile(r"^oom_reaper: (?:reaped process|unable to reap pid:)\s?(\d+) ")
_SHARER: Final = re.compile(r"^Kill process (\d+) \((.*)\) sharing same memory$")
_SKIPPED: Final = re.compile(rf"^{_PREFIX}: OOM victim (?P<pid>\d+) \((?P<name>.*)\) is already exiting\. Skip killing the task$")
_HEADS: Final = re.compile(
    r"^(?:CPU: \d+ |Pid: \d|Hardware name: |Workqueue: |Call [Tt]race:|\s*</?(?:TASK|IRQ)>|Mem-Info:|Node \d|"
    r"\[ ?\s*pid|\[\s*\d+\]\s|oom-kill:|oom_reaper:|"
    r"Out of [Mm]emory|Memory cgroup|Killed process|Kill process|Tasks? (?:in|state)|"
    r"(?:memory|swap|kmem|memory\+swap): usage|lowmem_reserve|"
    r"\d+ (?:pages|total)|Free swap|Total swap|Swap cache|Kernel panic|RIP: |Code: |R[A-Z0-9]{2}: |\[<)"
)


def starts(text: str) -> bool:
    """Whether a line begins a record of its own, so that it is not the rest of the one before."""
    return " invoked oom-killer" in text or _HEADS.match(text) is not None


def complete(text: str) -> bool | None:
    """Whether a record that may be wrapped is whole; None for a line that is no such record."""
    if text.startswith("oom-kill:"):
        return _SUMMARY.match(text) is not None
    if "Killed process " in text or "Kill process " in text or "kill process " in text:
        found = _KILLED.match(text)
        if found is not None:
            return found["vm"] is not None
        return _SELECTED.match(text) is not None or _SHARER.match(text) is not None
    if " invoked oom-killer" in text:
        return _HEADER_END.search(text) is not None
    if text.startswith(("CPU: ", "Pid: ")) and ("omm: " in text):
        return re.search(r"(?:Not\s+tainted|Tainted: ).*? \d+\.\d+\.\S", text) is not None
    if text.startswith("Tasks in "):
        return _GROUP.match(text) is not None
    if text.startswith(("memory: usage", "memory+swap: usage", "swap: usage", "kmem: usage")):
        return _USAGE.match(text) is not None
    if text.startswith("Memory cgroup stats for"):
        return text.rstrip().endswith(":") or "KB" in text
    if text.startswith("Node ") and is_wide(text):
        return False
    if text.startswith("Kernel panic"):
        return _PANIC.match(text) is not None
    return None


def read(text: str) -> Line | None:
    """Read one of the kernel's lines about an OOM; None for any other."""
    if text.startswith("["):  # a row of the table, which others look at
        return None
    for needle, reader in _READERS:
        if needle in text and (found := reader(text)) is not None:
            return found
    return amounts(text)


def _header(text: str) -> Header | None:
    match = _HEADER.match(text)
    if match is None:
        # an unknown carrier's mark in front: a name has no brackets or colons before its last words as a rule
        cut = max(text.rfind("] ", 0, text.index(" invoked oom-killer")), text.rfind(": ", 0, text.index(" invoked oom-killer")))
        match = _HEADER.match(text[cut + 2 :]) if cut >= 0 else None
    if match is None:
        return None
    rest = match["rest"]
    if rest is not None and rest.strip() != ":" and "gfp_mask=" not in rest and "order=" not in rest:
        return None
    gfp, order, adj = (pattern.search(rest or "") for pattern in (_GFP, _ORDER, _SCORE_ADJ))
    return Header(
        match["name"].strip(),
        None if gfp is None else gfp[1],
        None if order is None else number(order[1]),
        None if adj is None else number(adj[1]),
    )


def _mems(text: str) -> Mems | None:
    match = _MEMS.match(text)
    return None if match is None else Mems(match[1], match[2], match[3])


def _cpu(text: str) -> Cpu | None:
    match = _CPU_NEW.match(text) or _CPU_OLD.match(text)
    if match is None:
        return None
    taint = _TAINT.match(match[2])
    name = match[2] if taint is None else taint["name"]
    return Cpu(number(match[1]), name.strip(), None if taint is None else taint["kernel"])


def _limit(text: str) -> Limit | None:
    if match := _LIMIT.match(text):
        return Limit(match[1], match[2])
    if match := _LIMIT_TAIL.match(text):
        return Limit(None, match[1])
    if match := _LIMIT_REACHED.match(text):
        return Limit(None, match[1])
    if (match := _LIMIT_HEAD.match(text)) and "/" in match[1]:
        return Limit(match[1], None)
    return None


def _usage(text: str) -> Usage | None:
    match = _USAGE.match(text)
    return None if match is None else Usage(match[1], number(match[2]), number(match[3]), number(match[4]))


def _summary(text: str) -> Summary | None:
    if not text.startswith(_SUMMARY_HEAD):
        return None
    match = _SUMMARY.match(text)
    if match is not None:
        return Summary(
            match["constraint"], match["mems"], match["oom_memcg"], match["task_memcg"],
            match["name"], number(match["pid"]), number(match["uid"]), match["scope"] == ",global_oom",
        )  # fmt: skip
    constraint = re.match(r"oom-kill:constraint=(\w+)(?:,|$)", text)
    mems = re.search(r",mems_allowed=([\d,-]*\d)(?:,|$)", text)
    memcg = re.search(r",oom_memcg=([^,]*),", text)
    task = re.search(r",task_memcg=([^,]*),", text)
    return Summary(
        None if constraint is None else constraint[1],
        None if mems is None else mems[1],
        None if memcg is None else memcg[1],
        None if task is None else task[1],
        None, None, None, ",global_oom" in text,
    )  # fmt: skip


def _selected(text: str) -> Selected | None:
    match = _SELECTED.match(text)
    return None if match is None else Selected(number(match["pid"]), match["name"], number(match["score"]), match["prefix"])


def _killed(text: str) -> Killed | None:
    match = _KILLED.match(text)
    if match is None:
        return _killed_cut(text)
    uid = match["uid"] or match["uid2"] or match["uid3"]
    victim = Victim(
        pid=number(match["pid"]),
        name=match["name"],
        uid=_maybe(uid),
        total_vm_kb=_maybe(match["vm"]),
        anon_rss_kb=_maybe(match["anon"]),
        file_rss_kb=_maybe(match["file"]),
        shmem_rss_kb=_maybe(match["shmem"]),
        pgtables_kb=_maybe(match["pgtables"]),
        oom_score_adj=_maybe(match["adj"]),
    )
    return Killed(victim, match["prefix"] or "")


def _killed_cut(text: str) -> Killed | None:
    """Read a line whose end a pager or a hand has cut: what is whole counts."""
    match = _KILLED_CUT.match(text)
    if match is None:
        return None
    name, mark, rest = match["name"].rpartition(") total-vm:")
    if not mark:
        name, mark, rest = match["name"].rpartition(")")
    if not mark:
        return None
    sizes = {key: number(value) for key, value in _SIZE.findall("total-vm:" + rest if "total-vm" in match["name"] else rest)}
    adj = re.search(r"\boom_score_adj:(-?\d+)$", rest)
    uid = re.search(r"\bUID:(\d+)(?: |$)", rest)
    return Killed(
        Victim(
            pid=number(match["pid"]),
            name=name,
            uid=_maybe(match["uid"]) if uid is None else number(uid[1]),
            total_vm_kb=sizes.get("total-vm"),
            anon_rss_kb=sizes.get("anon-rss"),
            file_rss_kb=sizes.get("file-rss"),
            shmem_rss_kb=sizes.get("shmem-rss"),
            pgtables_kb=sizes.get("pgtables"),
            oom_score_adj=None if adj is None else number(adj[1]),
        ),
        match["prefix"] or "",
    )


def _group(text: str) -> Group | None:
    match = _GROUP.match(text)
    return None if match is None else Group(match[1])


def _no_victim(text: str) -> NoVictim | None:
    match = _NO_VICTIM.match(text.rstrip())
    return None if match is None else NoVictim(match["prefix"])


def _panic(text: str) -> Panic | None:
    match = _PANIC.match(text)
    return None if match is None else Panic(match[1] or match[2])


def _reaped(text: str) -> Reaped | None:
    match = _REAPED.match(text)
    return None if match is None else Reaped(number(match[1]))


def _sharer(text: str) -> Sharer | None:
    match = _SHARER.match(text)
    return None if match is None else Sharer(number(match[1]), match[2])


def _skipped(text: str) -> Skipped | None:
    match = _SKIPPED.match(text)
    return None if match is None else Skipped(number(match["pid"]), match["name"])


_READERS: Final = (
    (" invoked oom-killer", _header),
    ("oom-kill:constraint=", _summary),
    ("Killed process ", _killed),
    ("ill process ", _selected),
    (" sharing same memory", _sharer),
    ("memory.oom.group set", _group),
    ("no killable processes...", _no_victim),
    ("Kernel panic - not syncing: ", _panic),
    ("out of memory. panic_on_oom", _panic),
    ("oom_reaper: ", _reaped),
    ("OOM victim ", _skipped),
    (": usage ", _usage),
    ("limit of ", _limit),
    ("Task in ", _limit),
    ("limit reached of cgroup", _limit),
    ("mems_allowed=", _mems),
    ("omm: ", _cpu),
)


def _maybe(text: str | None) -> int | None:
    return None if text is None else number(text)
