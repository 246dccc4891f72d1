"""The docker client as an oracle: what it sends, and what it refuses to send."""

from __future__ import annotations

import subprocess

import pytest
from consumers import Refused, docker, locate

pytestmark = pytest.mark.live("docker")

IMAGE = "registry.example/api:1.4"


def test_run_sends_each_flag_in_bytes() -> None:
    sent = docker.host_config(
        [
            *(
                "docker",
                "run",
                "-d",
                "--name",
                "api",
                "--memory=800m",
                "--memory-swap=1056m",
                "--memory-reservation",
                "512m",
                "--oom-score-adj=-500",
            ),
            *("--cgroup-parent", "workload.slice", "--shm-size", "64m", "--init", "-e", "GOMEMLIMIT=720MiB", "-e", "A=b c"),
            *("--annotation", "org.systemd.property.MemoryHigh=uint64 734003200", IMAGE, "serve", "-m", "1g"),
        ]
    )
    host = sent["HostConfig"]
    names = ("Memory", "MemorySwap", "MemoryReservation", "OomScoreAdj", "CgroupParent", "ShmSize", "Init", "Annotations")
    assert {name: host[name] for name in names} == {
        "Memory": 800 * 2**20,
        "MemorySwap": 1056 * 2**20,
        "MemoryReservation": 512 * 2**20,
        "OomScoreAdj": -500,
        "CgroupParent": "workload.slice",
        "ShmSize": 64 * 2**20,
        "Init": True,
        "Annotations": {"org.systemd.property.MemoryHigh": "uint64 734003200"},
    }
    assert (sent["Image"], sent["Env"], sent["Cmd"]) == (IMAGE, ["A=b c", "GOMEMLIMIT=720MiB"], ["serve", "-m", "1g"])


@pytest.mark.parametrize("verb", [("create",), ("run",), ("run", "-it", "--rm"), ("container", "run"), ("container", "create")])
def test_every_verb_that_makes_a_container_is_recorded(verb: tuple[str, ...]) -> None:
    assert docker.host_config([*verb, "-m", "512m", IMAGE])["HostConfig"]["Memory"] == 2**29


def test_what_is_not_said_is_sent_as_zero() -> None:
    host = docker.host_config(["run", IMAGE])["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["OomScoreAdj"], host["CgroupParent"]) == (0, 0, 0, "")


def test_unlimited_swap_is_minus_one() -> None:
    assert docker.host_config(["run", "-m", "1g", "--memory-swap", "-1", IMAGE])["HostConfig"]["MemorySwap"] == -1


def test_flags_after_the_image_belong_to_the_command() -> None:
    sent = docker.host_config(["run", IMAGE, "-m", "512m"])
    assert (sent["HostConfig"]["Memory"], sent["Cmd"]) == (0, ["-m", "512m"])


def test_update_sends_the_resources_themselves() -> None:
    sent = docker.host_config(["docker", "update", "-m", "1g", "--memory-swap", "2g", "api"])
    assert (sent["Memory"], sent["MemorySwap"]) == (2**30, 2**31)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "-m", "half", IMAGE], 'invalid argument "half" for "-m, --memory" flag'),
        (["run", "-m", "512mo", IMAGE], 'invalid argument "512mo"'),
        (["run", "--memory-high", "1g", IMAGE], "unknown flag: --memory-high"),
        (["update", "--oom-score-adj", "0", "api"], "unknown flag: --oom-score-adj"),
        (["run", "-m", "1g"], "requires at least 1 argument"),
    ],
)
def test_the_client_refuses(argv: list[str], message: str) -> None:
    with pytest.raises(Refused) as caught:
        docker.host_config(argv)
    assert message in str(caught.value)
    assert "Usage" not in str(caught.value).splitlines()[0]


def test_the_engine_records_in_order_and_forgets_nothing() -> None:
    binary = locate("docker", "OOMCONF_DOCKER")
    assert binary
    with docker.FakeEngine() as engine:
        for name in ("a", "b"):
            subprocess.run([binary, "create", "--name", name, IMAGE], env=docker.environment(engine), check=True, capture_output=True)
        assert [(one.path, one.query["name"]) for one in engine.posted] == [("/containers/create", ["a"]), ("/containers/create", ["b"])]
