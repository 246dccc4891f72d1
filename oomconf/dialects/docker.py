"""Docker: flags of `docker run` and `docker update`, both ways (docker/cli: cli/command/container/opts.go)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from oomconf.dialect import Dialect, Document, Entry, Reading, Rendered, Sources
from oomconf.dialects._commands import steps
from oomconf.dialects._common import header, variables
from oomconf.dialects._containers import DOUBLE, Engine, engine_says, scoped
from oomconf.dialects._docker_run import container
from oomconf.dialects._shell import comment, word
from oomconf.ledger import Artifact, Book, Rendering, unsaid_cells
from oomconf.placement import DockerContainer
from oomconf.policy import Facts, Policy, Workload, size_of
from oomconf.quantity import INFINITY, Size
from oomconf.quantity import docker as grammar

_UPDATES: Final = ("--memory", "--memory-swap", "--memory-reservation", "--restart")
_LARGEST: Final = "8191p"
"""The most that Docker's sizes hold (docker/go-units: size.go), more than the swap of any machine."""
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
    changes = _changes(flags)
    if changes:
        updates = [*(word(f"{flag}={value}") for flag, value in changes.items()), word(place.name)]
        first = _opened(changes, place.name) if flags.swap_total is not None and flags.swap_total >= INFINITY else []
        notes = _stays(workload, place.name, policy.facts, changes)
        text = needs.templates.render("docker/update.sh.j2", header=about, first=first, words=updates, notes=notes)
        yield Artifact(path=f"docker/{workload.name}.update.sh", text=text, mode=0o755, objects=(workload.object,))


def _changes(flags: Engine) -> dict[str, str]:
    """Say what docker update can: it refuses a memory limit above a swap total that it knows, so that always stands beside it."""
    changes = {flag: value for flag, value in _flags(flags) if flag in _UPDATES}
    if flags.memory is not None and flags.swap_total is None and 2 * flags.memory < DOUBLE:
        # daemon/daemon_unix.go, adaptContainerSettings(): what docker run takes where nothing is said
        changes["--memory-swap"] = grammar.format(Size(2 * flags.memory))
    return changes


def _opened(changes: Mapping[str, str], name: str) -> list[str]:
    """Say the words of an update that comes first: -1 alone leaves the kernel's swap limit of a running container as it was."""
    return [word(one) for one in (f"--memory={changes['--memory']}", f"--memory-swap={_LARGEST}", name)]


def _stays(workload: Workload, name: str, facts: Facts, changes: Mapping[str, str]) -> list[str]:
    """What a container that runs may have and docker update cannot take away."""
    notes = ["A limit that the container has stays: docker update cannot take it away."] if size_of(workload.memory_max) == INFINITY else []
    notes += ["A reservation that the container has stays: docker update cannot take it away."] if size_of(workload.memory_low) == 0 else []
    if "--memory-swap" in changes and size_of(workload.memory_swap_max) == 0 and scoped(facts):
        scope = f"docker-$(docker inspect -f '{{{{.Id}}}}' {word(name)}).scope"
        notes += [
            "A swap limit that the container had comes back when systemd reloads, for runc keeps a 0 from it; where a scope holds it:",
            f'  systemctl set-property --runtime "{scope}" MemorySwapMax=0',
        ]
    return notes


def _flags(flags: Engine) -> list[tuple[str, str]]:
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
