"""Reports of the OOM killer as kernels of every era write them, and what carries them: the tests' own words for the grammar's laws."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

UNLIMITED = 9007199254740988


@dataclass(frozen=True, kw_only=True)
class Row:
    pid: int
    name: str
    rss: int = 1000
    adj: int = 0
    uid: int = 1000
    swap: int = 0
    tables: int = 10
    """Pages."""

    @property
    def total_vm(self) -> int:
        return self.rss + 5000


@dataclass(frozen=True, kw_only=True)
class Era:
    release: str
    trigger: str
    cpu: str
    columns: str
    row: Callable[[Row], str]
    killed: str
    select: str = ""
    summary: bool = False
    prefixed: bool = False


def _sizes(row: Row) -> str:
    return f"total-vm:{row.total_vm * 4}kB, anon-rss:{row.rss * 4}kB, file-rss:0kB"


ERAS = (
    Era(
        release="3.10.0-1160.el7.x86_64", trigger="gfp_mask=0x201da, order=0, oom_score_adj={adj}", cpu="CPU: 1 PID: {pid} Comm: {name} Not tainted {release} #1",
        columns="[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
        row=lambda r: f"[{r.pid:5d}] {r.uid:5d} {r.pid:5d} {r.total_vm:8d} {r.rss:8d} {r.tables:7d} {r.swap:8d}         {r.adj:5d} {r.name}",
        select="{prefix}: Kill process {pid} ({name}) score 900 or sacrifice child", killed="Killed process {pid} ({name}) total-vm:{vm}kB, anon-rss:{anon}kB, file-rss:0kB",
    ),
    Era(
        release="4.14.0", trigger="gfp_mask=0x14280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO), nodemask=(null),  order=0, oom_score_adj={adj}",
        cpu="CPU: 0 PID: {pid} Comm: {name} Tainted: G           O    {release} #12",
        columns="[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",
        row=lambda r: f"[{r.pid:5d}] {r.uid:5d} {r.pid:5d} {r.total_vm:8d} {r.rss:8d} {r.tables:7d}       0 {r.swap:8d}         {r.adj:5d} {r.name}",
        select="{prefix}: Kill process {pid} ({name}) score 900 or sacrifice child",
        killed="Killed process {pid} ({name}) total-vm:{vm}kB, anon-rss:{anon}kB, file-rss:0kB, shmem-rss:0kB",
    ),
    Era(
        release="5.3.18-24-default", trigger="gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj={adj}", cpu="CPU: 3 PID: {pid} Comm: {name} Kdump: loaded Not tainted {release} #1 SLE15-SP2",
        columns="[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        row=lambda r: f"[{r.pid:7d}] {r.uid:5d} {r.pid:5d} {r.total_vm:8d} {r.rss:8d} {r.tables * 4096:8d} {r.swap:8d}         {r.adj:5d} {r.name}",
        killed="{prefix}: Killed process {pid} ({name}) total-vm:{vm}kB, anon-rss:{anon}kB, file-rss:0kB, shmem-rss:0kB", summary=True, prefixed=True,
    ),
    Era(
        release="6.1.0-28-amd64", trigger="gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO), order=0, oom_score_adj={adj}", cpu="CPU: 0 PID: {pid} Comm: {name} Not tainted {release} #1  Debian 6.1.119-1",
        columns="[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        row=lambda r: f"[{r.pid:7d}] {r.uid:5d} {r.pid:5d} {r.total_vm:8d} {r.rss:8d} {r.tables * 4096:8d} {r.swap:8d}         {r.adj:5d} {r.name}",
        killed="{prefix}: Killed process {pid} ({name}) total-vm:{vm}kB, anon-rss:{anon}kB, file-rss:0kB, shmem-rss:0kB, UID:{uid} pgtables:{tables}kB oom_score_adj:{adj}",
        summary=True, prefixed=True,
    ),
    Era(
        release="6.18.2", trigger="gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj={adj}",
        cpu="CPU: 5 UID: 1000 PID: {pid} Comm: {name} Not tainted {release} #26 PREEMPT(voluntary)",
        columns="[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
        row=lambda r: f"[{r.pid:7d}] {r.uid:5d} {r.pid:5d} {r.total_vm:8d} {r.rss:8d} {r.rss:8d}        0         0 {r.tables * 4096:8d} {r.swap:8d}         {r.adj:5d} {r.name}",
        killed="{prefix}: Killed process {pid} ({name}) total-vm:{vm}kB, anon-rss:{anon}kB, file-rss:0kB, shmem-rss:0kB, UID:{uid} pgtables:{tables}kB oom_score_adj:{adj}",
        summary=True, prefixed=True,
    ),
)  # fmt: skip


def report(
    era: Era, rows: Sequence[Row], victim: Row, trigger: Row, *, memcg: str | None = None, limit_kb: int = 0, group: bool = False
) -> list[str]:
    """Write what the kernel writes for one kill: the machine's, or that of a cgroup at its limit."""
    prefix = "Memory cgroup out of memory" if memcg else "Out of memory"
    words = {
        "prefix": prefix, "release": era.release, "pid": victim.pid, "name": victim.name, "vm": victim.total_vm * 4, "anon": victim.rss * 4,
        "uid": victim.uid, "tables": victim.tables * 4, "adj": victim.adj,
    }  # fmt: skip
    lines = [
        f"{trigger.name} invoked oom-killer: {era.trigger.format(adj=trigger.adj)}",
        *([] if era.summary else [f"{trigger.name} cpuset=/ mems_allowed=0"]),
        era.cpu.format(pid=trigger.pid, name=trigger.name, release=era.release),
        "Call Trace:",
        " <TASK>",
        " dump_stack_lvl+0x64/0x80",
        " oom_kill_process+0xfa/0x200",
        " </TASK>",
    ]
    if memcg:
        if not era.summary:
            lines.append(f"Task in {memcg} killed as a result of limit of {memcg}")
        lines += [
            f"memory: usage {limit_kb}kB, limit {limit_kb}kB, failcnt 42",
            f"{'swap' if era.summary else 'memory+swap'}: usage 0kB, limit {UNLIMITED}kB, failcnt 0",
            f"Memory cgroup stats for {memcg}:",
            f"anon {limit_kb * 1000}",
            "file 4096",
        ]
    else:
        lines += [
            "Mem-Info:",
            "active_anon:23347 inactive_anon:86521 isolated_anon:0",
            " active_file:26 inactive_file:8 isolated_file:0",
            " slab_reclaimable:759 slab_unreclaimable:3551",
            " mapped:0 shmem:65 pagetables:521",
            " free:1097 free_pcp:264 free_cma:0",
            "Node 0 DMA: 1*4kB (U) 0*8kB 1*16kB (M) 1*32kB (U) = 52kB",
            "Free swap  = 0kB",
            "Total swap = 0kB",
            "1310720 pages RAM",
            "10720 pages reserved",
        ]
    if era.summary:
        lines.append("Tasks state (memory values in pages):")
    lines += [era.columns, *(era.row(row) for row in rows)]
    if era.summary:
        scope = f"oom_memcg={memcg},task_memcg={memcg}" if memcg else "global_oom,task_memcg=/system.slice/app.service"
        word = "MEMCG" if memcg else "NONE"
        lines.append(
            f"oom-kill:constraint=CONSTRAINT_{word},nodemask=(null),cpuset=/,mems_allowed=0,{scope},task={victim.name},pid={victim.pid},uid={victim.uid}"
        )
    if era.select:
        lines.append(era.select.format(**words))
    lines.append(era.killed.format(**words))
    if group and memcg:
        lines.append(f"Tasks in {memcg} are going to be killed due to memory.oom.group set")
        for row in rows:
            if row.adj != -1000:
                mine = replace(row)
                lines.append(
                    era.killed.format(
                        **{
                            **words,
                            "pid": mine.pid,
                            "name": mine.name,
                            "vm": mine.total_vm * 4,
                            "anon": mine.rss * 4,
                            "uid": mine.uid,
                            "tables": mine.tables * 4,
                            "adj": mine.adj,
                        }
                    )
                )
    return lines


