"""Linting what a spec says and linting what it was rendered to find the same: one rule judges every dialect."""

from __future__ import annotations

from dataclasses import replace

import generated
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oomconf import dialects, rules
from oomconf.dialect import Document, Mapped, Rendered
from oomconf.engine import lint
from oomconf.ledger import Status
from oomconf.placement import SystemdUnit
from oomconf.policy import GROUP_FIELDS, Facts, Fleet, Group, Policy, Setting, Workload
from oomconf.quantity import Size
from oomconf.templating import Templates

TEMPLATES = Templates()
BASES = Mapped({"deploy/compose.yaml": generated.BASE})
EVERY = tuple(rules.discover())
FACTS = Facts(
    memory_total=Setting(Size(64 << 30)),
    swap_total=Setting(Size(8 << 30)),
    systemd=Setting(257),
    cgroup_version=Setting(2),
    docker_cgroup_driver=Setting("systemd"),
    podman=Setting("5.4"),
)


@st.composite
def systemd(draw) -> Policy:  # type: ignore[no-untyped-def]
    made = [draw(generated.workloads(SystemdUnit(unit=f"{name}.service"), name)) for name in ("web", "db", "ssh")]
    fields = {key: draw(generated.SAID[key]) for key in ("memory_min", "memory_low", "memory_high", "memory_max", "memory_swap_max")}
    group = Group(name="a.slice", object="slices.a.slice", **fields)
    return Policy(name="h", object="hosts.h", workloads=tuple(made), groups=(group,))


SAID = {
    "systemd": systemd(),
    "docker": generated.docker(),
    "compose": generated.compose(),
    "quadlet": generated.quadlet(),
    "kubernetes": generated.kubernetes(),
}


def exact_only(policy: Policy, name: str) -> tuple[Policy, list[Document]]:
    """Leave out of a policy what its target cannot say exactly, and give what is rendered of the rest."""
    dialect = dialects.find(name)
    assert dialect is not None
    assert dialect.render is not None
    for _ in range(3):
        rendering = dialect.render(policy, Rendered(TEMPLATES, BASES))
        bad = {(cell.object, cell.field) for cell in rendering.ledger if cell.status is not Status.EXACT}
        # what the consumer does by itself leaves no trace to read
        bad |= {
            (cell.object, "oom_policy")
            for cell in rendering.ledger
            if cell.field == "oom_policy" and name in ("docker", "compose", "kubernetes")
        }
        bad |= {
            (cell.object, cell.field)
            for cell in rendering.ledger
            if cell.field in ("memory_low", "memory_request") and cell.setting.value == 0
        }
        if not bad:
            break
        policy = replace(
            policy,
            workloads=tuple(replace(one, **{field: None for thing, field in bad if thing == one.object}) for one in policy.workloads),
            groups=tuple(
                replace(one, **{field: None for thing, field in bad if thing == one.object and hasattr(one, field)})
                for one in policy.groups
            ),
        )
    documents = [
        Document(artifact.path, artifact.text) for artifact in rendering.artifacts if not artifact.path.endswith((".args", ".update.sh"))
    ]
    # a slice of which nothing is said leaves no trace to read either
    policy = replace(policy, groups=tuple(one for one in policy.groups if says_something(one)))
    if name == "compose":
        documents = [
            Document("deploy/compose.yaml", generated.BASE),
            *(Document("deploy/compose.oomconf.yaml", one.text) for one in documents),
        ]
    return policy, documents


def says_something(group: Group) -> bool:
    return group.kind != "slice" or any(getattr(group, name) is not None for name in GROUP_FIELDS)


INEXACT = {"quota-below-workloads", "no-limit", "almost-guaranteed"}
"""Rules that look at what no patch says: replicas, images, and containers of which nothing is said."""


def pairs(policy: Policy) -> set[tuple[str, str]]:
    """Rules and the objects that they name, by identity."""
    names = {workload.object: workload.placement.identities[0] for workload in policy.workloads}
    names |= {group.object: group.name for group in policy.groups}
    report = lint(Fleet(policies=(policy,)), EVERY)
    assert not report.crashed, report.crashed
    return {(finding.rule, names.get(finding.object, "policy")) for finding in report.findings if finding.rule not in INEXACT}


def kept(workload: Workload, known: set[str]) -> Workload:
    """The base file says things of its own that the spec leaves unsaid."""
    return replace(workload, memory_max=workload.memory_max if workload.placement.identities[0] in known else None, runtimes=())


@pytest.mark.parametrize("name", list(SAID))
@settings(suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_spec_and_its_rendering_are_judged_alike(name: str, data: st.DataObject) -> None:
    policy, documents = exact_only(replace(data.draw(SAID[name]), facts=FACTS, source=""), name)
    dialect = dialects.find(name)
    assert dialect is not None
    assert dialect.read is not None
    reading = dialect.read(documents, BASES)
    said = {identity for one in policy.workloads if one.memory_max is not None for identity in one.placement.identities}
    back = replace(
        policy,
        workloads=tuple(kept(workload, said) for one in reading.policies for workload in one.workloads),
        groups=tuple(group for one in reading.policies for group in one.groups),
    )
    spoken = {one.placement.identities[0] for one in back.workloads} | {group.name for group in back.groups}
    assert {pair for pair in pairs(policy) if pair[1] in spoken or pair[1] == "policy" or pair[1].endswith(".slice")} == pairs(back)
