"""oomconf explain by example: drift between files, manager, cgroup and process, containers, sysctls, and what cannot be seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from boxes import MEMINFO, fake, process, v2
from explained_hosts import DRIFTED, GIB, MIB, SPEC, drifted, one, setting

import oomconf
from oomconf.cli import main
from oomconf.errors import CallError, InputError
from oomconf.explanation import explain, find
from oomconf.host.explained import explained
from oomconf.host.snapshot import capture
from oomconf.quantity import INFINITY
from oomconf.snapshot import Snapshot, read


def test_the_files_the_manager_and_the_cgroup_are_held_against_each_other() -> None:
    most = setting(drifted(), "app", "memory_max")
    assert (most.value, most.loaded, most.files) == (GIB, 960 * MIB, 960 * MIB)
    assert [(line.fate, line.at.line) for line in most.lines] == [("wins", 6), ("beaten", 4)]
    assert most.notes[0].startswith("the manager has loaded 960M, the cgroup holds 1G: another hand wrote it")
    assert (most.bound.by, most.bound.value, str(most.bound.at)) == ("web.slice", 896 * MIB, "/etc/systemd/system/web.slice:2:11")
    assert (most.bound.used, most.bound.room, most.bound.room_by) == (700 * MIB, 104 * MIB, "")
    stale = drifted(("$systemctl:NeedDaemonReload=no\n$systemctl:Delegate=no\n$systemctl:MemoryMin=0\n$systemctl:MemoryLow=0\n$systemctl:MemoryHigh=872415232\n$systemctl:MemoryMax=1006632960", "$systemctl:NeedDaemonReload=yes\n$systemctl:MemoryMax=536870912\n$systemctl:MemoryHigh=infinity"))  # fmt: skip
    assert "systemctl daemon-reload" in one(stale, "app").notes[0]
    assert setting(stale, "app", "memory_max").notes[0] == "systemd has loaded 512M; its files now say 960M"
    assert setting(stale, "app", "memory_high").notes[0] == "systemd has loaded max; its files now say 832M"
    assert setting(drifted(), "app", "oom_policy").notes[0].startswith("memory.oom.group of the cgroup is 0, and 1 goes with kill")


def test_a_drop_in_that_is_not_loaded_yet_is_named() -> None:
    taken = drifted(
        ("$systemctl:NeedDaemonReload=no", "$systemctl:NeedDaemonReload=yes"),
        ("# end", "=/run/systemd/system/app.service.d/99.conf:1:[Service]\n# end"),
    )
    assert one(taken, "app").notes[1] == "not loaded yet: /run/systemd/system/app.service.d/99.conf"
    assert len(one(taken, "nginx").notes) == 1


def test_scores_are_those_of_the_processes_and_from_whom_they_have_them() -> None:
    assert setting(drifted(), "app", "oom_score_adj").by == "nobody set it: inherited from its parent systemd[1]"
    worker = setting(drifted(), "421", "oom_score_adj")
    assert (worker.value, worker.by) == (500, "node[421] has set it itself, or another hand: its parent node[420] has 0")
    changed = setting(drifted(("/proc/311/oom_score_adj:-600", "/proc/311/oom_score_adj:-1000")), "nginx", "oom_score_adj")
    assert (changed.value, changed.loaded) == (-1000, -600)
    assert "nginx[311] runs with -1000, not -600" in changed.notes[0]
    gone = setting(drifted(("/proc/1/status", "/gone")), "app", "oom_score_adj")
    assert gone.by == "nobody set it: it has that of the process that started it, which is not seen"
    every = drifted(
        (
            "# end",
            "=/etc/systemd/system.conf:3:[Manager]\n=/etc/systemd/system.conf:9:DefaultOOMScoreAdjust=50\n=/etc/systemd/system.conf:10:DefaultOOMPolicy=kill\n# end",
        )
    )
    assert setting(every, "app", "oom_score_adj").by.startswith("/etc/systemd/system.conf:9:23 (DefaultOOMScoreAdjust=)")
    assert setting(every, "nginx", "oom_policy").by.endswith("DefaultOOMPolicy=kill at /etc/systemd/system.conf:10:18")


def test_what_nobody_says_a_slice_above_may_say() -> None:
    taken = drifted(
        ("=/etc/systemd/system/web.slice:2:", "=/etc/systemd/system/web.slice:4:DefaultMemoryLow=32M\n=/etc/systemd/system/web.slice:2:"),
        ("/web.slice/app.service/memory.low:0", f"/web.slice/app.service/memory.low:{32 * MIB}"),
    )
    low = setting(taken, "app", "memory_low")
    assert (low.value, low.notes, low.by) == (32 * MIB, (), "")
    assert [(line.fate, line.text, line.at.line) for line in low.lines] == [("wins", "DefaultMemoryLow=32M", 4)]
    assert setting(taken, "nginx", "memory_low").value == 64 * MIB


def test_the_older_limit_counts_where_no_newer_key_is_said() -> None:
    unit = "=/etc/systemd/system/old.service:1:[Service]\n=/etc/systemd/system/old.service:2:MemoryLimit=1G\n"
    state = "$systemctl:Id=old.service\n$systemctl:LoadState=loaded\n$systemctl:FragmentPath=/etc/systemd/system/old.service\n$systemctl:MemoryMax=infinity\n"
    host = f"{unit}$version:systemd 252 (252)\n{state}$systemctl:ControlGroup=/old.service\n$systemctl:\n/sys/fs/cgroup/old.service/memory.max:{GIB}\n# end"
    most = setting(read(host), "old", "memory_max")
    assert (most.value, most.notes, most.lines[0].text) == (GIB, (), "MemoryLimit=1G")
    newer = setting(read(host.replace("252", "258")), "old", "memory_max")
    assert newer.lines == ()
    assert newer.by == "no file sets it: it was written into the cgroup by hand, or by another program"


def test_protection_is_what_the_ancestors_leave() -> None:
    cut = setting(drifted(), "nginx", "memory_low")
    assert (cut.bound.by, cut.bound.value, cut.bound.used) == ("web.slice", 0, 52 * MIB)
    assert setting(drifted(("/web.slice/memory.low:0", f"/web.slice/memory.low:{26 * MIB}")), "nginx", "memory_low").bound.value == 26 * MIB
    full = setting(drifted(("/web.slice/memory.low:0", f"/web.slice/memory.low:{64 * MIB}")), "nginx", "memory_low").bound
    assert (full.by, full.value) == ("", 52 * MIB)


CONTAINER = {
    "Id": "ab12cd34" * 8, "Name": "/api", "Image": "img:1", "Running": True, "Pid": 900, "OOMKilled": False, "ExitCode": 0, "RestartCount": 3,
    "Memory": 64 * MIB, "MemorySwap": -1, "MemoryReservation": 0, "OomScoreAdj": 300, "Restart": "always", "Service": "api", "Project": "shop",
}  # fmt: skip


def boxed(root: Path, **told: object) -> Snapshot:
    cgroup = f"system.slice/docker-{CONTAINER['Id']}.scope"
    files = {
        "proc/meminfo": MEMINFO,
        **process(900, "java", 1000, adj=300, cgroup=f"0::/{cgroup}"),
        **process(40, "dockerd", 1000),
        **v2(cgroup, current=20 * MIB, min=0, low=0, high="max", max=64 * MIB, **{"swap.max": "max", "swap.current": 0, "oom.group": 0}),
        **v2("system.slice", current=90 * MIB, min=0, low=0, high="max", max=100 * MIB, **{"swap.max": 0, "swap.current": 0}),
    }
    row = json.dumps({**CONTAINER, **told})

    def answers(command: object) -> str | None:
        return row if tuple(command)[:2] == ("docker", "inspect") else "ab\n" if tuple(command)[:2] == ("docker", "ps") else None  # type: ignore[call-overload]

    return read(capture(str(fake(root, files)), answers))


@pytest.mark.parametrize("word", ["api", "ab12cd34ab12", "900"])
def test_a_container_has_what_its_engine_was_told_below_the_slices_above(tmp_path: Path, word: str) -> None:
    taken = boxed(tmp_path)
    found = one(taken, word)
    assert (found.name, found.kind) == ("api", "container")
    assert "compose service api of project shop" in found.state
    most = setting(taken, word, "memory_max")
    assert (most.value, most.by) == (64 * MIB, "--memory (HostConfig.Memory of docker inspect)")
    assert (most.bound.by, most.bound.value, most.bound.room, most.bound.room_by) == (
        f"docker-{CONTAINER['Id']}.scope",
        64 * MIB,
        10 * MIB,
        "system.slice",
    )
    swap = setting(taken, word, "memory_swap_max")
    assert (swap.value, swap.bound.by, swap.bound.value) == (INFINITY, "system.slice", 0)
    assert setting(taken, word, "oom_score_adj").value == 300
    assert setting(taken, word, "restart").notes == ("it was restarted 3 times",)


def test_a_container_that_another_hand_changed_is_told(tmp_path: Path) -> None:
    most = setting(boxed(tmp_path, Memory=32 * MIB, OomScoreAdj=0), "api", "memory_max")
    assert most.notes == ("docker was told 32M, the cgroup holds 64M: another hand wrote it",)
    assert setting(boxed(tmp_path, OomScoreAdj=0), "api", "oom_score_adj").notes == (
        "java[900] runs with 300, not 0: set by itself, or by hand",
    )


SYSCTLS = {
    "proc/meminfo": MEMINFO,
    "proc/sys/vm/swappiness": "10\n",
    "proc/sys/kernel/pid_max": "8\n",
    "proc/sys/vm/page-cluster": "3\n",
    "etc/sysctl.d/50.conf": "# x\nvm.swappiness=70\n-vm.swappiness = 0x0a\nvm.*=1\n",
    "usr/lib/sysctl.d/50.conf": "vm.swappiness=1\n",
    "usr/lib/sysctl.d/40.conf": "vm/swappiness=2\nvm.swappiness=\n-vm.page-cluster\n",
    "etc/sysctl.conf": "vm.swappiness=99\n",
}


def test_a_sysctl_has_the_line_that_set_it_and_those_it_beat(tmp_path: Path) -> None:
    (found,) = explained(read(capture(str(fake(tmp_path, SYSCTLS)))), "vm.swappiness", root=str(tmp_path))
    assert found.files == ("/usr/lib/sysctl.d/40.conf", "/etc/sysctl.d/50.conf")
    (row,) = found.settings
    assert (row.value, row.files, row.notes) == ("10", "0x0a", ())
    assert [(line.fate, str(line.at)) for line in row.lines] == [
        ("wins", "/etc/sysctl.d/50.conf:3:1"),
        ("beaten", "/etc/sysctl.d/50.conf:2:1"),
        ("beaten", "/usr/lib/sysctl.d/40.conf:1:1"),
        ("beaten", "/etc/sysctl.d/50.conf:4:1"),
        ("ignored", "/usr/lib/sysctl.d/40.conf:2:1"),
        ("ignored", "/etc/sysctl.conf:1:1"),
    ]
    (other,) = explained(read(capture(str(tmp_path))), "kernel.pid_max", root=str(tmp_path))
    assert (other.settings[0].value, other.settings[0].lines) == ("8", ())
    assert other.settings[0].by
    (excluded,) = explained(read(capture(str(tmp_path))), "vm.page-cluster", root=str(tmp_path))
    assert excluded.settings[0].lines == ()
    (matched,) = explained(read(capture(str(tmp_path))), "vm.dirty_ratio", root=str(tmp_path))
    assert [line.text for line in matched.settings[0].lines] == ["vm.* = 1"]


@pytest.mark.parametrize(
    ("twin", "words"), [("400", "the kernel set it to 0 when vm.dirty_bytes was written"), ("0", "set since by a program")]
)
def test_a_sysctl_that_its_twin_erased_is_told_so(twin: str, words: str) -> None:
    taken = read(f"/proc/sys/vm/dirty_ratio:0\n/proc/sys/vm/dirty_bytes:{twin}\n=/etc/sysctl.d/a.conf:1:vm.dirty_ratio=10\n# end")
    (note,) = setting(taken, "vm.dirty_ratio", "vm.dirty_ratio").notes
    assert words in note


def test_a_spec_is_told_beside_and_its_services_may_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "backup", "--snapshot", DRIFTED, "--spec", SPEC]) == 0
    assert main(["explain", "app", "web.slice", "vm.swappiness", "--snapshot", DRIFTED, "--spec", SPEC, "--format", "json"]) == 0
    out = capsys.readouterr().out
    app, web, swappiness = json.loads(out[out.index('{\n  "version"') :])["explained"]
    assert app["settings"]["memory_max"]["lines"][-1] == {
        "path": SPEC,
        "line": 32,
        "column": 31,
        "text": "960M",
        "fate": "asked",
        "why": None,
    }
    assert "the spec asks for 960M" in app["settings"]["memory_max"]["notes"]
    assert web["settings"]["memory_max"]["notes"] == ["the spec asks for 1.25G"]
    assert swappiness["settings"]["vm.swappiness"]["notes"] == ["the spec asks for 20"]
    (found,) = oomconf.explain_service("app", snapshot=DRIFTED, spec=oomconf.load(SPEC))
    assert found.name == "app.service"


def test_a_call_that_cannot_be_answered_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "ngnix", "--snapshot", DRIFTED]) == 2
    assert "did you mean nginx.service?" in capsys.readouterr().err
    (tmp_path / "empty").write_text("")
    assert main(["explain", "x", "--snapshot", str(tmp_path / "empty")]) == 2
    assert main(["explain", "x", "--snapshot", str(tmp_path / "none")]) == 2
    capsys.readouterr()
    assert main(["explain", "app", "--snapshot", DRIFTED, "--spec", SPEC, "--host", "other"]) == 2
    assert capsys.readouterr().err == "oomconf: the spec has no host other; hosts: vm\n"
    assert main(["explain", "app", "--snapshot", DRIFTED, "--host", "vm"]) == 2
    assert "--host goes with --spec" in capsys.readouterr().err
    assert main(["explain", "-.slice", "--snapshot", DRIFTED]) == 0
    assert capsys.readouterr().out.startswith("-.slice: ")
    with pytest.raises(CallError, match="the spec has no host other"):
        oomconf.explain_service("app", snapshot=DRIFTED, spec=oomconf.load(SPEC), host="other")
    with pytest.raises(CallError):
        oomconf.explain_service("nothing", snapshot=DRIFTED)
    with pytest.raises(InputError):
        oomconf.explain_service("x", snapshot=tmp_path / "none")


def test_without_systemd_the_files_are_found_by_name_and_it_is_said_what_is_not_seen(tmp_path: Path) -> None:
    fake(tmp_path, {"proc/meminfo": MEMINFO, "usr/lib/systemd/system/a.service": "[Service]\nMemoryMax=1G\n", "etc/systemd/system/a.service.d/b\x1b[1m\n.conf": "[Service]\nMemoryMax=50%\n"})  # fmt: skip
    (found,) = explained(read(capture(str(tmp_path))), "a", root=str(tmp_path))
    most = next(row for row in found.settings if row.field == "memory_max")
    assert most.value == 1024000 * 1024 // 2 // 4096 * 4096
    assert len(found.unseen) == 2
    from oomconf.reports import explanation_text
    from oomconf.reports._terminal import Paper

    text = explanation_text.render(found, Paper())
    assert "\x1b" not in text
    assert "b\\x1b[1m\\x0a.conf" in text


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    text = "$systemctl:Id=a.service\n$systemctl:LoadState=loaded\n$systemctl:FragmentPath=/etc/systemd/system/a.service\n$systemctl:MemoryMax=1024\n$systemctl:\n# end"
    (found,) = explained(read(text), "a", root=str(tmp_path))
    assert found.notes == ("cannot be read any more: /etc/systemd/system/a.service",)
    most = next(row for row in found.settings if row.field == "memory_max")
    assert most.by == "no file sets it that is known: a program told the manager over D-Bus"
    assert most.notes == ("systemd has loaded 1K, its files come to max: they were changed, or set by a program over D-Bus, since",)


@pytest.mark.parametrize("hybrid", [False, True])
def test_cgroup_v1_has_limits_alone(tmp_path: Path, hybrid: bool) -> None:
    prefix = "sys/fs/cgroup/memory/system.slice/a.service"
    files = {
        "proc/meminfo": MEMINFO,
        "etc/systemd/system/a.service": "[Service]\nMemoryMax=8M\nMemoryLow=1M\n",
        f"{prefix}/memory.limit_in_bytes": f"{4 * MIB}\n",
        f"{prefix}/memory.memsw.limit_in_bytes": f"{5 * MIB}\n",
        f"{prefix}/memory.usage_in_bytes": f"{MIB}\n",
        **({"sys/fs/cgroup/unified/system.slice/a.service/cgroup.procs": ""} if hybrid else {}),
    }
    taken = read(capture(str(fake(tmp_path, files))))
    most = setting(taken, "a", "memory_max")
    assert (most.value, most.bound.used, most.bound.room) == (4 * MIB, MIB, 3 * MIB)
    assert setting(taken, "a", "memory_swap_max").value == MIB
    assert setting(taken, "a", "memory_low").notes == ("cgroup v1 has no such file: the line does nothing",)


def test_whatever_is_captured_of_it_a_host_is_explained() -> None:
    lines = Path(DRIFTED).read_text().split("\n")
    for start in range(0, len(lines), 7):
        taken = read("\n".join(lines[:start] + lines[start + 40 :]))
        for unit in ("nginx", "app", "web.slice", "421", "vm.swappiness"):
            try:
                targets = find(taken, unit)
            except CallError:
                continue
            assert all(explain(taken, target).settings for target in targets)
