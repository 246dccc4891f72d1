"""Podman's quadlet as an oracle: what unit it makes, and when it makes none."""

from __future__ import annotations

import pytest
from consumers import Refused, quadlet, systemd

pytestmark = pytest.mark.live("quadlet", "systemd")

API = "[Container]\nImage=registry.example/api:1.4\n"


def test_a_drop_in_reaches_the_generated_service_and_systemd_takes_it() -> None:
    files = {
        "etc/containers/systemd/api.container": API,
        "etc/containers/systemd/api.container.d/60-oomconf.conf": "[Service]\nMemoryMax=2G\nSlice=workload.slice\nOOMPolicy=kill\n",
    }
    units = quadlet.generated(files)
    assert list(units) == ["api.service"]
    assert systemd.verify(units) == []
    said = systemd.effective(units)["api.service"]
    assert (said["MemoryMax"], said["Slice"], said["OOMPolicy"]) == (str(2**31), "workload.slice", "kill")


def test_podmans_own_arguments_reach_the_command() -> None:
    units = quadlet.generated({"api.container": f"{API}PodmanArgs=--memory-swap=1g --oom-score-adj=-500\n"})
    assert "--memory-swap=1g --oom-score-adj=-500" in units["api.service"]


def test_user_units_are_generated_too() -> None:
    assert list(quadlet.generated({"api.container": API, "db.container": API}, user=True)) == ["api.service", "db.service"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"api.container": f"{API}MemorySwap=1g\n"}, "unsupported key 'MemorySwap' in group 'Container'"),
        ({"api.container": API, "api.container.d/60-oomconf.conf": "[Container]\nOomScoreAdj=-500\n"}, "unsupported key 'OomScoreAdj'"),
        ({"api.container": "[Container]\n"}, "no Image or Rootfs key specified"),
        ({"api.service": "[Service]\n"}, "No files parsed"),
    ],
)
def test_an_unknown_key_makes_no_unit_at_all(files: dict[str, str], message: str) -> None:
    with pytest.raises(Refused) as caught:
        quadlet.generated(files)
    assert message in str(caught.value)
