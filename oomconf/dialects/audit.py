"""What runs `oomconf audit` every quarter of an hour, for the metrics that the alerts watch: a systemd timer, or a cron line."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects._common import header
from oomconf.ledger import Artifact, Rendering
from oomconf.metrics import EVERY, FOLDER, PROGRAM, SPEC, audit_call
from oomconf.placement import QuadletUnit
from oomconf.policy import Policy

SECONDS: Final = 300
"""The longest that a run may take: each command that it asks may take thirty."""
_PODMAN: Final = ("-/run", "-/var/lib/containers")
"""Where podman takes its locks, also to show what it has."""


def wanted(policy: Policy) -> bool:
    """Whether a spec asks for what reads the metrics."""
    return policy.monitoring is not None and any(policy.monitoring.names(target) for target in ("prometheus", "zabbix"))


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write what runs the audit of a host; no units on one without systemd."""
    podman = any(isinstance(workload.placement, QuadletUnit) for workload in policy.workloads)
    values = {
        "header": header(policy.source, [policy.object]),
        "program": PROGRAM,
        "spec": SPEC,
        "call": audit_call(policy.name, PROGRAM),
        "minutes": str(EVERY // 60),
        "seconds": str(SECONDS),
        "writes": " ".join((FOLDER, *(_PODMAN if podman else ()))),
    }

    def made(path: str, template: str) -> Artifact:
        return Artifact(path=path, text=needs.templates.render(f"audit/{template}", **values), objects=(policy.object,))

    artifacts = [made("prometheus/oomconf-audit.cron", "cron.j2")]
    if not policy.facts.is_without_systemd:
        artifacts.append(made("root/etc/systemd/system/oomconf-audit.service", "service.j2"))
        artifacts.append(made("root/etc/systemd/system/oomconf-audit.timer", "timer.j2"))
    return Rendering(artifacts=tuple(artifacts))


DIALECT: Final = Dialect(
    name="audit",
    family="prometheus",
    summary="a timer that runs oomconf audit for node_exporter; prometheus/oomconf-audit.cron",
    render=render,
    wanted=wanted,
    proven="systemd-analyze verify and calendar; its command is run",
)
