"""Laws of the audit: a host made from a policy has no drift, and a value made another is that one drift and nothing else."""

from __future__ import annotations

import copy
from dataclasses import replace
from random import Random

import generated
from fake_hosts import changes, fake_host
from hypothesis import given
from hypothesis import strategies as st
from unit_files import policy as systemd_policy

from oomconf.inforce import audit_host
from oomconf.placement import CgroupLeaf
from oomconf.policy import Policy, Setting, Swap
from oomconf.quantity import Size
from oomconf.resolver import resolve
from oomconf.snapshot import read

RANDOMS = st.randoms(use_true_random=False)


@st.composite
def leaf(draw) -> Policy:  # type: ignore[no-untyped-def]
    place = CgroupLeaf(path=draw(st.sampled_from(["oomconf/gateway", "one"])))
    return Policy(name="h", object="hosts.h", source="s", facts=draw(generated.facts), workloads=(draw(generated.workloads(place, "g")),))


@st.composite
def machine(draw) -> Policy:  # type: ignore[no-untyped-def]
    sysctls = {"vm.swappiness": Setting("10"), "vm.overcommit_memory": Setting("2"), "vm.watermark_scale_factor": Setting("150")}
    swap = Swap(
        path=draw(st.sampled_from(["/swapfile", "/dev/vdb"])),
        kind="file",
        size=draw(st.one_of(st.none(), st.integers(16, 1 << 20).map(lambda pages: Setting(Size(pages * 4096))))),
        priority=draw(st.one_of(st.none(), st.integers(0, 100).map(Setting))),
    )
    return Policy(name="h", object="hosts.h", source="s", sysctls=sysctls, swaps=(swap,))


POLICIES = st.one_of(RANDOMS.map(systemd_policy), generated.docker(), generated.compose(), generated.quadlet(), leaf(), machine()).map(
    lambda one: resolve(replace(one, source="oomconf.yaml"))
)


@given(POLICIES)
def test_a_host_made_from_a_policy_has_no_drift(policy: Policy) -> None:
    found = audit_host(read(fake_host(policy).text()), policy)
    assert [row for row in found.rows if row.state not in ("as said", "not seen")] == []
    assert [row for row in found.rows if row.blind] == []
    assert found.is_complete


@given(POLICIES, RANDOMS)
def test_one_value_made_another_is_that_drift_and_nothing_else(policy: Policy, random: Random) -> None:
    host = fake_host(policy)
    possible = list(changes(host, policy))
    if not possible:
        return
    number = random.randrange(len(possible))
    other = copy.deepcopy(host)
    change = list(changes(other, policy))[number]
    change.make()
    found = audit_host(read(other.text()), policy)
    wrong = {(row.thing, row.setting, row.state) for row in found.rows if row.state not in ("as said", "not seen")}
    assert wrong == {(change.thing, change.setting, change.state)}, change


@given(st.one_of(generated.docker(), RANDOMS.map(systemd_policy), leaf()), RANDOMS)
def test_no_text_makes_it_raise(policy: Policy, random: Random) -> None:
    lines = fake_host(resolve(policy)).text().split("\n")
    for _ in range(random.randrange(1, 12)):
        at = random.randrange(len(lines))
        lines[at] = random.choice(
            [
                "",
                lines[at][: random.randrange(len(lines[at]) + 1)],
                lines[at] * 2,
                lines[at].replace("0", "²"),
                lines[at].replace("=", "=-"),
                lines[random.randrange(len(lines))],
            ]
        )
        mark = random.choice(["/", ":", "\x00", "9" * 30, "max", "\u2028", " ", "-", "["])
        place = random.randrange(len(lines[at]) + 1)
        lines[at] = lines[at][:place] + mark + lines[at][place:]
    text = "\n".join(lines)
    for taken in (read(text), read(text[: random.randrange(len(text) + 1)])):
        audit_host(taken, resolve(policy))
        audit_host(taken)


def test_a_capture_cut_anywhere_is_survived() -> None:
    text = fake_host(systemd_policy(Random(7))).text()
    for end in range(0, len(text), 61):
        found = audit_host(read(text[:end]))
        assert "the capture has no end: it was cut" in found.unseen
