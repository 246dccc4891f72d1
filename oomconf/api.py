"""The public verbs: load, resolve, lint, simulate, render, write, read_log, explain, audit, explain_service."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from oomconf import dialects as rooms
from oomconf import rules as rulebook
from oomconf.dialect import Dialect, Document, Entry, Mapped, Sources
from oomconf.engine import Report, find_in, inexpressible, silenced
from oomconf.engine import lint as run_rules
from oomconf.errors import CallError, InputError, LoadError
from oomconf.finding import Finding, Severity
from oomconf.host.files import Below, Disk, templates_in
from oomconf.host.tree import Changes, Scope, Tree
from oomconf.loader import Loaded, invalid, load_spec
from oomconf.policy import Facts, Fleet
from oomconf.renderer import Output
from oomconf.renderer import render as run_dialects
from oomconf.repository import Each, in_turn
from oomconf.repository import read as read_repository
from oomconf.resolver import impossible
from oomconf.resolver import resolve as resolve_policy
from oomconf.rule import Rule
from oomconf.silences import Silence, silences_in
from oomconf.templating import Templates

if TYPE_CHECKING:
    from oomconf.diagnosis import Diagnosis
    from oomconf.explanation import Explanation
    from oomconf.importer import Imported
    from oomconf.inforce import Audit
    from oomconf.oomlog import OomEvent
    from oomconf.policy import Setting
    from oomconf.quantity import Size
    from oomconf.simulation import Simulation
    from oomconf.snapshot import Snapshot
    from oomconf.spec.models import Spec as Model


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec that holds: what it says, and the documents that say it."""

    paths: tuple[str, ...]
    fleet: Fleet
    """One policy a host, and one for a Kubernetes cluster; unresolved."""
    model: Model
    documents: tuple[Document, ...]
    sources: Sources

    @property
    def silences(self) -> tuple[Silence, ...]:
        """Findings that the spec accepts, inline and in `lint.ignore`."""
        return (*(silence for document in self.documents for silence in silences_in(document)), *ignores(self.model))


def load(*paths: str | os.PathLike[str]) -> Spec:
    """Read spec files, the later winning over the earlier; raises InputError if one cannot be read, LoadError with all its problems."""
    spec, findings = attempt(tuple(os.fspath(path) for path in paths), Disk(tuple(os.fspath(path) for path in paths)))
    if spec is None:
        raise LoadError(findings)
    return spec


def attempt(paths: tuple[str, ...], disk: Disk) -> tuple[Spec | None, tuple[Finding, ...]]:
    """Load as `load` does, but give problems as data; raises InputError if a named file cannot be read."""
    for path in paths:
        disk.named(path)
    loaded = load_spec(paths, disk, rulebook.names())
    if loaded.spec is None or loaded.tree is None:
        return None, loaded.findings
    return _speak(loaded, paths, disk), loaded.findings


def _speak(loaded: Loaded, paths: tuple[str, ...], disk: Disk) -> Spec:
    from oomconf.spec.policies import policies  # noqa: PLC0415

    if loaded.spec is None or loaded.tree is None:
        raise LoadError(loaded.findings)
    folder = paths[0].rpartition("/")[0] if "/" in paths[0] else ""
    return Spec(paths, policies(loaded.spec, loaded.tree, paths[0]), loaded.spec, disk.documents(), Below(disk, folder))


def resolve(spec: Spec | Fleet) -> Fleet:
    """Resolve every policy; raises LoadError if one says what no target can render."""
    fleet, findings = attempt_resolve(spec)
    if findings:
        raise LoadError(findings)
    return fleet


def attempt_resolve(spec: Spec | Fleet) -> tuple[Fleet, tuple[Finding, ...]]:
    """Resolve as `resolve` does, but give what is impossible as data."""
    fleet = spec.fleet if isinstance(spec, Spec) else spec
    resolved = Fleet(policies=tuple(resolve_policy(policy) for policy in fleet.policies))
    problems = dict.fromkeys(problem for policy in resolved.policies for problem in impossible(policy))
    return resolved, tuple(invalid(problem) for problem in problems)


