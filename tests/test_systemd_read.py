"""The systemd dialect by example: what raw units say, and what of it is in force."""

from __future__ import annotations

import pytest
from unit_files import HEAD
from unit_files import read_units as read

from oomconf.dialect import Document, Entry, NoSources
from oomconf.dialects._unit_keys import KEYS
from oomconf.dialects.systemd import DIALECT
from oomconf.placement import SystemdUnit
from oomconf.policy import Oomd, Policy, Setting, Workload
from oomconf.quantity import INFINITY, Percent, Size

G = 1 << 30

# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def only(files: dict[str, str]) -> Workload:
    (policy,) = read(files).policies
    (workload,) = policy.workloads
    return workload


@pytest.mark.parametrize(
    ("path", "claimed"),
    [
        ("etc/systemd/system/web.service", True),
        ("web.service", True),
        ("roles/web/files/web.service.d/60.conf", True),
        ("etc/systemd/system/service.d/10.conf", True),
        ("user-.slice.d/10-defaults.conf", True),
        ("-.slice", True),
        ("etc/systemd/oomd.conf", True),
        ("usr/lib/systemd/oomd.conf.d/x.conf", True),
        ("/etc/systemd/system/web.service", True),
        ("web.service.j2", False),
        ("web.service.d/60.conf~", False),
        ("web.service.d/60.conf.bak", False),
        ("web.service.d/.60.conf", False),
        ("web.socket", True),
        ("web.socket.d/x.conf", True),
        ("docker-.scope.d/x.conf", True),
        ("web.target", False),
        ("etc/systemd/system/multi-user.target.wants/web.service", False),
        ("usr/share/dbus-1/system-services/org.x.service", False),
        ("etc/avahi/services/ssh.service", False),
        (".service", False),
        ("service", False),
        ("etc/systemd/system.conf", True),
        ("etc/systemd/system.conf.d/memory.conf", True),
        ("usr/lib/systemd/user.conf", True),
        ("etc/dbus-1/system.conf", False),
        ("app/system.conf", False),
        ("etc/systemd/system/swapfile.swap", True),
        ("nginx.conf", False),
        ("conf.d/x.conf", False),
    ],
)
def test_units_are_known_by_their_paths(path: str, claimed: bool) -> None:
    assert DIALECT.claims is not None
    assert DIALECT.claims(path) is claimed


def test_a_value_keeps_its_place_and_what_it_beat() -> None:
    workload = only(
        {
            "usr/lib/systemd/system/web.service": HEAD + "MemoryMax=4G\n",
            "etc/systemd/system/web.service.d/60-a.conf": "[Service]\n  MemoryMax = 2G \nMemoryMax=1GB\n",
        }
    )
    assert workload.memory_max is not None
    assert workload.memory_max.value == 2 * G
    assert workload.memory_max.at == ("etc/systemd/system/web.service.d/60-a.conf", 2, 15, 2, 17)
    assert workload.memory_max.text == "2G"
    assert [(one.value, one.text) for one in workload.memory_max.beat] == [(None, "1GB"), (Size(4 * G), "4G")]
    assert workload.object == workload.name == "web.service"
    assert workload.placement == SystemdUnit(unit="web.service", command=("/bin/true",))


