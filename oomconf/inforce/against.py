"""Every value of a policy against the host that it is for."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.inforce.containers import containers, quadlet
from oomconf.inforce.files import Files
from oomconf.inforce.host import Host
from oomconf.inforce.judge import Asked, unsayable
from oomconf.inforce.machine import leaf_path, leaves, machine_rows
from oomconf.inforce.nouns import Row
from oomconf.inforce.units import services, slice_rows
from oomconf.metrics import cgroup_label
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Policy, Workload

__all__ = ["leaf_labels", "spec_rows"]


def spec_rows(host: Host, files: Files, policy: Policy) -> Iterator[Row]:
    """Judge every value of a policy."""
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


def leaf_labels(host: Host, policy: Policy) -> Iterator[tuple[str, str]]:
    """Give the cgroups of groups that a script makes, each with its label."""
    for workload in policy.workloads:
        if isinstance(workload.placement, CgroupLeaf):
            path = leaf_path(host, workload.placement)
            if path in host.taken.cgroups:
                yield path, cgroup_label(workload.placement.path, workload.placement.delegated_by)
