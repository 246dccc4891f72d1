"""Podman quadlet: limits on the generated service, the rest into the container, both ways (podman-systemd.unit(5))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from oomconf.dialect import Dialect, Document, Entry, Reading, Rendered, Sources
from oomconf.dialects import _ini, _units
from oomconf.dialects._common import header, variables
from oomconf.dialects._hints import Placed, runtimes
from oomconf.ledger import Artifact, Book, Rendering, Status, unsaid_cells
from oomconf.location import whole_file
from oomconf.placement import QuadletUnit
from oomconf.policy import Origin, Policy, Setting, Workload, beaten
from oomconf.quantity import SizeError
from oomconf.quantity import docker as sizes

FILE: Final = "60-oomconf.conf"
_DROPINS: Final = 5
"""Drop-ins for quadlet files are read from podman 5.0 on."""
_SCORE: Final = "--oom-score-adj="


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write drop-ins: [Service] for the generated service, which every quadlet reads, and [Container] for what must go inside."""
    book = Book("quadlet")
    artifacts: list[Artifact] = []
    for workload in policy.workloads:
        if isinstance(workload.placement, QuadletUnit):
            artifacts += _unit(workload, workload.placement, policy, needs, book)
    return Rendering(artifacts=tuple(artifacts), ledger=tuple(book.cells))


def _unit(workload: Workload, place: QuadletUnit, policy: Policy, needs: Rendered, book: Book) -> list[Artifact]:
    identity = place.identities[0]
    before = len(book.cells)
    lines: list[str] = []
    for saying in _units.sayings(workload, "service", policy.facts, user=place.user):
        if saying.field == "oom_score_adj":
            continue
        if saying.status is Status.IMPOSSIBLE:
            book.impossible(workload.object, identity, saying.field, saying.setting, saying.note)
            continue
        enter = book.exact if saying.status is Status.EXACT else book.approximated
        enter(workload.object, identity, saying.field, saying.setting, saying.note)
        lines.append(saying.line)
    inner = _container(workload, place, policy, book)
    book.cells += unsaid_cells(workload, "quadlet", book.cells[before:])
    words = {
        "header": _ini.comment(header(policy.source, [workload.object])),
        "manager": " --user" if place.user else "",
        "service": place.service,
        "unit": place.unit,
    }
    folder = "user" if place.user else "system"
    made: list[Artifact] = []
    if lines:
        text = needs.templates.render("quadlet/service.conf.j2", lines=lines, **words)
        made.append(Artifact(path=f"root/etc/systemd/{folder}/{place.service}.d/{FILE}", text=text, objects=(workload.object,)))
    if inner:
        text = needs.templates.render("quadlet/container.conf.j2", lines=inner, **words)
        folder = "etc/containers/systemd/users" if place.user else "etc/containers/systemd"
        made.append(Artifact(path=f"root/{folder}/{place.unit}.d/{FILE}", text=text, objects=(workload.object,)))
    return made


def _container(workload: Workload, place: QuadletUnit, policy: Policy, book: Book) -> list[str]:
    """What must reach the container itself; podman hands its own score on only where it is not told another."""
    identity = place.identities[0]
    old = _too_old(policy)
    lines: list[str] = []
    adj = workload.oom_score_adj
    rootless = place.user or (policy.facts.podman_rootless is not None and policy.facts.podman_rootless.value is True)
    if adj is not None and adj.value is not None:
        if rootless and adj.value < 0:
            book.impossible(workload.object, identity, "oom_score_adj", adj, "a rootless engine cannot lower a score below its own")
        elif old:
            book.impossible(workload.object, identity, "oom_score_adj", adj, old)
        else:
            lines.append(f"PodmanArgs={_SCORE}{adj.value}")
            book.exact(workload.object, identity, "oom_score_adj", adj)
    if not workload.runtimes:
        return lines
    if old:
        for runtime in workload.runtimes:
            said: Setting[Any] = runtime.heap if runtime.heap is not None else Setting(runtime.kind, workload.at)
            book.impossible(workload.object, identity, f"runtime.{runtime.kind}", said, old)
        return lines
    found = variables(workload, identity, book, base="the image")
    return lines + [f"Environment={_ini.environment(variable.name, variable.value)}" for variable in found]