# line, field, value in force (None: said, but ignored), words of the fault, words of the hint
LINES: list[tuple[str, str, object, str, str]] = [
    ("MemoryMax=2GB", "memory_max", None, "'2GB' is not a size to systemd; the line is ignored", "did you mean 2G?"),
    ("MemoryMax=1G # cap", "memory_max", None, "comment behind the value", "line of its own"),
    ("MemoryMax=0", "memory_max", None, "this key takes no 0", "infinity"),
    ("MemoryMax=-1", "memory_max", None, "out of range", "infinity"),
    ("MemoryMax=50%", "memory_max", Percent(5000), "", ""),
    ("MemoryMax=infinity", "memory_max", INFINITY, "", ""),
    ("MemoryMax=", "memory_max", INFINITY, "", ""),
    ("MemoryLow=", "memory_low", Size(0), "", ""),
    ("MemorySwapMax=0", "memory_swap_max", Size(0), "", ""),
    ("MemoryMax=010", "memory_max", Size(10), "", ""),
    ("MemoryMax={{ memory }}", "memory_max", None, "", ""),
    ("OOMScoreAdjust=0x10", "oom_score_adj", 16, "", ""),
    ("OOMScoreAdjust=010", "oom_score_adj", 8, "", ""),
    ("OOMScoreAdjust=+5", "oom_score_adj", 5, "", ""),
    ("OOMScoreAdjust=- 5", "oom_score_adj", None, "is not a number to systemd", "-500"),
    ("OOMScoreAdjust=-1001", "oom_score_adj", None, "not between -1000 and 1000", "-1000 to 1000"),
    ("OOMPolicy=Kill", "oom_policy", None, "'Kill' is none of continue, stop, kill", "did you mean kill?"),
    ("OOMPolicy=", "oom_policy", None, "takes no empty value", "remove"),
    ("Slice=foo", "slice", None, "'foo' is not the name of a slice", "did you mean foo.slice?"),
    ("Slice=%i.slice", "slice", None, "", ""),
    ("Restart=on-abort", "restart", "on-abort", "", ""),
    ("ManagedOOMPreference=never", "managed_oom_preference", None, "'never' is none of", "omit"),
    ("MemoyMax=1G", "memory_max", None, "systemd knows no key 'MemoyMax'", "did you mean MemoryMax=?"),
    ("memorymax=1G", "memory_max", None, "systemd knows no key 'memorymax'", "did you mean MemoryMax=?"),
    ("memory.max=1G", "memory_max", None, "systemd knows no key 'memory.max'", "did you mean MemoryMax=?"),
    ("OOMScoreAdj=5", "oom_score_adj", None, "systemd knows no key 'OOMScoreAdj'", "did you mean OOMScoreAdjust=?"),
    ("MemoryMax 1G", "memory_max", None, "has no '='", "KEY=VALUE"),
    ("MemoryMax: 1G", "memory_max", None, "has no '='", "KEY=VALUE"),
    ("[Unit]\nMemoryMax=1G", "memory_max", None, "MemoryMax= means nothing in [Unit]", "move it under [Service]"),
    ("[Foo]\nMemoryMax=1G", "memory_max", None, "stands in [Foo]", "put it under [Service]"),
    ("MemoryLimit=1G", "memory_max", None, "", "write MemoryMax="),
]


@pytest.mark.parametrize(("line", "field", "value", "fault", "hint"), LINES, ids=[line for line, *_ in LINES])
def test_a_line_is_in_force_or_ignored_with_the_reason(line: str, field: str, value: object, fault: str, hint: str) -> None:
    reading = read({"web.service": f"{HEAD}{line}\n"})
    setting = getattr(reading.policies[0].workloads[0], field)
    assert setting is not None
    assert setting.value == value
    entry = reading.entries[-1]
    assert setting.at == entry.at
    assert fault in entry.fault
    assert bool(fault) == bool(entry.fault)
    assert hint in entry.hint
    assert (entry.dialect, entry.object) == ("systemd", "web.service")


@pytest.mark.parametrize(
    ("path", "line", "fault"),
    [
        ("a.slice", "[Slice]\nOOMScoreAdjust=-5", "OOMScoreAdjust= means nothing to a slice"),
        ("a.slice", "[Slice]\nOOMPolicy=kill", "OOMPolicy= means nothing to a slice"),
        ("a.service", "MemoryMax=1G", "stands before any section"),
        ("a.service", "[Service]\nOOMAdjust=-17", "systemd knows no OOMAdjust= any more"),
        ("a.service", "[Service]\nMemorySoftLimit=1G", "systemd knows no MemorySoftLimit= any more"),
        ("a.service", "[Service]\nManagedOOMMemoryPressureLimit=60", "is not a percentage"),
        ("a.service", "[Service]\nManagedOOMMemoryPressureLimitPercent=60%", "any more"),
        ("a.service", "[Service]\nManagedOOMMemoryPressureDurationSec=500ms", "at least one second"),
        ("a.service", "[Service]\nLimitAS=2G:1G", "soft limit above its hard one"),
        ("a.service", "[Service]\nMemoryAccounting=enabled", "is not a boolean"),
        ("a.service", "[Unit]\nConditionMemory=>=4GB", "'4GB' is not a size"),
        ("oomd.conf", "[OOM]\nSwapUsedLimit=90", "is not a percentage"),
        ("oomd.conf", "[OOM]\nDefaultMemoryPressureDurationSec=500ms", "at least one second"),
    ],
)
def test_a_fault_stands_at_its_line(path: str, line: str, fault: str) -> None:
    (entry,) = [entry for entry in read({path: f"{line}\n"}).entries if entry.fault]
    assert fault in entry.fault
    assert entry.at.line == line.count("\n") + 1


