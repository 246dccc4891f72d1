"""Small policies by hand, and what one rule says of them."""

from __future__ import annotations

from typing import Any

from oomconf import rules
from oomconf.engine import lint
from oomconf.finding import Finding
from oomconf.placement import Placement, SystemdUnit
from oomconf.policy import Facts, Fleet, Group, Policy, Process, Setting, Workload
from oomconf.quantity import Percent, Size
from oomconf.resolver import resolve

G = 1 << 30
M = 1 << 20


def said(value: Any) -> Any:
    """A setting of a bare value; sizes of whole numbers are left to the caller."""
    return value if value is None or isinstance(value, Setting) else Setting(value, text=str(value))


def size(value: int | Percent | None) -> Any:
    return (
        None
        if value is None
        else Setting(value if isinstance(value, Percent) else Size(value), text=str(int(value)) if isinstance(value, int) else "")
    )


def service(name: str, *, placement: Placement | None = None, processes: tuple[Process, ...] = (), **values: Any) -> Workload:
    """A workload; `memory_*` in bytes, everything else as it is; a systemd unit of its name unless placed elsewhere."""
    fields = {key: size(value) if key.startswith("memory_") else said(value) for key, value in values.items()}
    place = placement or SystemdUnit(unit=f"{name}.service")
    return Workload(name=name, object=f"services.{name}", placement=place, processes=processes, **fields)


def part(name: str, *, count: int = 1, adj: int | None = None, memory: int | None = None) -> Process:
    return Process(name=name, count=count, oom_score_adj=said(adj), memory=size(memory))


def slice_of(name: str, **values: Any) -> Group:
    fields = {key: size(value) if key.startswith("memory_") else said(value) for key, value in values.items()}
    return Group(name=name, object=f"slices.{name}", **fields)


def host(**values: Any) -> Facts:
    """Facts; RAM, swap and reserve in bytes."""
    sizes = ("memory_total", "swap_total", "reserved")
    return Facts(**{key: size(value) if key in sizes else said(value) for key, value in values.items()})


def findings(rule: str, *things: Workload | Group, facts: Facts | None = None) -> list[Finding]:
    """Everything that a rule finds on a host of these; the policy is resolved first."""
    policy = Policy(
        name="web",
        object="hosts.web",
        facts=facts or Facts(),
        workloads=tuple(thing for thing in things if isinstance(thing, Workload)),
        groups=tuple(thing for thing in things if isinstance(thing, Group)),
    )
    found = rules.find(rule)
    assert found is not None
    report = lint(Fleet(policies=(resolve(policy),)), (found,))
    assert report.crashed == ()
    return list(report.findings)


def objects(rule: str, *things: Workload | Group, facts: Facts | None = None) -> list[str]:
    """Whom a rule names."""
    return [finding.object for finding in findings(rule, *things, facts=facts)]
