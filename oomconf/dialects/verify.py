"""verify: a script that holds what is in force on a host against the policy, after any change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects import _units, find
from oomconf.dialects._common import header
from oomconf.dialects._containers import swap_total
from oomconf.dialects._shell import comment, word
from oomconf.kernel.sysctls import SYSCTLS
from oomconf.ledger import Artifact, Cell, Rendering, Status
from oomconf.placement import CgroupLeaf, ComposeService, DockerContainer, QuadletUnit, SystemdUnit
from oomconf.policy import Policy, Workload, size_of
from oomconf.quantity import INFINITY, Percent, Size, memparse

LOOKED_AT: Final = ("systemd", "quadlet", "docker", "compose", "cgroup", "sysctl", "swap")
"""The targets whose exact values the script checks."""
_FILES: Final = {
    "memory_min": "memory.min",
    "memory_low": "memory.low",
    "memory_high": "memory.high",
    "memory_max": "memory.max",
    "memory_swap_max": "memory.swap.max",
}
_DIRECTIVES: Final = {row.field: row for row in _units.DIRECTIVES if row.field is not None}
_ENGINE: Final = {"memory_max": "HostConfig.Memory", "memory_low": "HostConfig.MemoryReservation"}
_RESTARTS: Final = {"always": ("always", "unless-stopped"), "no": ("no", "")}
"""What an engine may say for a word of the policy (oomconf.dialects._containers.said_restart)."""
_V1: Final = "its host has cgroup v1, which the script does not read"
_SCALE: Final = 2**32 - 1


@dataclass(slots=True)
class _Script:
    """What the template is given, grown thing by thing."""

    things: list[dict[str, Any]] = field(default_factory=list)
    machine: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    objects: dict[str, None] = field(default_factory=dict)
    scorers: dict[str, str] = field(default_factory=dict)
    """The script, by object, that gives what runs its score."""

    def add(self, thing: str, calls: Iterable[str], rows: list[str]) -> None:
        """Add rows for the things of an object; `calls` have `{}` where the name of the function with the rows stands."""
        name = f"rows_{len(self.things) + 1}"
        self.things.append({"name": name, "rows": rows, "calls": [call.replace("{}", name, 1) for call in calls]})
        self.objects[thing] = None

    def note(self, who: str, why: str) -> None:
        self.notes.append(f"note {word(f'{comment(who)}: {why}')}")

    def left_out(self, cell: Cell, why: str) -> None:
        who = f"{cell.identity}: " if cell.identity != cell.field else ""
        self.notes.append(f"left_out {word(comment(f'{who}{cell.field} is not checked: {why}'))}")


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write a script that checks every value that the ledger of its target calls exact; nothing for a host without one."""
    cells = _ledger(policy, needs)
    script = _Script(scorers=_scorers(policy, needs))
    on_v1 = policy.facts.cgroup_version is not None and policy.facts.cgroup_version.value == 1
    for group in policy.groups:
        if group.kind != "slice":
            continue
        if group.user:
            script.note(f"user:{group.name}", "slices of user managers are not looked at")
            continue
        rows = list(_rows(cells.get(("systemd", group.name), ()), _unit_rows, script, on_v1=on_v1))
        if rows:
            script.add(group.object, [f"slice {{}} {word(group.name)} plain"], rows)
    for workload in policy.workloads:
        try:
            _workload(workload, policy, cells, script, on_v1=on_v1)
        except ValueError:
            continue  # a NUL, which no command line can hold
    _machine(policy, cells, script)
    if not script.things and not script.machine:
        return Rendering()
    calls = [call for thing in script.things for call in thing["calls"]]
    text = needs.templates.render(
        "verify/oomconf-verify.sh.j2",
        header=comment(header(policy.source, list(script.objects))),
        things=script.things,
        calls=calls,
        machine=script.machine,
        notes=script.notes,
        on_v2="no" if on_v1 or not calls else "yes",
        containers="yes" if any(call.startswith(("container ", "composed ")) for call in calls) else "no",
    )
    artifact = Artifact(path="root/usr/local/sbin/oomconf-verify", text=text, mode=0o755, objects=tuple(script.objects))
    return Rendering(artifacts=(artifact,))


class _Blank:
    """Templates of which nothing is wanted but the ledger."""

    def render(self, name: str, /, **values: object) -> str:  # noqa: ARG002
        return ""


_Cells = dict[tuple[str, str], list[Cell]]