def test_lines_before_any_section_are_one_fault() -> None:
    text = "MemoryHigh=1G\nMemoryMax=2G\n[Service]\nExecStart=/a\n"
    (entry,) = [entry for entry in read({"a.service": text}).entries if entry.fault]
    assert (entry.at.line, entry.kind) == (1, "place")
    assert entry.fault.startswith("2 keys stand before any section")


def test_no_key_of_systemd_is_taken_for_anothers_misspelling() -> None:
    assert {"SuccessActionExitStatus", "DefaultLimitSTACK", "MemoryMax"} <= KEYS
    for kind in ("service", "slice", "swap", "system.conf"):
        path = kind if kind == "system.conf" else f"a.{kind}"
        section = "Manager" if kind == "system.conf" else kind.capitalize()
        lines = "".join(f"{key}=1\n" for key in sorted(KEYS))
        assert [entry.key for entry in read({path: f"[{section}]\n{lines}"}).entries if entry.kind == "key"] == []


QUIET = [
    "RestartSec=5",
    "RestartMode=direct",
    "MemoryKSM=yes",
    "TasksMax=10",
    "MemoryDenyWriteExecute=yes",
    "IOAccounting=yes",
    "Description=Memory Max",
    "OOMPolicy=continue",
    "LimitMEMLOCK=64M",
    "X-MemoryMaxx=1",
    "SliceX=1",
    "MemoryPressureWatch=auto",
    "Environment=MemoryMax=2GB",
]


@pytest.mark.parametrize("line", QUIET)
def test_other_keys_are_nobody_s_typo(line: str) -> None:
    assert [entry for entry in read({"a.service": f"{HEAD}{line}\n"}).entries if entry.fault] == []


def test_a_unit_that_does_not_load_says_nothing() -> None:
    reading = read({"a.service": HEAD + "MemoryMax=1G\n[Service] # x\nMemoryHigh=1G\n"})
    (workload,) = reading.policies[0].workloads
    assert workload.memory_max is not None
    assert workload.memory_max.value is None
    assert workload.memory_high is not None
    assert workload.memory_high.value is None
    assert any(entry.fault.endswith("and the unit does not load") for entry in reading.entries)


def test_a_drop_in_counts_up_to_its_fatal_line() -> None:
    reading = read({"a.service": HEAD, "a.service.d/x.conf": "[Service]\nMemoryMax=1G\n[Service\nMemoryHigh=1G\n"})
    (workload,) = reading.policies[0].workloads
    assert workload.memory_max == Setting(Size(G))
    assert workload.memory_high == Setting(None)
    assert any(entry.fault.endswith("and the rest of this drop-in is lost") for entry in reading.entries)


D = "[Service]\nMemoryMax="


