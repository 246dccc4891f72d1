"""What a spec says of the victim and of the limit that was met, with the line, and the change that it would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from oomconf.diagnosis.limits import wanted_limit
from oomconf.diagnosis.nouns import Counterfactual, Declared, Diagnosis
from oomconf.oomlog.events import OomEvent
from oomconf.oomlog.owners import owner_of
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, KubernetesContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Amount, Group, Policy, Setting, Workload, size_of
from oomconf.quantity import Size

__all__ = ["declared", "with_lines"]


def declared(event: OomEvent, policies: Sequence[Policy], sparing: Counterfactual | None = None) -> tuple[Declared, ...]:
    """Find the services and slices of resolved policies that an event is about.

    By unit, slice, cgroup path, pod name or container name; else by a process's own name, where a service is called like it or names it
    in its `processes`. `sparing` is the score that would have spared the victim.
    """
    found: dict[tuple[str, str], Declared] = {}
    for policy in policies:
        for one in _of(event, policy, sparing):
            found.setdefault((one.service, one.key), one)
    return tuple(found.values())


def _of(event: OomEvent, policy: Policy, sparing: Counterfactual | None) -> Iterator[Declared]:
    path = None if event.memcg is None else event.memcg.path
    if path is not None:
        for group in policy.groups:
            if _is_group(group, path):
                yield from _limit(group.object, group.memory_max, event)
    for workload in policy.workloads:
        if path is not None and _runs(workload, path):
            yield from _limit(workload.object, workload.memory_max, event)
        if _is_victim(workload, event):
            yield from _protection(workload, event, sparing)


def _limit(service: str, setting: Setting[Amount] | None, event: OomEvent) -> Iterator[Declared]:
    size = size_of(setting)
    if setting is None or size is None:
        return
    met = None if event.memcg is None or event.memcg.limit_kb is None else event.memcg.limit_kb * 1024
    wanted = None
    if met is not None and size <= met:
        wanted = str(Size(wanted_limit(met)))
    yield Declared(service=service, at=setting.at, key="memory.max", value=str(size), wanted=wanted)


def _protection(workload: Workload, event: OomEvent, sparing: Counterfactual | None) -> Iterator[Declared]:
    said, key = workload.oom_score_adj, "oom_score_adj"
    if said is None or said.value is None:
        return
    if workload.protect is not None and workload.protect.at == said.at:
        key = "protect"
    wanted = None
    if sparing is not None and event.kind != "memcg":
        wanted = _spared(said.value, sparing.oom_score_adj, words=key == "protect")
    text = f"{workload.protect.value} ({said.value})" if key == "protect" and workload.protect is not None else str(said.value)
    yield Declared(service=workload.object, at=said.at, key=key, value=text, wanted=wanted)


def _spared(said: int, wanted: int, *, words: bool) -> str | None:
    """Say the score, or the level of protection, that would have spared the victim; None where the spec means it to die first."""
    if said > 0 or said <= wanted:
        return None
    if not words:
        return str(wanted)
    from oomconf.spec.policies import ADJUSTMENTS  # noqa: PLC0415  only who has a spec has it loaded

    return next((level for level, adj in sorted(ADJUSTMENTS.items(), key=lambda pair: -pair[1]) if adj <= wanted), None)


def _is_group(group: Group, path: str) -> bool:
    return group.kind == "slice" and path.rstrip("/").rpartition("/")[2] == group.name


def _runs(workload: Workload, path: str) -> bool:
    """Whether a cgroup path is of a workload."""
    place = workload.placement
    last = path.rstrip("/").rpartition("/")[2]
    if isinstance(place, SystemdUnit):
        return last in place.units
    if isinstance(place, QuadletUnit):
        return owner_of(path).unit == place.service or f"/{place.service}/" in f"{path}/"
    if isinstance(place, CgroupLeaf):
        return path.endswith(f"/{place.path}")
    return False


def _is_victim(workload: Workload, event: OomEvent) -> bool:
    victim = event.victim
    if victim is None:
        return False
    place = workload.placement
    if event.task_memcg is not None and _runs(workload, event.task_memcg):
        return True
    owner = victim.owner
    if isinstance(place, SystemdUnit) and owner.unit is not None:
        return owner.unit in place.units
    if isinstance(place, KubernetesContainer) and owner.pod is not None:
        return f"/{owner.pod}".rpartition("/")[2].startswith(f"{place.name}-") and (
            "/" not in owner.pod or owner.pod.startswith(f"{place.namespace}/")
        )
    if isinstance(place, DockerContainer | ComposeService) and owner.container is not None and victim.pid is None:
        return victim.name == (place.name if isinstance(place, DockerContainer) else place.service)
    named = {process.name for process in workload.processes} | {workload.name}
    return owner.unit is None and victim.name in named


def with_lines(found: Diagnosis, texts: Mapping[str, str]) -> Diagnosis:
    """Add to what a spec declares the line that says it, and the line with the change, where a value stands alone at its place."""
    if not found.declared:
        return found
    return replace(found, declared=tuple(_with_line(one, texts.get(one.at.path)) for one in found.declared))


def _with_line(one: Declared, text: str | None) -> Declared:
    lines = [] if text is None else text.splitlines()
    begin, end = one.at.column - 1, (one.at.end_column or 0) - 1
    if one.wanted is None or not 0 < one.at.line <= len(lines) or one.at.end_line != one.at.line or end <= begin:
        return one
    line = lines[one.at.line - 1]
    old = line[begin:end]
    bare = old.strip("'\"")
    if bare != one.value.partition(" ")[0] and (one.key == "protect" or not bare.removeprefix("-")[:1].isdecimal()):
        return one
    return replace(one, line=line, wanted_line=f"{line[:begin]}{one.wanted}{line[end:]}")
