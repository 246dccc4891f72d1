"""Where a workload runs: what starts it, and the name that it has there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemdUnit:
    """A systemd service, by unit name; `instances` of a template each have the limits to themselves."""

    target: str = "systemd"
    unit: str
    instances: tuple[str, ...] = ()
    user: bool = False
    command: tuple[str, ...] = ()
    """The program to run under `systemd-run` where the unit is not an installed one."""
    is_named: bool = field(default=True, compare=False)
    """Whether a command that makes the unit says its name; if not, it has another one each time."""

    @property
    def units(self) -> tuple[str, ...]:
        """Unit names with the instances filled in."""
        if not self.instances:
            return (self.unit,)
        prefix, _, suffix = self.unit.partition("@")
        return tuple(f"{prefix}@{instance}{suffix}" for instance in self.instances)

    @property
    def identities(self) -> tuple[str, ...]:
        return tuple(f"{'user:' if self.user else ''}{unit}" for unit in self.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerContainer:
    """A container started by `docker run`."""

    target: str = "docker"
    name: str
    image: str | None = None
    init: bool | None = None
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    engine: str = field(default="docker", compare=False)
    """The client that a command calls, with the option by which it speaks to an engine elsewhere."""
    is_named: bool = field(default=True, compare=False)
    """Whether a command says its name; if not, the engine makes one up."""
    is_whole: bool = field(default=True, compare=False)
    """Whether all words of the command are known; if not, options and command are left out."""

    @property
    def identities(self) -> tuple[str, ...]:
        return (f"docker:{self.name}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeService:
    """A service of a compose file; the path is relative to the spec's own folder."""

    target: str = "compose"
    file: str
    service: str
    style: Literal["service", "deploy"] | None = None
    """Where its limits stand: `mem_limit` beside the image, or `deploy.resources`; None until the base file was read."""

    @property
    def identities(self) -> tuple[str, ...]:
        return (f"compose:{self.file}:{self.service}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadletUnit:
    """A podman quadlet `.container` file."""

    target: str = "quadlet"
    unit: str
    user: bool = False

    @property
    def service(self) -> str:
        """The unit that podman's generator makes of it."""
        return self.unit.removesuffix(".container") + ".service"

    @property
    def identities(self) -> tuple[str, ...]:
        return (f"{'user:' if self.user else ''}{self.unit}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesContainer:
    """A container of a pod template."""

    target: str = "kubernetes"
    kind: str
    name: str
    namespace: str | None = None
    container: str
    role: Literal["container", "init", "sidecar"] = "container"
    priority_class: str | None = None
    pod_level: bool = False
    """Whether its pod has resources of its own, which decide its class and hold containers without a limit (KEP-2837)."""

    @property
    def identities(self) -> tuple[str, ...]:
        return (f"{self.kind}/{self.namespace or 'default'}/{self.name}/{self.container}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class CgroupLeaf:
    """A cgroup that a script makes below the root or below a delegated unit."""

    target: str = "cgroup"
    path: str
    command: tuple[str, ...] = ()
    delegated_by: str | None = None

    @property
    def identities(self) -> tuple[str, ...]:
        return (f"cgroup:{self.delegated_by or ''}:{self.path}",)


Placement = SystemdUnit | DockerContainer | ComposeService | QuadletUnit | KubernetesContainer | CgroupLeaf
