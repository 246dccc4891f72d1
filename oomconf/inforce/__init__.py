"""A host as it is against what is said of it: drift, headroom, use, the order of death, and the kills of the past; pure, in bytes."""

from __future__ import annotations

from oomconf.inforce.files import Files
from oomconf.inforce.host import Host
from oomconf.inforce.killed import own_kills, recent
from oomconf.inforce.notes import headroom, notes, unseen, unseen_values
from oomconf.inforce.nouns import Audit, Candidate, Headroom, Kill, Killer, Note, Row, Use
from oomconf.inforce.order import order_of_death
from oomconf.inforce.own import own_rows
from oomconf.inforce.use import groups, has_metric, slices, users
from oomconf.inforce.which import which
from oomconf.policy import Policy
from oomconf.snapshot import Snapshot

__all__ = ["Audit", "Candidate", "Headroom", "Kill", "Killer", "Note", "Row", "Use", "audit_host", "has_metric", "unseen_values", "which"]


def audit_host(taken: Snapshot, policy: Policy | None = None) -> Audit:
    """Hold a captured host against a resolved policy, or against its own files where there is none.

    Raises nothing on content: what is not seen is said. The manager's word and the kernel's must agree, and both are told where they do
    not; a score that waits for the next start is no drift.
    """
    host, files = Host(taken), Files(taken)
    eaters, trees, memory, order = users(host), slices(host), headroom(host), order_of_death(host)
    killer = recent(taken, eaters)
    labels: dict[str, str] = {}
    others: tuple[Note, ...] = ()
    if policy is None:
        rows = tuple(own_rows(host, files))
    else:
        # every engine's words, which a host on its own needs none of
        from oomconf.inforce.against import leaf_labels, spec_rows  # noqa: PLC0415
        from oomconf.inforce.machine_said import other_machine  # noqa: PLC0415

        others = tuple(other_machine(taken, policy.facts))
        rows, labels = tuple(spec_rows(host, files, policy)), dict(leaf_labels(host, policy))
    told = {row.why.partition(":")[0] for row in rows if row.blind}
    made = groups(host, labels)
    return Audit(
        host=taken.hostname or "this host",
        spec_host=None if policy is None else policy.name,
        release=taken.release,
        whole=taken.whole,
        systemd=taken.manager,
        init=taken.init,
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
        notes=(*others, *notes(host, memory, eaters, trees, order)),
        unseen=(*(text for text in unseen(host, killer, memory) if text.partition(":")[0] not in told), *unseen_values(rows)),
        groups=made,
        leaves=labels,
        own_kills=own_kills(host, (*(one for one in (*eaters, *trees) if has_metric(one)), *made)),
    )
