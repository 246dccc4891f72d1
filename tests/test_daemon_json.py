"""Docker's daemon.json: what keeps the daemon from starting, and the facts that it gives (answers of dockerd --validate 28)."""

from __future__ import annotations

import pytest

from oomconf.api import lint_raw
from oomconf.dialect import Document, NoSources
from oomconf.dialects.daemon_json import DIALECT
from oomconf.repository import read

PATH = "etc/docker/daemon.json"
CASES = [
    ("", []),
    ("{}", []),
    ('{"log-opts": {"max-size": "1m"}, "live-restore": true}', []),
    ('{"exec-opts": ["native.cgroupdriver=systemd"], "cgroup-parent": "apps.slice"}', []),
    ('{"cgroup-parent": "/apps"}', []),
    ('{"default-shm-size": "128m"}', []),
    ('{"default-shm-size": 128}', [("ignored-value", 1, 22)]),
    ('{"default-shm-size": "64Mi"}', [("ignored-value", 1, 22)]),
    ('{"exec-opts": ["native.cgroupdriver=systemd"], "cgroup-parent": "apps"}', [("ignored-value", 1, 65)]),
    ('{\n  "oom-score-adjust": -500\n}', [("unknown-key", 2, 3)]),
    ('{"default-memory": "1g"}', [("unknown-key", 1, 2)]),
    ("{\n  // why\n}", [("ignored-value", 2, 3)]),
    ('{"debug": true,}', [("ignored-value", 1, 15)]),
    ('{"a": [1, 2 ,\n ]}', [("ignored-value", 1, 13)]),
    ('{"a" 1}', [("ignored-value", 1, 6)]),
    ('{"default-shm-size": "{{ size }}"}', []),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_keeps_the_daemon_from_starting_is_found(text: str, expected: list[tuple[str, int, int]]) -> None:
    found = lint_raw([Document(PATH, text)], NoSources()).findings
    assert [(one.rule, one.at.line, one.at.column) for one in found] == expected


def test_the_driver_is_a_fact_of_the_host() -> None:
    documents = [
        Document(PATH, '{"exec-opts": ["native.cgroupdriver=cgroupfs"]}'),
        Document("etc/systemd/system/a.service", "[Service]\nExecStart=/a\n"),
    ]
    ((fleet, _),) = [one for one in read(documents, NoSources()).fleets if one[0].policies]
    (policy,) = fleet.policies
    assert policy.facts.docker_cgroup_driver is not None
    assert policy.facts.docker_cgroup_driver.value == "cgroupfs"
    assert [one.name for one in policy.workloads] == ["a.service"]


def test_the_file_is_known_by_its_name() -> None:
    assert DIALECT.claims is not None
    assert DIALECT.claims("roles/docker/files/daemon.json")
    assert not DIALECT.claims("daemon.jsonc")
