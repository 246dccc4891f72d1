"""A small host that is audited, and what the audit says of it."""

from __future__ import annotations

from fake_hosts import PLAIN, Fake

from oomconf.inforce import Audit, audit_host
from oomconf.reports import audit_text
from oomconf.reports._terminal import Paper
from oomconf.snapshot import read

UNIT = "/system.slice/web.service"


def host(**more: str) -> Fake:
    found = Fake(sysctls={"vm.overcommit_memory": "0"})
    found.process(1, "systemd", "/init.scope")
    found.units["web.service"] = {**PLAIN, "ControlGroup": UNIT, "MainPID": "10", "MemoryMax": "67108864", **more}
    found.cgroup(UNIT, **{"memory.max": 64 << 20, "memory.current": 60 << 20})
    found.process(10, "web", UNIT)
    return found


def audited(one: Fake | str) -> Audit:
    return audit_host(read(one if isinstance(one, str) else one.text()))


def states(found: Audit) -> dict[tuple[str, str], str]:
    return {(row.thing, row.setting): row.state for row in found.rows}


def text(found: Audit, **more: bool) -> str:
    return audit_text.render(found, Paper(), **more)
