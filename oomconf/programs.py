"""Programs that are known by name, and what they do with memory, scores and children."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

__all__ = ["PROGRAMS", "Children", "Heap", "Program", "find"]

Children = Literal["inherit", "restore", "reset"]
"""What a program's children get as oom_score_adj: its own value as fork(2) copies it; the value that it was started with, whatever
it has set for itself since; or a value of their own."""

Heap = Literal["jvm", "go", "node", "dotnet", "python"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program by its exact names: systemd units without `.service` (`x@` is a template with any instance), the last part of an
    image's name without tag, executables without folder.
    """

    name: str
    units: tuple[str, ...] = ()
    unit_prefixes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    executables: tuple[str, ...] = ()
    spawns: str = ""
    """Whose programs it starts that are not its own; empty if none."""
    children: Children | None = None
    """None is not known."""
    wants_overcommit: int | None = None
    """The vm.overcommit_memory that it asks for; `overcommit_why` says who says so."""
    overcommit_why: str = ""
    self_protects: int | None = None
    """The oom_score_adj that it sets for itself, whatever its unit says."""
    vendor_oom_score_adj: int | None = None
    """OOMScoreAdjust= of the unit that its vendor ships."""
    expects_oom_policy: Literal["continue", "stop", "kill"] | None = None
    """The OOMPolicy= that it needs, because it handles the death of a child itself."""
    heap: Heap | None = None
    """The runtime that sizes a heap in it."""
    note: str = ""

    @property
    def leaks(self) -> bool:
        """Whether the OOMScoreAdjust= of its unit ends up on programs of other people."""
        return self.spawns != "" and self.children in ("inherit", "restore")


_INSISTS: Final = "the kubelet sets it at its start, or refuses to start under protectKernelDefaults"
_SNAPSHOT: Final = "it warns at its start: saving forks a copy of the whole process"
_SESSIONS: Final = "login sessions"
_CONTAINERS: Final = "containers"
_JOBS: Final = "jobs of CI pipelines"
_POSTGRESQL_RELEASES: Final = ("9.5", "9.6", *(str(release) for release in range(10, 31)))

_SPAWNERS: Final = (
    # openbsd-compat/port-linux.c: oom_adjust_setup(), oom_adjust_restore()
    Program(
        name="sshd",
        units=("ssh", "sshd", "ssh@", "sshd@"),
        executables=("sshd",),
        spawns=_SESSIONS,
        children="restore",
        self_protects=-1000,
        note="it protects itself and gives sessions the value that it was started with",
    ),
    Program(name="getty", units=("getty@", "serial-getty@", "console-getty"), spawns=_SESSIONS, children="inherit"),
    Program(name="gdm", units=("gdm", "gdm3"), executables=("gdm", "gdm3"), spawns=_SESSIONS, children="inherit"),
    Program(name="lightdm", units=("lightdm",), executables=("lightdm",), spawns=_SESSIONS, children="inherit"),
    Program(name="sddm", units=("sddm",), executables=("sddm",), spawns=_SESSIONS, children="inherit"),
    Program(
        name="user manager",
        units=("user@",),
        spawns="user services",
        children="inherit",
        vendor_oom_score_adj=100,
        note="user services get the manager's value and 100 more",
    ),
    Program(
        name="systemd-logind",
        units=("systemd-logind",),
        executables=("systemd-logind",),
        spawns=_SESSIONS,
        children="reset",
        note="sessions are started by the manager, not by logind itself",
    ),
    Program(name="cron", units=("cron", "crond", "cronie"), executables=("cron", "crond"), spawns="users' jobs", children="inherit"),
    Program(name="atd", units=("atd",), executables=("atd",), spawns="users' jobs", children="inherit"),
    Program(name="supervisord", units=("supervisor", "supervisord"), executables=("supervisord",), spawns="programs", children="inherit"),
    Program(
        name="docker",
        units=("docker",),
        executables=("dockerd",),
        spawns=_CONTAINERS,
        children="reset",
        vendor_oom_score_adj=-500,
        heap="go",
        note="upstream's unit says -500, Debian's says nothing; a container has 0 unless it is told --oom-score-adj",
    ),
    Program(
        name="containerd",
        units=("containerd",),
        executables=("containerd",),
        spawns=_CONTAINERS,
        children="reset",
        vendor_oom_score_adj=-999,
        heap="go",
    ),
    Program(
        name="cri-o",
        units=("crio", "cri-o"),
        executables=("crio",),
        spawns=_CONTAINERS,
        children="reset",
        vendor_oom_score_adj=-999,
        heap="go",
    ),
    Program(
        name="podman",
        units=("podman",),
        spawns=_CONTAINERS,
        children="inherit",
        note="containers.conf may set oom_score_adj; else containers inherit it",
    ),
    Program(
        name="kubelet",
        units=("kubelet",),
        executables=("kubelet",),
        spawns="pods",
        children="reset",
        wants_overcommit=1,
        overcommit_why=_INSISTS,
        self_protects=-999,
        heap="go",
    ),
    Program(name="k3s", units=("k3s", "k3s-agent"), spawns="pods", wants_overcommit=1, overcommit_why=_INSISTS, heap="go"),
    Program(name="rke2", units=("rke2-server", "rke2-agent"), spawns="pods", wants_overcommit=1, overcommit_why=_INSISTS, heap="go"),
    Program(
        name="libvirtd",
        units=("libvirtd", "virtqemud"),
        executables=("libvirtd", "virtqemud"),
        spawns="virtual machines",
        children="inherit",
    ),
    Program(
        name="nomad", units=("nomad",), images=("nomad",), executables=("nomad",), spawns="tasks of jobs", children="inherit", heap="go"
    ),
    Program(name="slurmd", units=("slurmd",), executables=("slurmd",), spawns="steps of jobs"),
    Program(
        name="gitlab-runner",
        units=("gitlab-runner",),
        images=("gitlab-runner",),
        executables=("gitlab-runner",),
        spawns=_JOBS,
        children="inherit",
        heap="go",
    ),
    # Runner.Sdk/ProcessInvoker.cs: WriteProcessOomScoreAdj()
    Program(
        name="GitHub Actions runner",
        unit_prefixes=("actions.runner.",),
        executables=("Runner.Listener",),
        spawns=_JOBS,
        children="reset",
        note="what a job runs is set to 500, or to PIPELINE_JOB_OOMSCOREADJ",
    ),
    Program(
        name="Azure Pipelines agent",
        unit_prefixes=("vsts.agent.",),
        executables=("Agent.Listener",),
        spawns=_JOBS,
        children="reset",
        note="what a job runs is set to 500, or to PIPELINE_JOB_OOMSCOREADJ",
    ),
    Program(
        name="Buildkite agent",
        units=("buildkite-agent", "buildkite-agent@"),
        executables=("buildkite-agent",),
        spawns=_JOBS,
        children="inherit",
    ),
    Program(name="Jenkins", units=("jenkins",), images=("jenkins",), spawns=_JOBS, children="inherit", heap="jvm"),
    Program(
        name="SSM agent", units=("amazon-ssm-agent",), executables=("amazon-ssm-agent",), spawns=_SESSIONS, children="inherit", heap="go"
    ),
    # udev-worker: "we only protect the main daemon"
    Program(
        name="systemd-udevd",
        units=("systemd-udevd", "udev"),
        executables=("systemd-udevd",),
        spawns="programs of udev rules",
        children="reset",
        vendor_oom_score_adj=-1000,
    ),
)

