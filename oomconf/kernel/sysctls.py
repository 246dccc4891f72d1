"""The sysctls that decide over memory: a row each, what the kernel refuses, and which pairs erase each other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from oomconf.kernel.version import KernelVersion

__all__ = ["EXCLUSIVE_PAIRS", "SYSCTLS", "VENDOR_KEYS", "Kind", "Sysctl", "Unit", "check_value", "suggest"]

Kind = Literal["int", "ulong", "list", "string", "action"]
"""`int` holds 32 bits and a sign, `ulong` 64 bits; an `action` is written to make something happen and holds nothing."""

Unit = Literal["bytes", "kB", "pages", "percent", "permyriad", "permille", "centiseconds", "seconds", "count", "flag", "mode", "bits", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysctl:
    """One file below /proc/sys, by its dotted name.

    `minimum` and `maximum` are what may be written; None is no limit but that of the kind. `default` is None if the kernel computes
    it, its configuration decides without a common choice, or there is nothing to read. `since` and `removed` are mainline releases,
    None if it has always been there, has never gone, or the release is not known; vendors backport, so they are good to one release
    and no better.
    """

    key: str
    kind: Kind
    minimum: int | None = None
    maximum: int | None = None
    default: int | str | None = None
    unit: Unit = ""
    since: KernelVersion | None = None
    removed: KernelVersion | None = None
    danger: str = ""
    page: str = ""
    maximum_before: tuple[KernelVersion, int] | None = None
    """The smaller maximum that kernels before this one had."""

    def maximum_in(self, kernel: KernelVersion | None) -> int | None:
        """Give the largest value that may be written on a kernel; on an unknown one, the largest on any."""
        if kernel is not None and self.maximum_before is not None and kernel < self.maximum_before[0]:
            return self.maximum_before[1]
        return self.maximum


_PAGES: Final = {
    "vm": "Documentation/admin-guide/sysctl/vm.rst",
    "kernel": "Documentation/admin-guide/sysctl/kernel.rst",
    "fs": "Documentation/admin-guide/sysctl/fs.rst",
}


def _row(
    key: str,
    kind: Kind,
    low: int | None,
    high: int | None,
    default: int | str | None,
    *,
    unit: Unit = "",
    danger: str = "",
    since: str = "",
    removed: str = "",
    before: tuple[str, int] | None = None,
) -> Sysctl:
    return Sysctl(
        key=key,
        kind=kind,
        minimum=low,
        maximum=high,
        default=default,
        unit=unit,
        since=KernelVersion.parse(since) if since else None,
        removed=KernelVersion.parse(removed) if removed else None,
        danger=danger,
        page=_PAGES[key.partition(".")[0]],
        maximum_before=None if before is None else (KernelVersion.parse(before[0]), before[1]),
    )


# times in jiffies: INT_MAX / HZ, with HZ no lower than 100 (kernel/time: proc_dointvec_jiffies())
_JIFFIES_MAX: Final = (2**31 - 1) // 100
# two pages of the smallest size (mm/page-writeback.c: dirty_bytes_min)
_DIRTY_BYTES_MIN: Final = 2 * 4096

# fmt: off
_ROWS: Final = (
    # commit accounting (mm/util.c)
    _row("vm.overcommit_memory", "int", 0, 2, 0, unit="mode",
         danger="1 turns failed allocations into kills; 2 caps commits at half of RAM plus swap until the ratio is raised"),
    _row("vm.overcommit_ratio", "int", None, None, 50, unit="percent",
         danger="counts in mode 2 alone; a write sets vm.overcommit_kbytes to 0"),
    _row("vm.overcommit_kbytes", "ulong", 0, None, 0, unit="kB",
         danger="counts in mode 2 alone; any write, even of 0, sets vm.overcommit_ratio to 0", since="3.14"),
    _row("vm.admin_reserve_kbytes", "ulong", 0, None, None, unit="kB",
         danger="too small, and root cannot log in under mode 2; near RAM, nobody else can allocate", since="3.10"),
    _row("vm.user_reserve_kbytes", "ulong", 0, None, None, unit="kB",
         danger="mode 2 alone; 0 lets one process take all that is left", since="3.10"),
    # the OOM killer (mm/oom_kill.c)
    _row("vm.panic_on_oom", "int", 0, 2, 0, unit="mode",
         danger="1 panics when RAM ends, 2 even when one container is at its limit; without kernel.panic it hangs", since="2.6.18"),
    _row("vm.oom_kill_allocating_task", "int", None, None, 0, unit="flag",
         danger="kills whoever asks next, whatever oom_score_adj says", since="2.6.24"),
    _row("vm.oom_dump_tasks", "int", None, None, 1, unit="flag",
         danger="0 leaves no task table in the log to explain a kill", since="2.6.25"),
    # reclaim and swap, mostly mm/vmscan.c and mm/page_alloc.c
    _row("vm.swappiness", "int", 0, 200, 60, unit="count",
         danger="0 is not 'swap off': it swaps at the brink, and the killer comes earlier", before=("5.8", 100)),
    _row("vm.min_free_kbytes", "int", 0, None, None, unit="kB",
         danger="below 1024 the machine can lock up; near RAM everything is killed at once"),
    _row("vm.watermark_scale_factor", "int", 1, 3000, 10, unit="permyriad",
         danger="large values keep much memory free and wake kswapd early", since="4.6", before=("5.18", 1000)),
    _row("vm.watermark_boost_factor", "int", 0, None, 15000, unit="permyriad", since="5.0"),
    _row("vm.vfs_cache_pressure", "int", 0, None, 100, unit="percent",
         danger="0 never gives dentries and inodes back until memory is out; far above 100 costs CPU"),
    _row("vm.vfs_cache_pressure_denom", "int", 1, None, 100, unit="count"),
    _row("vm.page-cluster", "int", 0, 31, 3, unit="count", danger="a power of two: each step doubles what one swap-in reads"),
    _row("vm.zone_reclaim_mode", "int", 0, None, 0, unit="bits",
         danger="other than 0 stalls a NUMA machine on one full node while others are free"),
    _row("vm.min_unmapped_ratio", "int", 0, 100, 1, unit="percent"),
    _row("vm.min_slab_ratio", "int", 0, 100, 5, unit="percent"),
    _row("vm.lowmem_reserve_ratio", "list", None, None, None, unit="count", danger="small numbers reserve much: each is a divisor"),
    _row("vm.percpu_pagelist_high_fraction", "int", 0, None, 0, unit="count", danger="0, or 8 and more", since="5.14"),
    _row("vm.legacy_va_layout", "int", 0, None, 0, unit="flag"),
    _row("vm.laptop_mode", "int", None, _JIFFIES_MAX, 0, unit="seconds"),
    # writeback, in mm/page-writeback.c
    _row("vm.dirty_ratio", "int", 0, 100, 20, unit="percent",
         danger="of what is free or file cache, not of RAM; high values end in long stalls"),
    _row("vm.dirty_background_ratio", "int", 0, 100, 10, unit="percent",
         danger="at or above the foreground limit it is replaced by half of that"),
    _row("vm.dirty_bytes", "ulong", _DIRTY_BYTES_MIN, None, 0, unit="bytes",
         danger="a write sets vm.dirty_ratio to 0; cannot be written as 0", since="2.6.29"),
    _row("vm.dirty_background_bytes", "ulong", 1, None, 0, unit="bytes",
         danger="a write sets vm.dirty_background_ratio to 0; cannot be written as 0", since="2.6.29"),
    _row("vm.dirty_expire_centisecs", "int", 0, None, 3000, unit="centiseconds"),
    _row("vm.dirty_writeback_centisecs", "int", None, None, 500, unit="centiseconds", danger="0 stops the periodic flush"),
    _row("vm.dirtytime_expire_seconds", "int", 0, None, 43200, unit="seconds", since="4.0"),
    # compaction and huge pages
    _row("vm.extfrag_threshold", "int", 0, 1000, 500, unit="permille", since="2.6.35"),
    _row("vm.compaction_proactiveness", "int", 0, 100, 20, unit="count",
         danger="a write other than 0 starts compacting at once", since="5.9"),
    _row("vm.compact_unevictable_allowed", "int", 0, 1, None, unit="flag", since="4.1"),
    _row("vm.defrag_mode", "int", 0, 1, 0, unit="flag"),
    _row("vm.nr_hugepages", "ulong", 0, None, 0, unit="pages",
         danger="takes RAM from everybody at once, silently less than asked: read it back"),
    _row("vm.nr_hugepages_mempolicy", "ulong", 0, None, 0, unit="pages", danger="as vm.nr_hugepages, on the writer's NUMA nodes"),
    _row("vm.nr_overcommit_hugepages", "ulong", 0, None, 0, unit="pages", since="2.6.24"),
    _row("vm.hugetlb_shm_group", "int", None, None, 0),
    _row("vm.hugetlb_optimize_vmemmap", "int", None, None, None, unit="flag"),
    _row("vm.movable_gigantic_pages", "int", None, None, None, unit="flag"),
    # mappings
    _row("vm.max_map_count", "int", 0, None, 65530, unit="count",
         danger="mmap fails at it long before memory ends; Elasticsearch refuses to start below 262144"),
    _row("vm.mmap_min_addr", "ulong", 0, None, None, unit="bytes"),
    _row("vm.mmap_rnd_bits", "int", 0, None, None, unit="bits"),
    _row("vm.mmap_rnd_compat_bits", "int", 0, None, None, unit="bits"),
    _row("vm.memfd_noexec", "int", 0, 2, 0, unit="mode", since="6.3"),
    _row("vm.unprivileged_userfaultfd", "int", 0, 1, 0, unit="flag"),
    # counting and faults
    _row("vm.numa_stat", "int", 0, 1, 1, unit="flag", since="4.15"),
    _row("vm.numa_zonelist_order", "string", None, None, "Node", danger="does nothing on current kernels"),
    _row("vm.stat_interval", "int", None, _JIFFIES_MAX, 1, unit="seconds"),
    _row("vm.page_lock_unfairness", "int", 0, None, 5, unit="count"),
    _row("vm.memory_failure_early_kill", "int", 0, 1, 0, unit="flag"),
    _row("vm.memory_failure_recovery", "int", 0, 1, 1, unit="flag"),
    _row("vm.enable_soft_offline", "int", 0, 1, 1, unit="flag"),
    _row("vm.mem_profiling", "string", None, None, None),
    # actions
    _row("vm.drop_caches", "action", 1, 4, None, unit="bits", danger="throws caches away once; it sets nothing"),
    _row("vm.compact_memory", "action", 1, 1, None, unit="flag", danger="compacts memory once; it sets nothing"),
    _row("vm.stat_refresh", "action", None, None, None, danger="folds per-CPU counters once; it sets nothing"),
    # gone, or on 32 bits and without an MMU only
    _row("vm.block_dump", "int", None, None, 0, unit="flag", danger="gone from current kernels", removed="5.14"),
    _row("vm.percpu_pagelist_fraction", "int", 0, None, 0, unit="count",
         danger="gone: vm.percpu_pagelist_high_fraction took its place", removed="5.14"),
    _row("vm.nr_pdflush_threads", "int", None, None, 0, unit="count", danger="gone from current kernels"),
    _row("vm.hugepages_treat_as_movable", "int", None, None, 0, unit="flag", danger="gone from current kernels"),
    _row("vm.scan_unevictable_pages", "int", None, None, 0, unit="flag", danger="gone from current kernels"),
    _row("vm.swap_token_timeout", "int", None, None, None, unit="seconds", danger="gone from current kernels"),
    _row("vm.highmem_is_dirtyable", "int", 0, 1, 0, unit="flag", danger="32-bit kernels with high memory only"),
    _row("vm.vdso_enabled", "int", None, None, None, unit="flag", danger="32-bit kernels only"),
    _row("vm.nr_trim_pages", "int", 0, None, 1, unit="count", danger="kernels without an MMU only"),
    # what happens around a panic or a kill (kernel/panic.c, drivers/tty/sysrq.c)
    _row("kernel.panic", "int", None, None, 0, unit="seconds", danger="0 hangs for ever after a panic; below 0 reboots at once"),
    _row("kernel.panic_on_oops", "int", None, None, 0, unit="flag", danger="1 takes the machine down with the first driver's fault"),
    _row("kernel.panic_on_warn", "int", 0, 1, 0, unit="flag", danger="1 takes the machine down for a mere warning"),
    _row("kernel.hung_task_panic", "int", None, None, 0, unit="flag",
         danger="a task stuck in reclaim or on a disk takes the machine down"),
    _row("kernel.hung_task_timeout_secs", "ulong", 0, None, None, unit="seconds"),
    _row("kernel.softlockup_panic", "int", None, None, 0, unit="flag"),
    _row("kernel.sysrq", "int", None, None, None, unit="bits",
         danger="1 allows all, 64 the OOM kill by key; /proc/sysrq-trigger ignores it"),
    _row("kernel.dmesg_restrict", "int", 0, 1, None, unit="flag", danger="1 hides OOM reports from collectors without privilege"),
    _row("kernel.printk_ratelimit", "int", None, _JIFFIES_MAX, 5, unit="seconds"),
    _row("kernel.printk_ratelimit_burst", "int", None, None, 10, unit="count"),
    _row("kernel.numa_balancing", "int", 0, 4, None, unit="bits", since="3.13"),
    # kernel/pid.c: pid_max_min, PID_MAX_LIMIT on 64 bits; kernel/fork.c: MAX_THREADS
    _row("kernel.pid_max", "int", 301, 4 << 20, None, unit="count", danger="fork fails at it long before memory ends"),
    _row("kernel.threads-max", "int", 1, 0x3FFFFFFF, None, unit="count", danger="fork fails at it long before memory ends"),
    _row("kernel.shmmax", "ulong", 0, None, None, unit="bytes", danger="old guides' numbers cap databases; the default is no cap"),
    _row("kernel.shmall", "ulong", 0, None, None, unit="pages", danger="old guides' numbers cap databases; the default is no cap"),
    _row("kernel.keys.root_maxkeys", "int", 1, None, 1_000_000, unit="count"),
    _row("kernel.keys.root_maxbytes", "int", 0, None, 25_000_000, unit="bytes"),
    _row("fs.file-max", "ulong", 0, None, None, unit="count"),
)
# fmt: on

SYSCTLS: Final[Mapping[str, Sysctl]] = MappingProxyType({row.key: row for row in _ROWS})
"""The keys of /proc/sys/vm that mainline kernels have or had, and those of kernel.* and fs.* that matter when memory ends."""

EXCLUSIVE_PAIRS: Final = (
    ("vm.overcommit_ratio", "vm.overcommit_kbytes"),
    ("vm.dirty_background_ratio", "vm.dirty_background_bytes"),
    ("vm.dirty_ratio", "vm.dirty_bytes"),
)
"""Two keys that say one thing: writing one sets the other to 0 (mm/util.c, mm/page-writeback.c)."""

VENDOR_KEYS: Final = frozenset(
    {"vm.anon_min_ratio", "vm.clean_low_ratio", "vm.clean_min_ratio", "vm.extra_free_kbytes", "vm.kswapd_threads", "vm.zero_pages"}
)
"""Keys of kernels that are not mainline, so that none of them is taken for a misspelling."""

# fmt: off
_OTHERS: Final = frozenset({
    "acct", "auto_msgmni", "cap_last_cap", "core_pattern", "core_pipe_limit", "core_uses_pid", "ctrl-alt-del", "domainname",
    "hardlockup_panic", "hostname", "hung_task_all_cpu_backtrace", "hung_task_check_count", "hung_task_check_interval_secs",
    "hung_task_detect_count", "hung_task_warnings", "io_uring_disabled", "io_uring_group", "kexec_load_disabled", "kptr_restrict",
    "max_lock_depth", "modprobe", "modules_disabled", "msgmax", "msgmnb", "msgmni", "ngroups_max", "nmi_watchdog", "ns_last_pid",
    "numa_balancing_promote_rate_limit_MBps", "oops_all_cpu_backtrace", "oops_limit", "osrelease", "ostype", "overflowgid", "overflowuid",
    "panic_on_io_nmi", "panic_on_rcu_stall", "panic_on_stackoverflow", "panic_on_unrecovered_nmi", "panic_print", "panic_sys_info",
    "perf_event_paranoid", "poweroff_cmd", "print-fatal-signals", "printk", "printk_delay", "printk_devkmsg", "randomize_va_space", "sem",
    "shm_rmid_forced", "shmmni", "soft_watchdog", "softlockup_all_cpu_backtrace", "split_lock_mitigate", "sysctl_writes_strict",
    "tainted", "task_delayacct", "timer_migration", "unknown_nmi_panic", "unprivileged_bpf_disabled", "unprivileged_userns_clone",
    "warn_limit", "watchdog", "watchdog_thresh", "yama",
})
# fmt: on
"""Keys of kernel.* that have nothing to do with memory, so that none of them is taken for a misspelling."""

_NEAR: Final = 0.85
_SKIPPED: Final = " \t\n\v\f\r"
_ENDS: Final = re.compile(r"[ \t\n]")
_NUMBER: Final = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_LONGEST: Final = 20
"""Characters of a number; at 21 the kernel's buffer is full (kernel/sysctl.c: TMPBUFLEN)."""
_RANGES: Final = {"int": (-(2**31), 2**31 - 1), "list": (-(2**31), 2**31 - 1), "action": (-(2**31), 2**31 - 1), "ulong": (0, 2**64 - 1)}


