"""Named sets of sysctls, each value with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["PROFILES", "Profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A set of sysctls that serves one purpose; `why` has a reason for every key of `values`."""

    name: str
    purpose: str
    values: Mapping[str, int]
    why: Mapping[str, str]


def _profile(name: str, purpose: str, *rows: tuple[str, int, str]) -> Profile:
    return Profile(
        name=name,
        purpose=purpose,
        values=MappingProxyType({key: value for key, value, _ in rows}),
        why=MappingProxyType({key: why for key, _, why in rows}),
    )


_EVIDENCE: Final = ("vm.oom_dump_tasks", 1, "a kill leaves the table of tasks in the log")
_SURVIVE: Final = ("vm.panic_on_oom", 0, "a kill is better than a reboot")
_BY_SCORE: Final = ("vm.oom_kill_allocating_task", 0, "the victim is chosen by size and oom_score_adj, not by who asked last")
_FORKS: Final = ("vm.overcommit_memory", 1, "a fork that snapshots a large process is never refused")
# Documentation/mm/overcommit-accounting.rst; PostgreSQL, "Linux Memory Overcommit"
_STRICT: Final = ("vm.overcommit_memory", 2, "what cannot be backed is refused when it is asked for, not killed when it is used")

_ALL: Final = (
    _profile(
        "general",
        "the kernel's own defaults, said out loud, so that no other file changes them",
        ("vm.overcommit_memory", 0, "only a single request beyond RAM and swap is refused"),
        _SURVIVE,
        _BY_SCORE,
        _EVIDENCE,
        ("vm.swappiness", 60, "idle anonymous memory makes room for file pages in use"),
    ),
    _profile(
        "strict-overcommit",
        "allocations fail instead of processes being killed; for programs that handle a failed malloc, on hosts with swap",
        _STRICT,
        ("vm.overcommit_ratio", 80, "at the default of 50 half of RAM could not be used"),
    ),
    _profile(
        "postgresql",
        "a host that is PostgreSQL's alone: a backend gets an error instead of a SIGKILL that restarts the whole server",
        _STRICT,
        ("vm.overcommit_ratio", 80, "at the default of 50 half of RAM could not be used; with shared_buffers in huge pages count them out"),
        _EVIDENCE,
    ),
    _profile(
        "redis",
        "Redis and Valkey save by forking a copy of themselves",
        _FORKS,
    ),
    _profile(
        "container-host",
        "many cgroups with limits of their own on one kernel",
        ("vm.panic_on_oom", 0, "at 2 one container at its limit would take the host down"),
        _BY_SCORE,
        _EVIDENCE,
    ),
    # pkg/kubelet/cm/container_manager_linux.go: setupKernelTunables()
    _profile(
        "kubernetes-node",
        "what the kubelet sets at its start, or refuses to start without under protectKernelDefaults",
        ("kernel.keys.root_maxbytes", 25_000_000, "the kubelet insists: containers of root share one key quota"),
        ("kernel.keys.root_maxkeys", 1_000_000, "the kubelet insists: containers of root share one key quota"),
        ("kernel.panic", 10, "the kubelet insists: a panicked node comes back after 10 seconds"),
        ("kernel.panic_on_oops", 1, "the kubelet insists: a node with a broken kernel goes away at once"),
        ("vm.overcommit_memory", 1, "the kubelet insists: requests and limits account for memory, not the kernel"),
        ("vm.panic_on_oom", 0, "the kubelet insists: a pod is killed, not the node"),
    ),
    _profile(
        "debug-oom",
        "a host for finding out why memory ends: it stops at the first OOM of the whole machine and comes back; never for production",
        ("vm.panic_on_oom", 1, "the first OOM of the whole machine panics, so that kdump keeps its memory; a cgroup at its limit does not"),
        ("kernel.panic", 60, "a minute to read the screen, then it reboots instead of hanging"),
        _EVIDENCE,
    ),
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({profile.name: profile for profile in _ALL})
