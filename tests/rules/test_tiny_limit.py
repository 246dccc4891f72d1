"""Where a limit is a slip of the unit, by who enforces it."""

from __future__ import annotations

import pytest
from by_hand import M, findings, objects, service, slice_of

from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, KubernetesContainer, Placement, QuadletUnit, SystemdUnit
from oomconf.quantity import INFINITY

UNIT = SystemdUnit(unit="x.service")
BOX = DockerContainer(name="x")
COMPOSE = ComposeService(file="compose.yaml", service="x")
POD = KubernetesContainer(kind="Pod", name="x", container="x")

CASES: list[tuple[Placement, str, int, int]] = [
    (BOX, "memory_max", 6 * M, 0),
    (BOX, "memory_max", 6 * M - 4096, 1),
    (BOX, "memory_low", 5 * M, 1),
    (BOX, "memory_low", 0, 0),
    (COMPOSE, "memory_max", 512, 1),
    (POD, "memory_max", 4 * M, 0),
    (POD, "memory_max", 512, 1),
    (UNIT, "memory_max", M, 0),
    (UNIT, "memory_max", 512, 1),
    (UNIT, "memory_high", 512, 1),
    (UNIT, "memory_low", 512, 0),
    (UNIT, "memory_max", INFINITY, 0),
    (QuadletUnit(unit="x.container"), "memory_max", 512, 1),
    (CgroupLeaf(path="x"), "memory_max", 512, 1),
]


@pytest.mark.parametrize(("place", "field", "size", "expected"), CASES)
def test_the_least_that_each_can_run_in(place: Placement, field: str, size: int, expected: int) -> None:
    assert len(objects("tiny-limit", service("x", placement=place, **{field: size}))) == expected


def test_a_slice_is_no_exception() -> None:
    assert objects("tiny-limit", slice_of("a.slice", memory_max=512)) == ["slices.a.slice"]


def test_a_bare_number_is_quoted_with_the_unit_that_was_meant() -> None:
    (found,) = findings("tiny-limit", service("x", memory_max=512))
    assert (found.message, found.help) == ("x: 512 is 512 bytes, too little for any program to start", "was 512M meant?")