def simulate(
    spec: Spec, *, host: Sequence[str] | None = None, scenario: Sequence[str] | None = None, use: Mapping[str, int] | None = None
) -> tuple[Simulation, ...]:
    """Say who dies on each host when memory runs out, first by all sizes within the limits, then in scenarios, all if none is named.

    `use` gives bytes in use by service where they are known. Raises LoadError for a spec that cannot be rendered, InputError for a host of
    unknown RAM, CallError for a host or scenario that there is not (mm/oom_kill.c: select_bad_process, oom_badness; mm/memcontrol.c).
    """
    from oomconf.simulation import machine_of  # noqa: PLC0415
    from oomconf.simulation import simulate as run_simulation  # noqa: PLC0415

    hosts = [policy for policy in resolve(spec).policies if policy.scope == "host"]
    if unknown := sorted(set(host or ()) - {policy.name for policy in hosts}):
        raise CallError(f"the spec has no host {', '.join(unknown)}; hosts: {', '.join(policy.name for policy in hosts)}")
    expect = spec.model.expect
    first, never = ([], []) if expect is None else (expect.first, expect.never)
    try:
        return tuple(
            run_simulation(machine_of(policy, use), scenario, first=first, never=never)
            for policy in hosts
            if host is None or policy.name in host
        )
    except ValueError as error:
        raise CallError(str(error)) from None


def audit(snapshot: str | Snapshot, spec: Spec | Fleet | None = None, host: str | None = None) -> Audit:
    """Hold a captured host (`oomconf simulate --capture`) against a spec, or without one against its own files.

    `host` says which of the spec it is: else the only one, or the one of the machine's own name; raises CallError where there is none, and
    InputError for a text that is no capture. Sizes in bytes; what could not be seen is said, and nothing else raises.
    """
    from oomconf.inforce import audit_host, which  # noqa: PLC0415
    from oomconf.snapshot import read as read_snapshot  # noqa: PLC0415

    taken = read_snapshot(snapshot) if isinstance(snapshot, str) else snapshot
    if taken.memory_total is None:
        raise InputError("no snapshot of a host: it has no /proc/meminfo")
    if spec is None:
        return audit_host(taken)
    policy, why = which(resolve(spec).policies, taken.hostname, host)
    if policy is None:
        raise CallError(why)
    return audit_host(taken, policy)


def explain_service(
    name: str, *, snapshot: str | os.PathLike[str] | None = None, spec: Spec | None = None, host: str | None = None
) -> tuple[Explanation, ...]:
    """Tell of a unit, container, process or sysctl of this host, or of a captured one, where each value in force comes from.

    `spec` tells what is asked for beside, and its services may be named; `host` is which of its hosts this is. Raises CallError for a name
    that nothing has, or a spec without this host, InputError for a snapshot that cannot be read, LoadError for a spec that is wrong.
    """
    from oomconf.host.explained import explained  # noqa: PLC0415
    from oomconf.host.files import read_loose  # noqa: PLC0415
    from oomconf.host.snapshot import capture  # noqa: PLC0415
    from oomconf.snapshot import read as read_snapshot  # noqa: PLC0415

    taken = read_snapshot(capture() if snapshot is None else read_loose(os.fspath(snapshot)))
    policy = None
    if spec is not None:
        from oomconf.inforce.which import which  # noqa: PLC0415

        policy, why = which(resolve(spec).policies, taken.hostname, host)
        if policy is None:
            raise CallError(why)
    return tuple(explained(taken, name, policy, "/" if snapshot is None else None))


def lint(spec: Spec | Fleet, *, select: Sequence[str] = (), ignore: Sequence[str] = (), strict: bool = False) -> Report:
    """Run the rules over a spec, or over policies without their silences; raises CallError for an unknown rule."""
    fleet = resolve(spec)
    found: Iterable[Finding] = ()
    silences: tuple[Silence, ...] = ()
    if isinstance(spec, Spec):
        silences = spec.silences
        if "not-expressible" in selected_ids(select, ignore):
            found = inexpressible(render(spec).ledger, strict=strict)
    return run_rules(fleet, chosen_rules(select, ignore), silences=silences, found=found)