def _ledger(policy: Policy, needs: Rendered) -> _Cells:
    """What the targets say of the policy, by target and identity: whether a value can be checked is theirs to decide."""
    found: _Cells = {}
    for name in LOOKED_AT:
        dialect = find(name)
        if dialect is None or dialect.render is None:
            continue
        for cell in dialect.render(policy, Rendered(_Blank(), needs.sources, needs.fleet)).ledger:
            of = policy.object if name in ("sysctl", "swap") else cell.identity
            found.setdefault((name, of), []).append(cell)
    return found


def _scorers(policy: Policy, needs: Rendered) -> dict[str, str]:
    dialect = find("oom-score-adj")
    if dialect is None or dialect.render is None:
        return {}
    made = dialect.render(policy, Rendered(_Blank(), needs.sources, needs.fleet))
    return {thing: artifact.path for artifact in made.artifacts for thing in artifact.objects}


_Maker = Callable[[Cell], Iterator[str]]


def _rows(cells: Iterable[Cell], make: _Maker, script: _Script, *, on_v1: bool) -> Iterator[str]:
    for cell in cells:
        if cell.status is not Status.EXACT:
            if cell.field in _DIRECTIVES and f"{cell.target} has no word for it" not in cell.note:
                script.left_out(cell, cell.note)
            continue
        rows = list(make(cell))
        kept = [row for row in rows if not (on_v1 and row.startswith(("limit ", "oom_group ")))]
        if not kept:
            script.left_out(cell, _V1 if rows else "the script has no check for it")
        yield from kept


# ── what runs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _workload(workload: Workload, policy: Policy, cells: _Cells, script: _Script, *, on_v1: bool) -> None:
    place = workload.placement
    own = cells.get((place.target, place.identities[0]), [])
    adj = workload.oom_score_adj
    kind = "protected" if adj is not None and adj.value is not None and adj.value < 0 else "plain"
    if kind == "plain" and isinstance(place, SystemdUnit) and place.command:
        kind = "passing"
    rootless = policy.facts.docker_rootless is not None and policy.facts.docker_rootless.value is True
    if isinstance(place, SystemdUnit | QuadletUnit) and place.user:
        script.note(place.identities[0], "units of user managers are not looked at")
        return
    if isinstance(place, DockerContainer | ComposeService) and rootless:
        script.note(place.identities[0], "containers of a rootless engine are not looked at")
        return
    maker: _Maker
    scorer = f" {word(script.scorers[workload.object])}" if workload.object in script.scorers else ""
    if isinstance(place, SystemdUnit):
        calls, maker = [f"unit {{}} {word(unit)} {kind}{scorer}" for unit in place.units], _unit_rows
    elif isinstance(place, QuadletUnit):
        calls, maker = [f"unit {{}} {word(place.service)} {kind}{scorer}"], _quadlet_rows
    elif isinstance(place, CgroupLeaf):
        calls, maker = [f"leaf {{}} {word(place.path)} {word(place.delegated_by or '-')} {kind}"], _leaf_rows(workload)
    elif isinstance(place, DockerContainer):
        started = word(f"docker/{workload.name}.run.sh")
        calls, maker = [f"container {{}} {word(place.name)} {kind} {started}{scorer}"], _engine_rows(workload)
    elif isinstance(place, ComposeService):
        calls, maker = (
            [f"composed {{}} {word(place.service)} {kind} {' '.join(map(word, _compose_files(place.file)))}"],
            _engine_rows(workload),
        )
    else:
        return
    rows = list(_rows(own, maker, script, on_v1=on_v1))
    if rows:
        script.add(workload.object, calls, rows)


def _compose_files(path: str) -> tuple[str, str]:
    """The base file and the override beside it, by name."""
    name = path.rpartition("/")[2]
    stem, dot, end = name.rpartition(".")
    return name, f"{stem}.oomconf.{end}" if dot else f"{name}.oomconf.yaml"


def _unit_rows(cell: Cell) -> Iterator[str]:
    row = _DIRECTIVES.get(cell.field)
    value: Any = cell.setting.value
    if row is None:
        return
    if cell.field in _FILES:
        # systemctl shows bytes, and no limit as infinity
        shown = "infinity" if value >= INFINITY else str(int(value))
        yield f"limit {_FILES[cell.field]} {_bytes(value)} {row.name} {shown}"
    elif cell.field == "oom_score_adj":
        yield f"score {value}"
    elif cell.field == "slice":
        yield f"in_slice {word(value)}"
    elif isinstance(value, Percent):
        # the bus carries a share of 2^32 - 1, in words that versions of systemctl choose (src/basic/percent-util.h)
        scaled = (value.permyriad * _SCALE + 5000) // 10_000
        yield f"shows {row.name} {word(row.write(value))} {scaled} {value.permyriad / 100:.2f}%"
    else:
        yield f"shows {row.name} {word(row.write(value))}"
        if cell.field == "oom_policy":
            yield f"oom_group {_group(value)} {word(value)}"


