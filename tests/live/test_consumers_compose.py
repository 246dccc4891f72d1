"""Compose as an oracle: its own merge, its own conflicts, and what it sends to the engine."""

from __future__ import annotations

import pytest
from consumers import Refused, compose

pytestmark = pytest.mark.live("compose")

BASE = "services:\n  api:\n    image: registry.example/api:1.4\n    mem_limit: 512m\n    environment: {JAVA_TOOL_OPTIONS: -Xmx300m}\n"
OVERRIDE = "services:\n  api:\n    mem_limit: 800m\n    memswap_limit: 1056m\n    oom_score_adj: -500\n"


def test_the_later_file_wins_and_sizes_are_bytes() -> None:
    service = compose.config({"compose.yaml": BASE, "compose.oomconf.yaml": OVERRIDE})["services"]["api"]
    assert (service["mem_limit"], service["memswap_limit"], service["oom_score_adj"]) == (str(800 * 2**20), str(1056 * 2**20), -500)
    assert service["environment"] == {"JAVA_TOOL_OPTIONS": "-Xmx300m"}


def test_the_order_is_the_callers() -> None:
    merged = compose.config({"a.yaml": BASE, "b.yaml": OVERRIDE}, ["b.yaml", "a.yaml"])
    assert merged["services"]["api"]["mem_limit"] == str(512 * 2**20)


def test_env_files_and_the_shell_interpolate() -> None:
    files = {
        "compose.yaml": "services: {api: {image: a, mem_limit: '${LIMIT}', memswap_limit: '${SWAP}'}}\n",
        ".env": "LIMIT=1g\nSWAP=1g\n",
    }
    service = compose.config(files, ["compose.yaml"], env={"SWAP": "2g"})["services"]["api"]
    assert (service["mem_limit"], service["memswap_limit"]) == (str(2**30), str(2**31))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{BASE}    deploy: {{resources: {{limits: {{memory: 1g}}}}}}\n",
            "can't set distinct values on 'mem_limit' and 'deploy.resources.limits.memory'",
        ),
        (BASE.replace("512m", "512Mi"), "'services[api].mem_limit' invalid suffix: 'mi'"),
        (BASE.replace("512m", "${LIMIT:-512Mi}"), "'services[api].mem_limit' invalid suffix: 'mi'"),
        (BASE.replace("512m", "${LIMIT}"), "'services[api].mem_limit' invalid size: ''"),
        (BASE.replace("512m", "${LIMIT:-}"), "'services[api].mem_limit' invalid size: ''"),
        (BASE.replace("mem_limit", "memory_limit"), "memory_limit"),
        ("services: [", "yaml"),
    ],
)
def test_compose_refuses_in_its_own_words(text: str, message: str) -> None:
    with pytest.raises(Refused) as caught:
        compose.config({"compose.yaml": text})
    assert message in str(caught.value)


@pytest.mark.live("docker")
def test_create_posts_the_containers_of_all_services() -> None:
    second = "  db:\n    image: registry.example/db:1\n    deploy: {resources: {limits: {memory: 1g}, reservations: {memory: 256m}}}\n"
    sent = compose.created({"compose.yaml": BASE + second, "compose.oomconf.yaml": OVERRIDE})
    assert sorted(sent) == ["api", "db"]
    api, database = (sent[name]["HostConfig"] for name in ("api", "db"))
    assert (api["Memory"], api["MemorySwap"], api["OomScoreAdj"]) == (800 * 2**20, 1056 * 2**20, -500)
    assert (database["Memory"], database["MemoryReservation"]) == (2**30, 2**28)
    assert sent["api"]["Env"] == ["JAVA_TOOL_OPTIONS=-Xmx300m"]
