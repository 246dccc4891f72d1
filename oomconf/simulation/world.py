"""A policy as a machine that can run out of memory: limits, scores as they reach the kernel, and what each service uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from oomconf.errors import InputError
from oomconf.kernel.overcommit import commit_limit
from oomconf.kernel.version import KernelVersion
from oomconf.kubelet import Container, Pod, container_memory_max, container_swap_max, kubepods_memory_max, oom_score_adj
from oomconf.placement import CgroupLeaf, KubernetesContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Policy, Process, Setting, Workload, size_of
from oomconf.quantity import INFINITY, PAGE_SIZE, Size, roughly
from oomconf.simulation.nouns import WHOEVER_ASKS, Group, Keeper, Machine, Member, OomPolicy, Part

__all__ = ["KUBEPODS", "machine_of"]

KUBEPODS: Final = "kubepods.slice"
_USER_ADJ: Final = 200
"""What a user unit gets unless it says: its manager's own 100 and 100 more (systemd 250 and later; nothing before)."""
_USER_SINCE: Final = 250
_NO_ROOT_BONUS: Final = KernelVersion(4, 17)
_GENERATIONS: Final = KernelVersion(6, 3)
"""From here on the multi-gen LRU, where it is on, walks cgroups in an order of its own (mm/vmscan.c: shrink_many)."""
_ALL: Final = 2
"""vm.panic_on_oom of which cgroups are no exception."""
_STRICT: Final = 2
"""vm.overcommit_memory that refuses memory instead of promising it."""
_MOST_COPIES: Final = 64
_NAMED: Final = 8
_SMALL: Final = 64 << 20
"""What a service is taken to use of which nothing at all is known."""


def machine_of(policy: Policy, use: Mapping[str, int] | None = None) -> Machine:
    """Build the machine of a resolved host policy; `use` gives bytes in use by service where they are known better.

    Raise InputError if the host's RAM is unknown.
    """
    facts = policy.facts
    total = size_of(facts.memory_total)
    if total is None:
        raise InputError(f"{policy.object or policy.name}: its RAM is unknown: say ram or memtotal")
    swap = size_of(facts.swap_total) or Size(0)
    page = _value(facts.page_size) or PAGE_SIZE
    reserved = size_of(facts.reserved) or Size(0)
    assumed: list[str] = []
    if facts.reserved is None:
        kubelet = " (the kubelet's reservations only limit its pods)" if policy.kubelet is not None else ""
        assumed.append(f"nothing is reserved for the kernel and the host's own processes{kubelet}: say hosts.{policy.name}.reserved")
    kernel = _kernel(facts.kernel)
    if kernel is not None and kernel < _NO_ROOT_BONUS:
        assumed.append(f"nothing runs as root: Linux {kernel} spares what does by 3 %")
    if policy.kubelet is not None:
        assumed.append("the kubelet evicts pods where memory shrinks slowly enough for it; here the kernel is faster")
    if policy.oomd is not None or any(group.managed_oom_swap or group.managed_oom_memory_pressure for group in policy.groups):
        assumed.append("systemd-oomd may kill by pressure or full swap before the kernel does, and by other rules: it is not played")
    panic = _sysctl(policy, "vm.panic_on_oom", 0)
    if panic:
        what = "every shortage, a cgroup's too," if panic == _ALL else "a shortage of the whole machine"
        assumed.append(f"vm.panic_on_oom is {panic}: {what} stops the machine; who is first is who would be chosen without it")
    if _sysctl(policy, "vm.oom_kill_allocating_task", 0):
        assumed.append(WHOEVER_ASKS)
    if swap and not _sysctl(policy, "vm.swappiness", 60):
        assumed.append("vm.swappiness is 0: only a shortage of the whole machine swaps, a cgroup at its limit does not")
    assumed += _commit(policy, total, swap)
    groups = _groups(policy, total)
    members = tuple(_members(policy, use or {}, swap, groups, assumed))
    if low := [one.name for one in policy.workloads if size_of(one.memory_low) and (kernel is None or kernel >= _GENERATIONS)]:
        # mm/vmscan.c: shrink_one passes over what is below memory.low once, and takes from it when its turn comes again
        assumed.append(
            f"the multi-gen LRU is off (/sys/kernel/mm/lru_gen/enabled; Debian 13 turns it on): under it, from Linux {_GENERATIONS} on, "
            f"a shortage of the whole machine takes what memory.low promises as well, and only memory.min is kept ({_cut(low)})"
        )
    assumed += _used(members)
    return Machine(
        name=policy.name,
        memory=max(0, total - reserved),
        memory_total=total,
        swap=swap,
        members=members,
        groups=groups,
        page_size=page,
        kernel=kernel,
        panic_on_oom=panic,
        allocating_task=_sysctl(policy, "vm.oom_kill_allocating_task", 0) != 0,
        swappiness=_sysctl(policy, "vm.swappiness", 60),
        assumptions=tuple(dict.fromkeys(assumed)),
    )