def _quadlet_rows(cell: Cell) -> Iterator[str]:
    """The main process of the generated service is podman's monitor, which keeps a score of its own."""
    if cell.field == "oom_score_adj":
        yield f"payload_score {cell.setting.value}"
    else:
        yield from _unit_rows(cell)


def _leaf_rows(workload: Workload) -> _Maker:
    def rows(cell: Cell) -> Iterator[str]:
        value: Any = cell.setting.value
        if cell.field in _FILES:
            yield f"limit {_FILES[cell.field]} {_bytes(value)}"
        elif cell.field == "oom_score_adj":
            own = [process.oom_score_adj.value for process in workload.processes if process.oom_score_adj is not None]
            yield " ".join(["scores", *dict.fromkeys(str(one) for one in (value, *own) if one is not None)])
        elif cell.field == "oom_policy":
            yield f"oom_group {_group(value)}"

    return rows


def _engine_rows(workload: Workload) -> _Maker:
    def rows(cell: Cell) -> Iterator[str]:
        value: Any = cell.setting.value
        if cell.field in _ENGINE:
            yield f"inspects {_ENGINE[cell.field]} {int(value)}"
        elif cell.field == "memory_swap_max":
            whole = swap_total(size_of(workload.memory_max) or Size(0), value)
            yield f"inspects HostConfig.MemorySwap {-1 if whole >= INFINITY else int(whole)}"
        elif cell.field == "oom_score_adj":
            yield f"inspects HostConfig.OomScoreAdj {value}"
            yield f"score {value}"
        elif cell.field == "slice":
            yield f"inspects HostConfig.CgroupParent {word(value)}"
            yield f"in_slice {word(value)}"
        elif cell.field == "restart":
            yield f"inspects HostConfig.RestartPolicy.Name {' '.join(map(word, _RESTARTS.get(value, (value,))))}"
        elif cell.field == "oom_policy":
            yield f"oom_group {_group(value)}"
        if cell.field in _FILES:
            yield f"limit {_FILES[cell.field]} {_bytes(value)}"

    return rows


def _bytes(value: Size) -> str:
    """As the kernel gives it back: what no memory can hold is max (mm/page_counter.c)."""
    return memparse.format(memparse.parse(memparse.format(value)))


def _group(oom_policy: str) -> str:
    return "1" if oom_policy == "kill" else "0"


# ── the machine ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _machine(policy: Policy, cells: _Cells, script: _Script) -> None:
    for cell in cells.get(("sysctl", policy.object), ()):
        known = SYSCTLS.get(cell.field)
        if cell.status is not Status.EXACT:
            script.left_out(cell, cell.note)
        elif known is not None and known.kind == "action":
            script.left_out(cell, "it sets nothing that could be read")
        else:
            path = cell.field.translate(str.maketrans("./", "/."))
            script.machine.append(f"kernel_has {word(path)} {word(' '.join((cell.setting.value or '').split()))} {word(cell.field)}")
            script.objects[policy.object] = None
    exact = {(cell.identity, cell.field) for cell in cells.get(("swap", policy.object), ()) if cell.status is Status.EXACT}
    for swap in policy.swaps:
        size = "-" if swap.size is None or (swap.path, "size") not in exact else str(int(swap.size.value or 0))
        priority = "-" if swap.priority is None or (swap.path, "priority") not in exact else str(swap.priority.value)
        script.machine.append(f"swaps_on {word(swap.path)} {size} {priority}")
        script.objects[policy.object] = None
    for cell in cells.get(("systemd", "oomd.conf"), ()):
        script.left_out(cell, "oomctl shows what systemd-oomd goes by")


DIALECT: Final = Dialect(
    name="verify",
    summary="usr/local/sbin/oomconf-verify: whether all of it is in force, no new OOM kills since a mark, a bounded stress run",
    render=render,
    proven="shellcheck; sh, dash and busybox sh against made-up hosts",
)
