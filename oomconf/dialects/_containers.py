"""What a Docker engine can be told of a workload, whichever way: by flags or by a compose file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from oomconf.ledger import Book
from oomconf.policy import Facts, Workload, size_of
from oomconf.quantity import INFINITY, Size, SizeError

_ANNOTATES: Final = 24
"""The first Docker with --annotation."""
_UNSHARED: Final = ("vm.", "kernel.panic")
DOUBLE: Final = 1 << 53
"""Go reads sizes through a float64: from here on not every byte can be said."""


@dataclass(slots=True)
class Engine:
    """The engine's own words; None is unsaid. Sizes in bytes; swap_total is memory and swap together, INFINITY for no limit."""

    memory: Size | None = None
    swap_total: Size | None = None
    reservation: Size | None = None
    oom_score_adj: int | None = None
    slice: str | None = None
    restart: str | None = None
    annotations: list[tuple[str, str]] = field(default_factory=list)


def engine_says(workload: Workload, identity: str, facts: Facts, book: Book) -> Engine:
    """Turn a workload into the engine's words, and enter each of its values in the ledger.

    moby: daemon/daemon_unix.go (verifyPlatformContainerResources); opencontainers/cgroups: fs2/memory.go.
    """
    engine = Engine()
    _limits(workload, identity, facts, book, engine)
    _protection(workload, identity, facts, book, engine)
    _behaviour(workload, identity, facts, book, engine)
    return engine


def swap_total(memory: Size, swap: Size) -> Size:
    """Add memory and swap as `--memory-swap` counts them; INFINITY where either has no limit."""
    return INFINITY if swap >= INFINITY else Size(memory + swap)


def swap_beside(total: Size, memory: Size | None) -> Size | None:
    """Say what a total leaves for swap; None where the engine takes it as unsaid, SizeError is raised where it refuses it."""
    if total >= INFINITY:
        return INFINITY
    if total == 0 or memory is None:
        return None
    if total < memory:
        raise SizeError(f"is a total of {total}, less than the memory of {memory}: the engine refuses it")
    return Size(total - memory)


def _limits(workload: Workload, identity: str, facts: Facts, book: Book, engine: Engine) -> None:
    maximum, limit = workload.memory_max, size_of(workload.memory_max)
    if maximum is not None:
        if limit is None:
            book.impossible(workload.object, identity, "memory_max", maximum, "RAM is unknown, so the share has no size")
        elif limit >= INFINITY:
            book.approximated(workload.object, identity, "memory_max", maximum, "said by leaving the flag out: a limit set before stays")
        elif limit >= DOUBLE:
            book.impossible(workload.object, identity, "memory_max", maximum, "Docker reads sizes as floating point, exact below 8P only")
        else:
            engine.memory = limit
            book.exact(workload.object, identity, "memory_max", maximum)
    _swap(workload, identity, facts, book, engine)


def _swap(workload: Workload, identity: str, facts: Facts, book: Book, engine: Engine) -> None:
    swap, amount = workload.memory_swap_max, size_of(workload.memory_swap_max)
    if swap is None:
        return
    if engine.memory is None or amount is None:
        book.impossible(workload.object, identity, "memory_swap_max", swap, "Docker takes a swap limit only beside a memory limit")
    elif engine.memory + amount >= DOUBLE and amount < INFINITY:
        book.impossible(workload.object, identity, "memory_swap_max", swap, "Docker reads sizes as floating point, exact below 8P only")
    else:
        engine.swap_total = swap_total(engine.memory, amount)
        if amount == 0 and not _told_of_no_swap(facts, engine):
            reason = f"runc keeps a 0 from systemd, so daemon-reload gives swap back; Docker {_ANNOTATES} with systemd's driver tells it"
            book.approximated(workload.object, identity, "memory_swap_max", swap, reason)
        else:
            book.exact(workload.object, identity, "memory_swap_max", swap)


def scoped(facts: Facts) -> bool:
    """Flag hosts where systemd may write the limits of containers too."""
    return _driver(facts) != "cgroupfs" and (facts.cgroup_version is None or facts.cgroup_version.value != 1)


def _told_of_no_swap(facts: Facts, engine: Engine) -> bool:
    """Tell systemd of a swap limit of 0, and say whether that is not needed or can be done.

    runc writes 0 into the cgroup but leaves it out of the scope's properties (opencontainers/cgroups: systemd/v2.go).
    """
    version = _version(facts)
    if not scoped(facts):
        return True
    if _driver(facts) is None or version is None or version < _ANNOTATES:
        return False
    engine.annotations.append(("org.systemd.property.MemorySwapMax", "uint64 0"))
    return True


