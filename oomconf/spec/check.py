"""What pydantic cannot see in a spec: references, exclusive keys, two that write the same file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from oomconf.dialects._yaml import Mapping
from oomconf.finding import Problem, Related
from oomconf.kernel.profiles import PROFILES
from oomconf.location import NOWHERE, Location
from oomconf.policy import Setting
from oomconf.spec.hosts import Host, SwapArea
from oomconf.spec.models import Spec
from oomconf.spec.placed import place
from oomconf.spec.services import PLACEMENTS, Service
from oomconf.spec.words import NAME

_SLICE = re.compile(r"[A-Za-z0-9_:.\\]+(-[A-Za-z0-9_:.\\]+)*\.slice")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SYSCTL = re.compile(r"-?[A-Za-z0-9_][A-Za-z0-9_./*?\[\]-]*")
_SYSTEM_SLICES = ("system.slice", "user.slice", "machine.slice")


class Lacking(Problem):
    """What is wrong because something is not said: not known while something beside it cannot be read."""

    __slots__ = ()


def check(spec: Spec, tree: Mapping, rules: tuple[str, ...] = ()) -> list[Problem]:
    """Find every problem of a well-formed spec that forbids rendering it, in no order."""
    return [
        *_names(tree),
        *_host_problems(spec, tree),
        *_slice_problems(spec, tree),
        *(problem for name, service in spec.services.items() for problem in _service_problems(name, service, spec, tree)),
        *_same_file(spec, tree),
        *_names_elsewhere(spec, rules),
    ]


def suggest(word: str, known: list[str]) -> str:
    """Give a 'did you mean' for a name, or list what there is."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known: {', '.join(known[:20])}" if known else "none is declared"


def key_at(tree: Mapping, *pointer: str) -> Location:
    """Place of a key; the nearest key above it if it is not written."""
    found = None
    node: Any = tree
    for key in pointer:
        if not isinstance(node, Mapping) or key not in node.keys_at:
            break
        found = node.keys_at[key]
        node = node.get(key)
    return NOWHERE if found is None else found.at


def _names(tree: Mapping) -> Iterator[Problem]:
    kinds = (
        ("hosts", re.compile(NAME), "letters, digits, '_', '.' and '-', beginning with a letter, digit or '_'"),
        ("services", re.compile(NAME), "letters, digits, '_', '.' and '-', beginning with a letter, digit or '_'"),
        ("slices", _SLICE, "a slice unit's name such as database.slice, parts joined by single dashes"),
        ("namespaces", _NAMESPACE, "a Kubernetes namespace's name: lower-case letters, digits and '-'"),
    )
    for section, pattern, accepted in kinds:
        node = tree.get(section)
        for name, at in node.keys_at.items() if isinstance(node, Mapping) else ():
            if pattern.fullmatch(name) is None and isinstance(node, Mapping) and name in node:
                yield Problem(place(at), f"{name[:80]!r} cannot be a name in {section}", f"use {accepted}")


def _host_problems(spec: Spec, tree: Mapping) -> Iterator[Problem]:
    for name, host in spec.hosts.items():
        yield from _sysctl_problems(name, host, tree)
        for area in host.swap.areas if host.swap is not None else ():
            yield from _swap_problems(area, key_at(tree, "hosts", name, "swap"))
        if host.page_size is not None and host.page_size.value not in (4096, 16384, 65536):
            yield Problem(host.page_size.at, f"{host.page_size.value} is not a page size of Linux", "say 4096, 16384 or 65536")
        total = host.memtotal or host.ram
        if total is None or host.reserved is None or total.value is None or host.reserved.value is None:
            continue
        if host.reserved.value >= total.value:
            yield Problem(
                host.reserved.at,
                f"reserved {host.reserved.value} leaves nothing of {total.value}",
                "reserve what the kernel and agents need, such as 768M",
                (Related(total.at, "RAM is declared here"),),
            )


def _sysctl_problems(name: str, host: Host, tree: Mapping) -> Iterator[Problem]:
    plan = host.sysctl
    if plan is None:
        return
    if plan.profile is not None and plan.profile.value not in PROFILES:
        yield Problem(
            plan.profile.at, f"there is no sysctl profile '{plan.profile.value}'", suggest(str(plan.profile.value), sorted(PROFILES))
        )
    for key, setting in plan.set.items():
        if _SYSCTL.fullmatch(key) is None or ".." in key or "*" in key or "?" in key or "[" in key:
            yield Problem(
                key_at(tree, "hosts", name, "sysctl", "set", key),
                f"{key[:80]!r} cannot be a sysctl's name",
                "write it with dots, such as vm.swappiness",
            )
        if setting.value is not None and not setting.value.strip():
            yield Problem(setting.at, f"{key} has no value", "say a value, or remove the key")


