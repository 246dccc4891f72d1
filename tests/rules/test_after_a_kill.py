"""What follows a kill: restarts, group kills, and systemd-oomd."""

from __future__ import annotations

from typing import Any

import pytest
from by_hand import G, M, host, objects, part, service, slice_of

from oomconf.placement import CgroupLeaf, DockerContainer, Placement, QuadletUnit, SystemdUnit
from oomconf.policy import Process

Said = dict[str, Any]
BOX = DockerContainer(name="x", image="postgres:16")

# restart → reported under (nothing said, stop, kill, continue); systemd.service(5), Restart=
RESTARTS = [
    ("no", (1, 1, 1, 0)),
    ("on-success", (1, 1, 1, 0)),
    ("on-watchdog", (1, 1, 1, 0)),
    ("on-abort", (1, 1, 1, 0)),
    ("on-abnormal", (0, 0, 0, 0)),
    ("on-failure", (0, 0, 0, 0)),
    ("always", (0, 0, 0, 0)),
    (None, (0, 0, 0, 0)),
]


@pytest.mark.parametrize(("restart", "expected"), RESTARTS)
def test_the_restart_table_of_systemd(restart: str | None, expected: tuple[int, ...]) -> None:
    found = [
        len(objects("dead-after-oom", service("x", oom_score_adj=-500, restart=restart, oom_policy=policy)))
        for policy in (None, "stop", "kill", "continue")
    ]
    assert tuple(found) == expected


PLACES = [
    (BOX, "no", 1),
    (BOX, "on-failure", 0),
    (QuadletUnit(unit="x.container"), "no", 1),
    (CgroupLeaf(path="x"), "no", 0),
    (SystemdUnit(unit="dbus.service"), "no", 1),
]


@pytest.mark.parametrize(("place", "restart", "expected"), PLACES)
def test_containers_that_are_not_started_again(place: Placement, restart: str, expected: int) -> None:
    assert len(objects("dead-after-oom", service("x", placement=place, oom_score_adj=-500, restart=restart))) == expected


@pytest.mark.parametrize("adj", [None, 0, 300])
def test_only_what_is_protected_is_missed(adj: int | None) -> None:
    assert objects("dead-after-oom", service("x", oom_score_adj=adj, restart="no")) == []


GROUPS = [
    (SystemdUnit(unit="postgresql@.service", instances=("15-main",)), "kill", 1),
    (SystemdUnit(unit="postgresql@15-main.service"), "stop", 1),
    (SystemdUnit(unit="postgresql.service"), "continue", 0),
    (SystemdUnit(unit="redis.service"), "kill", 0),
    (QuadletUnit(unit="postgresql.container"), "kill", 1),
    (BOX, "kill", 0),
]


@pytest.mark.parametrize(("place", "policy", "expected"), GROUPS)
def test_who_recovers_by_himself_is_left_to_it(place: Placement, policy: str, expected: int) -> None:
    assert len(objects("group-kill-breaks-recovery", service("x", placement=place, oom_policy=policy))) == expected


SWAP, PRESSURE = {"managed_oom_swap": "kill"}, {"managed_oom_memory_pressure": "kill"}
WATCHED = [
    ("swap", SWAP, {}, {"swap_total": G}, 1),
    ("swap, of which there is none", SWAP, {}, {"swap_total": 0}, 0),
    ("swap, perhaps", SWAP, {}, {}, 1),
    ("pressure", PRESSURE, {}, {}, 1),
    ("pressure on promised memory", PRESSURE, {"memory_low": G}, {}, 0),
    ("swap and promised memory", SWAP, {"memory_low": G}, {}, 1),
    ("auto", {"managed_oom_swap": "auto"}, {}, {}, 0),
    ("not protected", SWAP, {"oom_score_adj": 0}, {}, 0),
    ("avoid", SWAP, {"managed_oom_preference": "avoid"}, {}, 0),
    ("omit", SWAP, {"managed_oom_preference": "omit"}, {"systemd": 252}, 0),
    ("none", SWAP, {"managed_oom_preference": "none"}, {"systemd": 252}, 1),
    ("omit before there was one", SWAP, {"managed_oom_preference": "omit"}, {"systemd": 247}, 1),
    ("derived, systemd known", SWAP, {"protect": "critical"}, {"systemd": 248}, 0),
    ("derived, systemd not known", SWAP, {"protect": "critical"}, {}, 1),
    ("a container", SWAP, {"protect": "critical", "placement": BOX}, {"systemd": 252}, 1),
    ("elsewhere", SWAP, {"slice": "other.slice"}, {}, 0),
    ("in no slice that is said", SWAP, {"slice": None}, {}, 0),
]


