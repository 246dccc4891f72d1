"""What is advised follows from what the report says filled the memory, and from who may use which of it."""

from __future__ import annotations

import pytest

from oomconf.diagnosis import Diagnosis, explain
from oomconf.oomlog import read

HEAD = "java invoked oom-killer: gfp_mask={gfp}, order={order}, oom_score_adj=0"
TABLE = [
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    "[    402]  1000   402   400000    {rss}   400000        0             0 java",
    "[    403]  1000   403   400000     1000    40000        0             0 bash",
]
KILLED = "{prefix}: Killed process 402 (java) total-vm:1600000kB, anon-rss:800000kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:391kB oom_score_adj:0"


def machine(
    *, gfp: str = "0x140cca(GFP_HIGHUSER_MOVABLE)", order: int = 0, rss: int = 1000, swap: str = "0", zones: tuple[str, ...] = (),
    constraint: str = "CONSTRAINT_NONE", panic: str | None = None, **pages: int,
) -> Diagnosis:  # fmt: skip
    """A machine of a million pages, of which what is not named is anonymous."""
    rest = 1_000_000 - sum(pages.values())
    scope = ",global_oom" if constraint == "CONSTRAINT_NONE" else ""
    lines = [
        HEAD.format(gfp=gfp, order=order), "Mem-Info:",
        f"active_anon:{pages.get('active_anon', rest)} inactive_anon:0 isolated_anon:0", f" active_file:{pages.get('cache', 0)} inactive_file:0 isolated_file:0",
        f" unevictable:{pages.get('locked', 0)} dirty:0 writeback:0", f" slab_reclaimable:0 slab_unreclaimable:{pages.get('slab', 0)}",
        f" mapped:0 shmem:{pages.get('shmem', 0)} pagetables:{pages.get('tables', 0)}", f" free:{pages.get('free', 0)} free_pcp:0 free_cma:0",
        *zones, f"Free swap  = {swap}kB", f"Total swap = {swap}kB", "1000000 pages RAM", "0 pages reserved", *(line.format(rss=rss) for line in TABLE),
        *([f"Kernel panic - not syncing: {panic}"] if panic else [
            f"oom-kill:constraint={constraint},nodemask=(null),cpuset=/,mems_allowed=0{scope},task_memcg=/system.slice/app.service,task=java,pid=402,uid=1000",
            KILLED.format(prefix="Out of memory")]),
    ]  # fmt: skip
    return explain(next(read(lines)))


def limited(*, usage: int = 1 << 20, stats: dict[str, int] | None = None, swap: str = "swap: usage 0kB, limit 9007199254740988kB, failcnt 0",
            limit_of: str = "/system.slice/app.service", kmem: str = "") -> Diagnosis:  # fmt: skip
    lines = [
        HEAD.format(gfp="0xcc0(GFP_KERNEL)", order=0), f"memory: usage {usage}kB, limit {1 << 20}kB, failcnt 9", swap, *([kmem] if kmem else []),
        f"Memory cgroup stats for {limit_of}:", *(f"{key} {value}" for key, value in (stats or {"anon": 1 << 30, "file": 0}).items()),
        *(line.format(rss=1000) for line in TABLE),
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={limit_of},task_memcg=/system.slice/app.service,task=java,pid=402,uid=1000",
        KILLED.format(prefix="Memory cgroup out of memory"),
    ]  # fmt: skip
    return explain(next(read(lines)))


def zone(name: str, free: int, least: int, node: int = 0) -> str:
    return f"Node {node} {name} free:{free}kB min:{least}kB low:{least}kB high:{least}kB present:2000000kB managed:2000000kB"