def _swap_problems(area: SwapArea, at: Location) -> Iterator[Problem]:
    if (area.file is None) == (area.device is None):
        yield Lacking(
            (area.file or area.device or Setting("", at)).at,
            "a swap area is either a file or a device",
            "write '{file: /swapfile, size: 4G}' or '{device: /dev/vdb}'",
        )
    elif area.size is None:
        where = area.file or area.device
        yield Lacking(where.at if where else at, "the swap area has no size", "add 'size: 4G'")
    elif area.size.value is not None and area.size.value < 10 * 4096:
        yield Problem(area.size.at, f"{area.size.text} is less than the 10 pages that mkswap wants", "say at least 64M")


def _slice_problems(spec: Spec, tree: Mapping) -> Iterator[Problem]:
    for name, unit in spec.slices.items():
        if name in (*_SYSTEM_SLICES, "-.slice"):
            yield Problem(
                key_at(tree, "slices", name),
                f"{name} belongs to systemd and is never touched",
                "make a slice of your own, such as database.slice",
            )
        yield from _host_reference(unit.host, spec)


def _host_reference(host: Setting[str] | None, spec: Spec) -> Iterator[Problem]:
    if host is not None and host.value not in spec.hosts:
        yield Problem(host.at, f"there is no host '{host.value}'", suggest(str(host.value), list(spec.hosts)))


def _service_problems(name: str, service: Service, spec: Spec, tree: Mapping) -> Iterator[Problem]:
    at = key_at(tree, "services", name)
    placed = [word for word in PLACEMENTS if getattr(service, word) is not None]
    if not placed:
        yield Lacking(at, f"services.{name} has no placement", f"add one of {', '.join(PLACEMENTS)}")
    for word in placed[1:]:
        first = key_at(tree, "services", name, placed[0])
        yield Problem(
            key_at(tree, "services", name, word),
            f"services.{name} has a second placement '{word}'",
            "a service runs in one place: make two services of it",
            (Related(first, f"its first placement '{placed[0]}'"),),
        )
    for host in service.host:
        yield from _host_reference(host, spec)
    if not service.host and len(spec.hosts) != 1 and service.kubernetes is None:
        hint = (
            f"say 'host:' with one of {', '.join(list(spec.hosts)[:20])}"
            if spec.hosts
            else "declare a host under 'hosts:' with its ram and swap"
        )
        yield Lacking(at, f"services.{name} does not say which host it runs on", hint)
    for host_name in service.overrides:
        listed = [host.value for host in service.host] or list(spec.hosts)
        if host_name not in listed:
            yield Problem(
                key_at(tree, "services", name, "overrides", host_name),
                f"services.{name} does not run on '{host_name}'",
                suggest(host_name, [str(one) for one in listed]),
            )
    if service.replicas is not None and service.kubernetes is None and service.compose is None:
        yield Problem(
            service.replicas.at,
            "only kubernetes and compose have replicas",
            "systemd units have 'instances'; else make one service for each",
        )
    yield from _said_problems(name, service, spec)
    yield from _placement_problems(name, service, spec, tree)


def _said_problems(name: str, service: Service, spec: Spec) -> Iterator[Problem]:
    for said in (service, *service.overrides.values()):
        if said.protect is not None and said.oom_score_adj is not None:
            yield Problem(
                said.oom_score_adj.value.at,
                f"services.{name} says both protect and oom_score_adj",
                "keep one: protect is -900, -500, 0, 300 or 900",
                (Related(said.protect.at, "protect is said here"),),
            )
        if said.oom_score_adj is not None and said.oom_score_adj.value.value == -1000 and said.oom_score_adj.reason is None:  # noqa: PLR2004
            yield Lacking(
                said.oom_score_adj.value.at,
                "-1000 makes a process unkillable and needs a reason",
                'write {value: -1000, reason: "..."}, or -900',
            )
        if said.slice is not None and said.slice.value not in (*spec.slices, *_SYSTEM_SLICES):
            yield Problem(said.slice.at, f"there is no slice '{said.slice.value}'", suggest(str(said.slice.value), list(spec.slices)))
        promise = said.memory.min or said.memory.low
        home = said.slice or service.slice
        if promise is not None and service.kubernetes is None and service.cgroup is None and home is None:
            yield Lacking(
                promise.at,
                f"services.{name} is promised memory but names no slice",
                "add 'slice:': a promise counts only if every ancestor carries it",
            )
        if promise is not None and home is not None and home.value in _SYSTEM_SLICES:
            yield Problem(promise.at, f"{home.value} belongs to systemd and carries no promise", "name a slice of your own under 'slices:'")