_POSTGRESQL: Final = Program(
    name="PostgreSQL",
    units=("postgresql", *(f"postgresql-{release}" for release in _POSTGRESQL_RELEASES)),
    images=("postgres", "postgresql", "postgis", "timescaledb", "pgvector"),
    executables=("postgres", "postmaster"),
    children="reset",
    wants_overcommit=2,
    overcommit_why="its manual advises it on hosts of its own",
    expects_oom_policy="continue",
    note="backends set themselves to 0 where PG_OOM_ADJUST_FILE is set; -1000 stays on them elsewhere",
)

_DATABASES: Final = (
    _POSTGRESQL,
    # Debian's unit of one cluster
    replace(_POSTGRESQL, name="PostgreSQL cluster", units=("postgresql@",), images=(), executables=(), vendor_oom_score_adj=-900),
    Program(
        name="Redis",
        units=("redis", "redis-server", "redis@", "redis-server@"),
        images=("redis", "redis-stack", "redis-stack-server"),
        executables=("redis-server",),
        children="inherit",
        wants_overcommit=1,
        overcommit_why=_SNAPSHOT,
    ),
    Program(
        name="Valkey",
        units=("valkey", "valkey-server", "valkey@", "valkey-server@"),
        images=("valkey",),
        executables=("valkey-server",),
        children="inherit",
        wants_overcommit=1,
        overcommit_why=_SNAPSHOT,
    ),
    Program(name="RabbitMQ", units=("rabbitmq-server",), images=("rabbitmq",), vendor_oom_score_adj=-500),
    Program(name="Elasticsearch", units=("elasticsearch",), images=("elasticsearch",), heap="jvm"),
    Program(name="OpenSearch", units=("opensearch",), images=("opensearch",), heap="jvm"),
    Program(name="Logstash", units=("logstash",), images=("logstash",), heap="jvm"),
    Program(name="Cassandra", units=("cassandra",), images=("cassandra",), heap="jvm"),
    Program(name="Kafka", images=("kafka", "cp-kafka"), heap="jvm"),
    Program(name="ZooKeeper", images=("zookeeper", "cp-zookeeper"), heap="jvm"),
    Program(name="Solr", units=("solr",), images=("solr",), heap="jvm"),
    Program(name="Neo4j", units=("neo4j",), images=("neo4j",), heap="jvm"),
    Program(name="Keycloak", units=("keycloak",), images=("keycloak",), heap="jvm"),
    Program(name="Tomcat", units=("tomcat", "tomcat9", "tomcat10", "tomcat11"), images=("tomcat",), heap="jvm"),
    Program(name="WildFly", units=("wildfly",), images=("wildfly",), heap="jvm"),
    Program(name="SonarQube", units=("sonarqube",), images=("sonarqube",), heap="jvm"),
    Program(name="Nexus", units=("nexus",), images=("nexus3",), heap="jvm"),
    Program(
        name="Prometheus",
        units=("prometheus",),
        images=("prometheus",),
        executables=("prometheus",),
        heap="go",
        note="from release 3 it sets GOMEMLIMIT to 90 % of its limit by itself",
    ),
    Program(name="etcd", units=("etcd",), images=("etcd",), executables=("etcd",), heap="go"),
    Program(name="Traefik", units=("traefik",), images=("traefik",), executables=("traefik",), heap="go"),
)