def _protection(workload: Workload, identity: str, facts: Facts, book: Book, engine: Engine) -> None:
    low, minimum = workload.memory_low, workload.memory_min
    v1 = facts.cgroup_version is not None and facts.cgroup_version.value == 1
    if low is not None:
        amount = size_of(low)
        if amount is None:
            book.impossible(workload.object, identity, "memory_low", low, "RAM is unknown, so the share has no size")
        elif amount == 0:
            book.exact(workload.object, identity, "memory_low", low, "the engine's own default")
        elif engine.memory is not None and amount > engine.memory:
            book.impossible(workload.object, identity, "memory_low", low, "the engine refuses a reservation above the limit")
        elif v1:
            engine.reservation = amount
            book.approximated(workload.object, identity, "memory_low", low, "on cgroup v1 it is a soft limit, not a promise")
        else:
            engine.reservation = amount
            book.exact(workload.object, identity, "memory_low", low, "effective only where its slice carries it")
    if minimum is not None:
        book.impossible(workload.object, identity, "memory_min", minimum, "Docker has no flag for memory.min; memory.low is its promise")
    _high(workload, identity, facts, book, engine)


def _high(workload: Workload, identity: str, facts: Facts, book: Book, engine: Engine) -> None:
    high, amount = workload.memory_high, size_of(workload.memory_high)
    if high is None:
        return
    driver = _driver(facts)
    if amount is None or amount >= INFINITY:
        book.impossible(workload.object, identity, "memory_high", high, "Docker has no flag for memory.high")
    elif driver != "systemd":
        reason = "the cgroupfs driver cannot say it" if driver == "cgroupfs" else "say docker.cgroup_driver on the host: only systemd's can"
        book.impossible(workload.object, identity, "memory_high", high, f"Docker has no flag for memory.high; {reason}")
    elif (version := _version(facts)) is not None and version < _ANNOTATES:
        reason = f"Docker {version} has no annotation either (since {_ANNOTATES})"
        book.impossible(workload.object, identity, "memory_high", high, f"Docker has no flag for memory.high; {reason}")
    else:
        engine.annotations.append(("org.systemd.property.MemoryHigh", f"uint64 {int(amount)}"))
        book.approximated(workload.object, identity, "memory_high", high, "by an annotation that runc hands to systemd, best effort")


def _driver(facts: Facts) -> str | None:
    return None if facts.docker_cgroup_driver is None else facts.docker_cgroup_driver.value


def _version(facts: Facts) -> int | None:
    """The engine's major version."""
    known = None if facts.docker is None else facts.docker.value
    return None if known is None else int(known.partition(".")[0])


def _behaviour(workload: Workload, identity: str, facts: Facts, book: Book, engine: Engine) -> None:
    adj = workload.oom_score_adj
    rootless = facts.docker_rootless is not None and facts.docker_rootless.value is True
    if adj is not None and adj.value is not None:
        if rootless and adj.value < 0:
            book.impossible(workload.object, identity, "oom_score_adj", adj, "a rootless engine cannot lower a score below its own")
        else:
            engine.oom_score_adj = adj.value
            book.exact(workload.object, identity, "oom_score_adj", adj)
    if workload.slice is not None:
        if _driver(facts) == "cgroupfs":
            book.impossible(workload.object, identity, "slice", workload.slice, "the cgroupfs driver knows no slices")
        else:
            engine.slice = workload.slice.value
            book.exact(workload.object, identity, "slice", workload.slice)
    _afterwards(workload, identity, book, engine)


def _afterwards(workload: Workload, identity: str, book: Book, engine: Engine) -> None:
    restart, oom_policy = workload.restart, workload.oom_policy
    if restart is not None and restart.value is not None:
        if restart.value == "on-abnormal":
            engine.restart = "on-failure"
            book.approximated(workload.object, identity, "restart", restart, "Docker knows on-failure only: every non-zero exit")
        else:
            engine.restart = restart.value
            book.exact(workload.object, identity, "restart", restart)
    if oom_policy is not None:
        if oom_policy.value == "continue":
            book.exact(workload.object, identity, "oom_policy", oom_policy, "what Docker does")
        else:
            book.impossible(workload.object, identity, "oom_policy", oom_policy, "Docker kills one process of a container, never the group")
    if workload.managed_oom_preference is not None:
        book.impossible(
            workload.object, identity, "managed_oom_preference", workload.managed_oom_preference, "a container's scope takes no preference"
        )


def said_restart(text: str) -> str:
    """Read Docker's restart policy in systemd's words; unless-stopped is always, as far as memory goes."""
    name = text.partition(":")[0]
    return "always" if name == "unless-stopped" else name or "no"


def of_the_machine(key: str) -> str:
    """Say why a sysctl is refused for a container: it has no namespace (runc: libcontainer/configs/validate); else nothing."""
    name = key.replace("/", ".")
    if not name.startswith(_UNSHARED):
        return ""
    return f"{name[:60]} belongs to the whole machine, not to a container"
