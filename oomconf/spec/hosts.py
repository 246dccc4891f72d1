"""Hosts in the spec: facts, swap, sysctls, kubelet and oomd."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from oomconf.dialects._yaml import Scalar, Sequence
from oomconf.policy import Setting
from oomconf.spec.placed import (
    BoolValue,
    KubernetesSize,
    KubernetesThreshold,
    PercentValue,
    Placed,
    SizeValue,
    choice,
    dotted_version,
    integer,
    refuse,
    text,
)
from oomconf.spec.words import PATH, Model


class SwapArea(Model):
    """A swap file that oomconf makes, or a device that it turns on."""

    file: Annotated[Setting[str], text(PATH, "an absolute path of plain characters", "/swapfile")] | None = None
    device: Annotated[Setting[str], text(PATH, "an absolute path of plain characters", "/dev/vdb")] | None = None
    size: SizeValue | None = None
    priority: Annotated[Setting[int], integer(-1, 32767, "Higher is used first (swapon(8)).")] | None = None


class SwapPlan(Model):
    """`swap: 4G` is a fact; a list is what oomconf makes."""

    fact: SizeValue | None = None
    areas: list[SwapArea] = []


def _swap(node: object) -> object:
    if isinstance(node, Scalar):
        return {"fact": node}
    if isinstance(node, Sequence):
        return {"areas": node}
    raise refuse("expected a size or a list of swap areas, found a mapping", "write 'swap: 4G', or a list: [{file: /swapfile, size: 4G}]")


_VALUE = Placed(
    text(r"[\s\S]*", "a sysctl value", "80", 256).parse,
    {"type": ["string", "integer"], "description": "A sysctl's value."},
    "a sysctl value",
)


class SysctlPlan(Model):
    """A named set, and single values that win over it."""

    profile: Annotated[Setting[str], text(r"[a-z0-9-]+", "a profile's name", "general")] | None = None
    set: dict[str, Annotated[Setting[str], _VALUE]] = {}


class DockerFacts(Model):
    """The engine of a host."""

    version: Annotated[Setting[str], dotted_version("a Docker version", '"28"')] | None = None
    cgroup_driver: Annotated[Setting[str], choice("systemd", "cgroupfs")] | None = None
    rootless: BoolValue | None = None


class PodmanFacts(Model):
    """The podman of a host."""

    version: Annotated[Setting[str], dotted_version("a podman version", '"5.4"')] | None = None
    rootless: BoolValue | None = None


_Signal = Annotated[Setting[str], text(r"[0-9]+(\.[0-9]+)?(%|[KMGTPE]i?|[mk])?", "a threshold", "10%")]


class EvictionHard(Model):
    """Hard eviction thresholds of the kubelet; those that are not memory's are its defaults where they are not said."""

    memory_available: KubernetesThreshold | None = Field(default=None, alias="memory.available")
    nodefs_available: _Signal | None = Field(default=None, alias="nodefs.available")
    nodefs_inodes: _Signal | None = Field(default=None, alias="nodefs.inodesFree")
    imagefs_available: _Signal | None = Field(default=None, alias="imagefs.available")
    imagefs_inodes: _Signal | None = Field(default=None, alias="imagefs.inodesFree")
    containerfs_available: _Signal | None = Field(default=None, alias="containerfs.available")
    containerfs_inodes: _Signal | None = Field(default=None, alias="containerfs.inodesFree")
    pid_available: _Signal | None = Field(default=None, alias="pid.available")

    @property
    def signals(self) -> dict[str, Setting[str]]:
        """The thresholds that are not memory's, by signal."""
        others = {one.alias or "": getattr(self, name) for name, one in type(self).model_fields.items() if name != "memory_available"}
        return {signal: setting for signal, setting in others.items() if setting is not None}


class MemorySwap(Model):
    """How pods may swap."""

    swap_behavior: Annotated[Setting[str], choice("NoSwap", "LimitedSwap")] | None = Field(default=None, alias="swapBehavior")


class KubeletPlan(Model):
    """KubeletConfiguration's memory keys, spelled as the kubelet does."""

    version: Annotated[Setting[str], dotted_version("a Kubernetes version", '"1.36"')] | None = None
    system_reserved: KubernetesSize | None = Field(default=None, alias="systemReserved")
    kube_reserved: KubernetesSize | None = Field(default=None, alias="kubeReserved")
    eviction_hard: EvictionHard | None = Field(default=None, alias="evictionHard")
    fail_swap_on: BoolValue | None = Field(default=None, alias="failSwapOn")
    memory_swap: MemorySwap | None = Field(default=None, alias="memorySwap")
    single_process_oom_kill: BoolValue | None = Field(default=None, alias="singleProcessOOMKill")
    max_pods: Annotated[Setting[int], integer(1, 100_000)] | None = Field(default=None, alias="maxPods")


class OomdPlan(Model):
    """oomd.conf(5), spelled as there; durations in seconds."""

    swap_used_limit: PercentValue | None = Field(default=None, alias="SwapUsedLimit")
    default_memory_pressure_limit: PercentValue | None = Field(default=None, alias="DefaultMemoryPressureLimit")
    default_memory_pressure_duration: Annotated[Setting[int], integer(1, 86_400, "Seconds.")] | None = Field(
        default=None, alias="DefaultMemoryPressureDurationSec"
    )


class Host(Model):
    """A machine, or a group of like machines."""

    count: Annotated[Setting[int], integer(1, 1_000_000, "How many machines are like this one; never multiplies a sum.")] | None = None
    ram: SizeValue | None = None
    memtotal: SizeValue | None = None
    reserved: SizeValue | None = None
    kernel: Annotated[Setting[str], dotted_version("a kernel version", '"6.1"')] | None = None
    systemd: Annotated[Setting[int], integer(0, 9999, "systemd's version; 0 where there is none.")] | None = None
    cgroup_version: Annotated[Setting[int], integer(1, 2)] | None = None
    page_size: Annotated[Setting[int], integer(4096, 65_536, "Bytes: 4096, 16384 or 65536.")] | None = None
    debug: BoolValue | None = None
    docker: DockerFacts | None = None
    podman: PodmanFacts | None = None
    swap: Annotated[SwapPlan, BeforeValidator(_swap)] | None = None
    sysctl: SysctlPlan | None = None
    kubelet: KubeletPlan | None = None
    oomd: OomdPlan | None = None
