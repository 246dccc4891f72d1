"""oom_score_adj at once: a script for each service that gives its running processes their score (proc(5))."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects import _ini, _units
from oomconf.dialects._common import header
from oomconf.dialects._shell import word
from oomconf.ledger import Artifact, Book, Rendering
from oomconf.placement import DockerContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Facts, Policy, Workload

_USER_FLOOR: Final = 100
_MOST: Final = 1000
# podman's monitor sits in the unit's cgroup beside the container, and takes care of its own score.
_SPARE_MONITOR: Final = ('[ "$name" = conmon ] && return 0',)


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write a script for every service with a score whose processes can be found: units, quadlets and Docker containers.

    The ledger holds what the scripts say; what keeps a score from being set at all is said by the service's own target.
    """
    book = Book("oom-score-adj")
    artifacts: list[Artifact] = []
    for workload in policy.workloads:
        adj = workload.oom_score_adj
        if adj is None or adj.value is None or not -_MOST <= adj.value <= _MOST or not _reachable(workload, policy.facts, adj.value):
            continue
        try:
            source = _source(workload)
        except ValueError:
            continue
        user = isinstance(workload.placement, SystemdUnit | QuadletUnit) and workload.placement.user
        text = needs.templates.render(
            "systemd/oom-score-adj.sh.j2",
            header=_ini.comment(header(policy.source, [workload.object])),
            name=word(workload.name),
            adj=adj.value,
            rank="-eq" if user else "-ne",
            who="the user of the service, not root" if user else "root",
            source=source,
            spared=_SPARE_MONITOR if isinstance(workload.placement, QuadletUnit) else (),
        )
        artifacts.append(Artifact(path=f"systemd/{workload.name}.oom-score-adj.sh", text=text, mode=0o755, objects=(workload.object,)))
        for identity in workload.placement.identities:
            book.exact(workload.object, identity, "oom_score_adj", adj)
    return Rendering(artifacts=tuple(artifacts), ledger=tuple(book.cells))


def _reachable(workload: Workload, facts: Facts, adj: int) -> bool:
    placement = workload.placement
    if isinstance(placement, DockerContainer):
        return facts.docker_rootless is None or facts.docker_rootless.value is not True
    if not isinstance(placement, SystemdUnit | QuadletUnit) or _units.version(facts) == 0:
        return False
    rootless = isinstance(placement, QuadletUnit) and facts.podman_rootless is not None and facts.podman_rootless.value is True
    return not (rootless and not placement.user) and (adj >= _USER_FLOOR or not placement.user)


def _source(workload: Workload) -> str:
    """The command that prints the cgroups of a service, one a line; empty for what has none. Raises ValueError for a NUL in a name."""
    placement = workload.placement
    if isinstance(placement, DockerContainer):
        inspect = f"docker inspect --type=container --format='{{{{.State.Pid}}}}' -- {word(placement.name)}"
        return f'pid=$({inspect}) && sed -n -e "s/^0:://p" -e "s/^[0-9]*:name=systemd://p" "/proc/$pid/cgroup"'
    if isinstance(placement, SystemdUnit):
        units, manager = placement.units, " --user" if placement.user else ""
    elif isinstance(placement, QuadletUnit):
        units, manager = (placement.service,), " --user" if placement.user else ""
    else:
        return ""
    # a template stands for the instances that are loaded
    names = " ".join(word(unit.replace("@.", "@*.")) for unit in units)
    return f"systemctl{manager} show --property=ControlGroup -- {names} | sed -n 's/^ControlGroup=//p'"


DIALECT: Final = Dialect(
    name="oom-score-adj",
    family="systemd",
    summary="systemd/SERVICE.oom-score-adj.sh: the score of processes that run already",
    render=render,
    proven="dash and busybox on real processes",
)
