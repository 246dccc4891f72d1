"""Targets that speak of all hosts at once, and targets that are rendered only where a spec asks for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import oomconf
from oomconf.dialect import Dialect, Mapped, Rendered
from oomconf.ledger import Artifact, Rendering
from oomconf.policy import Fleet, Policy
from oomconf.renderer import Output, render
from oomconf.templating import Templates

TEXT = "version: 1\nhosts: {a: {ram: 4G, swap: 0}, monitoring: {ram: 8G, swap: 0}}\nservices: {s: {host: [a, monitoring], systemd: {unit: s.service}}}\n"
ASKS = f"{TEXT}monitoring: {{ram_used: 70%, targets: [log]}}\n"


def one(policy: Policy, needs: Rendered) -> Rendering:
    names = ",".join(workload.name for workload in policy.workloads)
    return Rendering(artifacts=(Artifact(path="x/y", text=f"{policy.scope} {policy.object}: {names}; {policy.source}\n"),))


PLAIN = Dialect(name="plain", summary="", scope="fleet", render=one)
ASKED = Dialect(
    name="asked",
    summary="",
    scope="fleet",
    render=one,
    wanted=lambda policy: policy.monitoring is not None and policy.monitoring.names("log"),
)
ON_HOST = replace(ASKED, name="on-host", scope="host")


def fleet(text: str, tmp_path: Path) -> Fleet:
    path = tmp_path / "oomconf.yaml"
    path.write_text(text, "utf-8")
    return oomconf.resolve(oomconf.load(path))


def made(given: Fleet, *dialects: Dialect, hosts: list[str] | None = None, named: bool = False) -> Output:
    return render(given, dialects, Templates(), Mapped({}), hosts=hosts, named=named)


def test_a_target_of_the_fleet_is_given_all_hosts_at_once(tmp_path: Path) -> None:
    (artifact,) = made(fleet(TEXT, tmp_path), PLAIN).artifacts
    assert artifact.path == "monitoring/x/y"
    assert artifact.text == "fleet monitoring: s,s; oomconf.yaml\n"


def test_what_speaks_of_all_hosts_is_not_rendered_for_some_and_not_stale_then(tmp_path: Path) -> None:
    given = fleet(TEXT, tmp_path)
    out = tmp_path / "out"
    oomconf.write(made(given, PLAIN), out)
    narrowed = made(given, PLAIN, hosts=["monitoring"])
    assert narrowed.artifacts == ()
    assert oomconf.write(narrowed, out, host=["monitoring"]).removed == []
    assert (out / "monitoring/x/y").exists()


def test_a_target_that_must_be_asked_for_is_rendered_if_the_spec_or_the_call_does(tmp_path: Path) -> None:
    assert made(fleet(TEXT, tmp_path), ASKED).artifacts == ()
    assert len(made(fleet(TEXT, tmp_path), ASKED, named=True).artifacts) == 1
    assert len(made(fleet(ASKS, tmp_path), ASKED).artifacts) == 1
    assert [artifact.path for artifact in made(fleet(ASKS, tmp_path), ON_HOST).artifacts] == ["a/x/y", "monitoring/x/y"]
    assert made(Fleet(policies=()), PLAIN).artifacts == ()


def test_every_host_carries_what_is_to_be_watched(tmp_path: Path) -> None:
    for policy in fleet(ASKS, tmp_path).policies:
        assert policy.monitoring is not None
        assert policy.monitoring.ram_used == oomconf.Setting(oomconf.Percent(7000))
        assert policy.monitoring.ram_used.at.line == 4
    assert all(policy.monitoring is None for policy in fleet(TEXT, tmp_path).policies)