G = 1 << 30
CASES = {
    "nothing special": (machine(swap="4096000"), set()),
    "no swap": (machine(), {"no-swap"}),
    "a large process": (machine(rss=600_000), {"no-swap", "limit-the-largest"}),
    "the kernel's slab": (machine(slab=400_000), {"no-swap", "kernel-slab"}),
    "page tables": (machine(tables=300_000), {"no-swap", "page-tables"}),
    "mlock": (machine(locked=300_000), {"no-swap", "locked"}),
    "tmpfs": (machine(shmem=300_000, active_anon=900_000), {"no-swap", "tmpfs"}),
    "a driver": (machine(active_anon=500_000), {"no-swap", "unaccounted"}),
    "a large request": (machine(free=200_000, order=3, zones=(zone("Normal", 800_000, 5000),)), {"no-swap", "fragmented"}),
    "low memory of a 32-bit kernel": (machine(free=200_000, zones=(zone("Normal", 3000, 3600), zone("HighMem", 797_000, 500))), {"no-swap", "low-memory"}),
    "another node": (machine(free=200_000, zones=(zone("Normal", 3000, 3600), zone("Normal", 797_000, 3600, 1))), {"no-swap", "zone"}),
    "a kill just before": (machine(free=200_000, zones=(zone("Normal", 800_000, 3600),)), {"no-swap", "freed-meanwhile"}),
    "a failed fault": (machine(free=200_000, gfp="0x0()", zones=(zone("Normal", 800_000, 3600),)), {"no-swap", "page-fault"}),
    "a cpuset": (machine(constraint="CONSTRAINT_CPUSET", slab=400_000), {"cpuset"}),
    "a memory policy": (machine(constraint="CONSTRAINT_MEMORY_POLICY"), {"mempolicy"}),
    "panic_on_oom": (machine(panic="Out of memory: system-wide panic_on_oom is enabled"), {"no-swap", "panic"}),
    "panic_on_oom=2": (machine(panic="Out of memory: compulsory panic_on_oom is enabled"), {"no-swap", "panic"}),
    "nobody left": (machine(panic="System is deadlocked on memory", slab=800_000), {"no-swap", "nobody-left", "kernel-slab"}),
    "a limit": (limited(), {"raise-limit", "half-dead"}),
    "a limit without swap": (limited(swap="swap: usage 0kB, limit 0kB, failcnt 3"), {"raise-limit", "half-dead", "no-swap"}),
    "the limit of a slice": (limited(limit_of="/system.slice"), {"ancestors-limit", "raise-limit"}),
    "the limit of all pods": (limited(limit_of="/kubepods.slice"), {"ancestors-limit"}),
    "page cache": (limited(stats={"anon": 0, "file": G, "file_dirty": G // 2}), {"raise-limit", "half-dead", "page-cache"}),
    "tmpfs at a limit": (limited(stats={"anon": G // 2, "file": G // 2, "shmem": G // 2}), {"raise-limit", "half-dead", "tmpfs"}),
    "kernel memory": (limited(stats={"anon": 0, "file": 0, "kernel": G}), {"raise-limit", "half-dead", "kernel-memory"}),
    "kernel memory of v1": (
        limited(stats={"cache": 0, "rss": 0}, swap="memory+swap: usage 1048576kB, limit 9007199254740988kB, failcnt 0",
                kmem="kmem: usage 1048000kB, limit 9007199254740988kB, failcnt 0"),
        {"raise-limit", "half-dead", "kernel-memory"},
    ),
    "memory and swap together": (
        limited(usage=900_000, stats={"cache": 0, "rss": 0}, swap="memory+swap: usage 2097152kB, limit 2097152kB, failcnt 7"),
        {"raise-limit", "half-dead", "memory-and-swap"},
    ),
    "a limit that was not full": (limited(usage=1 << 18), {"raise-limit", "half-dead", "not-full"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_advice_follows_from_the_report(name: str) -> None:
    found, wanted = CASES[name]
    assert {one.id for one in found.advice} == wanted


def test_raising_a_containers_limit_raises_its_pods() -> None:
    pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12345678_1234_1234_1234_123456789abc.slice"
    advice = {one.id: one for one in limited(limit_of=pod).advice}
    assert "the whole pod's" in advice["ancestors-limit"].text
    assert "changes nothing" not in advice["ancestors-limit"].text
    assert "changes nothing" in {one.id: one for one in limited(limit_of="/system.slice").advice}["ancestors-limit"].text


def test_memory_and_swap_together_are_named_and_raised() -> None:
    """What binds is memory.memsw.limit_in_bytes, and it is that which is raised (Documentation/admin-guide/cgroup-v1/memory.rst)."""
    found = CASES["memory and swap together"][0]
    assert "at its limit of 2G for memory and swap together" in found.headline
    (advice,) = (one for one in found.advice if one.id == "raise-limit")
    assert "memory and swap together by a quarter, from 2G to 2.5G" in advice.text
    assert advice.command == "echo 2684354560 > /sys/fs/cgroup/memory/system.slice/app.service/memory.memsw.limit_in_bytes"


def test_memory_is_not_raised_above_what_memory_and_swap_may_have() -> None:
    """mm/memcontrol.c of v1 refuses a limit above memsw's: that one goes first."""
    full = limited(
        usage=1 << 20, stats={"cache": 0, "rss": 0}, swap=f"memory+swap: usage {1 << 20}kB, limit {1 << 20}kB, failcnt 7", limit_of="/jobs"
    )
    (advice,) = (one for one in full.advice if one.id == "raise-limit")
    first, second = advice.command.split(" && ")
    assert first == "echo 1342177280 > /sys/fs/cgroup/memory/jobs/memory.memsw.limit_in_bytes"
    assert second == "echo 1342177280 > /sys/fs/cgroup/memory/jobs/memory.limit_in_bytes"


def test_the_page_cache_of_v1_has_no_memory_high() -> None:
    old = limited(stats={"cache": G, "rss": 0}, swap="memory+swap: usage 1048576kB, limit 9007199254740988kB, failcnt 0")
    for found, knob in ((old, False), (CASES["page cache"][0], True)):
        (advice,) = (one for one in found.advice if one.id == "page-cache")
        assert ("MemoryHigh=" in advice.text) == knob


def test_many_of_one_name_are_told_as_many() -> None:
    one = {advice.id: advice.text for advice in CASES["a large process"][0].advice}["limit-the-largest"]
    assert one.startswith("java held ")
    table = ["[    402]  1000   402   400000    300000   400000        0             0 java"] * 2
    lines = [HEAD.format(gfp="0xcc0", order=0), "Mem-Info:", "active_anon:900000 inactive_anon:0 isolated_anon:0", "1000000 pages RAM", "0 pages reserved",
             TABLE[0], table[0], table[1].replace("402", "401"), KILLED.format(prefix="Out of memory")]  # fmt: skip
    many = {advice.id: advice.text for advice in explain(next(read(lines))).advice}["limit-the-largest"]
    assert many.startswith("2 processes named java held 2.29G of 3.81G RAM together")


def test_where_memory_ran_out_is_said_only_where_the_log_tells() -> None:
    bare = explain(next(read([HEAD.format(gfp="0xcc0", order=0)])))
    assert bare.headline == "out of memory; whom it killed, this log does not tell"
    assert "on the whole machine" in CASES["nothing special"][0].headline


def test_a_virtual_machine_is_named_whole() -> None:
    scope = "/machine.slice/machine-qemu\x2d1\x2dbuilder.scope"
    found = limited(limit_of=scope)
    assert f"in the cgroup {scope}" in found.headline
    inner = [line.replace("/system.slice/app.service,task=", f"{scope}/libvirt/emulator,task=") for line in _lines(scope)]
    found = explain(next(read(inner)))
    assert "of machine qemu-1-builder " in found.headline
    advice = {one.id: one.text for one in found.advice}
    assert f"raising that of {scope}/libvirt/emulator changes nothing" in advice["ancestors-limit"]
    assert "if machine-qemu" in advice["raise-limit"] or "if machine qemu-1-builder" in advice["raise-limit"]


def _lines(scope: str) -> list[str]:
    return [
        HEAD.format(gfp="0xcc0", order=0), f"memory: usage {1 << 20}kB, limit {1 << 20}kB, failcnt 9", *(line.format(rss=1000) for line in TABLE),
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={scope},task_memcg=/system.slice/app.service,task=java,pid=402,uid=1000",
        KILLED.format(prefix="Memory cgroup out of memory"),
    ]  # fmt: skip


def test_nobody_who_was_not_chosen_would_have_been() -> None:
    assert CASES["panic_on_oom"][0].counterfactuals == ()
    assert CASES["nothing special"][0].counterfactuals != ()


def test_a_cut_block_leaves_nothing_unaccounted() -> None:
    lines = [HEAD.format(gfp="0xcc0", order=0), "Mem-Info:", "active_anon:5 inactive_anon:0 isolated_anon:0", "1000000 pages RAM", "0 pages reserved",
             KILLED.format(prefix="Out of memory")]  # fmt: skip
    assert [one.name for one in explain(next(read(lines))).holdings] == ["processes' own memory"]


def test_lines_that_the_journal_only_indents_belong_to_the_host_above() -> None:
    stamp = "May 30 14:08:26 crc kernel: "
    lines = [stamp + HEAD.format(gfp="0xcc0", order=0), stamp + "active_anon:5 inactive_anon:6 isolated_anon:0", " " * 30 + "slab_reclaimable:7 slab_unreclaimable:8",
             stamp + KILLED.format(prefix="Out of memory")]  # fmt: skip
    event = next(read(lines))
    assert event.machine is not None
    assert event.machine.pages["slab_unreclaimable"] == 8
