"""The spec as the user writes it: pydantic models, frozen, unknown keys refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oomconf.policy import Setting
from oomconf.spec.hosts import Host
from oomconf.spec.placed import BoolValue, KubernetesSize, PercentValue, ShareValue, choice, integer, text
from oomconf.spec.services import Service
from oomconf.spec.words import RELATIVE, DefaultMemory, HostName, Level, Memory, Model, OomPolicy, Preference, Restart, ServiceName, Text


class Defaults(Model):
    """For services that do not say; pods take none of it."""

    memory: DefaultMemory = DefaultMemory.model_construct()
    protect: Level | None = None
    oom_policy: OomPolicy | None = None
    restart: Restart | None = None


class ManagedOom(Model):
    """What systemd-oomd watches on a slice."""

    swap: Annotated[Setting[str], choice("auto", "kill")] | None = None
    memory_pressure: Annotated[Setting[str], choice("auto", "kill")] | None = None
    memory_pressure_limit: PercentValue | None = None
    preference: Preference | None = None


class SliceUnit(Model):
    """A slice that holds services."""

    host: HostName | None = None
    memory: Memory = Memory.model_construct()
    managed_oom: ManagedOom | None = None
    user: BoolValue | None = None


class LimitRangePlan(Model):
    """A LimitRange of type Container, memory only."""

    default_request: KubernetesSize | None = Field(default=None, alias="defaultRequest")
    default: KubernetesSize | None = None
    min: KubernetesSize | None = None
    max: KubernetesSize | None = None


class QuotaPlan(Model):
    """A ResourceQuota, memory and pods only."""

    requests_memory: KubernetesSize | None = Field(default=None, alias="requests.memory")
    limits_memory: KubernetesSize | None = Field(default=None, alias="limits.memory")
    pods: Annotated[Setting[int], integer(0, 10_000_000)] | None = None


class Namespace(Model):
    """A Kubernetes namespace."""

    limit_range: LimitRangePlan | None = Field(default=None, alias="limitRange")
    resource_quota: QuotaPlan | None = Field(default=None, alias="resourceQuota")


class Expect(Model):
    """What `oomconf simulate` asserts of every host that runs these services, under all sizes within the limits and all splits."""

    first: list[ServiceName] = Field(default=[], description="When the machine runs out of memory, one of these dies first.")
    never: list[ServiceName] = Field(
        default=[],
        description="None of these dies of a shortage of the machine or of a slice while a service lives that is not named here. "
        "Its own limit is apart: there it dies alone.",
    )


class Monitoring(Model):
    """What is to be watched."""

    ram_used: ShareValue | None = Field(default=None, description="The share of RAM in use above which an alert is raised; 80% if unsaid.")
    targets: list[Annotated[Setting[str], choice("prometheus", "zabbix", "log")]] = []


class Ignore(Model):
    """A finding that is accepted, with its reason."""

    rule: Annotated[Setting[str], text(r"[a-z0-9-]+", "a rule's id", "limit-above-ram")]
    where: Annotated[Setting[str], text(r"[^\x00-\x1f\x7f]+", "an object", "services.api")] | None = None
    reason: Text


class Lint(Model):
    """Lint settings of this spec."""

    ignore: list[Ignore] = []


class Spec(Model):
    """A memory policy, version 1."""

    version: Annotated[Setting[int], integer(1, 1, "The version of this language: 1.")]
    include: list[Annotated[Setting[str], text(RELATIVE, "a path below the spec's own folder", "base.yaml")]] = []
    defaults: Defaults = Defaults.model_construct()
    hosts: dict[str, Host] = {}
    slices: dict[str, SliceUnit] = {}
    namespaces: dict[str, Namespace] = {}
    services: dict[str, Service] = {}
    expect: Expect | None = None
    monitoring: Monitoring | None = None
    lint: Lint = Lint.model_construct()
