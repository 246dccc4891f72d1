"""A starter spec of a host: it says what is in force, passes check, and lints without errors, whatever the host is."""

from __future__ import annotations

from pathlib import Path

import pytest
from boxes import MEMINFO, fake, process, v2
from hypothesis import given
from hypothesis import strategies as st

from oomconf.api import attempt, init_spec, lint
from oomconf.cli import main
from oomconf.finding import Severity
from oomconf.host.files import Disk
from oomconf.host.snapshot import capture
from oomconf.policy import Policy
from oomconf.snapshot import read

MIB = 1 << 20


def unit(name: str, **said: object) -> str:
    return "".join(f"{key}={value}\n" for key, value in {"Id": name, "LoadState": "loaded", "ActiveState": "active", **said}.items())


def shown(*blocks: str) -> str:
    return "".join(f"$systemctl:{line}\n" for line in "\n".join(blocks).split("\n"))


def loaded(folder: Path, text: str) -> Policy:
    """The policy of a spec's text, which must load and lint without errors."""
    path = folder / "oomconf.yaml"
    path.write_text(text)
    spec, findings = attempt((str(path),), Disk((str(path),)))
    assert spec is not None, findings
    errors = [one for one in lint(spec).findings if one.severity is Severity.ERROR]
    assert errors == []
    return next(policy for policy in spec.fleet.policies if policy.scope == "host")


HOST = {
    "proc/meminfo": "MemTotal:       4018384 kB\nMemFree: 100000 kB\nMemAvailable: 2000000 kB\nSlab: 90000 kB\nSwapTotal: 1048572 kB\nSwapFree: 1048572 kB\n",
    "proc/swaps": "Filename Type Size Used Priority\n/swapfile file 1048572 0 10\n",
    "proc/sys/kernel/osrelease": "6.1.0-28-amd64\n",
    "proc/sys/kernel/hostname": "web 1\n",
    "proc/sys/vm/swappiness": "10\n",
    "proc/sys/vm/panic_on_oom": "1\n",
    "proc/sys/vm/overcommit_memory": "0\n",
    **process(1, "systemd", 10_000),
    **process(10, "postgres", 300_000, adj=-900, cgroup="0::/db.slice/postgresql@15-main.service"),
    **process(11, "node", 200_000, cgroup="0::/system.slice/app.service"),
    **process(12, "cron", 2_000, cgroup="0::/system.slice/cron.service"),
    **process(13, "sshd", 5_000, adj=-1000, cgroup="0::/system.slice/ssh.service"),
    **v2("db.slice", max=3000 * MIB, current=400 * MIB, low=1024 * MIB),
    **v2("db.slice/postgresql@15-main.service", max=2048 * MIB, high="max", low=1024 * MIB, min=0, current=400 * MIB, peak=500 * MIB, stat="inactive_file 104857600", **{"swap.max": 0}),
    **v2("system.slice/app.service", max="max", high="max", low=0, min=0, current=210 * MIB, peak=320 * MIB, **{"swap.max": "max"}),
    **v2("system.slice/cron.service", max="max", high="max", low=0, min=0, current=3 * MIB, **{"swap.max": "max"}),
    **v2("system.slice/ssh.service", max="max", high="max", low=0, min=0, current=5 * MIB, **{"swap.max": "max"}),
}  # fmt: skip
UNITS = shown(
    unit("postgresql@15-main.service", OOMScoreAdjust=-900, OOMPolicy="continue", Restart="on-failure"),
    unit("app.service", OOMScoreAdjust=0, OOMPolicy="stop", Restart="no"),
    unit("ssh.service", OOMScoreAdjust=-1000, OOMPolicy="stop", Restart="on-failure"),
)
DOCKER = '$docker:{"Id":"ab","Name":"/api","Image":"registry.example/api:1","Running":true,"Pid":77,"Memory":536870912,"MemorySwap":-1,"OomScoreAdj":200,"Restart":"unless-stopped"}\n$docker:{"Id":"cd","Name":"/shop-web-1","Image":"web","Running":true,"Service":"web","Project":"shop"}\n'


def taken(tmp_path: Path, more: str = UNITS + DOCKER) -> str:
    text = capture(str(fake(tmp_path, HOST)))
    return text.replace("# end\n", f"$version:systemd 252 (252.39)\n{more}# end\n")


