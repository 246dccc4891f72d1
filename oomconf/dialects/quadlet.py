"""Podman quadlet: limits on the generated service, the rest into the container, both ways (podman-systemd.unit(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Final

from oomconf.dialect import Dialect, Document, Entry, FaultOf, Reading, Rendered, Sources
from oomconf.dialects import _ini, _units
from oomconf.dialects._common import header, variables
from oomconf.dialects._containers import of_the_machine
from oomconf.dialects._docker_run import flags
from oomconf.dialects._hints import Placed, adjust_file, heard
from oomconf.dialects._podman import absent, score_refusal, too_old
from oomconf.dialects._shell import Word
from oomconf.dialects._templates import is_templated
from oomconf.dialects._unit_names import near
from oomconf.ledger import Artifact, Book, Rendering, Status, unsaid_cells
from oomconf.location import whole_file
from oomconf.placement import QuadletUnit
from oomconf.policy import WORKLOAD_FIELDS, Origin, Policy, Setting, Workload, beaten
from oomconf.quantity import Size, SizeError
from oomconf.quantity import docker as sizes

FILE: Final = "60-oomconf.conf"
_SCORE: Final = "--oom-score-adj="
_SECTIONS: Final = {
    "container": "Container",
    "kube": "Kube",
    "pod": "Pod",
    "volume": "Volume",
    "network": "Network",
    "image": "Image",
    "build": "Build",
}
"""Endings of files, and the section of each that is podman's."""
_OWN_ENDS: Final = ("container", "kube", "volume")
_FOLDER: Final = re.compile(r"(?:^|/)containers/systemd/|quadlet", re.IGNORECASE)
_FLAGS: Final = {
    "memoryswap": "--memory-swap",
    "memoryreservation": "--memory-reservation",
    "oomscoreadj": "--oom-score-adj",
    "oomscoreadjust": "--oom-score-adj",
}
_IGNORED: Final = "the line is ignored"
_NEAR: Final = 0.8
_BESIDE: Final = ("Memory", "Startup", "Default", "Limit", "ManagedOOM", "OOM")
_BOTH: Final = ("Environment", "EnvironmentFile")
"""Keys of [Service] that quadlet has too."""
_MEMORY: Final = re.compile(r"^--(?:memory|oom|shm|tmpfs|cgroup)|^-m(?:$|[=0-9])|^type=tmpfs|^--mount=type=tmpfs")


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
    if why := absent(policy.facts):
        for name in WORKLOAD_FIELDS:
            if (said := getattr(workload, name)) is not None:
                book.impossible(workload.object, identity, name, said, why)
        _no_runtimes(workload, identity, book, why)
        return []
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
    old = too_old(policy.facts)
    lines: list[str] = []
    adj = workload.oom_score_adj
    if adj is not None and adj.value is not None:
        why = score_refusal(adj.value, place, policy.facts)
        if why:
            book.impossible(workload.object, identity, "oom_score_adj", adj, why)
        else:
            lines.append(f"PodmanArgs={_SCORE}{adj.value}")
            book.exact(workload.object, identity, "oom_score_adj", adj)
    if not workload.runtimes:
        return lines
    if old:
        _no_runtimes(workload, identity, book, old)
        return lines
    found = variables(workload, identity, book, base="the image")
    return lines + [f"Environment={_ini.environment(variable.name, _literal(variable.value))}" for variable in found]


def _no_runtimes(workload: Workload, identity: str, book: Book, why: str) -> None:
    for runtime in workload.runtimes:
        said: Setting[Any] = runtime.heap if runtime.heap is not None else Setting(runtime.kind, workload.at)
        book.impossible(workload.object, identity, f"runtime.{runtime.kind}", said, why)


