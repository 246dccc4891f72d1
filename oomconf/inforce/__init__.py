"""A host as it is against what is said of it: drift, headroom, use, the order of death, and the kills of the past; pure, in bytes."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.inforce.containers import containers, quadlet
from oomconf.inforce.files import Files
from oomconf.inforce.host import Host
from oomconf.inforce.judge import Asked, unsayable
from oomconf.inforce.killed import recent
from oomconf.inforce.machine import leaf_path, leaves, machine_rows
from oomconf.inforce.notes import headroom, notes, unseen
from oomconf.inforce.nouns import Audit, Candidate, Headroom, Kill, Killer, Note, Row, Use
from oomconf.inforce.order import order_of_death
from oomconf.inforce.own import own_rows
from oomconf.inforce.units import services, slice_rows
from oomconf.inforce.use import groups, slices, users
from oomconf.inforce.which import which
from oomconf.metrics import cgroup_label
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Policy, Workload
from oomconf.snapshot import Snapshot

__all__ = ["Audit", "Candidate", "Headroom", "Kill", "Killer", "Note", "Row", "Use", "audit_host", "which"]


def audit_host(taken: Snapshot, policy: Policy | None = None) -> Audit:
    """Hold a captured host against a resolved policy, or against its own files where there is none.

    Raises nothing on content: what is not seen is said. The manager's word and the kernel's must agree, and both are told where they do
    not; a score that waits for the next start is no drift.
    """
    host, files = Host(taken), Files(taken)
    eaters, trees, memory, order = users(host), slices(host), headroom(host), order_of_death(host)
    killer = recent(taken, eaters)
    labels = {} if policy is None else dict(_leaf_labels(host, policy))
    rows = tuple(own_rows(host, files) if policy is None else _spec_rows(host, files, policy))
    return Audit(
        host=taken.hostname or "this host",
        spec_host=None if policy is None else policy.name,
        release=taken.release,
        systemd=taken.systemd,
        cgroup_version=taken.cgroup_version,
        processes=len(taken.processes),
        units=sum(1 for one in eaters if one.kind == "unit"),
        containers=max(sum(1 for one in eaters if one.kind == "container"), sum(1 for one in taken.containers if one.running)),
        killer=killer,
        memory=memory,
        users=eaters,
        slices=trees,
        order=order,
        rows=rows,
        notes=tuple(notes(host, memory, eaters, trees, order)),
        unseen=tuple(unseen(host, killer, memory)),
        groups=groups(host, labels),
        leaves=labels,
    )


def _spec_rows(host: Host, files: Files, policy: Policy) -> Iterator[Row]:
    for group in policy.groups:
        if group.kind == "slice":
            yield from slice_rows(host, files, group, policy.facts)
    for workload in policy.workloads:
        yield from _workload_rows(host, files, workload, policy)
    yield from machine_rows(host, files, policy)


def _workload_rows(host: Host, files: Files, workload: Workload, policy: Policy) -> Iterator[Row]:
    place = workload.placement
    if isinstance(place, SystemdUnit):
        yield from services(host, files, workload, place, policy.facts)
    elif isinstance(place, DockerContainer | ComposeService):
        yield from containers(host, workload, place, policy.facts)
    elif isinstance(place, QuadletUnit):
        yield from quadlet(host, files, workload, place, policy.facts)
    elif isinstance(place, CgroupLeaf):
        yield from leaves(host, workload, place)
    else:
        asked = Asked(object=workload.object, thing=place.identities[0], setting="pod", expected=None, at=workload.at)
        yield unsayable(asked, "a cluster has it: a host alone does not tell")


def _leaf_labels(host: Host, policy: Policy) -> Iterator[tuple[str, str]]:
    for workload in policy.workloads:
        if isinstance(workload.placement, CgroupLeaf):
            path = leaf_path(host, workload.placement)
            if path in host.taken.cgroups:
                yield path, cgroup_label(workload.placement.path, workload.placement.delegated_by)
