"""Policy → drop-ins: `60-oomconf.conf` sorts behind what set-property leaves and before a local override.conf (systemd.unit(5))."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from oomconf.dialect import Rendered
from oomconf.dialects import _ini, _units
from oomconf.dialects._common import header, variables
from oomconf.dialects._shell import word
from oomconf.ledger import Artifact, Book, Rendering, Status, unsaid_cells
from oomconf.placement import SystemdUnit
from oomconf.policy import Facts, Group, Policy, Setting, Workload

FILE: Final = "60-oomconf.conf"
_SYSTEM: Final = "root/etc/systemd/system"
_USER: Final = "root/etc/systemd/user"


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write a drop-in for every unit of the policy's systemd services, for every slice, and for oomd.conf."""
    book = Book("systemd")
    artifacts: list[Artifact] = []
    for workload in policy.workloads:
        if isinstance(workload.placement, SystemdUnit):
            artifacts += _service(workload, workload.placement, policy, needs, book)
    for group in policy.groups:
        if group.kind == "slice":
            artifacts += _slice(group, policy, needs, book)
    artifacts += _oomd(policy, needs, book)
    return Rendering(artifacts=tuple(artifacts), ledger=tuple(book.cells))


def enter(book: Book, thing: Workload | Group, identity: str, saying: _units.Saying) -> None:
    """Enter one saying in the ledger."""
    if saying.status is Status.EXACT:
        book.exact(thing.object, identity, saying.field, saying.setting, saying.note)
    elif saying.status is Status.APPROXIMATED:
        book.approximated(thing.object, identity, saying.field, saying.setting, saying.note)
    else:
        book.impossible(thing.object, identity, saying.field, saying.setting, saying.note)


def _service(workload: Workload, placement: SystemdUnit, policy: Policy, needs: Rendered, book: Book) -> Iterator[Artifact]:
    before = len(book.cells)
    said = tuple(_units.sayings(workload, "service", policy.facts, user=placement.user))
    for unit, identity in zip(placement.units, placement.identities, strict=True):
        for saying in said:
            enter(book, workload, identity, saying)
        lines = [saying.line for saying in said if saying.line]
        lines += _environment(workload, identity, policy.facts, book)
        if lines:
            yield _file(_Unit("unit", unit, placement.user, _home(unit, said, user=placement.user)), lines, workload.object, policy, needs)
    book.cells += unsaid_cells(workload, book.target, book.cells[before:])


def _environment(workload: Workload, identity: str, facts: Facts, book: Book) -> list[str]:
    if not workload.runtimes:
        return []
    if _units.version(facts) == 0:
        for runtime in workload.runtimes:
            setting: Setting[Any] = runtime.heap if runtime.heap is not None else Setting(runtime.kind, runtime.at)
            book.impossible(workload.object, identity, f"runtime.{runtime.kind}", setting, "the host has no systemd")
        return []
    before = len(book.cells)
    try:
        return [f"Environment={_ini.environment(one.name, one.value)}" for one in variables(workload, identity, book, base="the unit")]
    except ValueError as error:
        for cell in (entered := book.cells[before:]):
            book.impossible(cell.object, cell.identity, cell.field, cell.setting, str(error))
        del book.cells[before : before + len(entered)]
        return []


def _slice(group: Group, policy: Policy, needs: Rendered, book: Book) -> Iterator[Artifact]:
    identity = f"{'user:' if group.user else ''}{group.name}"
    said = tuple(_units.sayings(group, "slice", policy.facts, user=group.user))
    for saying in said:
        enter(book, group, identity, saying)
    lines = [saying.line for saying in said if saying.line]
    if lines:
        yield _file(_Unit("slice", group.name, group.user, word(group.name)), lines, group.object, policy, needs)


def _home(unit: str, said: tuple[_units.Saying, ...], *, user: bool) -> str:
    """The shell's word for a unit's slice: in systemd 257 a reload alone writes no limit of what runs, and a start beside it does."""
    slices = [saying.text for saying in said if saying.field == "slice" and saying.line]
    asked = f'"$(systemctl{" --user" if user else ""} show -P Slice {word(unit)})"'
    return word(slices[0]) if slices else asked


class _Unit(NamedTuple):
    template: str
    name: str
    user: bool
    slice: str
    """The slice that it is in, or is, as the shell's word."""


def _file(unit: _Unit, lines: list[str], thing: str, policy: Policy, needs: Rendered) -> Artifact:
    text = needs.templates.render(
        f"systemd/{unit.template}.conf.j2",
        header=_ini.comment(header(policy.source, [thing])),
        manager=" --user" if unit.user else "",
        slice=_ini.comment(unit.slice),
        lines=lines,
    )
    return Artifact(path=f"{_USER if unit.user else _SYSTEM}/{unit.name}.d/{FILE}", text=text, objects=(thing,))


def _oomd(policy: Policy, needs: Rendered, book: Book) -> Iterator[Artifact]:
    if policy.oomd is None:
        return
    v1 = policy.facts.cgroup_version is not None and policy.facts.cgroup_version.value == 1
    lines: list[str] = []
    for row in _units.OOMD:
        setting: Setting[Any] | None = None if row.field is None else getattr(policy.oomd, row.field)
        if setting is None or row.field is None:
            continue
        note = _units.refusal(row, setting, policy.facts) or ("systemd-oomd needs cgroup v2" if v1 else "")
        if note:
            book.impossible(policy.object, "oomd.conf", row.field, setting, note)
        else:
            book.exact(policy.object, "oomd.conf", row.field, setting)
            lines.append(f"{row.name}={row.write(setting.value)}")
    if lines:
        text = needs.templates.render("systemd/oomd.conf.j2", header=_ini.comment(header(policy.source, [policy.object])), lines=lines)
        yield Artifact(path=f"root/etc/systemd/oomd.conf.d/{FILE}", text=text, objects=(policy.object,))
