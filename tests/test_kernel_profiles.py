"""Named sets of sysctls: what they promise."""

from __future__ import annotations

import pytest

from oomconf.kernel.profiles import PROFILES
from oomconf.kernel.sysctls import EXCLUSIVE_PAIRS, SYSCTLS, check_value

NAMES = ["container-host", "debug-oom", "general", "kubernetes-node", "postgresql", "redis", "strict-overcommit"]


def test_the_names_are_the_promised_ones() -> None:
    assert sorted(PROFILES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_known_accepted_and_reasoned(name: str) -> None:
    profile = PROFILES[name]
    assert profile.name == name
    assert profile.purpose
    assert profile.values
    assert list(profile.why) == list(profile.values)
    for key, value in profile.values.items():
        assert key in SYSCTLS
        assert SYSCTLS[key].kind != "action"
        assert check_value(key, str(value)) is None
        assert profile.why[key]
        assert not profile.why[key].endswith(".")
    for pair in EXCLUSIVE_PAIRS:
        assert not set(pair) <= set(profile.values)


def test_the_kubelet_gets_exactly_what_it_insists_on() -> None:
    assert PROFILES["kubernetes-node"].values == {
        "vm.overcommit_memory": 1,
        "vm.panic_on_oom": 0,
        "kernel.panic": 10,
        "kernel.panic_on_oops": 1,
        "kernel.keys.root_maxkeys": 1_000_000,
        "kernel.keys.root_maxbytes": 25_000_000,
    }


def test_strict_overcommit_leaves_more_than_half_of_ram() -> None:
    assert PROFILES["strict-overcommit"].values == {"vm.overcommit_memory": 2, "vm.overcommit_ratio": 80}


def test_general_says_the_defaults_of_the_kernel() -> None:
    assert dict(PROFILES["general"].values) == {key: SYSCTLS[key].default for key in PROFILES["general"].values}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "debug-oom"])
def test_no_profile_for_production_panics_on_oom(name: str) -> None:
    assert PROFILES[name].values.get("vm.panic_on_oom", 0) == 0


def test_the_debugging_profile_reboots_after_its_panic() -> None:
    assert PROFILES["debug-oom"].values["vm.panic_on_oom"] == 1
    assert PROFILES["debug-oom"].values["kernel.panic"] > 0
