"""Docker: flags of `docker run` and `docker update`, both ways (docker/cli: cli/command/container/opts.go)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from oomconf.dialect import Dialect, Document, Entry, Reading, Rendered, Sources
from oomconf.dialects._common import header, variables
from oomconf.dialects._containers import engine_says, said_restart
from oomconf.dialects._hints import Placed, runtimes
from oomconf.dialects._shell import Word, commands, comment, word
from oomconf.ledger import Artifact, Book, Rendering, unsaid_cells
from oomconf.policy import Amount, DockerContainer, Origin, Policy, Setting, Workload, size_of
from oomconf.quantity import INFINITY, Size, SizeError
from oomconf.quantity import docker as grammar

FLAGS: Final = {
    "--memory": "memory_max",
    "--memory-swap": "memory_swap_max",
    "--memory-reservation": "memory_low",
    "--oom-score-adj": "oom_score_adj",
    "--cgroup-parent": "slice",
    "--restart": "restart",
}
"""Long flags and the word of the policy that each says."""
_UPDATES: Final = ("--memory", "--memory-swap", "--memory-reservation", "--restart")
_SWITCHES: Final = frozenset(
    {"--init", "--rm", "--detach", "--interactive", "--tty", "--privileged", "--read-only", "--publish-all", "--oom-kill-disable"}
    | {"--no-healthcheck", "--sig-proxy", "--quiet", "--help", "--disable-content-trust"}
)
_SHORT_SWITCHES: Final = "ditPq"
_SHORT: Final = {"m": "--memory", "e": "--env", "c": "--cpu-shares"}


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
        for command in commands(document.text, document.path):
            line = _docker_line(command)
            if line is not None:
                workload, found = _read_line(line)
                workloads.append(workload)
                entries += found
    if not workloads:
        return Reading()
    return Reading((Policy(name="host", object="host", workloads=tuple(workloads)),), tuple(entries))


def _docker_line(command: list[Word]) -> tuple[Word, list[Word]] | None:
    """The verb and the words behind it; None if the command is not `docker [container] run|create|update`."""
    texts = [one.text for one in command]
    for index, text in enumerate(texts):
        if text.rpartition("/")[2] == "docker":
            rest = index + 1
            while rest < len(texts) and texts[rest].startswith("-"):
                rest += 1
            if rest < len(texts) and texts[rest] == "container":
                rest += 1
            if rest < len(texts) and texts[rest] in ("run", "create", "update"):
                return command[rest], command[rest + 1 :]
    return None


def _read_line(line: tuple[Word, list[Word]]) -> tuple[Workload, list[Entry]]:
    verb, words = line
    options, rest = _options(words)
    values: dict[str, tuple[str, Word]] = {}
    environment: dict[str, Placed] = {}
    for flag, value, at in options:
        if flag == "--env":
            name, equals, text = value.partition("=")
            if equals:
                environment[name] = (text, at.at)
        else:
            values[flag] = (value, at)
    image = rest[0].text if rest and verb.text != "update" else None
    name = values["--name"][0] if "--name" in values else rest[0].text if rest else "container"
    fields, entries = _settings(values, name)
    place = DockerContainer(name=name, image=image, command=tuple(one.text for one in rest[1:]) if verb.text != "update" else ())
    hints = runtimes(environment, [[(word.text, word.at) for word in rest[1:]]] if verb.text != "update" else (), at=verb.at)
    return Workload(name=name, object=name, at=verb.at, placement=place, runtimes=hints, **fields), entries


def _options(words: Sequence[Word]) -> tuple[list[tuple[str, str, Word]], Sequence[Word]]:
    """Options until the first word that is none, which is the image."""
    found: list[tuple[str, str, Word]] = []
    index = 0
    while index < len(words):
        text = words[index].text
        if text == "--":
            return found, words[index + 1 :]
        if not text.startswith("-") or text == "-":
            return found, words[index:]
        at = words[index]
        index += 1
        if text.startswith("--"):
            flag, equals, value = text.partition("=")
            if not equals and flag not in _SWITCHES:
                value, index = _next(words, index)
            found.append((flag, value, at if equals or index > len(words) else words[index - 1]))
            continue
        letters = text[1:].lstrip(_SHORT_SWITCHES)
        if letters:
            flag = _SHORT.get(letters[0], f"-{letters[0]}")
            value = letters[1:].removeprefix("=")
            if not value:
                value, index = _next(words, index)
            found.append((flag, value, words[index - 1]))
    return found, ()


def _next(words: Sequence[Word], index: int) -> tuple[str, int]:
    return (words[index].text, index + 1) if index < len(words) else ("", index)


def _settings(values: dict[str, tuple[str, Word]], name: str) -> tuple[dict[str, Any], list[Entry]]:
    fields: dict[str, Any] = {}
    entries: list[Entry] = []
    memory: Setting[Amount] | None = None
    for flag, field in FLAGS.items():
        if flag not in values:
            continue
        text, at = values[flag]
        setting, fault = _value(field, text, at, memory)
        if setting is None:
            continue
        entries.append(Entry("docker", name, "", flag, text, at.at, fault))
        fields[field] = setting
        if field == "memory_max":
            memory = setting
    return fields, entries


def _value(field: str, text: str, at: Word, memory: Setting[Amount] | None) -> tuple[Setting[Any] | None, str]:
    if not at.known:
        return Setting(None, at.at, text=text), "holds what the shell puts in"
    try:
        value: Any = text
        if field in ("memory_max", "memory_low"):
            value = grammar.parse(text)
            if value == 0:
                return None, ""
        elif field == "memory_swap_max":
            value = _swap(grammar.parse_swap(text), size_of(memory))
            if value is None:
                return None, ""
        elif field == "oom_score_adj":
            value = grammar.parse_int(text)
        elif field == "restart":
            value = said_restart(text)
    except SizeError as error:
        return Setting(None, at.at, text=text), error.message
    return Setting(value, at.at, Origin.WRITTEN, text), ""


def _swap(total: Size, memory: Size | None) -> Size | None:
    """What `--memory-swap`, a total, leaves for swap; None where the engine takes it as unsaid or refuses it."""
    if total >= INFINITY:
        return INFINITY
    if total == 0 or memory is None:
        return None
    if total < memory:
        raise SizeError(f"a total of {total} is less than the memory of {memory}: the engine refuses it")
    return Size(total - memory)


DIALECT: Final = Dialect(
    name="docker",
    summary="docker/SERVICE.run.sh, .update.sh and .args: flags for docker run and docker update",
    render=render,
    claims=claims,
    read=read,
    proven="the docker client, by what it posts to an engine; a booted engine and its cgroups",
)