def _literal(value: str) -> str:
    """Double dollars: quadlet hands a value on in ExecStart=, where systemd would put in a variable of the service."""
    return value.replace("$", "$$")


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def claims(path: str) -> bool:
    """Quadlet files and their drop-ins; of the endings that others have too, those in a folder of quadlets."""
    folder, _, name = path.rpartition("/")
    owner = folder.rpartition("/")[2].removesuffix(".d") if name.endswith(".conf") and folder.endswith(".d") else name
    kind = owner.rpartition(".")[2] if "." in owner else ""
    return kind in _OWN_ENDS or (kind in _SECTIONS and _FOLDER.search(path) is not None)


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read `.container` files, their drop-ins, and drop-ins of the services that podman generates of them; of other files the faults."""
    units: dict[tuple[bool, str], list[Document]] = {}
    for document in sorted(documents, key=_precedence):
        unit = _unit_of(document.path)
        if unit is not None:
            units.setdefault((_is_user(document.path), unit), []).append(document)
    workloads: list[Workload] = []
    entries: list[Entry] = []
    for (user, unit), files in units.items():
        workload, found = _workload(unit, files, user=user)
        workloads += [workload] if unit.endswith(".container") else []
        entries += found
    if not workloads and not entries:
        return Reading()
    policies = (Policy(name="host", object="host", workloads=tuple(workloads)),) if workloads else ()
    return Reading(policies, tuple(entries))


def _precedence(document: Document) -> tuple[int, bytes]:
    """The quadlet file first, then its drop-ins, then those of the service, each in order of file name."""
    folder, _, name = document.path.rpartition("/")
    rank = 0 if not folder.endswith(".d") else 2 if folder.endswith(".service.d") else 1
    return rank, name.encode("utf-8", "surrogatepass")


def _unit_of(path: str) -> str | None:
    folder, _, name = path.rpartition("/")
    owner = folder.rpartition("/")[2]
    if owner.endswith(".service.d"):
        return owner.removesuffix(".service.d") + ".container"
    unit = owner.removesuffix(".d") if owner.endswith(".d") and name.endswith(".conf") else name
    return unit if unit.rpartition(".")[2] in _SECTIONS else None


def _is_user(path: str) -> bool:
    return any(folder in f"/{path}" for folder in ("systemd/user/", "systemd/users/", "/.config/containers/systemd/"))


def _workload(unit: str, files: Sequence[Document], *, user: bool) -> tuple[Workload, list[Entry]]:
    fields: dict[str, Any] = {}
    entries: list[Entry] = []
    inner = _Inner(unit, _SECTIONS[unit.rpartition(".")[2]])
    for document in files:
        for line in _ini.parse(document.path, document.text).assignments:
            if line.section == "Service":
                _service_line(unit, line, fields, entries)
            elif line.section == inner.section:
                inner.take(line)
            elif line.section in ("Unit", "Install"):
                entries += _misplaced(unit, line, "the line is ignored")
    said = inner.end()
    entries += inner.entries
    score = {name: said[name] for name in ("oom_score_adj",) if name in said}
    hints, refused = heard("quadlet", unit, inner.environment)
    entries += refused
    return Workload(
        name=unit,
        object=unit,
        at=whole_file(files[0].path),
        placement=QuadletUnit(unit=unit, user=user),
        runtimes=hints,
        oom_adjust_file=adjust_file(inner.environment),
        **{**said, **fields, **score},
    ), entries


def _service_line(unit: str, line: _ini.Assignment, fields: dict[str, Setting[Any]], entries: list[Entry]) -> None:
    row = _units.find(line.key)
    if row is None:
        meant = near(line.key, "service")
        if meant is not None:
            fault = f"is no key of systemd: {_IGNORED}"
            entries.append(_entry(unit, line, fault, f"did you mean {meant.name}=?", "key"))
        return
    if row.gone is not None:
        entries.append(_entry(unit, line, f"systemd knows no {row.name}= any more; {_IGNORED}", f"write {row.instead} instead", "gone"))
        return
    if "service" not in row.kinds or row.section is not None:
        entries.append(_entry(unit, line, f"{row.name}= means nothing in [Service]; {_IGNORED}", "remove it", "place"))
        return
    if (row.parse is None or row.field is None) and row.name.startswith(_BESIDE):
        entries.append(Entry("quadlet", unit, line.section, line.key, line.value, line.at, kind="beside"))
    if row.parse is None:
        return
    value: Any = None
    fault = hint = ""
    try:
        value = row.empty if not line.value else None if is_templated(line.value) else row.parse(line.value)
    except SizeError as error:
        fault, hint = error.message, error.hint
    entries.append(Entry("quadlet", unit, line.section, line.key, line.value, line.at, fault, hint))
    below = fields.get(row.field or "")
    if row.field is None or (fault and below is not None):
        return
    if not line.value and value is None:
        fields.pop(row.field, None)
        return
    fields[row.field] = Setting(value, line.at, Origin.WRITTEN, line.value, beaten(below))


def _misplaced(unit: str, line: _ini.Assignment, effect: str) -> Iterator[Entry]:
    """Note a key of [Service] in another section."""
    row = _units.find(line.key)
    if row is not None and row.gone is None and row.section is None and "service" in row.kinds and row.name not in _BOTH:
        yield _entry(unit, line, f"{row.name}= means nothing in [{line.section}]: {effect}", "move it under [Service]", "place")


def _entry(unit: str, line: _ini.Assignment, fault: str, hint: str, kind: FaultOf) -> Entry:
    return Entry("quadlet", unit, line.section, line.key, line.value, line.key_at, fault, hint, kind)


class _Inner:
    """Takes the lines of the section that is podman's."""

    def __init__(self, unit: str, section: str) -> None:
        self.unit = unit
        self.section = section
        self.fields: dict[str, Any] = {}
        self.entries: list[Entry] = []
        self.environment: dict[str, Placed] = {}
        self.words: list[Word] = []

    def take(self, line: _ini.Assignment) -> None:
        self.entries += _beside(self.unit, line)
        if line.key == "PodmanArgs":
            self.words += _words(line)
        elif line.key == "Memory" and line.value and self.section == "Container":
            self.memory(line)
        elif line.key == "Sysctl" and self.section == "Container":
            self.entries += _sysctls(self.unit, line)
        elif line.key == "Image":
            self.fields["image"] = line.value or None
        elif line.key == "Environment":
            for one in _ini.words(line.value):
                name, equals, value = one.text.partition("=")
                if equals:
                    self.environment[name] = (value.replace("$$", "$"), line.at)
        else:
            self.unknown(line)

    def memory(self, line: _ini.Assignment) -> None:
        size: Size | None = None
        fault = hint = ""
        try:
            size = None if is_templated(line.value) else sizes.parse(line.value)
        except SizeError as error:
            fault, hint = error.message, error.hint
        self.entries.append(Entry("quadlet", self.unit, line.section, line.key, line.value, line.at, fault, hint))
        self.fields["memory_max"] = Setting(size, line.at, Origin.WRITTEN, line.value)

    def unknown(self, line: _ini.Assignment) -> None:
        """Note a key about memory that quadlet does not know; it makes no unit of a file that has one."""
        flag = _FLAGS.get(line.key.lower())
        meant = near(line.key, "service")
        if flag is not None:
            hint = f"write PodmanArgs={flag}="
        elif _units.find(line.key) is not None:
            self.entries += _misplaced(self.unit, line, "quadlet makes no unit of the file")
            return
        elif meant is not None:
            hint = f"write {meant.name}= under [Service]"
        elif get_close_matches(line.key, ("Memory",), cutoff=_NEAR) and self.section == "Container":
            hint = "did you mean Memory=?"
        else:
            return
        fault = f"is no key of [{self.section}]: quadlet makes no unit of the file"
        self.entries.append(_entry(self.unit, line, fault, hint, "key"))

    def end(self) -> dict[str, Any]:
        """Give what is said, the options of podman after the keys."""
        said, entries = flags(self.words, self.unit, "quadlet", self.fields.get("memory_max"))
        self.entries += entries
        return self.fields | said