def check_value(key: str, text: str, kernel: KernelVersion | None = None) -> str | None:
    """Say why the kernel refuses a text for a key (EINVAL, the old value stays), or None if it takes it or the key is not in the table.

    As kernel/sysctl.c reads it (proc_get_long()): numbers in C's spelling, so `010` is 8, without `+`, sign only where the kind has one;
    what stands behind the first number and a blank is not looked at. An unknown kernel is taken for the most permissive.
    """
    row = SYSCTLS.get(key)
    if row is None or row.kind == "string" or (row.kind == "action" and row.maximum is None):
        return None
    words = [word for word in _ENDS.split(text.lstrip(_SKIPPED)) if word] if row.kind == "list" else _ENDS.split(text.lstrip(_SKIPPED))[:1]
    if not any(words):
        return "it is empty"
    return next((reason for word in words if (reason := _refusal(row, word, kernel)) is not None), None)


def _refusal(row: Sysctl, word: str, kernel: KernelVersion | None) -> str | None:
    if len(word) > _LONGEST or _NUMBER.fullmatch(word) is None:
        return f"'{word[:_LONGEST]}' is not a whole number"
    value = _integer(word)
    low, high = _RANGES[row.kind]
    if not low <= value <= high:
        return f"{value} is negative" if low == 0 > value else f"{value} does not fit in {'64' if low == 0 else '32'} bits"
    ceiling = row.maximum_in(kernel)
    if ceiling is not None and value > ceiling:
        before = "" if ceiling == row.maximum or row.maximum_before is None else f" before Linux {row.maximum_before[0]}"
        return f"{value} is more than {ceiling}, the most{before}"
    if row.minimum is not None and value < row.minimum:
        return f"{value} is less than {row.minimum}, the least"
    return None


def _integer(word: str) -> int:
    sign, digits = (-1, word[1:]) if word.startswith("-") else (1, word)
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits.startswith("0") else 10
    return sign * int(digits, base)


def suggest(key: str) -> str | None:
    """Name the key that a `vm.` or `kernel.` key that no kernel has was probably meant to be; None for known keys and far ones."""
    namespace, _, name = key.partition(".")
    if namespace not in ("vm", "kernel") or key in SYSCTLS or key in VENDOR_KEYS or (namespace == "kernel" and name in _OTHERS):
        return None
    plain = _plain(name)
    for row in _ROWS:
        if _plain(row.key.partition(".")[2]) == plain:
            return row.key
    names = {_plain(row.key.partition(".")[2]): row.key for row in _ROWS if row.key.startswith(f"{namespace}.")}
    near = difflib.get_close_matches(plain[:64], list(names), n=1, cutoff=_NEAR)
    return names[near[0]] if near else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
