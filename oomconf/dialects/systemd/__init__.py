"""systemd: drop-ins for services and slices and for systemd-oomd, both ways (systemd.unit(5))."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect
from oomconf.dialects.systemd.read import claims, read
from oomconf.dialects.systemd.render import render

__all__ = ["DIALECT"]

DIALECT: Final = Dialect(
    name="systemd",
    family="systemd",
    summary="etc/systemd/system/UNIT.d/60-oomconf.conf for services and slices, etc/systemd/oomd.conf.d/",
    render=render,
    claims=claims,
    read=read,
    proven="systemd-analyze verify, the manager's own dump; a booted systemd and its cgroups",
)
