"""What a rule is: one function on one kind of subject, its page in its docstring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from oomconf.finding import Problem, Related, Severity
from oomconf.placement import KubernetesContainer
from oomconf.policy import Facts, Fleet, Group, Policy, Setting, Workload, size_of
from oomconf.quantity import INFINITY, Size

__all__ = ["Context", "Problem", "Related", "Rule", "Severity", "rule"]

S = TypeVar("S")


class Index:
    """Look-ups over a whole fleet, shared by the contexts of all its policies."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    @cached_property
    def namespaces(self) -> Mapping[str, Group]:
        """Kubernetes namespaces by name."""
        return {group.name: group for policy in self.fleet.policies for group in policy.groups if group.kind == "namespace"}

    @cached_property
    def pods(self) -> Mapping[str, tuple[Workload, ...]]:
        """Containers of pods by namespace, each once however many hosts may run it."""
        inside: dict[str, dict[str, Workload]] = {}
        for policy in self.fleet.policies:
            for workload in policy.workloads:
                if isinstance(workload.placement, KubernetesContainer):
                    inside.setdefault(workload.placement.namespace or "default", {}).setdefault(workload.object, workload)
        return {name: tuple(workloads.values()) for name, workloads in inside.items()}


class Context:
    """What surrounds a subject: its policy, the fleet, and look-ups that cost nothing twice."""

    def __init__(self, policy: Policy, fleet: Fleet, index: Index | None = None) -> None:
        self.policy = policy
        self.fleet = fleet
        self.index = Index(fleet) if index is None else index

    @property
    def facts(self) -> Facts:
        return self.policy.facts

    def said(self, in_spec: str, in_files: str = "") -> str:
        """Choose the words of whoever wrote the subject: the spec's, or those of raw files."""
        return in_spec if self.policy.source else in_files

    @cached_property
    def groups(self) -> Mapping[str, Group]:
        """Slices of this policy by name."""
        return {group.name: group for group in self.policy.groups if group.kind == "slice"}

    @cached_property
    def members(self) -> Mapping[str, tuple[Workload, ...]]:
        """Workloads directly in each slice."""
        inside: dict[str, list[Workload]] = {}
        for workload in self.policy.workloads:
            if workload.slice is not None and workload.slice.value is not None:
                inside.setdefault(workload.slice.value, []).append(workload)
        return {name: tuple(workloads) for name, workloads in inside.items()}

    @cached_property
    def services(self) -> tuple[Workload, ...]:
        """Workloads of this host that are not pods."""
        return tuple(workload for workload in self.policy.workloads if workload.placement.target != "kubernetes")

    @cached_property
    def pods(self) -> tuple[Workload, ...]:
        """Containers of pods on this node or in this cluster."""
        return tuple(workload for workload in self.policy.workloads if workload.placement.target == "kubernetes")

    def ancestors(self, name: str | None) -> tuple[Group, ...]:
        """Slices that hold `name`, itself first, as far as the policy knows them."""
        found: list[Group] = []
        while name is not None:
            group = self.groups.get(name) or Group(name=name, object=name)
            if name in self.groups:
                found.append(group)
            name = group.parent
        return tuple(found)

    @property
    def memory_total(self) -> Setting[Size] | None:
        """RAM of the host; None if unknown."""
        setting = self.facts.memory_total
        return None if setting is None or setting.value is None else setting

    @property
    def swap_total(self) -> Size | None:
        """Swap of the host in bytes, 0 if it has none; None if unknown."""
        setting = self.facts.swap_total
        return None if setting is None else setting.value

    @cached_property
    def total_pages(self) -> int | None:
        """RAM and swap in pages, as the global OOM killer counts them (mm/oom_kill.c: constrained_alloc); None if unknown."""
        if self.memory_total is None or self.memory_total.value is None or self.swap_total is None:
            return None
        return (self.memory_total.value + self.swap_total) // self.page_size

    @property
    def page_size(self) -> int:
        setting = self.facts.page_size
        return 4096 if setting is None or setting.value is None else setting.value

    def limit(self, workload: Workload) -> Size | None:
        """The smallest memory.max on the way from the workload to the root in bytes; None if nothing known limits it."""
        sizes = [size_of(workload.memory_max)]
        if workload.slice is not None:
            sizes += [size_of(group.memory_max) for group in self.ancestors(workload.slice.value)]
        known = [size for size in sizes if size is not None and size < INFINITY]
        return min(known) if known else None

    def sysctl(self, name: str) -> int | None:
        """The said value of a numeric sysctl; None if unsaid or not a number."""
        setting = self.policy.sysctls.get(name)
        if setting is None or setting.value is None or not setting.value.lstrip("-").isdigit():
            return None
        return int(setting.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[S]):
    """A check with its page; its id is the name of its function and of its module."""

    id: str
    on: type[S] | None
    severity: Severity
    needs: tuple[str, ...]
    """Facts without which it is skipped, and counted as skipped."""
    page: str
    check: Callable[[S, Context], Iterable[Problem]] | None
    """None for what the engine itself finds: its id, page and examples live here all the same."""

    @property
    def summary(self) -> str:
        return self.page.partition("\n")[0]


def rule(*, on: type[S], severity: Severity, needs: tuple[str, ...] = ()) -> Callable[[Callable[[S, Context], Iterable[Problem]]], Rule[S]]:
    """Make a rule of a function that yields problems; its docstring is the rule's page."""

    def make(check: Callable[[S, Context], Iterable[Problem]]) -> Rule[S]:
        return Rule(
            id=check.__name__.replace("_", "-"), on=on, severity=severity, needs=needs, page=_page(check.__doc__ or ""), check=check
        )

    return make


def page_only(name: str, severity: Severity, page: str) -> Rule[Any]:
    """Make the page of a finding that the engine or the loader raises itself."""
    return Rule(id=name, on=None, severity=severity, needs=(), page=_page(page), check=None)


def _page(text: str) -> str:
    lines = text.strip().splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    cut = min(indents, default=0)
    return "\n".join([lines[0], *(line[cut:].rstrip() for line in lines[1:])]) if lines else ""