def _value(setting: Setting[int] | None) -> int | None:
    return None if setting is None else setting.value


def _kernel(setting: Setting[str] | None) -> KernelVersion | None:
    try:
        return None if setting is None or setting.value is None else KernelVersion.parse(setting.value)
    except ValueError:
        return None


def _sysctl(policy: Policy, name: str, default: int) -> int:
    setting = policy.sysctls.get(name)
    text = "" if setting is None or setting.value is None else setting.value.strip()
    return int(text) if text.removeprefix("-").isdecimal() else default


def _cut(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _used(members: Sequence[Member]) -> Iterator[str]:
    """Say whence it is taken what services use, the names cut."""
    whys: dict[str, dict[str, None]] = {}
    for member in members:
        if member.use_why:
            whys.setdefault(member.use_why, {})[member.service] = None
    said = []
    for why, names in whys.items():
        said.append(f"{why} ({_cut(list(names))})")
    if said:
        yield f"in use when nothing is wrong: {', '.join(said)}; --use SERVICE=SIZE and --snapshot say it better"


def _commit(policy: Policy, total: int, swap: int) -> Iterator[str]:
    """Say where the kernel refuses memory before its killer is asked."""
    if _sysctl(policy, "vm.overcommit_memory", 0) != _STRICT:
        return
    ratio, kbytes = max(0, _sysctl(policy, "vm.overcommit_ratio", 50)), max(0, _sysctl(policy, "vm.overcommit_kbytes", 0))
    limit = commit_limit(memory_total=total, swap_total=swap, ratio=ratio, kbytes=kbytes)
    tail = "less than there is, so malloc fails first" if limit < total + swap else "more than there is"
    yield (
        f"vm.overcommit_memory is 2: programs are promised {roughly(limit)} in all, {tail}; "
        "what is said here is what happens when memory runs out all the same"
    )


def _groups(policy: Policy, total: int) -> dict[str, Group]:
    found = {
        group.name: Group(
            name=group.name,
            high=_or_infinity(size_of(group.memory_high)),
            max=_or_infinity(size_of(group.memory_max)),
            swap_max=_or_infinity(size_of(group.memory_swap_max)),
        )
        for group in policy.groups
        if group.kind == "slice"
    }
    kubelet = policy.kubelet
    if kubelet is not None:
        held = kubepods_memory_max(total, size_of(kubelet.kube_reserved) or 0, size_of(kubelet.system_reserved) or 0)
        found[KUBEPODS] = Group(name=KUBEPODS, max=held)
    return found


def _or_infinity(size: Size | None) -> int:
    return INFINITY if size is None else size


def _above(name: str | None, groups: Mapping[str, Group]) -> tuple[str, ...]:
    """Groups that hold a slice, itself first, by the dashes of its name."""
    found: list[str] = []
    while name is not None and len(found) < 32:  # noqa: PLR2004
        if name in groups:
            found.append(name)
        stem = name.removesuffix(".slice")
        name = None if "-" not in stem.strip("-") else stem.rpartition("-")[0] + ".slice"
    return tuple(found)


def _members(policy: Policy, use: Mapping[str, int], swap: int, groups: Mapping[str, Group], assumed: list[str]) -> Iterator[Member]:
    pods: dict[str, list[Workload]] = {}
    for workload in policy.workloads:
        place = workload.placement
        if isinstance(place, KubernetesContainer):
            pods.setdefault(f"{place.kind}/{place.namespace}/{place.name}", []).append(workload)
            continue
        copies = workload.copies
        for number in range(min(copies, _MOST_COPIES)):
            yield _named(_service(workload, policy, use, groups, assumed), number, copies)
        if copies > _MOST_COPIES:
            assumed.append(f"{workload.name}: {_MOST_COPIES} of its {copies} copies take part")
    for containers in pods.values():
        yield from _pod(containers, policy, use, swap, assumed)


def _keeper(workload: Workload) -> Keeper:
    place = workload.placement
    if isinstance(place, SystemdUnit):
        return "systemd"
    if isinstance(place, QuadletUnit):
        return "podman"
    if isinstance(place, CgroupLeaf):
        return "none"
    return "kubelet" if isinstance(place, KubernetesContainer) else "docker"


def _named(member: Member, number: int, copies: int) -> Member:
    return member if copies == 1 else replace(member, name=f"{member.name}#{number + 1}")


def _service(workload: Workload, policy: Policy, use: Mapping[str, int], groups: Mapping[str, Group], assumed: list[str]) -> Member:
    swap = size_of(policy.facts.swap_total) or Size(0)
    adj = _adj(workload, policy, assumed)
    held, why = _use(workload, use, size_of(policy.facts.memory_total) or Size(0))
    sized = [f"{process.count} × {process.name}" for process in workload.processes if size_of(process.memory) is not None]
    if sized:
        assumed.append(f"{workload.name}: processes of a said size keep it outside of the scenarios ({', '.join(sized)})")
    first = _value(policy.facts.cgroup_version) == 1
    if first and (workload.memory_high or workload.memory_low or workload.memory_min):
        assumed.append(f"{workload.name}: cgroup v1 has no memory.high, memory.low or memory.min: they are not there")
    return Member(
        name=workload.name,
        at=workload.at,
        parts=_parts(workload, adj),
        use=held,
        use_why=why,
        high=INFINITY if first else _or_infinity(size_of(workload.memory_high)),
        max=_or_infinity(size_of(workload.memory_max)),
        swap_max=min(swap, _or_infinity(size_of(workload.memory_swap_max))),
        low=0 if first else max(size_of(workload.memory_low) or 0, size_of(workload.memory_min) or 0),
        groups=_above(None if workload.slice is None else workload.slice.value, groups),
        oom_policy=_oom_policy(workload),
        restart=(None if workload.restart is None else workload.restart.value) or "no",
        keeper=_keeper(workload),
        protected=_protected(workload),
    )


def _protected(workload: Workload) -> bool:
    level = None if workload.protect is None else workload.protect.value
    adj = _value(workload.oom_score_adj)
    return level in ("critical", "high") or (level is None and adj is not None and adj < 0)


def _adj(workload: Workload, policy: Policy, assumed: list[str]) -> int:
    place = workload.placement
    said = _value(workload.oom_score_adj)
    user = isinstance(place, SystemdUnit | QuadletUnit) and place.user
    user = user and (_value(policy.facts.systemd) or _USER_SINCE) >= _USER_SINCE
    if said is None:
        return _USER_ADJ if user else 0
    if user and said < _USER_ADJ // 2:
        assumed.append(f"{workload.name}: a user's manager cannot go below its own score: {_USER_ADJ // 2} instead of {said}")
        return _USER_ADJ // 2
    return said


def _parts(workload: Workload, adj: int) -> tuple[Part, ...]:
    if not workload.processes:
        return (Part(name=workload.name, oom_score_adj=adj),)
    return tuple(_part(process, adj) for process in workload.processes)


def _part(process: Process, adj: int) -> Part:
    own = _value(process.oom_score_adj)
    return Part(name=process.name, oom_score_adj=adj if own is None else own, count=process.count, size=size_of(process.memory))


def _use(workload: Workload, use: Mapping[str, int], total: int) -> tuple[int, str]:
    """Tell what a service uses when nothing is wrong, and whence that is taken where nobody measured it."""
    if workload.name in use:
        return use[workload.name], ""
    sizes = [(process.count, size_of(process.memory)) for process in workload.processes]
    if sizes and all(size is not None for _, size in sizes):
        return sum(count * (size or 0) for count, size in sizes), ""
    for name, words in (("memory_low", "memory.low"), ("memory_min", "memory.min")):
        size = size_of(getattr(workload, name))
        if size:
            return size, words
    for name, words in (("memory_high", "half of memory.high"), ("memory_max", "half of memory.max")):
        size = size_of(getattr(workload, name))
        if size is not None and size < INFINITY:
            return size // 2, words
    return min(_SMALL, total // 16), f"{roughly(min(_SMALL, total // 16))} for want of any number"


def _oom_policy(workload: Workload) -> OomPolicy:
    """What a kill in it is followed by: systemd's default is stop; Docker can only go on, podman and a bare cgroup also kill all."""
    said = None if workload.oom_policy is None else workload.oom_policy.value
    keeper = _keeper(workload)
    if keeper == "systemd" or (keeper == "podman" and said in ("continue", "kill")) or (keeper == "none" and said == "kill"):
        return cast("OomPolicy", said) if said in ("continue", "stop", "kill") else "stop"
    return "continue"


def _pod(containers: list[Workload], policy: Policy, use: Mapping[str, int], swap: int, assumed: list[str]) -> Iterator[Member]:
    total = size_of(policy.facts.memory_total) or Size(1)
    pod = Pod(containers=tuple(_container(one) for one in containers))
    hosts = _value(policy.facts.count) or 1
    replicas = -(-max(one.copies for one in containers) // hosts)
    behavior = None if policy.kubelet is None or policy.kubelet.swap_behavior is None else policy.kubelet.swap_behavior.value
    single = policy.kubelet is not None and _flag(policy.kubelet.single_process_oom_kill)
    single = single or _value(policy.facts.cgroup_version) == 1
    for number in range(min(replicas, _MOST_COPIES)):
        for workload, container in zip(containers, pod.containers, strict=True):
            if container.kind == "init":
                continue
            adj = oom_score_adj(pod, container, max(1, int(total)))
            held, why = _use(workload, use, total)
            limit = container_memory_max(pod, container)
            limited = "LimitedSwap" if behavior == "LimitedSwap" else "NoSwap"
            yield _named(
                Member(
                    name=workload.name,
                    at=workload.at,
                    parts=_parts(workload, adj),
                    use=held,
                    use_why=why,
                    max=_or_infinity(limit),
                    swap_max=container_swap_max(pod, container, node_memory=int(total), node_swap=swap, behavior=limited),  # type: ignore[arg-type]
                    groups=(KUBEPODS,) if policy.kubelet is not None else (),
                    oom_policy="continue" if single else "kill",
                    restart="always",
                    keeper="kubelet",
                    protected=_protected(workload),
                ),
                number,
                replicas,
            )
    if replicas > _MOST_COPIES:
        assumed.append(f"{containers[0].name}: {_MOST_COPIES} of {replicas} pods a node take part")


def _flag(setting: Setting[bool] | None) -> bool:
    return setting is not None and setting.value is True


def _container(workload: Workload) -> Container:
    place = workload.placement
    limit = size_of(workload.memory_max)
    return Container(
        name=place.container if isinstance(place, KubernetesContainer) else workload.name,
        kind=place.role if isinstance(place, KubernetesContainer) else "container",
        request_memory=_value(workload.memory_request),
        limit_memory=None if limit is None or limit >= INFINITY else limit,
        request_cpu_milli=_value(workload.cpu_request),
        limit_cpu_milli=_value(workload.cpu_limit),
    )
