"""What rules about oom_score_adj ask of a workload: the program, the score that reaches the kernel, what can never be killed."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from oomconf.finding import Related
from oomconf.kernel.badness import ADJ_MAX, ADJ_NEVER
from oomconf.placement import ComposeService, DockerContainer, KubernetesContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Amount, Facts, Policy, Process, Setting, Workload, size_of
from oomconf.programs import Program, find
from oomconf.quantity import INFINITY, Percent
from oomconf.rule import Context

__all__ = [
    "Limit",
    "by_default",
    "by_user",
    "could_reset",
    "heeded",
    "immortal",
    "limits",
    "part_score",
    "program",
    "protected",
    "rootless",
    "score",
    "set_by_vendor",
]

_STARTER: Final = re.compile(r"^pg_(?!ctl$)|^postgresql|\.sh$|^(?:ba|da)?sh$|^true$|[%$]")
"""Programs of which nobody knows what they put into the environment of PostgreSQL."""


class Limit(NamedTuple):
    """A memory.max that holds a workload; a share of an unknown RAM has no size."""

    name: str
    setting: Setting[Amount]
    own: bool

    @property
    def related(self) -> Related:
        return Related(self.setting.at, f"{self.name} is limited here")


def program(workload: Workload) -> Program | None:
    """Name the program of a workload, by its unit, its image or its command; None if it is not certain."""
    place = workload.placement
    if isinstance(place, SystemdUnit):
        return find(unit=place.unit, command=place.command[0] if place.command else None)
    if isinstance(place, QuadletUnit):
        return find(unit=place.service, image=workload.image)
    return find(image=place.image if isinstance(place, DockerContainer) else workload.image)


def score(workload: Workload) -> Setting[int] | None:
    """Give the oom_score_adj that is said of a workload and that the kernel takes."""
    return _taken(workload.oom_score_adj)


def _taken(adj: Setting[int] | None) -> Setting[int] | None:
    return None if adj is None or adj.value is None or not ADJ_NEVER <= adj.value <= ADJ_MAX else adj


def part_score(process: Process, workload: Workload) -> Setting[int] | None:
    """Give the score of one of its processes: its own, else the workload's, which fork(2) copies."""
    return _taken(process.oom_score_adj) or score(workload)


def by_user(workload: Workload) -> bool:
    """Whether a user's own manager starts it."""
    return isinstance(workload.placement, SystemdUnit | QuadletUnit) and workload.placement.user


def rootless(workload: Workload, facts: Facts) -> Setting[bool] | None:
    """Give the fact by which the engine of a container runs without root; None if it does not, or is not known to."""
    place = workload.placement
    if isinstance(place, DockerContainer | ComposeService):
        fact = facts.docker_rootless
    else:
        fact = facts.podman_rootless if isinstance(place, QuadletUnit) else None
    return fact if fact is not None and fact.value is True else None


def heeded(workload: Workload, facts: Facts) -> bool:
    """Whether a negative score that is said reaches the kernel: not from user units, rootless engines and pods."""
    return not by_user(workload) and rootless(workload, facts) is None and not isinstance(workload.placement, KubernetesContainer)


def set_by_vendor(workload: Workload) -> bool:
    """Whether the score is what the vendor's own unit says."""
    known, adj = program(workload), score(workload)
    return known is not None and adj is not None and known.vendor_oom_score_adj == adj.value


def protected(workload: Workload) -> Setting[int] | None:
    """Give the negative score that somebody chose for it; None if it has none, or only its vendor's."""
    adj = score(workload)
    return adj if adj is not None and adj.value is not None and adj.value < 0 and not set_by_vendor(workload) else None


def immortal(workload: Workload, facts: Facts) -> Setting[int] | None:
    """Give the -1000 by which nothing of a workload can be killed (mm/oom_kill.c: oom_badness()); None if a part of it can be.

    A declared process above -1000 is such a part; so are the children of a program that is known to reset the score of what it forks.
    Silent on a vendor's own -1000.
    """
    if not heeded(workload, facts) or set_by_vendor(workload):
        return None
    if workload.processes:
        scores = [part_score(process, workload) for process in workload.processes]
        return scores[0] if all(one is not None and one.value == ADJ_NEVER for one in scores) else None
    adj = score(workload)
    return adj if adj is not None and adj.value == ADJ_NEVER and not _workers_reset(workload) else None


def by_default(adj: Setting[int], policy: Policy) -> bool:
    """Whether it is the manager's default for all services, which has a finding of its own."""
    return policy.default_oom_score_adj is not None and policy.default_oom_score_adj.at == adj.at


def could_reset(workload: Workload) -> bool:
    """Whether it is PostgreSQL, whose backends reset their score where PG_OOM_ADJUST_FILE is set."""
    known = program(workload)
    return known is not None and known.children == "reset" and not known.spawns


def _workers_reset(workload: Workload) -> bool:
    if not could_reset(workload):
        return False
    said, place = workload.oom_adjust_file, workload.placement
    if said is not None:
        return said.value is None or said.value.startswith("/")
    if isinstance(place, SystemdUnit):
        # a package's unit and its pg_ctlcluster set it, a postmaster that is started by hand has what its unit says
        return not place.command or _STARTER.search(place.command[0].rpartition("/")[2]) is not None
    return isinstance(place, DockerContainer) and any("PG_OOM_ADJUST_FILE=/" in option for option in place.options)


def limits(workload: Workload, around: Context) -> tuple[Limit, ...]:
    """List every memory.max above a workload, its own first; one that its consumer ignores is none."""
    above = around.ancestors(None if workload.slice is None else workload.slice.value)
    said = [(workload.name, workload.memory_max, True), *((group.name, group.memory_max, False) for group in above)]
    return tuple(Limit(name, setting, own) for name, setting, own in said if setting is not None and _limits(setting))


def _limits(setting: Setting[Amount]) -> bool:
    size = size_of(setting)
    return isinstance(setting.value, Percent) or (size is not None and size < INFINITY)
