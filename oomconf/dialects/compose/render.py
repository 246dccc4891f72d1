"""Policy → compose overrides that merge with their base file and never conflict with it."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Rendered, Sources
from oomconf.dialects._common import header, variables
from oomconf.dialects._containers import Engine, engine_says
from oomconf.dialects._yaml import Mapping, Scalar
from oomconf.dialects._yaml_write import quoted, scalar
from oomconf.dialects.compose.files import inside, load, services
from oomconf.ledger import Artifact, Book, Cell, Rendering, Status, unsaid_cells
from oomconf.placement import ComposeService
from oomconf.policy import Policy, Workload
from oomconf.quantity import INFINITY, docker
from oomconf.runtimes import Variable

_NO_BASE: Final = "the base file cannot be read, so its style is unknown"


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write one override for each base file that a service of the host names."""
    book = Book("compose")
    bases = _Bases(needs.sources)
    files: dict[str, list[tuple[Workload, list[str]]]] = {}
    for workload in policy.workloads:
        if isinstance(workload.placement, ComposeService):
            lines = _service(workload, workload.placement, policy, bases, book)
            if lines:
                files.setdefault(workload.placement.file, []).append((workload, lines))
    artifacts = [_file(path, rows, policy, needs) for path, rows in files.items()]
    return Rendering(artifacts=tuple(artifacts), ledger=tuple(book.cells))


def _file(path: str, rows: list[tuple[Workload, list[str]]], policy: Policy, needs: Rendered) -> Artifact:
    objects = [workload.object for workload, _ in rows]
    stem, dot, end = path.rpartition(".")
    text = needs.templates.render(
        "compose/override.yaml.j2",
        header=header(policy.source, objects),
        base=path.rpartition("/")[2],
        services=[{"name": scalar(_name(workload)), "lines": lines} for workload, lines in rows],
    )
    return Artifact(path=f"compose/{stem}.oomconf.{end}" if dot else f"compose/{path}.oomconf.yaml", text=text, objects=tuple(objects))


def _name(workload: Workload) -> str:
    return workload.placement.service if isinstance(workload.placement, ComposeService) else workload.name


def _service(workload: Workload, place: ComposeService, policy: Policy, bases: _Bases, book: Book) -> list[str]:
    identity = place.identities[0]
    base, missing = bases.of(place)
    before = len(book.cells)
    engine = engine_says(workload, identity, policy.facts, book)
    said = variables(workload, identity, book, base="the base file")
    book.cells += unsaid_cells(workload, "compose", book.cells[before:])
    if missing:
        book.cells[before:] = [_worse(cell, Status.IMPOSSIBLE, missing) for cell in book.cells[before:]]
        return []
    if base is None:
        book.cells[before:] = [
            _worse(cell, Status.APPROXIMATED, _NO_BASE) if cell.status is Status.EXACT else cell for cell in book.cells[before:]
        ]
    return _lines(engine, said, base)


class _Bases:
    """The base files of a host, each read once."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.known: dict[str, dict[str, tuple[Mapping, Scalar]] | None] = {}

    def of(self, place: ComposeService) -> tuple[Mapping | None, str]:
        """Give a service as its base file has it, or why that has not; neither where the file cannot be read."""
        if place.file not in self.known:
            document = self.sources.get(place.file)
            tree = None if document is None else load(document).tree
            self.known[place.file] = None if tree is None else services(tree, place.file, self.sources)
        found = self.known[place.file]
        if found is None:
            return None, ""
        if place.service not in found:
            known = ", ".join(sorted(found)[:10]) or "none"
            return None, f"{place.file} has no service '{place.service}' (it has {known})"
        return found[place.service][0], ""


def _worse(cell: Cell, status: Status, note: str) -> Cell:
    return Cell(cell.object, cell.identity, cell.field, cell.target, status, cell.setting, note)


def _lines(engine: Engine, said: tuple[Variable, ...], base: Mapping | None) -> list[str]:
    """Memory goes where the base has it: compose refuses two places that differ, and takes an absent one for 0."""
    limits = inside(base, "deploy", "resources", "limits") is not None
    reservations = inside(base, "deploy", "resources", "reservations") is not None
    in_service = not limits or inside(base, "mem_limit") is not None
    low_in_service = not reservations or inside(base, "mem_reservation") is not None
    lines: list[str] = []
    deploy: list[str] = []
    if engine.memory is not None:
        size = quoted(docker.format(engine.memory))
        lines += [f"mem_limit: {size}"] if in_service else []
        deploy += ["    limits:", f"      memory: {size}"] if limits else []
        if engine.swap_total is not None:
            lines.append(f"memswap_limit: {-1 if engine.swap_total >= INFINITY else quoted(docker.format(engine.swap_total))}")
    if engine.reservation is not None:
        size = quoted(docker.format(engine.reservation))
        lines += [f"mem_reservation: {size}"] if low_in_service else []
        deploy += ["    reservations:", f"      memory: {size}"] if reservations else []
    if engine.oom_score_adj is not None:
        lines.append(f"oom_score_adj: {engine.oom_score_adj}")
    if engine.slice is not None:
        lines.append(f"cgroup_parent: {_value(engine.slice)}")
    if engine.restart is not None:
        lines.append(f"restart: {quoted(engine.restart)}")
    if deploy:
        lines += ["deploy:", "  resources:", *deploy]
    if engine.annotations:
        lines += ["annotations:", *(f"  {scalar(name)}: {_value(value)}" for name, value in engine.annotations)]
    if said:
        lines += ["environment:", *(f"  {scalar(variable.name)}: {_value(variable.value)}" for variable in said)]
    return lines


def _value(text: str) -> str:
    """Quote a value; a dollar would be put in as a variable."""
    return quoted(text.replace("$", "$$"))
