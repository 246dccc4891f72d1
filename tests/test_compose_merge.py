"""What compose makes of a base file and its override; each row is what `docker-compose config` 5.6 said of it."""

from __future__ import annotations

import pytest

from oomconf.api import lint_raw
from oomconf.dialect import Document, Mapped
from oomconf.dialects.compose.read import read
from oomconf.policy import Setting, Workload, size_of
from oomconf.quantity import INFINITY

M = 1 << 20
PLAIN = "services:\n  a: {image: x, mem_limit: 512m, mem_reservation: 100m, memswap_limit: 1g}\n"
DEPLOY = "services:\n  a: {image: x, mem_limit: 512m, deploy: {resources: {limits: {memory: 512m}}}}\n"


def _read(base: str, over: str) -> tuple[Workload, list[str]]:
    files = {"compose.yaml": base, "compose.override.yaml": over}
    reading = read([Document(path, text) for path, text in files.items() if text], Mapped(files))
    (workload,) = (workload for policy in reading.policies for workload in policy.workloads)
    return workload, [f"{one.key} {one.fault}" for one in reading.entries if one.fault]


@pytest.mark.parametrize(
    ("base", "over", "limit", "low"),
    [
        (PLAIN, "services: {a: {mem_reservation: 0}}", 512 * M, None),
        (PLAIN, "services: {a: {mem_reservation: !reset null}}", 512 * M, None),
        (PLAIN, "services: {a: {mem_limit: null, memswap_limit: null}}", 512 * M, 100 * M),
        (PLAIN, "services: {a: {mem_limit: !override 600m}}", 600 * M, 100 * M),
        (PLAIN, "services: {a: !override {image: y}}", INFINITY, None),
        (PLAIN.replace(", memswap_limit: 1g", ""), "services: {a: {mem_limit: !reset null}}", INFINITY, 100 * M),
        (PLAIN, "services: {a: {mem_limit: !reset null, memswap_limit: !reset null}}", INFINITY, 100 * M),
        (DEPLOY, "services: {a: {mem_limit: 0}}", 512 * M, None),
        (DEPLOY, "services: {a: {deploy: !reset null}}", 512 * M, None),
        (DEPLOY, "services: {a: {deploy: null}}", 512 * M, None),
        (DEPLOY, "services: {a: {deploy: !reset null, mem_limit: !reset null}}", INFINITY, None),
        ("services: {a: {image: x, mem_limit: !reset null, deploy: !reset {}}}", "", None, None),
        ("services: {a: {image: x, mem_limit: !reset 5zz}}", "", None, None),
    ],
)
def test_what_an_override_leaves_of_a_limit(base: str, over: str, limit: int | None, low: int | None) -> None:
    workload, faults = _read(base, over)
    assert (size_of(workload.memory_max), size_of(workload.memory_low)) == (limit, low)
    assert faults == []


@pytest.mark.parametrize(
    "over",
    [
        "services: {a: {deploy: {resources: {limits: {memory: !reset null}}}}}",
        "services: {a: {deploy: {resources: !override {limits: {cpus: '1'}}}}}",
    ],
)
def test_a_limit_taken_from_one_of_two_places_differs_from_the_other(over: str) -> None:
    _, faults = _read(DEPLOY, over)
    assert [one.partition(" ")[0] for one in faults] == ["mem_limit"]


def test_a_limit_that_is_taken_away_is_reported_at_the_word_that_does_it() -> None:
    over = "services:\n  a:\n    deploy: !reset\n    mem_limit: !reset null\n"
    files = {"compose.yaml": DEPLOY, "compose.override.yaml": over}
    found = lint_raw([Document(path, text) for path, text in files.items()], Mapped(files), select=("override-removes-limit",)).findings
    assert [(one.at.path, one.at.line) for one in found] == [("compose.override.yaml", 3)]


def test_a_swarm_gets_no_key_that_is_reset() -> None:
    over = "services: {a: {mem_limit: !reset null, deploy: {mode: replicated, resources: {limits: {memory: 1g}}}}}"
    files = {"compose.yaml": "services: {a: {image: x, mem_limit: 512m}}", "compose.override.yaml": over}
    found = lint_raw([Document(path, text) for path, text in files.items()], Mapped(files), select=("swarm-drops-key",)).findings
    assert found == ()


def test_a_service_that_extends_another_may_reset_its_limit() -> None:
    text = "services:\n  b: {image: x, mem_limit: 512m}\n  a: {extends: {service: b}, mem_limit: !reset null}\n"
    reading = read([Document("compose.yaml", text)], Mapped({}))
    (limits,) = ([one.memory_max for one in policy.workloads] for policy in reading.policies)
    assert limits == [Setting(512 * M), Setting(INFINITY)]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("services:\n  a: {image: x}\n  a: {image: y}\n", [("a", 3)]),
        ("services: {a: {image: x}, a: {image: y}}\n", [("a", 1)]),
        ("x-a: {b: 1, b: 2}\nservices: {a: {image: x}}\n", [("b", 1)]),
        ("x: &x {c: 1}\nservices:\n  a:\n    <<: *x\n    <<: *x\n    image: x\n", [("<<", 5)]),
        ("services:\n  a:\n    image: x\n    environment:\n      A: 1\n      A: 2\n", [("A", 6)]),
        ("volumes: {a: {}}\nvolumes: {b: {}}\nservices:\n  a:\n    image: x\n", [("volumes", 2)]),
        ("services:\n  a: &a {image: x, image: y}\n  b: *a\n", [("image", 2)]),
    ],
)
def test_compose_refuses_a_key_that_stands_twice_anywhere(text: str, places: list[tuple[str, int]]) -> None:
    reading = read([Document("compose.yaml", text)], Mapped({}))
    assert [(one.key, one.at.line) for one in reading.entries if one.kind == "twice"] == places