def test_it_says_what_is_in_force_and_what_was_seen(tmp_path: Path) -> None:
    made = init_spec(read(taken(tmp_path)))
    policy = loaded(tmp_path, made.text)
    assert policy.name == "web-1"
    facts = policy.facts
    assert facts.memory_total is not None
    assert facts.memory_total.value == 4018384 * 1024
    assert (facts.kernel and facts.kernel.value, facts.systemd and facts.systemd.value, facts.swap_total and facts.swap_total.value) == (
        "6.1",
        252,
        1048572 * 1024,
    )
    by_name = {one.name: one for one in policy.workloads}
    assert set(by_name) == {"postgresql-15-main", "app", "api", "ssh"}
    assert by_name["ssh"].oom_score_adj is None
    db = by_name["postgresql-15-main"]
    assert [(one and one.value) for one in (db.memory_max, db.memory_low, db.memory_swap_max, db.oom_score_adj, db.oom_policy, db.slice, db.restart)] == [
        2048 * MIB, 1024 * MIB, 0, -900, "continue", "db.slice", "on-failure",
    ]  # fmt: skip
    api = by_name["api"]
    assert [(one and one.value) for one in (api.memory_max, api.oom_score_adj)] == [512 * MIB, 200]
    assert by_name["app"].memory_max is None
    assert policy.sysctls["vm.swappiness"].value == "10"
    assert "vm.panic_on_oom" not in policy.sysctls
    assert any("panic" in one.why for one in made.left)
    assert "holds 300M, at most 500M since it started" in made.text
    assert "no limit: max: 400M would be a quarter above its peak" in made.text
    assert "web of project shop (web): compose: {file: ..., service: web}; no limit" in made.text
    assert "One more service holds 1.95M: cron.service." in made.text


@pytest.mark.parametrize(("runs", "main"), [(-500, ""), (0, "10"), (7, "10"), (7, "999")])
def test_a_score_that_waits_for_a_start_is_said_beside_it(tmp_path: Path, runs: int, main: str) -> None:
    """And where none waits, the head says so of all; what is not seen waits for nothing."""
    files = {**HOST, **process(10, "web", 300_000, adj=runs, cgroup="0::/system.slice/app.service")}
    more = shown(unit("app.service", OOMScoreAdjust=-500, **({"MainPID": main} if main else {})))
    text = capture(str(fake(tmp_path, files))).replace("# end\n", f"{more}# end\n")
    made = init_spec(read(text)).text
    waits = runs != -500 and main == "10"
    assert ("oom_score_adj: -500  # waits for the next start: web[10] runs with" in made) == waits
    assert ("scores too but those that wait" in made) == waits
    (app,) = [one for one in loaded(tmp_path, made).workloads if one.name == "app"]
    assert app.oom_score_adj is not None
    assert app.oom_score_adj.value == -500


@pytest.mark.parametrize(
    ("slab", "mib"),
    [
        ("Slab: 1676460 kB\nSReclaimable: 1578204 kB\nSUnreclaim: 98256 kB\n", 192),
        ("Slab: 1676460 kB\nSReclaimable: 1578204 kB\n", 192),
        ("Slab: 98256 kB\n", 192),
        ("SReclaimable: 1578204 kB\n", 128),
    ],
)
def test_what_the_kernel_can_drop_is_not_reserved(tmp_path: Path, slab: str, mib: int) -> None:
    files = {"proc/meminfo": f"MemTotal: 24684092 kB\nMemFree: 100000 kB\n{slab}", **process(1, "init", 8)}
    policy = loaded(tmp_path, init_spec(read(capture(str(fake(tmp_path, files))))).text)
    assert policy.facts.reserved is not None
    assert policy.facts.reserved.value == mib << 20


def test_what_no_spec_may_say_is_left_out_with_its_reason(tmp_path: Path) -> None:
    made = init_spec(read(taken(tmp_path)))
    assert [(one.what, one.why) for one in made.left if "oom_score_adj" in one.what] == [
        ("services.ssh.oom_score_adj", "login sessions that ssh starts get its -1000, and are as good as immune")
    ]
    assert not any("lacks" in one.why for one in made.left), made.left
    assert any("unless-stopped" in one.what + one.why for one in made.left)