_SYSTEM: Final = (
    Program(name="kube-proxy", units=("kube-proxy",), images=("kube-proxy",), executables=("kube-proxy",), self_protects=-999, heap="go"),
    Program(name="systemd-coredumpd", units=("systemd-coredumpd",), vendor_oom_score_adj=-1000),
    Program(name="systemd-coredump", units=("systemd-coredump@",), vendor_oom_score_adj=500),
    Program(name="systemd-oomd", units=("systemd-oomd",), executables=("systemd-oomd",), vendor_oom_score_adj=-900),
    Program(
        name="systemd-journald",
        units=("systemd-journald", "systemd-journald@"),
        executables=("systemd-journald",),
        vendor_oom_score_adj=-250,
    ),
    Program(
        name="D-Bus",
        units=("dbus", "dbus-broker"),
        executables=("dbus-daemon", "dbus-broker", "dbus-broker-launch"),
        vendor_oom_score_adj=-900,
    ),
    Program(name="virtlogd", units=("virtlogd",), executables=("virtlogd",), vendor_oom_score_adj=-900),
    Program(name="virtlockd", units=("virtlockd",), executables=("virtlockd",), vendor_oom_score_adj=-900),
    Program(name="Netdata", units=("netdata",), images=("netdata",), executables=("netdata",), vendor_oom_score_adj=-900),
)

_RUNTIMES: Final = (
    Program(name="Java", images=("openjdk", "eclipse-temurin", "amazoncorretto"), executables=("java",), heap="jvm"),
    Program(name="Node.js", images=("node",), executables=("node", "nodejs"), heap="node"),
    Program(name=".NET", images=("aspnet",), executables=("dotnet",), heap="dotnet"),
)

PROGRAMS: Final = (*_SPAWNERS, *_DATABASES, *_SYSTEM, *_RUNTIMES)
"""Exact names only: a program that is not certain is not here."""


def _table(field: Literal["units", "images", "executables"]) -> Mapping[str, Program]:
    return MappingProxyType({name: program for program in PROGRAMS for name in getattr(program, field)})


_UNITS: Final = _table("units")
_IMAGES: Final = _table("images")
_EXECUTABLES: Final = _table("executables")
_PREFIXES: Final = tuple((prefix, program) for program in PROGRAMS for prefix in program.unit_prefixes)

# reference.Regexp of distribution/reference, as far as the last part of the name
_IMAGE: Final = re.compile(r"(?:[^@\s]*/)?(?P<name>[a-z0-9][a-z0-9._-]*)(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@[^\s@]+)?")
_EXECUTABLE: Final = re.compile(r"""[-@:+!|]*(?P<quote>["']?)(?P<path>[^\s"'$%]+)(?P=quote)(?:\s|$)""")
"""With the prefixes of systemd.service(5), ExecStart=."""


def find(*, unit: str | None = None, image: str | None = None, command: str | None = None) -> Program | None:
    """Name the program behind a systemd unit, a container image or a command line; the first of the three that is known wins.

    Units go by `x.service`, `x@instance.service` or without the suffix; of an image reference the last part without tag and digest
    counts, of a command its first word without folder. Names are compared exactly, and letters keep their case.
    """
    return next(_known(unit, image, command), None)


def _known(unit: str | None, image: str | None, command: str | None) -> Iterator[Program]:
    if unit is not None:
        stem = unit.removesuffix(".service")
        template, at, _ = stem.partition("@")
        program = _UNITS.get(template + at)
        if program is not None:
            yield program
        yield from (program for prefix, program in _PREFIXES if stem.startswith(prefix))
    if image is not None and (found := _IMAGE.fullmatch(image)) is not None and found["name"] in _IMAGES:
        yield _IMAGES[found["name"]]
    if command is not None and (word := _EXECUTABLE.match(command.lstrip())) is not None:
        name = word["path"].rpartition("/")[2]
        if name in _EXECUTABLES:
            yield _EXECUTABLES[name]