def _placement_problems(name: str, service: Service, spec: Spec, tree: Mapping) -> Iterator[Problem]:
    if service.systemd is not None and service.systemd.instances and not str(service.systemd.unit.value).endswith("@.service"):
        yield Problem(
            service.systemd.unit.at,
            f"'{service.systemd.unit.value}' is no template and has no instances",
            "name the template, such as postgresql@.service",
        )
    if service.kubernetes is not None:
        for said in (service, *service.overrides.values()):
            for key in ("min", "low", "swap_max"):
                setting = getattr(said.memory, key)
                if setting is not None:
                    yield Problem(
                        setting.at,
                        f"a pod cannot say {'swap_max' if key == 'swap_max' else 'memory.' + key}: the kubelet decides",
                        "remove it; say 'kubernetes.requests.memory' for what the pod is sure of"
                        if key != "swap_max"
                        else "remove it; the kubelet's memorySwap decides",
                    )
            if said.slice is not None:
                yield Problem(said.slice.at, "a pod has no slice: the kubelet places it", "remove it")
    if service.cgroup is not None and service.cgroup.delegated_by is None:
        for host_name in [host.value for host in service.host] or list(spec.hosts):
            host = spec.hosts.get(str(host_name))
            if host is None or host.systemd is None or host.systemd.value != 0:
                yield Lacking(
                    key_at(tree, "services", name, "cgroup"),
                    f"on a host with systemd the cgroup tree is systemd's; services.{name} would write into it",
                    "use 'systemd:' (systemd-run makes a scope), say 'delegated_by: UNIT', or 'systemd: 0' on a host without it",
                )
                break


def _same_file(spec: Spec, tree: Mapping) -> Iterator[Problem]:
    seen: dict[tuple[str, str], tuple[str, Location]] = {}
    for name, service in spec.services.items():
        placed = next((word for word in PLACEMENTS if getattr(service, word) is not None), None)
        if placed is None:
            continue
        at = key_at(tree, "services", name, placed)
        for host in [str(host.value) for host in service.host] or list(spec.hosts)[:1] or [""]:
            for identity in _identities(placed, service):
                key = ("" if placed == "kubernetes" else host, identity)
                if key in seen:
                    other, first = seen[key]
                    yield Problem(
                        at,
                        f"services.{name} and services.{other} would write the same file for {identity}",
                        "keep one of them",
                        (Related(first, f"services.{other} has it here"),),
                    )
                else:
                    seen[key] = (name, at)
    for host_name, plan in spec.hosts.items():
        paths: dict[str, Location] = {}
        for area in plan.swap.areas if plan.swap is not None else ():
            where = area.file or area.device
            if where is not None and where.value is not None:
                if where.value in paths:
                    yield Problem(
                        where.at,
                        f"hosts.{host_name} has swap on {where.value} twice",
                        "keep one of them",
                        (Related(paths[where.value], "it stands here first"),),
                    )
                paths[where.value] = where.at


def _identities(placed: str, service: Service) -> tuple[str, ...]:
    from oomconf.spec.policies import placement  # noqa: PLC0415

    return tuple(f"{placed} {identity}" for identity in placement(service).identities)


def _names_elsewhere(spec: Spec, rules: tuple[str, ...]) -> Iterator[Problem]:
    expected = (*spec.expect.first, *spec.expect.never) if spec.expect is not None else ()
    for setting in expected:
        if setting.value not in spec.services:
            yield Problem(setting.at, f"there is no service '{setting.value}'", suggest(str(setting.value), list(spec.services)))
    for ignore in spec.lint.ignore:
        if rules and ignore.rule.value not in rules:
            yield Problem(ignore.rule.at, f"there is no rule '{ignore.rule.value}'", suggest(str(ignore.rule.value), list(rules)))
