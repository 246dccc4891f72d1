"""Docker: flags of `docker run` and `docker update`, both ways (docker/cli: cli/command/container/opts.go)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from oomconf.dialect import Dialect, Document, Entry, Reading, Rendered, Sources
from oomconf.dialects._commands import steps
from oomconf.dialects._common import header, variables
from oomconf.dialects._containers import engine_says
from oomconf.dialects._docker_run import container
from oomconf.dialects._shell import comment, word
from oomconf.ledger import Artifact, Book, Rendering, unsaid_cells
from oomconf.placement import DockerContainer
from oomconf.policy import Policy, Workload
from oomconf.quantity import docker as grammar

_UPDATES: Final = ("--memory", "--memory-swap", "--memory-reservation", "--restart")
# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write for each container its flags, a ready command, and a command for the one that runs."""
    book = Book("docker")
    artifacts: list[Artifact] = []
    for workload in policy.workloads:
        if isinstance(workload.placement, DockerContainer):
            artifacts += _container(workload, workload.placement, policy, needs, book)
    return Rendering(artifacts=tuple(artifacts), ledger=tuple(book.cells))


def _container(workload: Workload, place: DockerContainer, policy: Policy, needs: Rendered, book: Book) -> Iterator[Artifact]:
    identity = place.identities[0]
    before = len(book.cells)
    flags = engine_says(workload, identity, policy.facts, book)
    words = [f"{flag}={value}" for flag, value in _flags(flags)]
    words += [f"--annotation={name}={value}" for name, value in flags.annotations]
    words += [f"--env={variable.name}={variable.value}" for variable in variables(workload, identity, book, base="the image")]
    book.cells += unsaid_cells(workload, "docker", book.cells[before:])
    about = comment(header(policy.source, [workload.object]))
    if words:
        yield Artifact(path=f"docker/{workload.name}.args", text="".join(f"{one}\n" for one in words), objects=(workload.object,))
    line = [*place.options, *words, f"--name={place.name}", *(["--init"] if place.init else [])]
    quoted = [word(one) for one in line]
    tail = [place.image, *place.command] if place.image is not None else []
    quoted += [word(one) for one in tail] if tail else ['"$@"']
    notes = [] if tail else ["The spec names no image: give it, and the command, as arguments."]
    notes += ["On a booted host --restart keeps it; --detach comes from 'options'."] if not place.options else []
    text = needs.templates.render("docker/run.sh.j2", header=about, args=f"{workload.name}.args", words=quoted, notes=notes)
    yield Artifact(path=f"docker/{workload.name}.run.sh", text=text, mode=0o755, objects=(workload.object,))
    changes = [f"{flag}={value}" for flag, value in _flags(flags) if flag in _UPDATES]
    if changes:
        updates = [*(word(one) for one in changes), word(place.name)]
        text = needs.templates.render("docker/update.sh.j2", header=about, words=updates)
        yield Artifact(path=f"docker/{workload.name}.update.sh", text=text, mode=0o755, objects=(workload.object,))


def _flags(flags: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    found: list[tuple[str, str]] = []
    if flags.memory is not None:
        found.append(("--memory", grammar.format(flags.memory)))
        if flags.swap_total is not None:
            found.append(("--memory-swap", grammar.format_swap(flags.swap_total)))
    if flags.reservation is not None:
        found.append(("--memory-reservation", grammar.format(flags.reservation)))
    if flags.oom_score_adj is not None:
        found.append(("--oom-score-adj", str(flags.oom_score_adj)))
    if flags.slice is not None:
        found.append(("--cgroup-parent", flags.slice))
    if flags.restart is not None:
        found.append(("--restart", flags.restart))
    return found


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def claims(path: str) -> bool:
    """Flag files and commands that this dialect writes."""
    return path.endswith((".run.sh", ".update.sh", ".args")) and "docker/" in f"/{path}"


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read `docker run`, `create` and `update` commands; what stands behind the image is the container's own."""
    workloads: list[Workload] = []
    entries: list[Entry] = []
    for document in documents:
        if document.path.endswith(".args"):
            continue
        for step in steps(document.text, document.path):
            said = container(step.words)
            if said is not None:
                workloads.append(said[0])
                entries += said[1]
    if not workloads:
        return Reading()
    return Reading((Policy(name="host", object="host", workloads=tuple(workloads)),), tuple(entries))


DIALECT: Final = Dialect(
    name="docker",
    summary="docker/SERVICE.run.sh, .update.sh and .args: flags for docker run and docker update",
    render=render,
    claims=claims,
    read=read,
    proven="the docker client, by what it posts to an engine; a booted engine and its cgroups",
)
