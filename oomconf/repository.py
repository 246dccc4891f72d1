"""What the files of a repository say together: which dialect each is in, and which of them speak of one host."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache, partial
from typing import Final, Protocol, TypeVar

from oomconf import dialects
from oomconf.dialect import Accepted, Document, Entry, Reading, Sources
from oomconf.dialects._kubernetes_files import is_kustomization, is_values, says_operations, says_resources
from oomconf.dialects._nested import relocated
from oomconf.dialects._script_kind import is_pipeline, is_playbook_of_objects, is_script
from oomconf.dialects._single import single
from oomconf.finding import Finding, Severity
from oomconf.policy import Facts, Fleet, Policy

__all__ = ["Each", "Repository", "beside", "dialect_of", "dialect_of_path", "in_turn", "is_yaml", "read"]

T = TypeVar("T")
R = TypeVar("R")

_OF_HOSTS: Final = ("sysctl", "quadlet", "kubelet", "daemon-json", "cmdline", "fstab")
"""Dialects whose files are of the host whose tree they stand in."""
_BY_PATH: Final = ("quadlet", "systemd", "sysctl", "daemon-json", "kubelet", "cmdline", "fstab", "compose", "docker", "jinja", "script")
"""Dialects that a path alone tells, in the order in which they are asked."""
_YAML: Final = (".yaml", ".yml", ".json")
_TEMPLATE: Final = re.compile(r"\{\{|\{%|<%|^[ \t]*__[A-Z][A-Z0-9_]*__|@[A-Z][A-Z0-9_]*@|[ \t]\{[A-Za-z_]\w*\}[\w./:@-]", re.MULTILINE)
_MULTIPART: Final = re.compile(r"\s*(?:MIME-Version:|Content-Type:[ \t]*multipart/)", re.IGNORECASE)
_IN_NAMESPACE: Final = re.compile(r"""["']?kind["']?[ \t]*:[ \t]*["']?(?:LimitRange|ResourceQuota)\b""")
_OBJECT: Final = re.compile(r"""(?:^[ \t{,-]*["']?apiVersion["']?|"apiVersion")[ \t]*:""", re.MULTILINE)
_KIND: Final = re.compile(r"""(?:^[ \t{,-]*["']?kind["']?|"kind")[ \t]*:""", re.MULTILINE)
_KUBELET: Final = re.compile(r"""^[ \t{,-]*["']?kind["']?[ \t]*:[ \t]*["']?KubeletConfiguration\b""", re.MULTILINE)
_SERVICES: Final = re.compile(r"^services:[ \t]*(?:#.*)?$", re.MULTILINE)
_IMAGE: Final = re.compile(r"^[ \t]+(?:image|build|extends):", re.MULTILINE)
_LOAD_PATH: Final = re.compile(
    r"(?:etc|run|usr/lib|usr/local/lib|lib)/(?:sysctl\.d|systemd)/|etc/sysctl\.conf$|(?:etc|usr/share)/containers/|etc/docker/"
    r"|etc/fstab$|etc/default/grub|etc/kernel/cmdline$|boot/(?:firmware/)?(?:cmdline\.txt$|loader/)"
)
_HOST: Final = "host"


class Each(Protocol):
    """A way to apply a function to every item and to give the results in order; `weight` is about the bytes that an item is work for."""

    def __call__(self, function: Callable[[T], R], items: Sequence[T], weight: Callable[[T], int], /) -> list[R]: ...


def in_turn(function: Callable[[T], R], items: Sequence[T], weight: Callable[[T], int]) -> list[R]:  # noqa: ARG001
    """Apply it to one after the other."""
    return [function(item) for item in items]


@dataclass(frozen=True, slots=True)
class Repository:
    """What was read: fleets that have nothing to do with one another, and what could not be read."""

    fleets: tuple[tuple[Fleet, tuple[Entry, ...]], ...] = ()
    faults: tuple[Finding, ...] = ()
    """Files that their consumer cannot parse."""
    passed: tuple[tuple[str, str], ...] = ()
    """Paths that were not examined, each with the reason."""
    accepted: tuple[Accepted, ...] = ()
    """Findings that objects ask to accept."""
    beside: tuple[Document, ...] = ()
    """Files that others name, and that are read for their sake."""
    read: dict[str, int] = field(default_factory=dict)
    """How many files of each dialect were read."""


def is_yaml(path: str) -> bool:
    """Whether only the content can tell what a file is."""
    return path.endswith(_YAML)


@lru_cache(maxsize=1 << 16)
def dialect_of_path(path: str) -> str | None:
    """Name the dialect that a path belongs to by its name; None if it has none, or if the content must tell."""
    for name in _BY_PATH:
        room = dialects.find(name)
        if room is not None and room.claims is not None and room.claims(path):
            return name
    return None


@lru_cache(maxsize=1 << 16)
def dialect_of(document: Document) -> str | None:
    """Name the dialect of a document by its path, then by its content; None if no reader is for it."""
    name = dialect_of_path(document.path)
    if name is not None:
        return name
    text = document.text
    if not is_yaml(document.path):
        return "script" if is_script(document) else None
    if is_pipeline(document.path) or is_playbook_of_objects(text):
        return "script" if is_script(document) else None
    if "apiVersion" in text and "kind" in text and _OBJECT.search(text) and _KIND.search(text):
        return "kubelet" if "KubeletConfiguration" in text and _KUBELET.search(text) else "kubernetes"
    if is_kustomization(document.path) or says_operations(text) or (is_values(document.path) and says_resources(text)):
        return "kubernetes"
    if "services:" in text and _SERVICES.search(text) and _IMAGE.search(text):
        return "compose"
    return "script" if is_script(document) else None


def read(documents: Sequence[Document], sources: Sources, facts: Facts | None = None, *, each: Each = in_turn) -> Repository:
    """Read documents of any dialect; `facts` hold for every host, `each` works through what is apart. Never raises on content.

    Files below one root (`ROOT/etc/sysctl.d/…`, `ROOT/etc/systemd/system/…`) are of one host; each folder of compose files is a host
    by itself; manifests are of one cluster unless the same object stands in two folders, which then are two.
    """
    sorts: dict[str, list[Document]] = {}
    for document in documents:
        name = dialect_of(document)
        if name is not None:
            sorts.setdefault(name, []).append(document)
    gathered = _Gathered(sources, each)
    for name, sort in sorted(sorts.items()):
        gathered.take(name, sort)
    found = gathered.fleets()
    texts = {document.path: document.text for document in documents}
    faults, passed = _faults((entry for _, entries in found for entry in entries if entry.kind == "file"), texts)
    fleets = tuple(
        (
            Fleet(policies=tuple(_known(policy, facts) for policy in policies)),
            tuple(entry for entry in entries if entry.kind != "file"),
        )
        for policies, entries in found
    )
    return Repository(
        fleets,
        faults,
        passed,
        tuple(dict.fromkeys(gathered.accepted())),
        tuple(dict.fromkeys(one for reading in gathered.readings() for one in reading.beside)),
        {name: len(sort) for name, sort in sorted(sorts.items())},
    )


def beside(named: Mapping[str, Document], paths: Iterable[str], around: Mapping[str, Document]) -> dict[str, Document]:
    """Choose of the documents around named ones what can matter to them: of the same host, cluster or folder, or of one that names one.

    `paths` are all that the call names, also what no reader knows, as an env_file.
    """
    wanted = {_together(document) for document in named.values()}
    names = [path.rpartition("/")[2] for path in paths]
    # a build names the folder of its Dockerfile alone
    builds = any(name in ("Dockerfile", "Containerfile") for name in names)
    groups: dict[str, tuple[str, str]] = {}
    for path, document in around.items():
        group = groups[path] = _together(document)
        text = document.text
        if group not in wanted and ((builds and group[0] == "compose") or any(name in text for name in names)):
            wanted.add(group)
    return {path: document for path, document in around.items() if groups[path] in wanted}


def _together(document: Document) -> tuple[str, str]:
    """Name what a document is read together with, as `read` gathers them."""
    from oomconf.dialects.systemd.places import place  # noqa: PLC0415

    name, path = dialect_of(document), document.path
    if name == "systemd":
        where = place(path)
        return (_HOST, _root(path) if where is None else where.scope.root.strip("/") or _HOST)
    if name in _OF_HOSTS:
        return (_HOST, _root(path))
    if name == "kubernetes":
        return (name, "")
    return (name or "", path if name == "script" else _folder(path))


class _Gathered:
    """Readings by the host or cluster that they are of."""

    def __init__(self, sources: Sources, each: Each) -> None:
        self.sources = sources
        self.each = each
        self.hosts: dict[str, list[Reading]] = {}
        self.alone: list[Reading] = []
        self.clusters: list[Reading] = []

    def take(self, name: str, documents: list[Document]) -> None:
        if name == "systemd":
            reading = self._read(name, documents)
            for policy in reading.policies:
                self.hosts.setdefault(policy.name, []).append(Reading((policy,), ()))
            self.alone.append(Reading((), reading.entries, ran=reading.ran))
        elif name in _OF_HOSTS:
            for root, found in _by(documents, _root).items():
                self.hosts.setdefault(root, []).append(self._read(name, found))
        elif name == "kubernetes":
            rest: list[Document] = []
            apart: list[list[Document]] = []
            for document in self._assembled(name, documents):
                if _is_mobile(document) or is_values(document.path):
                    apart.append([document])
                else:
                    rest.append(document)
            self.alone += self._every(name, apart)
            self.clusters += self._every(name, list(_by(rest, _folder).values()))
        elif name in ("script", "jinja"):
            self.alone += self._every(name, [[document] for document in documents])
        else:
            self.alone += [self._read(name, found) for found in _by(documents, _folder).values()]

    def _assembled(self, name: str, documents: list[Document]) -> list[Document]:
        """Read what is assembled from several files, and give the files that are left."""
        room = dialects.find(name)
        if room is None or room.assemble is None:
            return documents
        made = room.assemble(documents)
        self.clusters += made.readings
        if made.nested:
            self.clusters.append(self._with_nested(Reading(nested=made.nested)))
        return [document for document in documents if document.path not in made.taken]

    def _every(self, name: str, parts: list[list[Document]]) -> list[Reading]:
        return self.each(partial(self._whole, name), parts, lambda part: sum(len(document.text) for document in part))

    def _whole(self, name: str, documents: Sequence[Document]) -> Reading:
        """Read documents and the files that they write, which are of the same host or cluster."""
        return self._with_nested(self._read(name, documents), frozenset(document.path for document in documents))

    def _with_nested(self, outer: Reading, own: frozenset[str] | None = None) -> Reading:
        readings = [outer]
        beside: list[Document] = []
        for nested in outer.nested:
            inner, path = dialect_of(nested.document), nested.at.path
            is_beside = own is not None and path not in own
            if inner is None or inner in ("script", "jinja") or (is_beside and dialect_of_path(path) is not None):
                continue
            found = relocated(self._read(inner, [nested.document]), nested.at, nested.spots)
            found = found if nested.kept is None else single(found, nested.kept)
            beside += [Document(path, nested.document.text)] if is_beside else []
            readings.append(replace(found, entries=tuple(entry for entry in found.entries if entry.kind != "file")))
        if len(readings) == 1:
            return outer
        hosts = [policy for one in readings for policy in one.policies if policy.scope == "host"]
        clusters = [policy for one in readings for policy in one.policies if policy.scope == "cluster"]
        merged = [_merged(found[0].name, found) for found in (hosts, clusters) if found]
        return Reading(
            tuple(merged),
            _entries(readings),
            accepted=tuple(accepted for one in readings for accepted in one.accepted),
            ran=tuple(ran for one in readings for ran in one.ran),
            beside=tuple(beside),
        )

    def _read(self, name: str, documents: Sequence[Document]) -> Reading:
        room = dialects.find(name)
        return Reading() if room is None or room.read is None else room.read(documents, self.sources)

    def accepted(self) -> Iterable[Accepted]:
        return (accepted for one in self.readings() for accepted in one.accepted)

    def ran(self) -> Reading:
        """What the commands say that files of all dialects run."""
        commands = tuple(dict.fromkeys(ran for one in self.readings() for ran in one.ran))
        room = dialects.find("script") if commands else None
        return Reading() if room is None or room.run is None else room.run(commands)

    def readings(self) -> Iterable[Reading]:
        return (*(one for readings in self.hosts.values() for one in readings), *self.alone, *self.clusters)

    def fleets(self) -> list[tuple[tuple[Policy, ...], tuple[Entry, ...]]]:
        found: list[tuple[tuple[Policy, ...], tuple[Entry, ...]]] = []
        for name, readings in sorted(self.hosts.items()):
            found.append(((_merged(name, [policy for one in readings for policy in one.policies]),), _entries(readings)))
        found += [(one.policies, one.entries) for one in self.alone if one.policies or one.entries]
        ran = self.ran()
        found += [((policy,), ()) for policy in ran.policies]
        found += [((), ran.entries)] if ran.entries else []
        clusters = self.clusters
        if _is_one_cluster(clusters):
            policies = [policy for one in clusters for policy in one.policies]
            if policies:
                found.append(((_merged(policies[0].name, policies),), _entries(clusters)))
            elif clusters:
                found.append(((), _entries(clusters)))
        else:
            found += [(one.policies, one.entries) for one in clusters]
        return found


def _entries(readings: Iterable[Reading]) -> tuple[Entry, ...]:
    return tuple(entry for one in readings for entry in one.entries)


def _by(documents: Iterable[Document], of: Callable[[str], str]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for document in documents:
        found.setdefault(of(document.path), []).append(document)
    return found


def _is_mobile(document: Document) -> bool:
    """Whether it limits a namespace that only `kubectl -n` or a kustomization will name: it speaks of nothing but its own file."""
    text = document.text
    return ("LimitRange" in text or "ResourceQuota" in text) and "namespace" not in text and _IN_NAMESPACE.search(text) is not None


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _root(path: str) -> str:
    """Name the host whose file it is, as the systemd reader does."""
    match = _LOAD_PATH.search(path)
    return (path[: match.start()].strip("/") if match is not None else "") or _HOST


def _is_one_cluster(readings: Sequence[Reading]) -> bool:
    seen: set[str] = set()
    for one in readings:
        objects = {thing.object for policy in one.policies for thing in policy.workloads}
        objects |= {thing.object for policy in one.policies for thing in policy.groups}
        if objects & seen:
            return False
        seen |= objects
    return True


def _merged(name: str, policies: Sequence[Policy]) -> Policy:
    """What several dialects, or several folders, say of one host or cluster is one policy."""
    if not policies:
        return Policy(name=name, object=name)
    first = policies[0]
    for other in policies[1:]:
        first = replace(
            first,
            workloads=(*first.workloads, *other.workloads),
            groups=(*first.groups, *other.groups),
            swaps=(*first.swaps, *other.swaps),
            tmpfs=(*first.tmpfs, *other.tmpfs),
            sysctls={**first.sysctls, **other.sysctls},
            kubelet=first.kubelet or other.kubelet,
            oomd=first.oomd or other.oomd,
            default_oom_score_adj=first.default_oom_score_adj or other.default_oom_score_adj,
            facts=_joined(first.facts, other.facts),
        )
    return replace(first, name=name, object=name)


def _known(policy: Policy, facts: Facts | None) -> Policy:
    if facts is None:
        return policy
    if policy.scope == "host":
        return replace(policy, facts=_joined(facts, policy.facts))
    return replace(policy, facts=Facts(memory_total=facts.memory_total)) if facts.of_nodes else policy


def _joined(facts: Facts, others: Facts) -> Facts:
    """Fill in from others what is unknown."""
    if others == Facts():
        return facts
    known = {one.name: getattr(others, one.name) for one in fields(facts) if getattr(facts, one.name) is None}
    return replace(facts, **known)


def _faults(entries: Iterable[Entry], texts: dict[str, str]) -> tuple[tuple[Finding, ...], tuple[tuple[str, str], ...]]:
    """Tell files that do not parse from templates, whose YAML comes to be elsewhere."""
    faults: dict[Finding, None] = {}
    passed: dict[str, str] = {}
    for entry in entries:
        text = texts.get(entry.at.path, "")
        if _MULTIPART.match(text):
            passed[entry.at.path] = "user data of several parts, which is no YAML as a whole"
        elif _TEMPLATE.search(text.replace("${{", "") if is_pipeline(entry.at.path) else text) or entry.at.path.endswith(".j2"):
            passed[entry.at.path] = "a template, which is no YAML before it is rendered: at most its plain lines were looked at"
        else:
            faults[Finding("not-yaml", Severity.ERROR, entry.at.path, entry.at, entry.fault, entry.hint)] = None
    return tuple(faults), tuple(sorted(passed.items()))
