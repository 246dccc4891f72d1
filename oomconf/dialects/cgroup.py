"""cgroup v2 by hand: one script that makes the groups, runs programs in them, and takes them away."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects._common import header, variables
from oomconf.dialects._shell import word
from oomconf.ledger import Artifact, Book, Cell, Rendering, unsaid_cells
from oomconf.placement import CgroupLeaf
from oomconf.policy import Policy, Setting, Workload, size_of
from oomconf.quantity import Size, memparse, total

_LIMITS: Final = ("memory_min", "memory_low", "memory_high", "memory_max", "memory_swap_max")
"""In the order of the script's arguments."""

_CANNOT: Final = {
    "restart": "a script starts a program once: nothing watches it",
    "slice": "the path of the cgroup says where it lives",
    "managed_oom_preference": "systemd-oomd looks at units",
}


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write one script for all groups of the host; nothing on cgroup v1."""
    leaves = [workload for workload in policy.workloads if isinstance(workload.placement, CgroupLeaf)]
    if not leaves:
        return Rendering()
    book = Book("cgroup")
    version = policy.facts.cgroup_version
    if version is not None and version.value == 1:
        return Rendering(ledger=tuple(cell for leaf in leaves for cell in unsaid_cells(leaf, "cgroup v1", ())))
    programs = [_program(leaf, book) for leaf in leaves]
    text = needs.templates.render(
        "cgroup/oomconf-cgroup.sh.j2",
        header=header(policy.source, [leaf.object for leaf in leaves]),
        parents=_parents(leaves),
        leaves=[_row(leaf, book) for leaf in leaves],
        programs=programs,
        names="".join(f" {leaf.name}" for leaf in leaves),
    )
    said = tuple(book.cells)
    entered: dict[str, list[Cell]] = {}
    for cell in said:
        entered.setdefault(cell.object, []).append(cell)
    for leaf in leaves:
        book.cells += unsaid_cells(leaf, "cgroup", entered.get(leaf.object, ()))
    artifact = Artifact(path="root/usr/local/sbin/oomconf-cgroup", text=text, mode=0o755, objects=tuple(leaf.object for leaf in leaves))
    return Rendering(artifacts=(artifact,), ledger=tuple(book.cells))


def _row(leaf: Workload, book: Book) -> str:
    identity = leaf.placement.identities[0]
    place = _place(leaf)
    values: list[str] = []
    for name in _LIMITS:
        setting: Setting[Size] | None = getattr(leaf, name)
        size = size_of(setting)
        values.append("-" if size is None else memparse.format(size))
        if setting is None:
            continue
        if size is None:
            book.impossible(leaf.object, identity, name, setting, "RAM is unknown, so the share has no size")
        elif name in ("memory_min", "memory_low") and place.delegated_by is not None and size:
            book.approximated(leaf.object, identity, name, setting, f"{place.delegated_by} itself must carry the promise")
        else:
            book.exact(leaf.object, identity, name, setting)
    values.append(_group(leaf, identity, book))
    return " ".join([word(leaf.name), word(place.path), word(place.delegated_by or "-"), *values])


def _group(leaf: Workload, identity: str, book: Book) -> str:
    policy = leaf.oom_policy
    if policy is None:
        return "-"
    if policy.value == "stop":
        book.impossible(leaf.object, identity, "oom_policy", policy, "there is no manager that would stop the rest; say kill")
        return "-"
    book.exact(leaf.object, identity, "oom_policy", policy)
    return "1" if policy.value == "kill" else "0"


def _program(leaf: Workload, book: Book) -> dict[str, str]:
    identity = leaf.placement.identities[0]
    for name, why in _CANNOT.items():
        setting = getattr(leaf, name)
        if setting is not None:
            book.impossible(leaf.object, identity, name, setting, why)
    adj = leaf.oom_score_adj
    if adj is not None:
        book.exact(leaf.object, identity, "oom_score_adj", adj, "what 'run' starts")
    environment = variables(leaf, identity, book, base="the caller")
    command = [word(one) for one in _place(leaf).command]
    if environment and command:
        command = ["env", *(word(f"{variable.name}={variable.value}") for variable in environment), *command]
    return {"name": word(leaf.name), "adj": "" if adj is None else str(adj.value), "command": " ".join(command)}


def _parents(leaves: list[Workload]) -> list[str]:
    """The groups above the leaves carry the sum of what is promised below, or it would have no effect."""
    sums: dict[tuple[str | None, str], dict[str, list[Size]]] = {}
    for leaf in leaves:
        place = _place(leaf)
        parts = place.path.split("/")
        for depth in range(1, len(parts)):
            row = sums.setdefault((place.delegated_by, "/".join(parts[:depth])), {"memory_min": [], "memory_low": []})
            for name, amounts in row.items():
                size = size_of(getattr(leaf, name))
                if size:
                    amounts.append(size)
    return [
        " ".join([word(path), word(path), word(unit or "-"), _sum(row["memory_min"]), _sum(row["memory_low"]), "- - - -"])
        for (unit, path), row in sums.items()
        if row["memory_min"] or row["memory_low"]
    ]


def _sum(amounts: list[Size]) -> str:
    return memparse.format(total(amounts)) if amounts else "-"


def _place(leaf: Workload) -> CgroupLeaf:
    if not isinstance(leaf.placement, CgroupLeaf):
        raise TypeError(leaf.placement)
    return leaf.placement


DIALECT: Final = Dialect(
    name="cgroup",
    summary="usr/local/sbin/oomconf-cgroup: up, run, status and down for cgroup v2 without a service manager",
    render=render,
    proven="shellcheck, dash, busybox sh; a booted kernel",
)
