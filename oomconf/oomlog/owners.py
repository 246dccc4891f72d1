"""Whose a cgroup path is: the unit, container and pod that a process belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["NOBODY", "Owner", "owner_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What runs a process, as far as its cgroup path tells."""

    unit: str | None = None
    container: str | None = None
    """The container's id, or its name where the path has that (LXC, systemd-nspawn)."""
    pod: str | None = None
    """The pod's UID, with dashes as Kubernetes writes it."""
    qos: str | None = None
    """`guaranteed`, `burstable` or `besteffort`, where it is a pod."""
    runtime: str | None = None
    """Who runs the container, by the command that changes it: `docker`, `podman`, `nerdctl`, `crictl`, `lxc`; None where unclear."""
    user: int | None = None
    """The user whose manager runs the unit."""

    @property
    def container_words(self) -> str:
        """Name the container, an id by its first twelve digits as engines do, a machine of systemd-machined as machinectl does."""
        name = self.container or ""
        if _HEX.match(name):
            return f"container {name[:12]}"
        kind = "machine" if (self.unit or "").startswith("machine-") else "container"
        return f"{kind} {_ESCAPE.sub(lambda match: chr(int(match[1], 16)), name)}"


NOBODY: Final = Owner()

_HEX: Final = re.compile(r"^[0-9a-f]{12,64}$")
# systemd.unit(5), string escaping for inclusion in unit names
_ESCAPE: Final = re.compile(r"\\x([2-7][0-9a-f])")
_ID: Final = r"[0-9a-f]{12,64}"
# docker, containerd, CRI-O and podman with the systemd driver
_SCOPE: Final = re.compile(rf"^(docker|cri-containerd|crio|crio-conmon|libpod|libpod-conmon|nerdctl|containerd|buildkit)-({_ID})\.scope$")
_RUNTIMES: Final = {
    "docker": "docker", "libpod": "podman", "libpod-conmon": "podman", "nerdctl": "nerdctl", "crio": "crictl", "crio-conmon": "crictl",
    "cri-containerd": "crictl",
}  # fmt: skip
_BARE: Final = re.compile(r"^([0-9a-f]{64})$")
_POD: Final = re.compile(
    r"^(?:kubepods(?:-burstable|-besteffort)?-)?pod([0-9a-f]{8}[-_]?[0-9a-f]{4}[-_]?[0-9a-f]{4}[-_]?[0-9a-f]{4}[-_]?[0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$"
)
_NAMED: Final = re.compile(r"^(?:lxc\.payload[./]|machine-|lxc\.)(.+?)(?:\.scope)?$")
_UNIT: Final = re.compile(r"^.+\.(?:service|scope|socket|mount|swap)$")
_USER: Final = re.compile(r"^user@(\d+)\.service$")


def owner_of(path: str | None) -> Owner:
    """Read a cgroup path from its end: the innermost unit and container, and the pod around them.

    Paths of the systemd and of the cgroupfs drivers, of Docker, containerd, CRI-O, podman, LXC and user managers. A path cut by a
    pager gives what is whole. None or the root belongs to nobody.
    """
    unit = container = pod = qos = runtime = None
    user: int | None = None
    before = ""
    parts = [part for part in (path or "").split("/") if part]
    for part in parts:
        if found := _USER.match(part):
            user = int(found[1])
        if found := _POD.match(part):
            pod = _uid(found[1])
        if found := _SCOPE.match(part):
            container, runtime = found[2], _RUNTIMES.get(found[1])
        elif found := _BARE.match(part):
            container, runtime = found[1], "docker" if before == "docker" else None
        elif found := _NAMED.match(part):
            container, runtime = found[1], "lxc" if part.startswith("lxc") else None
        if _UNIT.match(part):
            unit = part
        before = part
    if pod is not None:
        text = path or ""
        qos = "besteffort" if "besteffort" in text else "burstable" if "burstable" in text else "guaranteed"
    return Owner(unit=unit, container=container, pod=pod, qos=qos, runtime=runtime, user=user)


def _uid(text: str) -> str:
    """Spell a pod's UID as Kubernetes does; a static pod's is a hash without dashes."""
    return text.replace("_", "-")