@pytest.mark.parametrize(
    ("files", "unit", "value"),
    [
        (
            {"etc/systemd/system/foo-.service.d/10.conf": D + "1M", "usr/lib/systemd/system/foo-bar.service.d/10.conf": D + "2M"},
            "foo-bar.service",
            1,
        ),
        (
            {
                "lib/systemd/system/service.d/10-a.conf": D + "1M",
                "etc/systemd/system/service.d/10-a.conf": D + "2M",
                "lib/systemd/system/t@i.service.d/10-a.conf": D + "3M",
            },
            "t@i.service",
            3,
        ),
        (
            {
                "lib/systemd/system/x.service": D + "9M",
                "lib/systemd/system/x.service.d/75.conf": D + "1M",
                "etc/systemd/system/x.service.d/75.conf": "",
            },
            "x.service",
            9,
        ),
        (
            {
                "etc/systemd/system.control/f.service.d/50-MemoryMax.conf": D + "5M",
                "etc/systemd/system/f.service.d/60-oomconf.conf": D + "6M",
            },
            "f.service",
            6,
        ),
        (
            {"etc/systemd/system/f.service.d/60-oomconf.conf": D + "6M", "lib/systemd/system/f.service.d/override.conf": D + "7M"},
            "f.service",
            7,
        ),
        ({"f.service.d/9-a.conf": D + "9M", "f.service.d/60-b.conf": D + "6M"}, "f.service", 9),
        ({"t@.service": D + "1M", "t@i.service.d/a.conf": D + "2GB"}, "t@i.service", 1),
        ({"etc/systemd/system/f.service": D + "1M", "usr/lib/systemd/system/f.service": D + "2M"}, "f.service", 1),
    ],
)
def test_drop_ins_win_by_name_and_hide_by_folder(files: dict[str, str], unit: str, value: int) -> None:
    workload = only(files)
    assert workload.object == unit
    assert workload.memory_max == Setting(Size(value << 20))


def test_a_masked_unit_is_none() -> None:
    assert read({"etc/systemd/system/f.service": "", "usr/lib/systemd/system/f.service": D + "2M"}).policies[0].workloads == ()


def m(count: int) -> Setting[Size]:
    return Setting(Size(count << 20))


def test_hosts_are_told_apart_by_their_trees_and_loose_folders_by_their_place() -> None:
    reading = read(
        {
            "hosts/a/etc/systemd/system/web.service": D + "1M",
            "hosts/b/etc/systemd/system/web.service": D + "2M",
            "hosts/b/etc/systemd/user/web.service": D + "3M",
            "home/me/.config/systemd/user/web.service": D + "6M",
            "files/web.service": D + "4M",
            "other/web.service": D + "5M",
            "etc/systemd/system/web.slice": "[Slice]\nMemoryMax=8M",
        }
    )
    said = {
        policy.name: [
            *((one.placement.identities[0], one.memory_max) for one in policy.workloads),
            *((group.name, group.memory_max) for group in policy.groups),
        ]
        for policy in reading.policies
    }
    assert said == {
        "hosts/a": [("web.service", m(1))],
        "hosts/b": [("web.service", m(2)), ("user:web.service", m(3))],
        "host": [("user:web.service", m(6)), ("web.service", m(4)), ("web.service", m(5)), ("web.slice", m(8))],
    }


def test_slices_and_patterns_without_units_are_groups() -> None:
    (policy,) = read(
        {"usr/lib/systemd/system/user-.slice.d/10.conf": "[Slice]\nMemoryMax=33%\nManagedOOMMemoryPressureLimit=50%\n"}
    ).policies
    (group,) = policy.groups
    assert (group.name, group.memory_max, group.managed_oom_memory_pressure_limit) == (
        "user-.slice",
        Setting(Percent(3300)),
        Setting(Percent(5000)),
    )


def test_oomd_conf_is_read_with_its_drop_ins() -> None:
    (policy,) = read(
        {
            "etc/systemd/oomd.conf": "[OOM]\nSwapUsedLimit=80%\nDefaultMemoryPressureDurationSec=1min\n",
            "usr/lib/systemd/oomd.conf.d/10.conf": "[OOM]\nSwapUsedLimit=70%\n",
            "etc/systemd/oomd.conf.d/10.conf": "[OOM]\nSwapUsedLimit=75%\nDefaultMemoryPressureLimit=33.33%\n",
        }
    ).policies
    assert policy.oomd == Oomd(
        at=policy.oomd.at if policy.oomd else None,  # type: ignore[arg-type]
        swap_used_limit=Setting(Percent(7500)),
        default_memory_pressure_limit=Setting(Percent(3333)),
        default_memory_pressure_duration=Setting(60),
    )


