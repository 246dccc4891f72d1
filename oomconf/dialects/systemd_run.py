"""systemd-run: a script for each service that runs any command in a scope of its own under the same limits (systemd-run(1))."""

from __future__ import annotations

from typing import Final

from oomconf.dialect import Dialect, Rendered
from oomconf.dialects import _ini, _units
from oomconf.dialects._common import header, variables
from oomconf.dialects._shell import word
from oomconf.ledger import Artifact, Book, Rendering, Status
from oomconf.placement import SystemdUnit
from oomconf.policy import Policy, Workload

_COLLECTS: Final = 236
_EXPANDS: Final = 254


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write a script for every systemd service that says what a scope can have; the ledger holds what the scripts say.

    What a scope cannot have is named in the script alone: the service itself has it by its drop-in, where it counts.
    """
    book = Book("systemd-run")
    artifacts: list[Artifact] = []
    for workload in policy.workloads:
        if isinstance(workload.placement, SystemdUnit) and _units.version(policy.facts) != 0:
            try:
                artifacts += _script(workload, workload.placement, policy, needs, book)
            except ValueError:
                continue  # a NUL, which no command line can hold
    return Rendering(artifacts=tuple(artifacts), ledger=tuple(book.cells))


def _script(workload: Workload, placement: SystemdUnit, policy: Policy, needs: Rendered, book: Book) -> list[Artifact]:
    facts, user = policy.facts, placement.user
    scope = list(_units.sayings(workload, "scope", facts, user=user))
    said = [saying for saying in scope if saying.line]
    score = [saying for saying in _units.sayings(workload, "service", facts, user=user) if saying.field == "oom_score_adj"]
    said += [saying for saying in score if saying.line]
    environment = variables(workload, placement.identities[0], Book(book.target), base="the caller")
    if not said and not environment:
        return []
    before = [part for saying in score if saying.line for part in ("choom", "-n", saying.text, "--")]
    before += ["env", *(f"{one.name}={one.value}" for one in environment)] if environment else []
    text = needs.templates.render(
        "systemd/systemd-run.sh.j2",
        header=_ini.comment(header(policy.source, [workload.object])),
        unit=_ini.comment(placement.unit),
        notes=[_ini.comment(note) for note in _notes(workload, [*scope, *score])],
        fallback=f"set -- {' '.join(map(word, placement.command))}" if placement.command else _usage(),
        words=[word(option) for option in (*_options(policy, user=user), *map(_property, said)) if option],
        before="".join(f"{word(part)} " for part in before),
    )
    for identity in placement.identities:
        for saying in said:
            if saying.status is Status.EXACT:
                book.exact(workload.object, identity, saying.field, saying.setting, saying.note)
    return [Artifact(path=f"systemd/{workload.name}.systemd-run.sh", text=text, mode=0o755, objects=(workload.object,))]


def _usage() -> str:
    return "printf 'usage: %s COMMAND [ARGUMENT...]\\n' \"$0\" >&2; exit 2"


def _options(policy: Policy, *, user: bool) -> list[str]:
    have = _units.version(policy.facts)
    options = ["--user"] if user else []
    options.append("--scope")
    if have is None or have >= _COLLECTS:
        options.append("--collect")  # a scope that was killed leaves no failed unit behind
    if have is not None and have >= _EXPANDS:
        options.append("--expand-environment=no")
    return options


def _property(saying: _units.Saying) -> str:
    """A scope has no score: choom(1) gives it to the command."""
    if saying.field == "oom_score_adj":
        return ""
    return f"--slice={saying.text}" if saying.field == "slice" else f"--property={saying.line}"


def _notes(workload: Workload, sayings: list[_units.Saying]) -> list[str]:
    notes = [f"Without {saying.field.replace('_', ' ')}: {saying.note}" for saying in sayings if not saying.line]
    if workload.restart is not None:
        notes.append("Without restart: a scope is not started again")
    return notes


DIALECT: Final = Dialect(
    name="systemd-run",
    family="systemd",
    summary="systemd/SERVICE.systemd-run.sh: any command under a service's limits",
    render=render,
    proven="a recording systemd-run in dash and busybox, and the manager's own dump",
)