def lint_raw(
    documents: Sequence[Document],
    sources: Sources,
    facts: Facts | None = None,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    silences: tuple[Silence, ...] = (),
    each: Each = in_turn,
) -> Report:
    """Run the rules over raw files of any dialect; `facts` hold for every host they speak of, `silences` beside those in the files.

    `each` works through what can be read and judged apart. Raises CallError for an unknown rule.
    """
    rules = chosen_rules(select, ignore)
    found = read_repository(documents, sources, facts, each=each)

    def judge(part: tuple[Fleet, tuple[Entry, ...]]) -> Report:
        fleet, entries = part
        return find_in(Fleet(policies=tuple(resolve_policy(policy) for policy in fleet.policies)), rules, entries=entries)

    # a workload with its entries is about as much work for the rules as a kilobyte and a half is for the readers
    weight = 1500
    run = Report.joined(each(judge, found.fleets, lambda part: weight * sum(len(policy.workloads) for policy in part[0].policies)))
    wanted = {rule.id for rule in rules}
    # a base that several overlays build on is judged in each of them, and its own mistakes are told once
    once = {(one.rule, one.at, one.message): one for one in reversed(run.findings)}
    every = [*reversed(once.values()), *(fault for fault in found.faults if fault.rule in wanted)]
    own = [silence for document in (*documents, *found.beside) for silence in silences_in(document)]
    own += [Silence(one.rule, one.reason, one.at, where=one.where, paths=one.paths or frozenset({one.at.path})) for one in found.accepted]
    return silenced(every, (*own, *silences), wanted, replace(run, not_checked=found.passed))


def read_log(lines: Iterable[str], path: str = "-") -> Iterator[OomEvent]:
    """Give the kills that the lines of a log tell of, and deaths that only look like one, as they are over; `path` is what events name.

    Takes what dmesg, journalctl, syslog and container logs print, kernels 2.6.18 to 6.19 (mm/oom_kill.c: dump_header,
    __oom_kill_process), systemd-oomd, earlyoom, nohang, the kubelet and Docker. Raises nothing on content.
    """
    from oomconf.oomlog import read  # noqa: PLC0415

    return read(lines, path)


def explain(event: OomEvent, spec: Spec | Fleet | None = None) -> Diagnosis:
    """Say why a kill happened, why that process, who was next by the kernel's own formula (mm/oom_kill.c: oom_badness), what to change.

    With a spec, also which of its lines speak of the victim and of the limit. What the log does not tell is left out, not guessed.
    """
    from oomconf.diagnosis import explain as explain_event  # noqa: PLC0415
    from oomconf.diagnosis import with_lines  # noqa: PLC0415

    policies = () if spec is None else resolve(spec).policies
    texts = {document.path: document.text for document in spec.documents} if isinstance(spec, Spec) else {}
    return with_lines(explain_event(event, policies), texts)


def import_spec(
    documents: Sequence[Document],
    sources: Sources,
    given: Mapping[str, Setting[Size]] | None = None,
    *,
    source: str = "files",
    folder: str = "",
) -> Imported:
    """Write the text of a spec that says what raw files say, and list what it cannot take over.

    `given` are `ram` and `swap` of every host; `folder` is where the spec will be, as the paths of the documents are written.
    """
    from oomconf.importer import import_policies, pipelines  # noqa: PLC0415

    found = read_repository(documents, sources)
    policies = [policy for fleet, _ in found.fleets for policy in fleet.policies]
    entries = [entry for _, every in found.fleets for entry in every]

    def where(path: str) -> str:
        return os.path.relpath(path, folder or ".").replace(os.sep, "/")

    made = import_policies(policies, given or {}, entries, source=source, where=where)
    broken = {one.at.path: one.message for one in found.faults}
    return replace(made, passed={**dict(found.passed), **dict(pipelines(documents)), **broken})