def _too_old(policy: Policy) -> str:
    version = policy.facts.podman
    if version is None or version.value is None or int(version.value.split(".", maxsplit=1)[0]) >= _DROPINS:
        return ""
    return f"podman {version.value} reads no drop-ins for quadlet files (since {_DROPINS}.0): say it in the .container file"


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def claims(path: str) -> bool:
    """`.container` files and their drop-ins."""
    return path.endswith(".container") or (".container.d/" in path and path.endswith(".conf"))


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read `.container` files, their drop-ins, and drop-ins of the services that podman generates of them."""
    units: dict[tuple[bool, str], list[Document]] = {}
    for document in sorted(documents, key=_precedence):
        unit = _unit_of(document.path)
        if unit is not None:
            units.setdefault((_is_user(document.path), unit), []).append(document)
    workloads: list[Workload] = []
    entries: list[Entry] = []
    for (user, unit), files in units.items():
        workload, found = _workload(unit, files, user=user)
        workloads.append(workload)
        entries += found
    if not workloads:
        return Reading()
    return Reading((Policy(name="host", object="host", workloads=tuple(workloads)),), tuple(entries))


def _precedence(document: Document) -> tuple[int, bytes]:
    """The quadlet file first, then its drop-ins, then those of the service, each in order of file name."""
    path = document.path
    rank = 0 if path.endswith(".container") else 1 if ".container.d/" in path else 2
    return rank, path.rpartition("/")[2].encode("utf-8", "surrogatepass")


def _unit_of(path: str) -> str | None:
    folder, _, name = path.rpartition("/")
    owner = folder.rpartition("/")[2]
    if name.endswith(".container"):
        return name
    if owner.endswith(".container.d"):
        return owner.removesuffix(".d")
    return owner.removesuffix(".service.d") + ".container" if owner.endswith(".service.d") else None


def _is_user(path: str) -> bool:
    return "systemd/user/" in f"/{path}" or "systemd/users/" in f"/{path}"


def _workload(unit: str, files: Sequence[Document], *, user: bool) -> tuple[Workload, list[Entry]]:
    fields: dict[str, Any] = {}
    entries: list[Entry] = []
    environment: dict[str, Placed] = {}
    for document in files:
        for line in _ini.parse(document.path, document.text).assignments:
            if line.section == "Service":
                _service_line(unit, line, fields, entries)
            elif line.section == "Container":
                _container_line(unit, line, fields, entries, environment)
    return Workload(
        name=unit,
        object=unit,
        at=whole_file(files[0].path),
        placement=QuadletUnit(unit=unit, user=user),
        runtimes=runtimes(environment),
        **fields,
    ), entries


def _service_line(unit: str, line: _ini.Assignment, fields: dict[str, Setting[Any]], entries: list[Entry]) -> None:
    row = _units.find(line.key)
    if row is None or row.field is None or "service" not in row.kinds or row.parse is None:
        return
    try:
        value = row.empty if not line.value else row.parse(line.value)
        fault = hint = ""
    except SizeError as error:
        value, fault, hint = None, error.message, error.hint
    entries.append(Entry("quadlet", unit, line.section, line.key, line.value, line.at, fault, hint))
    below = fields.get(row.field)
    if fault and below is not None:
        return
    if not line.value and value is None:
        fields.pop(row.field, None)
        return
    fields[row.field] = Setting(value, line.at, Origin.WRITTEN, line.value, beaten(below))


def _container_line(unit: str, line: _ini.Assignment, fields: dict[str, Any], entries: list[Entry], environment: dict[str, Placed]) -> None:
    if line.key == "PodmanArgs" and _SCORE in line.value:
        text = line.value.partition(_SCORE)[2].split(maxsplit=1)[0] if line.value.partition(_SCORE)[2].split() else ""
        try:
            score, fault = sizes.parse_int(text), ""
        except SizeError as error:
            score, fault = None, error.message
        entries.append(Entry("quadlet", unit, line.section, line.key, text, line.at, fault))
        fields["oom_score_adj"] = Setting(score, line.at, Origin.WRITTEN, text)
    elif line.key == "Memory" and line.value:
        try:
            size, fault, hint = sizes.parse(line.value), "", ""
        except SizeError as error:
            size, fault, hint = None, error.message, error.hint
        entries.append(Entry("quadlet", unit, line.section, line.key, line.value, line.at, fault, hint))
        fields.setdefault("memory_max", Setting(size, line.at, Origin.WRITTEN, line.value))
    elif line.key == "Image":
        fields["image"] = line.value or None
    elif line.key == "Environment":
        for one in _ini.words(line.value):
            name, equals, value = (one.text or "").partition("=")
            if equals:
                environment[name] = (value, line.at)


DIALECT: Final = Dialect(
    name="quadlet",
    summary="drop-ins for podman's .container files and the services made of them",
    render=render,
    claims=claims,
    read=read,
    proven="podman's quadlet generator and systemd",
)