@pytest.mark.parametrize(("managed", "values", "facts", "expected"), [row[1:] for row in WATCHED], ids=[row[0] for row in WATCHED])
def test_systemd_oomd_and_the_protected(managed: Said, values: Said, facts: Said, expected: int) -> None:
    workload = service("x", **{"oom_score_adj": -500, "slice": "a-b.slice", **values})
    assert len(objects("oomd-kills-protected", workload, slice_of("a.slice", **managed), facts=host(**facts))) == expected


def test_the_root_slice_holds_every_unit() -> None:
    root = slice_of("-.slice", managed_oom_swap="kill")
    assert objects("oomd-kills-protected", service("x", oom_score_adj=-500), root) == ["services.x"]
    assert objects("oomd-kills-protected", service("x", oom_score_adj=-500, placement=BOX), root) == []


@pytest.mark.parametrize(
    ("managed", "swap", "expected"),
    [(SWAP, 0, 1), (SWAP, G, 0), (SWAP | PRESSURE, 0, 0), (PRESSURE, 0, 0), (SWAP, None, 0)],
)
def test_swap_that_is_not_there_never_runs_full(managed: Said, swap: int | None, expected: int) -> None:
    assert len(objects("oomd-without-swap", slice_of("a.slice", **managed), facts=host(swap_total=swap))) == expected


FITS = [
    ("two", [-900, -900], None, 0, 0),
    ("three", [-900, -900, -500], None, 0, 1),
    ("one at 0", [-900, -900, 0], None, 0, 0),
    ("one unsaid", [-900, -900, None], None, 0, 0),
    ("limits that fit", [-900, -900, -500], 2 * G, 0, 0),
    ("limits that fit but for the reserve", [-900, -900, -500], 2 * G, 3 * G, 1),
    ("limits that do not fit", [-900, -900, -500], 3 * G, 0, 1),
]


@pytest.mark.parametrize(("scores", "limit", "reserved", "expected"), [row[1:] for row in FITS], ids=[row[0] for row in FITS])
def test_protection_of_all(scores: list[int | None], limit: int | None, reserved: int, expected: int) -> None:
    things = [service(str(number), oom_score_adj=adj, memory_max=limit) for number, adj in enumerate(scores)]
    assert len(objects("everything-protected", *things, facts=host(memory_total=8 * G, reserved=reserved))) == expected


USERS = [(99, 1), (100, 0), (0, 1), (-500, 1), (None, 0)]


@pytest.mark.parametrize(("adj", "expected"), USERS)
def test_a_user_unit_starts_at_a_hundred(adj: int | None, expected: int) -> None:
    for place in (SystemdUnit(unit="x.service", user=True), QuadletUnit(unit="x.container", user=True)):
        assert len(objects("user-unit-cannot-lower", service("x", placement=place, oom_score_adj=adj))) == expected
    assert objects("user-unit-cannot-lower", service("x", oom_score_adj=adj)) == []


ROOMS = [
    ("fits", 2 * G, 0, 0, [part("a", count=4, memory=512 * M)], 0),
    ("a page more", 2 * G - 4096, 0, 0, [part("a", count=4, memory=512 * M)], 1),
    ("no sizes", G, 0, 0, [part("a", count=400)], 0),
    ("swap as room", G, G, G, [part("a", count=4, memory=512 * M)], 0),
    ("swap that is not there", G, G, 0, [part("a", count=4, memory=512 * M)], 1),
    ("no limit", None, None, 0, [part("a", count=4, memory=512 * M)], 0),
]


@pytest.mark.parametrize(("limit", "swap_max", "swap", "parts", "expected"), [row[1:] for row in ROOMS], ids=[row[0] for row in ROOMS])
def test_processes_and_their_room(limit: int | None, swap_max: int | None, swap: int, parts: list[Process], expected: int) -> None:
    workload = service("x", memory_max=limit, memory_swap_max=swap_max, processes=tuple(parts))
    assert len(objects("processes-above-limit", workload, facts=host(swap_total=swap))) == expected