def _each(form: str) -> Callable[[Sequence[str]], list[str]]:
    return lambda lines: [form.format(line=line, n=f"{1000 + index * 0.000125:.6f}") for index, line in enumerate(lines)]


CARRIERS: dict[str, Callable[[Sequence[str]], list[str]]] = {
    "bare": list,
    "dmesg": _each("[{n:>12}] {line}"),
    "dmesg caller": _each("[{n:>12}][ T1234] {line}"),
    "dmesg -T": _each("[Mon Nov 23 01:59:34 2026] {line}"),
    "dmesg -T of another language": _each("[月  1月 26 01:49:41 2026] {line}"),
    "dmesg -x": _each("kern  :warn  : [{n:>12}] {line}"),
    "dmesg -r": _each("<4>[{n:>12}] {line}"),
    "dmesg iso": _each("2026-11-23T01:59:34,000000+00:00 {line}"),
    "dmesg reltime": _each("[  +0.000125] {line}"),
    "dmesg --json of several lines": lambda lines: [
        "{",
        '   "dmesg": [',
        "      {",
        *(
            part
            for line in lines
            for part in ('         "pri": 4,', '         "time":    12.500000,', f'         "msg": {json.dumps(line)}', "      },{")
        ),
        '         "pri": 6,',
        '         "msg": "the end"',
        "      }",
        "   ]",
        "}",
    ],
    "journal pretty": lambda lines: [
        part
        for line in lines
        for part in (
            "{",
            '\t"_HOSTNAME" : "web-1",',
            f'\t"MESSAGE" : {json.dumps(line)},',
            '\t"__REALTIME_TIMESTAMP" : "1763862796000000",',
            '\t"_TRANSPORT" : "kernel"',
            "}",
        )
    ],
    "journal verbose": lambda lines: [
        part
        for line in lines
        for part in (
            "Mon 2026-11-23 03:53:16.123456 UTC [s=0a1b;i=1;b=2;m=3;t=4;x=5]",
            "    _TRANSPORT=kernel",
            "    _HOSTNAME=web-1",
            f"    MESSAGE={line}",
        )
    ],
    "journal sse": lambda lines: [
        part
        for line in lines
        for part in (
            "data: " + json.dumps({"_TRANSPORT": "kernel", "MESSAGE": line, "_HOSTNAME": "web-1", "__REALTIME_TIMESTAMP": "1"}),
            "",
        )
    ],
    "journal delta": _each("[{n:>12} <    0.000001 >] web-1 kernel: {line}"),
    "journal with unit": _each("Mon 2026-11-23 03:53:16 UTC web-1 kernel: {line}"),
    "grep -n": _each("12:Nov 23 01:02:03 web-1 kernel: {line}"),
    "grep -H": _each("/var/log/kern.log:Nov 23 01:02:03 web-1 kernel: {line}"),
    "grep -Hn of dmesg": _each("boot.log:7:[{n:>12}] {line}"),
    "dmesg --json": lambda lines: [
        "{",
        '   "dmesg": [',
        *(json.dumps({"pri": 4, "time": 12.5, "msg": line}) + "," for line in lines),
        "   ]",
        "}",
    ],
    "kmsg": _each("4,1234,5678901,-,caller=T12;{line}"),
    "syslog": _each("Nov  3 01:02:03 web-1 kernel: [{n:>12}] {line}"),
    "syslog without stamp": _each("Nov 23 01:02:03 web-1 kernel: {line}"),
    "syslog without host": _each("Nov 23 01:02:03 kernel: {line}"),
    "syslog of another language": _each("märz 23 01:02:03 web-1 kernel: {line}"),
    "syslog of another host": _each("Nov 23 01:02:03 10.0.0.1 Nov 23 01:02:04 web-1 kernel: [{n:>12}] {line}"),
    "syslog with the year": _each("2026 Nov 23 01:02:03 web-1 kernel: {line}"),
    "syslog without colon": _each("Nov 23 01:02:03 web-1 kernel [{n:>12}] {line}"),
    "rfc 5424": _each("<4>1 2026-11-23T01:59:34.5Z web-1 kernel - - - {line}"),
    "logread": _each("Mon Nov 23 01:02:03 2026 kern.warn kernel: [{n:>12}] {line}"),
    "journal unix": _each("1763862796.123456 web-1 kernel: {line}"),
    "klog": _each("I1123 01:02:03.123456      12 kmsg.go:33] {line}"),
    "dmesg -H": lambda lines: [f"[{'Nov23 02:01' if index == 0 else '  +0.000125'}] {line}" for index, line in enumerate(lines)],
    "dmesg caller apart": _each("[{n:>12}] [ T1234] {line}"),
    "pstore of a phone": _each("[{n:>12} / 01-01 00:00:00.000][1] {line}"),
    "rsyslog": _each("2026-09-02T09:08:50.880492+00:00 web-1 kernel: [{n:>12}] {line}"),
    "journal iso": _each("2026-11-23T03:53:16+0000 web-1 kernel: {line}"),
    "journal full": _each("Mon 2026-11-23 03:53:16 UTC web-1 kernel: {line}"),
    "journal monotonic": _each("[{n:>12}] web-1 kernel: {line}"),
    "journal json": lambda lines: [
        json.dumps({"_TRANSPORT": "kernel", "MESSAGE": line, "_HOSTNAME": "web-1", "__REALTIME_TIMESTAMP": "1763862796000000"})
        for line in lines
    ],
    "journal json bytes": lambda lines: [
        json.dumps({"_TRANSPORT": "kernel", "MESSAGE": list(line.encode()), "_HOSTNAME": "web-1"}) for line in lines
    ],
    "journal export": lambda lines: [
        part
        for line in lines
        for part in ("__CURSOR=s=1", "__REALTIME_TIMESTAMP=1763862796000000", "_TRANSPORT=kernel", f"MESSAGE={line}", "")
    ],
    "docker json-file": lambda lines: [
        json.dumps({"log": f"[ 12.000000] {line}\n", "stream": "stdout", "time": "2026-01-01T00:00:00Z"}) for line in lines
    ],
    "cri": _each("2026-09-02T09:08:50.880492+00:00 stdout F [{n:>12}] {line}"),
    "compose": _each("agent-1  | [{n:>12}] {line}"),
    "ci": _each("2026-01-01T00:00:00.0000000Z [{n:>12}] {line}"),
    "mail": _each("> > [{n:>12}] {line}"),
    "crlf": _each("[{n:>12}] {line}\r"),
}
