"""A log of memory, pressure and top consumers every five minutes: a script, a systemd timer or a cron line, and rotation."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects._common import header
from oomconf.ledger import Artifact, Rendering
from oomconf.policy import Policy

FILE: Final = "/var/log/oomconf-memory.log"
SCRIPT: Final = "/usr/local/sbin/oomconf-log"
TOP: Final = 10
"""How many processes a block shows."""
SECONDS: Final = 60
"""The longest that a run may take."""
OWN_MIB: Final = 8
"""The script rotates by itself from this size on: twice what logrotate is told, so only where that does not run."""
KEPT: Final = 4


def wanted(policy: Policy) -> bool:
    """Whether a spec asks for it."""
    return policy.monitoring is not None and policy.monitoring.names("log")


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write the script and what runs and rotates it; no units on a host without systemd."""
    values = {
        "header": header(policy.source, [policy.object]),
        "file": FILE,
        "script": SCRIPT,
        "top": str(TOP),
        "seconds": str(SECONDS),
        "own_bytes": str(OWN_MIB << 20),
        "own_mib": str(OWN_MIB),
        "logrotate_mib": str(OWN_MIB // 2),
        "kept": str(KEPT),
    }

    def made(path: str, template: str, mode: int = 0o644) -> Artifact:
        return Artifact(path=path, text=needs.templates.render(f"log/{template}", **values), mode=mode, objects=(policy.object,))

    artifacts = [
        made(f"root{SCRIPT}", "oomconf-log.sh.j2", 0o755),
        made("root/etc/logrotate.d/oomconf-log", "logrotate.j2"),
        made("log/oomconf-log.cron", "cron.j2"),
    ]
    if not policy.facts.is_without_systemd:
        artifacts.append(made("root/etc/systemd/system/oomconf-log.service", "service.j2"))
        artifacts.append(made("root/etc/systemd/system/oomconf-log.timer", "timer.j2"))
    return Rendering(artifacts=tuple(artifacts))


DIALECT: Final = Dialect(
    name="log",
    summary="usr/local/sbin/oomconf-log, its timer, logrotate.d; log/oomconf-log.cron",
    render=render,
    wanted=wanted,
    proven="shellcheck; run by dash, busybox and sh; systemd-analyze verify and calendar; logrotate",
)
