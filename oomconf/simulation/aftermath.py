"""What follows a kill: the cgroup that dies as one, what systemd, an engine or the kubelet stops, and what is started again."""

from __future__ import annotations

from typing import Final

from oomconf.simulation.nouns import Domain, Keeper, Machine, Member

__all__ = ["again", "gives_up", "killed_together", "restarts"]

_OOM_KILL: Final = frozenset({"on-failure", "on-abnormal", "always"})
_SIGNAL: Final = frozenset({"on-failure", "on-abnormal", "on-abort", "always"})
_EXIT_CODE: Final = frozenset({"on-failure", "always"})

_GIVES_UP: Final[dict[Keeper, str]] = {
    "systemd": "systemd gives up after five starts in ten seconds",
    "podman": "systemd gives up after five starts in ten seconds",
    "docker": "Docker waits longer each time, up to a minute",
    "kubelet": "the kubelet waits longer each time, up to five minutes (CrashLoopBackOff)",
    "none": "",
    "unknown": "",
}


def killed_together(machine: Machine, member: Member, domain: Domain) -> tuple[str | None, tuple[Member, ...]]:
    """Tell whose processes the kernel kills with a victim's: the highest cgroup below or at the domain with memory.oom.group.

    Gives that cgroup's name and its services; None if there is none (mm/memcontrol.c: mem_cgroup_get_oom_group). Groups above the cgroup
    that ran out are not asked; for the machine's own shortage all are.
    """
    found: tuple[str | None, tuple[Member, ...]] = (member.name, (member,)) if member.oom_policy == "kill" else (None, ())
    if domain.kind == "own":
        return found
    for name in member.groups:
        group = machine.groups.get(name)
        if group is not None and group.oom_group:
            found = name, tuple(one for one in machine.members if name in one.groups)
        if name == domain.name:
            break
    return found


def restarts(member: Member, *, result: str) -> bool:
    """Tell whether a service that is gone is started again.

    `result` is systemd's: `oom-kill` where its OOMPolicy is stop or kill, `signal` where only the main process was killed under `continue`
    (systemd.service(5): Restart=). A container ends with status 137: a failure for Docker, which knows no on-abnormal and takes on-failure
    for it, an unclean exit code for a quadlet's unit, and the kubelet starts it again by its pod's restartPolicy.
    """
    if member.keeper == "systemd":
        return member.restart in (_OOM_KILL if result == "oom-kill" else _SIGNAL)
    if member.keeper == "docker":
        return member.restart in _OOM_KILL
    return member.keeper in ("podman", "kubelet") and member.restart in _EXIT_CODE


def again(member: Member) -> str:
    """Say that a service is not started again, and why."""
    if member.keeper == "unknown":
        return f"{member.name} is gone; whether it is started again is not in a capture"
    return f"{member.name} stays dead ({_why(member)})"


def _why(member: Member) -> str:
    if member.keeper == "none":
        return "nothing starts it again"
    if member.keeper == "systemd" and member.restart == "on-abort":
        return "Restart=on-abort does not follow the result oom-kill"
    if member.keeper == "podman" and member.restart == "on-abnormal":
        return "Restart=on-abnormal does not follow exit status 137 of a container"
    return f"restart: {member.restart}"


def gives_up(member: Member) -> str:
    """Say what becomes of a service that is started and killed again and again."""
    return _GIVES_UP[member.keeper]
