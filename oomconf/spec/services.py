"""Services in the spec: what they say, and where they run."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import PlainValidator, WithJsonSchema

from oomconf.dialects._yaml import Sequence
from oomconf.policy import Setting
from oomconf.spec.placed import BoolValue, HeapValue, KubernetesSize, SizeValue, choice, integer, refuse, text
from oomconf.spec.words import (
    DNS,
    KINDS,
    NAME,
    RELATIVE,
    Adj,
    Level,
    Memory,
    Model,
    OomPolicy,
    Preference,
    Restart,
    ServiceName,
    Slice,
    Unit,
    Words,
)


class Part(Model):
    """A process, or `count` like ones, of a service."""

    name: ServiceName
    count: Annotated[Setting[int], integer(1, 1_000_000)] | None = None
    oom_score_adj: Annotated[Setting[int], integer(-1000, 1000)] | None = None
    memory: SizeValue | None = None


class Jvm(Model):
    heap: HeapValue | None = None
    options: Words | None = None


class Go(Model):
    heap: HeapValue | None = None


class Node(Model):
    heap: HeapValue | None = None
    options: Words | None = None
    version: Annotated[Setting[int], integer(4, 99)] | None = None


class Dotnet(Model):
    heap: HeapValue | None = None


class Python(Model):
    arenas: Annotated[Setting[int], integer(1, 1024, "MALLOC_ARENA_MAX (mallopt(3)).")] | None = None


class Runtimes(Model):
    """Heaps derived from the limit, put into whichever target runs the service."""

    jvm: Jvm | None = None
    go: Go | None = None
    node: Node | None = None
    dotnet: Dotnet | None = None
    python: Python | None = None


class Systemd(Model):
    unit: Unit
    instances: Annotated[
        tuple[Setting[str], ...],
        PlainValidator(lambda node: _names(node, r"[A-Za-z0-9_:.\\-]{1,100}")),
        WithJsonSchema({"type": "array", "items": {"type": ["string", "integer"]}}),
    ] = ()
    user: BoolValue | None = None
    command: Words | None = None


def _names(node: object, pattern: str) -> tuple[Setting[str], ...]:
    if not isinstance(node, Sequence):
        raise refuse("expected a list of names", "write them as [one, two]")
    reader = text(pattern, "a name", "15-main")
    return tuple(reader.read(item) for item in node)


class Docker(Model):
    name: Annotated[Setting[str], text(r"[A-Za-z0-9][A-Za-z0-9_.-]+", "a container's name", "api")]
    image: Annotated[Setting[str], text(r"[a-z0-9]([A-Za-z0-9._:/@-]*[A-Za-z0-9])?", "an image", "registry.example/api:1.4")] | None = None
    init: BoolValue | None = None
    options: Words | None = None
    command: Words | None = None


class Compose(Model):
    file: Annotated[Setting[str], text(RELATIVE, "a path below the spec's own folder", "compose.yaml")]
    service: Annotated[Setting[str], text(r"[A-Za-z0-9._-]+", "a compose service's name", "web")]


class Quadlet(Model):
    unit: Annotated[Setting[str], text(r"[A-Za-z0-9_:.\\][A-Za-z0-9_:.\\-]{0,200}\.container", "a .container file's name", "api.container")]
    user: BoolValue | None = None


class Requests(Model):
    cpu: Annotated[Setting[str], text(r"[0-9]+m|[0-9]+(\.[0-9]{1,3})?", "a CPU quantity", "500m")] | None = None
    memory: KubernetesSize | None = None


class Limits(Model):
    cpu: Annotated[Setting[str], text(r"[0-9]+m|[0-9]+(\.[0-9]{1,3})?", "a CPU quantity", "500m")] | None = None


class Kubernetes(Model):
    workload: Annotated[Setting[str], text(f"({'|'.join(KINDS)})/{DNS}", f"Kind/name with a kind of {', '.join(KINDS)}", "Deployment/api")]
    namespace: Annotated[Setting[str], text(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "a namespace's name", "prod")] | None = None
    container: Annotated[Setting[str], text(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "a container's name", "api")]
    role: Annotated[Setting[str], choice("container", "init", "sidecar")] | None = None
    requests: Requests = Requests.model_construct()
    limits: Limits = Limits.model_construct()


class Cgroup(Model):
    path: Annotated[
        Setting[str],
        text(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", "a cgroup's path below its parent", "batch/report"),
    ]
    command: Words | None = None
    delegated_by: Unit | None = None


class Said(Model):
    """What a service says, itself or for one host."""

    slice: Slice | None = None
    protect: Level | None = None
    oom_score_adj: Adj | None = None
    oom_policy: OomPolicy | None = None
    restart: Restart | None = None
    managed_oom_preference: Preference | None = None
    memory: Memory = Memory.model_construct()
    processes: list[Part] | None = None
    runtime: Runtimes | None = None


def _hosts(node: object) -> tuple[Setting[str], ...]:
    reader = text(NAME, "a host's name", "web-1")
    return tuple(reader.read(item) for item in node) if isinstance(node, Sequence) else (reader.read(node),)


class Service(Said):
    """One workload with one placement."""

    host: Annotated[
        tuple[Setting[str], ...],
        PlainValidator(_hosts),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    ] = ()
    replicas: Annotated[Setting[int], integer(0, 1_000_000)] | None = None
    overrides: dict[str, Said] = {}
    systemd: Systemd | None = None
    docker: Docker | None = None
    compose: Compose | None = None
    quadlet: Quadlet | None = None
    kubernetes: Kubernetes | None = None
    cgroup: Cgroup | None = None


PLACEMENTS: Final = ("systemd", "docker", "compose", "quadlet", "kubernetes", "cgroup")
