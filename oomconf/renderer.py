"""Policies × targets → artefacts with their ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from oomconf.dialect import Dialect, Rendered, Sources, Templating
from oomconf.errors import OomconfError
from oomconf.ledger import Artifact, Cell, Rendering
from oomconf.policy import Fleet, Policy

CLUSTER_FOLDER: Final = "kubernetes"
FLEET_FOLDER: Final = "monitoring"


@dataclass(frozen=True, slots=True)
class Output:
    """What a render makes: artefacts in order of their paths, and a cell for every value and target."""

    artifacts: tuple[Artifact, ...]
    ledger: tuple[Cell, ...]


def render(
    fleet: Fleet,
    dialects: Sequence[Dialect],
    templates: Templating,
    sources: Sources,
    *,
    hosts: Iterable[str] | None = None,
    named: bool = False,
) -> Output:
    """Render resolved policies; paths are relative to the output directory and cannot leave it. Raises OomconfError if two say one path.

    `hosts` narrows: what speaks of all hosts is then left as it is. `named` says that the call asks for each of the dialects by its name.
    """
    wanted = None if hosts is None else set(hosts)
    needs = Rendered(templates, sources, fleet)
    renderings: list[Rendering] = []

    def run(policy: Policy, folder: str) -> None:
        for dialect in dialects:
            asked = named or dialect.wanted is None or dialect.wanted(policy)
            if dialect.scope == policy.scope and dialect.render is not None and asked:
                renderings.append(_below(dialect.render(policy, needs), folder, dialect))

    for policy in fleet.policies:
        if policy.scope == "host" and (wanted is None or policy.name in wanted):
            run(policy, policy.name)
    run(cluster_of(fleet, wanted), CLUSTER_FOLDER)
    if wanted is None and fleet.policies:
        run(whole_of(fleet), FLEET_FOLDER)
    artifacts: dict[str, Artifact] = {}
    for artifact in (artifact for rendering in renderings for artifact in rendering.artifacts):
        if artifact.path in artifacts:
            raise OomconfError(
                f"{artifact.path} would be written by two: {', '.join((*artifacts[artifact.path].objects, *artifact.objects))}"
            )
        artifacts[_confined(artifact.path)] = artifact
    ledger = tuple(cell for rendering in renderings for cell in rendering.ledger)
    return Output(tuple(artifacts[path] for path in sorted(artifacts)), ledger)


def cluster_of(fleet: Fleet, wanted: set[str] | None = None) -> Policy:
    """Collect pods and namespaces of all policies into one that speaks of the cluster."""
    chosen = [policy for policy in fleet.policies if wanted is None or policy.name in wanted or policy.scope == "cluster"]
    source = next((policy.source for policy in fleet.policies), "")
    return Policy(
        name=CLUSTER_FOLDER,
        object=CLUSTER_FOLDER,
        source=source,
        scope="cluster",
        groups=tuple(group for policy in chosen for group in policy.groups if group.kind == "namespace"),
        workloads=tuple(workload for policy in chosen for workload in policy.workloads if workload.placement.target == "kubernetes"),
    )


def whole_of(fleet: Fleet) -> Policy:
    """Collect what all hosts and the cluster say into one that speaks of them together."""
    first = fleet.policies[0]
    return Policy(
        name=FLEET_FOLDER,
        object="monitoring",
        source=first.source,
        scope="fleet",
        groups=tuple(group for policy in fleet.policies for group in policy.groups),
        workloads=tuple(workload for policy in fleet.policies for workload in policy.workloads),
        monitoring=first.monitoring,
    )


def _below(rendering: Rendering, folder: str, dialect: Dialect) -> Rendering:
    host = "" if dialect.scope == "fleet" else folder  # so that a render of some hosts never takes the fleet's files for stale
    placed = (replace(artifact, path=f"{folder}/{artifact.path}", target=dialect.name, host=host) for artifact in rendering.artifacts)
    return replace(rendering, artifacts=tuple(placed))


def _confined(path: str) -> str:
    parts = path.split("/")
    if not path or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise OomconfError(f"{path!r} would leave the output directory")
    return path