def init_spec(taken: Snapshot) -> Imported:
    """Write a commented starter spec of a captured host, which `load` takes and whose lint has no errors, and list what it leaves out.

    Limits are those of the cgroups, scores those of processes, sysctls those that differ from the kernel's defaults.
    """
    from oomconf.importer import import_policies  # noqa: PLC0415
    from oomconf.importer.live import given_of_host, page_of_host, policy_of_host  # noqa: PLC0415

    def errors(text: str) -> Iterator[Finding]:
        path = "oomconf.yaml"
        alone = Mapped({path: text})
        loaded = load_spec((path,), alone, rulebook.names())
        if loaded.spec is not None and loaded.tree is not None:
            from oomconf.spec.policies import policies  # noqa: PLC0415

            documents = (Document(path, text),)
            spec = Spec((path,), policies(loaded.spec, loaded.tree, path), loaded.spec, documents, alone)
            yield from (one for one in lint(spec).findings if one.severity is Severity.ERROR)

    policy = policy_of_host(taken)
    page = replace(page_of_host(taken, policy), judge=errors)
    return import_policies([policy], given_of_host(taken), page=page)


def selected_ids(select: Sequence[str], ignore: Sequence[str]) -> tuple[str, ...]:
    """Ids of the rules that a call asks for; raises CallError with a 'did you mean' for one that does not exist."""
    known = rulebook.names()
    for name in (*select, *ignore):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise CallError(f"there is no rule '{name}'" + (f"; did you mean '{near[0]}'?" if near else "; see 'oomconf rule'"))
    return tuple(name for name in (known if not select else sorted(set(select))) if name not in ignore)


def chosen_rules(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule[Any], ...]:
    """Import the rules that a call asks for."""
    return tuple(found for name in selected_ids(select, ignore) if (found := rulebook.find(name)) is not None)


def targets(names: Sequence[str] | None = None) -> tuple[Dialect, ...]:
    """Import the targets of these names or families, all if None; raises CallError for one that does not exist."""
    every = [dialect for dialect in rooms.discover() if dialect.render is not None]
    if names is None:
        return tuple(every)
    for name in names:
        if not any(name in (dialect.name, dialect.family) for dialect in every):
            raise CallError(f"there is no target '{name}'; known: {', '.join(dialect.name for dialect in every)}")
    return tuple(dialect for dialect in every if dialect.name in names or dialect.family in names)


def render(
    spec: Spec,
    *,
    target: Sequence[str] | None = None,
    host: Sequence[str] | None = None,
    templates: str | os.PathLike[str] | Mapping[str, str] | None = None,
) -> Output:
    """Make artefacts and their ledger; writes nothing.

    `target` and `host` narrow it by name; `templates` is a folder or mapping of overrides. Raises CallError for an unknown name,
    LoadError for what cannot be rendered, TemplateError for an override that does not fit.
    """
    fleet = resolve(spec)
    for name in host or ():
        if name not in {policy.name for policy in fleet.policies}:
            known = ", ".join(policy.name for policy in fleet.policies)
            raise CallError(f"there is no host '{name}'; known: {known}")
    override = templates if isinstance(templates, Mapping) or templates is None else templates_in(os.fspath(templates))
    return run_dialects(fleet, targets(target), Templates(override), spec.sources, hosts=host, named=target is not None)


def scope_of(target: Sequence[str] | None, host: Sequence[str] | None) -> Scope:
    """Say which files of an earlier render a narrowed one may call stale."""
    names = None if target is None else frozenset(dialect.name for dialect in targets(target))
    return Scope(None if host is None else frozenset((*host, "kubernetes")), names)


def write(
    output: Output, folder: str | os.PathLike[str], *, target: Sequence[str] | None = None, host: Sequence[str] | None = None
) -> Changes:
    """Write artefacts below a folder, all or none, and remove stale ones of earlier renders; after a WriteError it is as it was.

    Give the `target` and `host` that the render was narrowed to, so that the files of the others stay.
    """
    return Tree(os.fspath(folder)).write(output.artifacts, scope_of(target, host))


def ignores(model: Model) -> Iterator[Silence]:
    """Give what `lint.ignore` of a spec accepts."""
    for ignore in model.lint.ignore:
        where = None if ignore.where is None else ignore.where.value
        yield Silence(ignore.rule.value or "", ignore.reason.value or "", ignore.rule.at, where=where)
