"""oomconf audit on hosts that are not as one would like: few rights, cgroup v1, what vanishes, hostile names, ten thousand processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from audited import UNIT, audited, host, states, text
from boxes import MEMINFO, fake, process, v2

import oomconf
from oomconf.host.snapshot import capture
from oomconf.inforce import audit_host
from oomconf.reports import audit_metrics, audit_text
from oomconf.reports._terminal import Paper
from oomconf.snapshot import read

ROOT = Path(__file__).parent.parent
SPEC = str(ROOT / "examples/small-vm/oomconf.yaml")
TAKEN = str(ROOT / "examples/small-vm/host.snapshot")


def test_without_rights_it_says_what_it_could_not_see(tmp_path: Path) -> None:
    root = fake(tmp_path, {"proc/meminfo": MEMINFO, **process(10, "sh", 1000, uid=1000)})
    found = audited(capture(str(root)))
    assert not found.is_complete
    said = " ".join(found.unseen)
    assert "no process of root is seen" in said
    assert "no cgroup's limits are seen" in said
    assert "the kernel's log is not seen" in said
    assert "sh[10]" in text(found)


def test_cgroup_v1_is_read_and_what_it_cannot_hold_is_said() -> None:
    one = host(MemoryHigh="33554432", ControlGroup=UNIT)
    one.v1 = True
    policy = oomconf.Policy(
        name="h",
        workloads=(
            oomconf.Workload(
                name="w",
                object="services.w",
                placement=oomconf_unit("web.service"),
                memory_max=oomconf.Setting(oomconf.Size(64 << 20)),
                memory_high=oomconf.Setting(oomconf.Size(32 << 20)),
            ),
        ),
    )
    found = audit_host(read(one.text()), policy)
    assert states(found) == {("web.service", "memory_max"): "as said", ("web.service", "memory_high"): "not seen"}
    assert found.users[0].limit == 64 << 20


@pytest.mark.parametrize("v1", [False, True], ids=["v2", "v1"])
@pytest.mark.parametrize("path", [UNIT, "/thatgroup"])
def test_what_a_cgroup_counts_is_told_under_both_versions_whether_a_unit_has_it_or_not(path: str, v1: bool) -> None:
    one = host()
    one.v1 = v1
    counted = {"memory.current": 97775616, "memory.max": 100 << 20, "memory.peak": 98 << 20, "memory.stat.inactive_file": 1 << 20}
    one.cgroup(path, **counted, **{"memory.swap.current": 4096, "memory.events.oom_kill": 2})
    one.process(50, "hog", path, rss=4)
    (use,) = [use for use in audited(one).users if use.path == path]
    assert (use.name, use.kind) == (("web.service", "unit") if path == UNIT else ("thatgroup", "process"))
    assert (use.current, use.working_set, use.peak, use.limit) == (97775616, 97775616 - (1 << 20), 98 << 20, 100 << 20)
    assert (use.swap, use.kills) == (4096, 2)
    assert "near-limit" in {note.id for note in audited(one).notes if note.object == use.name}


def test_a_group_with_a_limit_is_told_though_its_processes_are_below_and_none_twice_inside_a_unit() -> None:
    one = host()
    one.cgroup("/pool", **{"memory.max": 64 << 20, "memory.current": 9 << 20})
    one.cgroup("/pool/a", **{"memory.current": 8 << 20})
    one.cgroup(f"{UNIT}/worker", **{"memory.max": 1 << 20})
    one.process(50, "a", "/pool/a")
    one.process(51, "worker", f"{UNIT}/worker")
    assert {use.name: use.processes for use in audited(one).users} == {"web.service": 2, "pool": 1, "pool/a": 1, "init.scope": 1}


def oomconf_unit(name: str, **more: bool) -> object:
    from oomconf.placement import SystemdUnit

    return SystemdUnit(unit=name, **more)  # type: ignore[arg-type]


def test_processes_that_vanish_and_an_empty_host_are_survived(tmp_path: Path) -> None:
    root = fake(
        tmp_path, {"proc/meminfo": MEMINFO, **process(10, "a", 1000), **process(11, "b", 1000), **v2("system.slice/a.service", max="max")}
    )
    (root / "proc/10/status").unlink()
    (root / "proc/11/oom_score_adj").unlink()
    assert [row.pid for row in audited(capture(str(root))).order] == [11]
    assert "nobody that is seen could be killed" in text(audited("/proc/meminfo:MemTotal: 1 kB"))


def test_hostile_names_do_not_drive_the_terminal_nor_the_textfile(tmp_path: Path) -> None:
    odd = "x\x1b[31m\x07"
    names = {**process(10, odd, 9000), **process(11, "a\\nb", 8000, cgroup='0::/system.slice/q"\\x0a.service')}
    found = audited(
        capture(
            str(
                fake(
                    tmp_path,
                    {"proc/meminfo": MEMINFO, **names, **v2('system.slice/q"\\.service', current=1, max="max", events="oom_kill 0")},
                )
            )
        )
    )
    out = text(found, every=True)
    assert "\x1b" not in out
    assert "x\\x1b[31m\\x07[10]" in out
    assert "a\\x0ab[11]" in out
    assert 'unit="q\\"\\\\.service"' in audit_metrics.render(found, 5)
    assert out.isascii() is False
    assert audit_text.render(found, Paper(unicode=False)).isascii()


def test_ten_thousand_processes_are_one_table(tmp_path: Path) -> None:
    lines = [
        f"/proc/{pid}/status:Name:\tp\n/proc/{pid}/status:VmRSS:\t{pid} kB\n/proc/{pid}/cgroup:0::/a/u{pid % 9}.service"
        for pid in range(2, 10_002)
    ]
    found = audited("\n".join(["/proc/meminfo:MemTotal: 264000000 kB", *lines]))
    assert (len(found.order), len(found.users), found.order[0].pid) == (10_000, 9, 10_001)
    assert len(text(found).splitlines()) < 60
