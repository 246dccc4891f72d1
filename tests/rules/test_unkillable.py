"""The family of -1000: each mistake has one finding, and vendors' own choices have none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from by_hand import G, M, host, objects, part, service, slice_of

from oomconf.placement import DockerContainer, KubernetesContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Group, Process, Setting, Workload
from oomconf.programs import PROGRAMS
from oomconf.quantity import INFINITY, Percent

FAMILY = ["unkillable-without-limit", "unkillable-inside-limit", "unkillable-spawner", "negative-spawner", "score-overwritten"]
PARENT = (part("parent"), part("worker", count=4, adj=0))
EIGHT, FREE = part("a", count=8, adj=-1000, memory=G // 8), part("b", adj=0)
POSTGRES = DockerContainer(name="x", image="postgres:16")
FILE = "--env=PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj"
SELF = "/proc/self/oom_score_adj"
POSTMASTER = SystemdUnit(unit="postgresql.service", command=("/usr/bin/postgres", "-D", "/srv/pg"))
RUNNER = DockerContainer(name="x", image="gitlab/gitlab-runner:v17")
JOBS = SystemdUnit(unit="jobs.service", command=("/usr/sbin/cron", "-f"))
ROOM = slice_of("s.slice", memory_max=2 * G)


def unit(name: str, **values: Any) -> Workload:
    return service("x", placement=SystemdUnit(unit=name), **values)


CASES = [
    ("bare", [service("x", oom_score_adj=-1000)], ["unkillable-without-limit"]),
    ("a limit of infinity", [service("x", oom_score_adj=-1000, memory_max=INFINITY)], ["unkillable-without-limit"]),
    ("a limit", [service("x", oom_score_adj=-1000, memory_max=G)], ["unkillable-inside-limit"]),
    ("a share of unknown RAM", [service("x", oom_score_adj=-1000, memory_max=Percent(5000))], ["unkillable-inside-limit"]),
    ("a limit on its slice", [ROOM, service("x", oom_score_adj=-1000, slice="s.slice")], ["unkillable-inside-limit"]),
    ("a limit above its slice", [ROOM, service("x", oom_score_adj=-1000, slice="s-t.slice")], ["unkillable-inside-limit"]),
    ("-999", [service("x", oom_score_adj=-999, memory_max=G)], []),
    ("killable workers", [service("x", oom_score_adj=-1000, processes=PARENT)], []),
    ("killable workers inside a limit", [service("x", oom_score_adj=-1000, memory_max=G, processes=PARENT)], []),
    ("workers that are not", [service("x", oom_score_adj=-1000, processes=(part("a"), part("b")))], ["unkillable-without-limit"]),
    ("one process at -1000 alone", [service("x", processes=(part("a", adj=-1000),), memory_max=G)], ["unkillable-inside-limit"]),
    ("a score of nobody", [service("x", processes=(part("a", adj=-1000), part("b")), memory_max=G)], []),
    ("a page of killable", [service("x", processes=(part("a", adj=-1000, memory=G - 4096), part("b", adj=0)), memory_max=G)], []),
    ("the limit filled", [service("x", processes=(part("a", adj=-1000, memory=G), FREE), memory_max=G)], ["unkillable-inside-limit"]),
    ("the limit filled by many", [service("x", processes=(EIGHT, FREE), memory_max=G)], ["unkillable-inside-limit"]),
    ("a user unit", [service("x", placement=SystemdUnit(unit="x.service", user=True), oom_score_adj=-1000)], []),
    ("postgresql", [unit("postgresql-16.service", oom_score_adj=-1000, memory_max=G)], []),
    ("postgresql in a container", [service("x", placement=POSTGRES, oom_score_adj=-1000)], ["unkillable-without-limit"]),
    ("postgresql in a container that resets", [service("x", placement=replace(POSTGRES, options=(FILE,)), oom_score_adj=-1000)], []),
    ("postgresql that is told in its environment", [service("x", placement=POSTGRES, oom_score_adj=-1000, oom_adjust_file=SELF)], []),
    ("postgresql that is told in a file", [unit("postgresql.service", oom_score_adj=-1000, oom_adjust_file=Setting(None))], []),
    ("postgresql that is told badly", [unit("postgresql.service", oom_score_adj=-1000, oom_adjust_file=SELF[1:])], ["unkillable-without-limit"]),
    ("postgresql by hand", [service("x", placement=POSTMASTER, oom_score_adj=-1000, memory_max=G)], ["unkillable-inside-limit"]),
    ("an engine, whose containers are elsewhere", [unit("docker.service", oom_score_adj=-1000)], ["unkillable-without-limit"]),
    ("a spawner", [unit("cron.service", oom_score_adj=-1000)], ["unkillable-spawner"]),
    ("a spawner with a limit", [unit("cron.service", oom_score_adj=-1000, memory_max=G)], ["unkillable-spawner"]),
    ("a spawner by its command", [service("x", placement=JOBS, oom_score_adj=-999)], ["unkillable-spawner"]),
    ("a spawner by its image", [service("x", placement=RUNNER, oom_score_adj=-500)], ["negative-spawner"]),
    ("a spawner at -998", [unit("sshd@.service", oom_score_adj=-998)], ["negative-spawner"]),
    ("a spawner at -1", [unit("sshd.service", oom_score_adj=-1)], ["negative-spawner"]),
    ("a spawner at 0", [unit("sshd.service", oom_score_adj=0)], []),
    ("a spawner that resets, declared", [unit("cron.service", oom_score_adj=-1000, processes=(part("cron"), part("job", adj=0)))], []),
    ("a runner that resets", [unit("actions.runner.me-repo.one.service", oom_score_adj=-500)], []),
    ("a spawner of which nobody knows", [unit("k3s.service", oom_score_adj=-500)], []),
    ("the kubelet", [unit("kubelet.service", oom_score_adj=-500)], ["score-overwritten"]),
    ("the kubelet as it is", [unit("kubelet.service", oom_score_adj=-999)], []),
]  # fmt: skip


@pytest.mark.parametrize(("things", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_each_mistake_has_its_own_finding(things: list[Workload | Group], expected: list[str]) -> None:
    assert [rule for rule in FAMILY if objects(rule, *things)] == expected


@pytest.mark.parametrize("rootless", [True, False])
def test_a_rootless_engine_gives_no_immunity_and_has_its_own_finding(rootless: bool) -> None:
    box = service("x", placement=DockerContainer(name="x"), oom_score_adj=-1000, memory_max=G)
    pod = service("x", placement=QuadletUnit(unit="x.container"), oom_score_adj=-1000, memory_max=G)
    facts = host(docker_rootless=rootless, podman_rootless=rootless)
    for workload in (box, pod):
        assert bool(objects("unkillable-inside-limit", workload, facts=facts)) is not rootless
        assert bool(objects("rootless-cannot-lower", workload, facts=facts)) is rootless


SHIPPED = [
    (program.name, name.replace("@", "@one") + ".service", program.vendor_oom_score_adj)
    for program in PROGRAMS
    if program.vendor_oom_score_adj is not None
    for name in program.units
]
SCORES = [*FAMILY, "blanket-unkillable", "everything-protected", "dead-after-oom", "oomd-kills-protected"]


@pytest.mark.parametrize(("unit_name", "adj"), [row[1:] for row in SHIPPED], ids=[row[1] for row in SHIPPED])
def test_what_a_vendor_ships_is_never_reported(unit_name: str, adj: int) -> None:
    group = slice_of("-.slice", managed_oom_swap="kill")
    for rule in SCORES:
        assert objects(rule, unit(unit_name, oom_score_adj=adj, restart="no"), group, facts=host(swap_total=G)) == [], rule


def test_all_that_vendors_ship_together_is_no_blanket() -> None:
    things = [service(str(number), placement=SystemdUnit(unit=name), oom_score_adj=adj) for number, (_, name, adj) in enumerate(SHIPPED)]
    for rule in SCORES:
        assert objects(rule, *things) == [], rule


BLANKET = [
    ("one", ["a"], 0),
    ("two", ["a", "b"], 1),
    ("three are one finding", ["a", "b", "c"], 1),
    ("with udev and PostgreSQL", ["a", "systemd-udevd", "postgresql"], 0),
    ("with a spawner", ["a", "cron"], 1),
]


@pytest.mark.parametrize(("names", "count"), [row[1:] for row in BLANKET], ids=[row[0] for row in BLANKET])
def test_a_blanket_is_two_that_nobody_ships(names: list[str], count: int) -> None:
    found = objects("blanket-unkillable", *(service(name, oom_score_adj=-1000) for name in names))
    assert found == ["hosts.web"] * count


def test_pods_have_no_score_to_judge() -> None:
    pod = KubernetesContainer(kind="Deployment", name="x", container="x")
    things: list[Workload] = [service(name, placement=pod, oom_score_adj=-1000, memory_max=64 * M) for name in "abc"]
    assert [rule for rule in SCORES if objects(rule, *things)] == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [((part("a", adj=-1000), part("b", adj=0)), 1), ((part("a", adj=-999), part("b", adj=0)), 0), ((), 1)],
    ids=["a part", "none", "itself"],
)
def test_a_group_kill_spares_whoever_is_at_minus_1000(parts: tuple[Process, ...], expected: int) -> None:
    workload = service("x", oom_score_adj=None if parts else -1000, oom_policy="kill", processes=parts)
    assert len(objects("group-kill-spares-unkillable", workload)) == expected