def test_heaps_ride_along_with_their_lines() -> None:
    workload = only(
        {
            "a.service": '[Service]\nEnvironment=A=1 "JAVA_TOOL_OPTIONS=-Xss1m -Xmx2g"\n'
            "Environment=GOMEMLIMIT=1GiB\nExecStart=-/usr/bin/redis-server --maxmemory 100mb\n",
            "a.service.d/x.conf": "[Service]\nEnvironment=GOMEMLIMIT=2GiB\n",
        }
    )
    assert [(one.kind, one.knob, one.heap) for one in workload.runtimes] == [
        ("jvm", "JAVA_TOOL_OPTIONS", Setting(Size(2 * G))),
        ("go", "GOMEMLIMIT", Setting(Size(2 * G))),
        ("other", "maxmemory", Setting(Size(100 << 20))),
    ]
    assert [one.at for one in workload.runtimes] == [
        ("a.service", 2, 17, 2, 50),
        ("a.service.d/x.conf", 2, 13, 2, 28),
        ("a.service", 4, 11, 4, 51),
    ]


def test_an_empty_assignment_forgets_environment_and_command() -> None:
    workload = only(
        {
            "a.service": "[Service]\nEnvironment=GOMEMLIMIT=1GiB\nExecStart=java -Xmx1g\n"
            "Environment=\nExecStart=\nExecStart=sh -c 'exec java -Xmx3g'\n"
        }
    )
    assert [(one.kind, one.heap) for one in workload.runtimes] == [("jvm", Setting(Size(3 * G)))]


def test_an_entry_is_kept_for_every_memory_line_and_for_no_other() -> None:
    entries: list[Entry] = list(read({"a.service": "[Unit]\nDescription=x\n[Service]\nType=simple\nMemoryMax=1G\nDelegate=yes\n"}).entries)
    assert [(entry.section, entry.key, entry.value, entry.fault) for entry in entries] == [
        ("Service", "MemoryMax", "1G", ""),
        ("Service", "Delegate", "yes", ""),
    ]


def host(files: dict[str, str]) -> Policy:
    (policy,) = DIALECT.read([Document(path, text) for path, text in files.items()], NoSources()).policies
    return policy


def test_a_manager_fills_in_what_its_services_leave_unsaid() -> None:
    files = {
        "etc/systemd/system.conf": "[Manager]\nDefaultOOMPolicy=stop\nDefaultOOMScoreAdjust=100\n",
        "etc/systemd/system.conf.d/50-oom.conf": "[Manager]\nDefaultOOMPolicy=kill\n",
        "etc/systemd/user.conf": "[Manager]\nDefaultOOMPolicy=continue\n",
        "etc/systemd/system/a.service": "[Service]\nExecStart=/a\n",
        "etc/systemd/system/b.service": "[Service]\nExecStart=/b\nOOMPolicy=continue\nOOMScoreAdjust=-5\n",
        "etc/systemd/user/c.service": "[Service]\nExecStart=/c\n",
    }
    said = {one.name: (one.oom_policy, one.oom_score_adj) for one in host(files).workloads}
    assert {name: (policy.value, score and score.value) for name, (policy, score) in said.items()} == {
        "a.service": ("kill", 100),
        "b.service": ("continue", -5),
        "c.service": ("continue", None),
    }
    assert said["a.service"][0].at.path == "etc/systemd/system.conf.d/50-oom.conf"


def test_swap_units_are_read_and_their_names_checked() -> None:
    good = {"etc/systemd/system/var-swap.swap": "[Swap]\nWhat=/var/swap\nPriority=10\n"}
    assert [(one.path, one.kind, one.priority.value) for one in host(good).swaps] == [("/var/swap", "file", 10)]
    bad = {"etc/systemd/system/swap.swap": "[Swap]\nWhat=/var/swap\nPriority=40000\n"}
    entries = DIALECT.read([Document(path, text) for path, text in bad.items()], NoSources()).entries
    faults = [(one.key, one.hint) for one in entries if one.fault]
    assert faults == [("Priority", "write a number from -1 to 32767; the higher is used first"), ("What", "name the unit var-swap.swap")]