def _words(line: _ini.Assignment) -> list[Word]:
    found: list[Word] = []
    for one in _ini.words(line.value):
        at = line.at
        if at.line == at.end_line:
            at = at._replace(column=line.at.column + one.start, end_column=line.at.column + one.end)
        found.append(Word(one.text, at, not ({"$", "%"} & set(one.text) or is_templated(one.text))))
    return found


def _sysctls(unit: str, line: _ini.Assignment) -> Iterator[Entry]:
    for one in _ini.words(line.value):
        fault = of_the_machine(one.text.partition("=")[0])
        if fault:
            why = f"{fault}: podman does not start it"
            yield Entry("quadlet", unit, line.section, line.key, "", line.at, why, "set it in /etc/sysctl.d", "place")


def _beside(unit: str, line: _ini.Assignment) -> Iterator[Entry]:
    """Give words about memory that the policy has none for, each at its own place."""
    if line.key in ("ShmSize", "Tmpfs") and line.value:
        yield Entry("quadlet", unit, line.section, line.key, line.value, line.at, kind="beside")
    if line.key not in ("PodmanArgs", "Mount"):
        return
    words = _ini.words(line.value)
    for index, word in enumerate(words):
        text = word.text or ""
        if text.startswith(_SCORE) or _MEMORY.search(text) is None:
            continue
        last = words[index + 1] if text.startswith("-") and "=" not in text and index + 1 < len(words) else word
        said = text if last is word else f"{text} {last.text}"
        at = line.at
        if at.line == at.end_line:
            at = at._replace(column=line.at.column + word.start, end_column=line.at.column + last.end)
        yield Entry("quadlet", unit, line.section, line.key, said, at, kind="beside")


DIALECT: Final = Dialect(
    name="quadlet",
    summary="drop-ins for podman's .container files and the services made of them",
    render=render,
    claims=claims,
    read=read,
    proven="podman's quadlet generator and systemd",
)
