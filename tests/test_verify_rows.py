"""What the rendered checklist looks at: every exact value of the ledger, and nothing else."""

from __future__ import annotations

from pathlib import Path

import generated
import pytest
from checked_host import FILES, expected, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oomconf
from oomconf import dialects
from oomconf.dialect import Mapped, Rendered
from oomconf.dialects._shell import word
from oomconf.ledger import Cell, Status
from oomconf.placement import CgroupLeaf, SystemdUnit
from oomconf.policy import Policy
from oomconf.templating import Templates

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*/oomconf.yaml"))
ROWS = ("systemd", "quadlet", "docker", "compose", "cgroup")


def check_covered(cells: list[Cell], text: str) -> int:
    """Every exact cell has its row; give how many there are."""
    exact = [
        cell for cell in cells if cell.status is Status.EXACT and not cell.field.startswith("runtime.") and cell.identity != "oomd.conf"
    ]
    adj = {"quadlet": "payload_score", "cgroup": "scores"}
    for cell in exact:
        if cell.target in ROWS:
            name = cell.identity.rpartition(":")[2].replace(".container", ".service")
            assert expected(cell, adj.get(cell.target, "score")) in rows_of(text, name), cell
        elif cell.target == "sysctl":
            assert f" {word(cell.setting.value)} {cell.field}\n" in text
        else:
            (line,) = [line for line in text.splitlines() if line.startswith(f"    swaps_on {cell.identity} ")]
            assert str(int(cell.setting.value)) in line.split()
    return len(exact)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.parent.name for path in EXAMPLES])
def test_every_exact_value_of_an_example_is_checked(path: Path) -> None:
    spec = oomconf.load(path)
    cells = [cell for cell in oomconf.render(spec).ledger if cell.target in (*ROWS, "sysctl", "swap")]
    (script,) = oomconf.render(spec, target=["verify"]).artifacts
    assert check_covered(cells, script.text) > 0


@st.composite
def by_hand(draw) -> Policy:  # type: ignore[no-untyped-def]
    place = draw(st.sampled_from([SystemdUnit(unit="w.service"), CgroupLeaf(path="a/w"), CgroupLeaf(path="w", delegated_by="d.service")]))
    return Policy(
        name="h", object="hosts.h", source="oomconf.yaml", facts=draw(generated.facts), workloads=(draw(generated.workloads(place)),)
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(by_hand(), generated.docker(), generated.compose(), generated.quadlet()))
def test_what_the_ledger_calls_exact_is_checked_and_nothing_else(policy: Policy) -> None:
    needs = Rendered(Templates(), Mapped({"deploy/compose.yaml": generated.BASE}))
    ledger, verify = [], dialects.find("verify")
    for name in ROWS:
        dialect = dialects.find(name)
        assert dialect is not None
        assert dialect.render is not None
        ledger += dialect.render(policy, needs).ledger
    assert verify is not None
    assert verify.render is not None
    made = verify.render(policy, needs)
    assert made.ledger == (), "it says nothing to a consumer"
    text = made.artifacts[0].text if made.artifacts else ""
    facts, place = policy.facts, policy.workloads[0].placement
    rootless = facts.docker_rootless is not None and facts.docker_rootless.value and place.target in ("docker", "compose")
    if rootless or getattr(place, "user", False):
        assert made.artifacts == ()
    elif facts.cgroup_version is not None and facts.cgroup_version.value == 1:
        assert "    limit " not in text
    else:
        check_covered(ledger, text)
        for cell in ledger:
            if cell.status is not Status.EXACT and text.count("\nrows_") == 1 and cell.field in FILES:
                assert f"    limit memory.{FILES[cell.field]} " not in text