def test_a_host_without_a_manager_or_without_rights_is_said_too(tmp_path: Path) -> None:
    bare = {"proc/meminfo": MEMINFO, **process(10, "sh", 1000, uid=1000)}
    made = init_spec(read(capture(str(fake(tmp_path, bare)))))
    assert loaded(tmp_path, made.text).workloads == ()
    assert "Seen without rights" in made.text


NAMES = st.one_of(
    st.sampled_from(["a.service", "b@.service", "b@x.service", "pg@15-main.service", "a.service ", "x" * 230 + ".service", "ü.service", "a b.service", "-.service", "a\\x2db.service"]),
    st.text(st.characters(blacklist_characters="\n\r/\0", blacklist_categories=["Cs"]), min_size=1, max_size=12).map(lambda name: f"{name}.service"),
)  # fmt: skip
LIMIT = st.one_of(st.just("max"), st.integers(0, 1 << 63).map(str), st.sampled_from(["0", "4096", "67108864", "1073741824"]))
UNIT = st.fixed_dictionaries(
    dict.fromkeys(("memory.max", "memory.high", "memory.low", "memory.min", "memory.swap.max", "memory.current", "memory.peak"), LIMIT)
)


@given(
    st.dictionaries(st.tuples(st.sampled_from(["/system.slice", "/shop.slice", "/a-b.slice", ""]), NAMES), UNIT, max_size=6),
    st.dictionaries(st.sampled_from(["OOMScoreAdjust", "OOMPolicy", "Restart"]), st.sampled_from(["-1000", "-500", "0", "1000", "continue", "kill", "always", "on-watchdog", ""])),
    st.integers(0, 1 << 45),
    st.integers(0, 1 << 42),
    st.sampled_from(["0", "1", "2", "60", "200", "x"]),
)  # fmt: skip
def test_every_host_gives_a_spec_that_passes(
    tmp_path_factory: pytest.TempPathFactory,
    units: dict[tuple[str, str], dict[str, str]],
    said: dict[str, str],
    ram: int,
    swap: int,
    word: str,
) -> None:
    lines = [f"/proc/meminfo:MemTotal: {ram // 1024} kB", f"/proc/meminfo:SwapTotal: {swap // 1024} kB", "/proc/sys/kernel/osrelease:6.1.0"]
    lines += [
        f"/proc/sys/vm/{key}:{word}"
        for key in ("swappiness", "overcommit_memory", "panic_on_oom", "min_free_kbytes", "zone_reclaim_mode", "nr_hugepages")
    ]
    lines += [f"/sys/fs/cgroup{home}/{name}/{file}:{value}" for (home, name), values in units.items() for file, value in values.items()]
    lines += [f"/sys/fs/cgroup/shop.slice/{file}:{value}" for values in list(units.values())[:1] for file, value in values.items()]
    blocks = [unit(name, **said) for _, name in units]
    text = "\n".join(["# oomconf snapshot 1", *lines, shown(*blocks), "# end", ""])
    made = init_spec(read(text))
    loaded(tmp_path_factory.mktemp("init"), made.text)


def test_the_template_passes_and_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new.yaml"
    assert main(["init", "--template", "-o", str(out)]) == 0
    assert [main(["check", str(out)]), main(["lint", str(out)]), main(["simulate", str(out)])] == [0, 0, 0]
    before = out.read_text()
    assert main(["init", "--template", "-o", str(out)]) == 2
    assert out.read_text() == before
    assert "is not overwritten" in capsys.readouterr().err


def test_a_snapshot_is_taken_and_a_wrong_one_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "host.snapshot"
    file.write_text(taken(tmp_path))
    assert main(["init", "--snapshot", str(file)]) == 0
    out = capsys.readouterr()
    assert "memtotal: 4018384K" in out.out
    assert "not taken over:" in out.err
    file.write_text("nothing\n")
    assert main(["init", "--snapshot", str(file)]) == 2
    assert main(["init", "--snapshot", str(file), "--template"]) == 2
    assert main(["init", "--snapshot", str(tmp_path / "none")]) == 2
