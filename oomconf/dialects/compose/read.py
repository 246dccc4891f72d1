"""Compose files → policy, with Go's own scalars and compose's own merge."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as AnySequence
from pathlib import PurePosixPath
from typing import Any

from oomconf.dialect import Document, Entry, Ran, Reading, Sources
from oomconf.dialects._commands import may_tune
from oomconf.dialects._containers import said_restart
from oomconf.dialects._entries import doubled, repeated, unparsed
from oomconf.dialects._env_files import placed_variables
from oomconf.dialects._hints import Placed, adjust_file, heard
from oomconf.dialects._image import Image, image
from oomconf.dialects._shell import commands as shell_commands
from oomconf.dialects._templates import is_templated
from oomconf.dialects._tmpfs import SHM, mounted, sized
from oomconf.dialects._yaml import Mapping, Node, Scalar, Sequence, compose
from oomconf.dialects.compose.files import STEMS, Loaded, inside, load, overlaid, overlay, services
from oomconf.dialects.compose.scalars import asked, interpolate, names, typed, unset
from oomconf.dialects.compose.traps import beside, disagreement, keys, lost, swarm, sysctls, unheeded
from oomconf.location import Location
from oomconf.placement import ComposeService
from oomconf.policy import Amount, Origin, Policy, Runtime, Setting, Tmpfs, Workload, size_of
from oomconf.quantity import INFINITY, Size, SizeError
from oomconf.quantity import docker as grammar

_ENDS = (".yaml", ".yml")

_MOST_IMAGES = 1000
_SAMPLES = (
    ".env.example", ".env.sample", ".env.template", ".env.dist", ".env.default", ".env.defaults", ".env.local", ".env.dev",
    ".env.development", ".env.staging", ".env.prod", ".env.production", ".env-example", ".env-sample", "env.example", "env.sample",
    "example.env", "sample.env", "default.env", "template.env",
)  # fmt: skip


def claims(path: str) -> bool:
    """compose*.yaml and docker-compose*.yaml."""
    name = path.rpartition("/")[2]
    return name.startswith(STEMS) and name.endswith(_ENDS)


def read(documents: AnySequence[Document], sources: Sources) -> Reading:
    """Read each base file with its overrides beside it; one policy for all, since they are of one host as far as is known."""
    workloads: list[Workload] = []
    entries: list[Entry] = []
    commands: list[Ran] = []
    known = {document.path: document for document in documents}
    for path, over in overlaid(known).items():
        base = known[path]
        loaded = load(base)
        tree = loaded.tree
        entries += (*_faults(base.path, loaded), *_hidden(base))
        for document in (known[one] for one in over):
            loaded = load(document)
            entries += _faults(document.path, loaded)
            top = loaded.tree
            tree = top if tree is None else tree if top is None else overlay(tree, top)
        if tree is None:
            continue
        env = sources.get(str(PurePosixPath(base.path).parent / ".env"))
        one = _File(base.path, {} if env is None else placed_variables(env), sources)
        for name, (service, key) in services(tree, base.path, sources).items():
            workloads.append(one.workload(name, service, key))
        entries += one.entries
        commands += one.ran
    if not workloads and not entries:
        return Reading()
    return Reading((Policy(name="host", object="host", workloads=tuple(workloads)),), tuple(entries), ran=tuple(commands))


def _hidden(document: Document) -> Iterator[Entry]:
    """What a merge key hides, which only the tree as it was written still shows."""
    if "<<:" in document.text and "deploy" in document.text:
        for one in compose(document.text, path=document.path)[0]:
            if isinstance(one.root, Mapping):
                yield from lost(one.root)


def _faults(path: str, loaded: Loaded) -> Iterator[Entry]:
    """Why a file is no YAML, and every key that stands twice in a mapping, wherever: compose refuses the file for it."""
    yield from unparsed("compose", path, loaded.faults)
    for root in loaded.doubled:
        for way, mapping in doubled(root):
            thing = way[1] if len(way) > 1 and way[0] == "services" else path
            yield from repeated("compose", thing, mapping, "is there twice: compose refuses the file")


class _File:
    def __init__(self, path: str, environment: AnyMapping[str, Placed], sources: Sources) -> None:
        self.path = path
        self.variables = {name: text for name, (text, _) in environment.items()}
        self.places = {name: at for name, (_, at) in environment.items()}
        self.sources = sources
        self.images: dict[tuple[str, str, tuple[tuple[str, str], ...]], Image] = {}
        self.files: dict[str, dict[str, Placed]] = {}
        self.dockerfiles: set[str] = set()
        self.entries: list[Entry] = []
        self.ran: list[Ran] = []

    def workload(self, name: str, service: Mapping, key: Scalar) -> Workload:
        limits, reservations = inside(service, "deploy", "resources", "limits"), inside(service, "deploy", "resources", "reservations")
        maximum = self.size(name, "mem_limit", service.get("mem_limit"))
        deployed = self.size(name, "deploy.resources.limits.memory", inside(limits, "memory"))
        maximum, deployed = _said(maximum, deployed), _said(deployed, maximum)
        self.entries += disagreement(name, maximum, deployed, None if _is_gone(limits) else limits, "mem_limit")
        if deployed is not None:
            beat = (*deployed.beat, *(() if maximum is None else (maximum,)))
            maximum = Setting(deployed.value, deployed.at, deployed.origin, deployed.text, beat)
        low = self.size(name, "mem_reservation", service.get("mem_reservation"))
        reserved = self.size(name, "deploy.resources.reservations.memory", inside(reservations, "memory"))
        self.entries += (*disagreement(name, low, reserved, reservations, "mem_reservation"), *keys(name, service))
        self.entries += (*unheeded(name, service), *swarm(name, service), *sysctls(name, service), *beside(name, service))
        low = reserved or low
        scale = inside(service, "deploy", "replicas") or service.get("scale")
        return Workload(
            name=name,
            object=name,
            at=key.at,
            placement=ComposeService(file=self.path, service=name, style="service" if limits is None else "deploy"),
            image=self.image(service.get("image")),
            slice=self.text(service.get("cgroup_parent")),
            oom_score_adj=self.number(name, "oom_score_adj", service.get("oom_score_adj"), -1000, 1000),
            memory_low=low,
            memory_max=maximum,
            memory_swap_max=self.swap(name, service.get("memswap_limit"), maximum),
            restart=self.restart(service.get("restart")),
            replicas=self.number(name, "replicas", scale, 0, 1 << 31),
            runtimes=self.runtimes(name, service, key.at),
            oom_adjust_file=adjust_file({**self.env_files(service.get("env_file")), **self.environment(service.get("environment"))}),
            tmpfs=tuple(self.tmpfs(service)),
        )

    def tmpfs(self, service: Mapping) -> Iterator[Tmpfs]:
        """File systems in memory: /dev/shm where its size is said, `tmpfs`, and volumes of that type."""
        shm = service.get("shm_size")
        if isinstance(shm, Scalar) and not isinstance(typed(shm, self.variables), float):
            found = sized(SHM, interpolate(shm.text, self.variables), shm.at)
            yield from () if found is None else (found,)
        plain = service.get("tmpfs")
        for item in plain if isinstance(plain, Sequence) else (plain,):
            if isinstance(item, Scalar) and not item.is_null:
                yield mounted(interpolate(item.text, self.variables), item.at)
        volumes = service.get("volumes")
        for item in volumes if isinstance(volumes, Sequence) else ():
            kind, target, size = inside(item, "type"), inside(item, "target"), inside(item, "tmpfs", "size")
            if isinstance(kind, Scalar) and kind.text == "tmpfs":
                path = target.text if isinstance(target, Scalar) else ""
                found = sized(path, interpolate(size.text, self.variables), size.at) if isinstance(size, Scalar) else None
                yield found or Tmpfs(path=path, at=kind.at)

    def image(self, node: Node | None) -> str | None:
        return str(typed(node, self.variables)) if isinstance(node, Scalar) and not node.is_null else None

    def size(self, name: str, key: str, node: Node | None) -> Setting[Amount] | None:
        """None for what compose takes as unsaid: 0, and a float, which it drops without a word."""
        if not isinstance(node, Scalar):
            return None
        beat = tuple(self.below(one) for one in node.beat)
        removed: Setting[Amount] | None = None
        if beat and "limit" in key:  # of the file below it
            removed = Setting(INFINITY, node.at, Origin.WRITTEN, node.text, beat)
        if _is_gone(node):
            return removed
        value = typed(node, self.variables)
        fault = hint = ""
        size: Size | None = None
        if isinstance(value, float):
            fault = "is a floating-point number to compose, which silently drops it: there is no limit"
        elif isinstance(value, bool) or value is None:
            fault = "is no size: compose refuses the file"
        elif isinstance(value, int) and key.startswith("deploy."):
            fault, hint = "is a number, and deploy takes a text alone: compose refuses the file", f'write "{node.text}"'
        else:
            try:
                size = grammar.parse(str(value))
            except SizeError as error:
                fault, hint = self.refusal(name, key, node, error)
        self.entries.append(self.entry(name, key, node, fault, hint))
        if size == 0 or isinstance(value, float):
            return removed if size == 0 or removed is not None else Setting(None, node.at, Origin.WRITTEN, node.text)
        return Setting(size, node.at, Origin.WRITTEN, node.text, beat)

    def entry(self, name: str, key: str, node: Scalar, fault: str, hint: str) -> Entry:
        """An entry of a service's key; of a variable that `.env` says with that place."""
        source = next((self.places[used] for used, _, _ in names(node.text) if used in self.places), None)
        return Entry("compose", name, "services", key, node.text, node.at, fault, hint, source=source)

    def refusal(self, name: str, key: str, node: Scalar, error: SizeError) -> tuple[str, str]:
        """Say why compose refuses a size; of what the environment of `docker compose` must say only that it must."""
        if is_templated(node.text):
            return "", ""
        if not asked(node.text, self.variables):
            becomes = f"is '{interpolate(node.text, self.variables)}' here: " if "$" in node.text else ""
            return f"{becomes}compose refuses the file: {error.message}", error.hint
        variable = unset(node.text, self.variables)
        if variable and not self.sampled(variable):
            self.entries.append(Entry("compose", name, "unset", key, variable, node.at))
        return "", ""

    def sampled(self, variable: str) -> bool:
        """Whether a file beside tells whoever starts it to set a variable."""
        folder = PurePosixPath(self.path).parent
        samples = (self.sources.get(str(folder / sample)) for sample in _SAMPLES)
        return any(variable in placed_variables(sample) for sample in samples if sample is not None)

    def below(self, said: Setting[Any]) -> Setting[Amount]:
        """What another file said of the same key."""
        try:
            size = grammar.parse(interpolate(said.text, self.variables))
        except SizeError:
            return Setting(None, said.at, text=said.text)
        return Setting(INFINITY if size == 0 else size, said.at, text=said.text)

    def swap(self, name: str, node: Node | None, maximum: Setting[Amount] | None) -> Setting[Amount] | None:
        if not isinstance(node, Scalar):
            return None
        value = typed(node, self.variables)
        fault = hint = ""
        amount: Size | None = None
        try:
            amount = grammar.parse_swap(str(value)) if isinstance(value, int | str) else Size(0)
        except SizeError as error:
            fault, hint = self.refusal(name, "memswap_limit", node, error)
        limit, maximum = (None, None) if maximum is not None and maximum.value == INFINITY else (size_of(maximum), maximum)
        if amount is not None and amount < INFINITY:
            if amount == 0:
                return None
            if limit is None and maximum is not None:
                amount = None
            elif limit is None:
                fault = "is a swap limit without a memory limit: the engine refuses it"
                amount = None
            elif amount < limit:
                fault = f"is a total of {amount}, less than the memory of {limit}: the engine refuses it"
                amount = None
            else:
                amount = Size(amount - limit)
        self.entries.append(self.entry(name, "memswap_limit", node, fault, hint))
        return Setting(amount, node.at, Origin.WRITTEN, node.text)

    def number(self, name: str, key: str, node: Node | None, low: int, high: int) -> Setting[int] | None:
        if not isinstance(node, Scalar):
            return None
        value = typed(node, self.variables)
        if isinstance(value, str):
            try:
                value = grammar.parse_int(value)
            except SizeError:
                value = None
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        fault = "" if good or asked(node.text, self.variables) or is_templated(node.text) else f"is not a number from {low} to {high}"
        self.entries.append(self.entry(name, key, node, fault, ""))
        return Setting(value if good else None, node.at, Origin.WRITTEN, node.text)  # type: ignore[arg-type]

    def text(self, node: Node | None) -> Setting[str] | None:
        if not isinstance(node, Scalar) or node.is_null:
            return None
        return Setting(interpolate(node.text, self.variables), node.at, Origin.WRITTEN, node.text)

    def restart(self, node: Node | None) -> Setting[str] | None:
        if not isinstance(node, Scalar) or node.is_null:
            return None
        return Setting(said_restart(interpolate(node.text, self.variables)), node.at, Origin.WRITTEN, node.text)

    def floor(self, service: Mapping) -> int | None:
        """The score that it starts with, below which it may not go without the capability."""
        added = service.get("cap_add")
        caps = {self.plain(one).upper().removeprefix("CAP_") for one in added} if isinstance(added, Sequence) else set()
        if self.plain(service.get("privileged")) not in ("", "false") or caps & {"ALL", "SYS_RESOURCE"}:
            return None
        try:
            return min(grammar.parse_int(self.plain(service.get("oom_score_adj")) or "0"), 0)
        except SizeError:
            return None

    def runtimes(self, name: str, service: Mapping, at: Location) -> tuple[Runtime, ...]:
        built = self.built(service.get("build"))
        entrypoint, command = self.words(service.get("entrypoint")), self.words(service.get("command"))
        direct = bool(entrypoint) or built.direct
        if not entrypoint:  # an entrypoint of the service's own puts the image's command aside too
            entrypoint, command = [*built.entrypoint], command or [*built.command]
        words = [*entrypoint, *command]
        if any(may_tune(text) for text, _ in words):
            self.ran.append(Ran(name, tuple(words), "container", at, floor=self.floor(service)))
        variables = {**built.variables, **self.env_files(service.get("env_file")), **self.environment(service.get("environment"))}
        image = self.image(service.get("image")) if service.get("build") is None else None
        found, refused = heard("compose", name, variables, [words] if words else (), at=at, image=image, direct=direct)
        # what a Dockerfile says wrong is told of the Dockerfile itself
        self.entries += [one for one in refused if one.at.path not in self.dockerfiles]
        return found

    def built(self, build: Node | None) -> Image:
        """What the image brings that the service builds, where its Dockerfile is in the tree."""
        context, name = (build if isinstance(build, Scalar) else inside(build, "context")), inside(build, "dockerfile")
        folder = "." if context is None else self.plain(context)
        if build is None or "://" in folder or folder.startswith(("/", "git@")):
            return Image()
        path = posixpath.join(posixpath.dirname(self.path), folder, self.plain(name) or "Dockerfile")
        given = {key: text for key, (text, _) in self.environment(inside(build, "args")).items()}
        key = posixpath.normpath(path), self.plain(inside(build, "target")), tuple(sorted(given.items()))
        if key not in self.images and len(self.images) < _MOST_IMAGES:
            document = self.sources.get(key[0])
            self.dockerfiles.add(key[0])
            self.images[key] = Image() if document is None else image(document, target=key[1], given=given)
        return self.images.get(key, Image())

    def env_files(self, node: Node | None) -> dict[str, Placed]:
        found: dict[str, Placed] = {}
        for item in node if isinstance(node, Sequence) else (node,):
            path = self.plain(item if isinstance(item, Scalar) else inside(item, "path"))
            path = posixpath.normpath(posixpath.join(posixpath.dirname(self.path), path)) if path else ""
            if path and path not in self.files and len(self.files) < _MOST_IMAGES:
                document = self.sources.get(path)
                self.files[path] = {} if document is None else placed_variables(document)
            found |= self.files.get(path, {})
        return found

    def plain(self, node: Node | None) -> str:
        return interpolate(node.text, self.variables) if isinstance(node, Scalar) and not node.is_null else ""

    def words(self, node: Node | None) -> list[Placed]:
        if isinstance(node, Sequence):
            return [(interpolate(item.text, self.variables), item.at) for item in node if isinstance(item, Scalar)]
        if not isinstance(node, Scalar):
            return []
        lines = shell_commands(interpolate(node.text, self.variables), self.path)
        return [(word.text, node.at) for line in lines for word in line]

    def environment(self, node: Node | None) -> dict[str, tuple[str, Location]]:
        found: dict[str, tuple[str, Location]] = {}
        if isinstance(node, Mapping):
            for name, value in node.items():
                if isinstance(value, Scalar):
                    found[name] = (interpolate(value.text, self.variables), value.at)
        for item in node if isinstance(node, Sequence) else ():
            if isinstance(item, Scalar):
                name, equals, text = interpolate(item.text, self.variables).partition("=")
                if equals:
                    found[name] = (text, item.at)
        return found


def _is_gone(node: Node | None) -> bool:
    """Whether an override took away what stood here."""
    return node is not None and node.tag == "!reset"


def _said(one: Setting[Amount] | None, other: Setting[Amount] | None) -> Setting[Amount] | None:
    """A limit; where it was only taken away, the other way of saying it counts."""
    return None if one is not None and one.value == INFINITY and other is not None and other.value != INFINITY else one
