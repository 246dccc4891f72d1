"""What a dialect is: a name, and the ways to recognise, read and render it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from oomconf.ledger import Rendering
from oomconf.location import Location
from oomconf.policy import Fleet, Policy


class Templating(Protocol):
    """Renders a template by name with ready strings (oomconf.templating.Templates)."""

    def render(self, name: str, /, **values: object) -> str: ...


@dataclass(frozen=True, slots=True)
class Document:
    """An input text; the path is relative to the root of the run, with `/`."""

    path: str
    text: str


class Sources(Protocol):
    """How a dialect reaches a sibling file without touching the disk; paths relative to the root of the run."""

    def get(self, path: str) -> Document | None: ...


class NoSources:
    """Knows no siblings."""

    def get(self, path: str) -> Document | None:  # noqa: ARG002
        return None


class Mapped:
    """Siblings from a mapping of path to text."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def get(self, path: str) -> Document | None:
        text = self._files.get(path)
        return None if text is None else Document(path, text)


FaultOf = Literal["value", "key", "twice", "pair", "place", "gone", "patch", "name", "file", "beside"]
"""What a fault is of: the value, a key that nobody knows or that is there twice, another value beside it, its section, a key of another
version, a patch that meets nothing, the file's name, or the whole file; `beside` is of no fault: its consumer heeds it, and a policy has no
word for it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One raw key = value as met in a document, kept where a rule may want the consumer's own words."""

    dialect: str
    object: str
    section: str
    key: str
    value: str
    at: Location
    fault: str = ""
    """Why its consumer ignores or refuses it; empty if it takes it."""
    hint: str = ""
    kind: FaultOf = "value"
    source: Location | None = None
    """Where the value comes from, if not from its own place."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A file that another one writes: a here-document, cloud-init's write_files, Ansible's copy."""

    document: Document
    """Under the path that it will have."""
    at: Location
    """Where its first character stands; further lines begin in the same column."""
    kept: frozenset[FaultOf] | None = None
    """The faults of single lines that are told, where a template fills in the rest; None if it is there as a whole."""
    spots: tuple[Location, ...] = ()
    """Of a text that is put together: where what begins its lines stands, and where the rest does."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that a unit or a container runs, which a shell may be told in it."""

    object: str
    words: tuple[tuple[str, Location], ...]
    """As they reach the program, each with its place."""
    where: Literal["unit", "container", "pod"]
    at: Location
    floor: int | None = None
    """The least oom_score_adj that the kernel lets it take; None if it may take any."""
    timed: bool = False
    """Whether it runs again and again."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request of a document to accept a rule's findings on an object of it."""

    rule: str
    reason: str
    where: str
    """A pattern for the object."""
    at: Location
    paths: frozenset[str] = frozenset()
    """The files that the object comes from; empty for its own alone."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a dialect's reader made of its documents; content never raises, faults are entries."""

    policies: tuple[Policy, ...] = ()
    entries: tuple[Entry, ...] = ()
    nested: tuple[Nested, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    ran: tuple[Ran, ...] = ()
    """Commands that the dialect of scripts reads."""
    beside: tuple[Document, ...] = ()
    """Files that another one names, and that no name tells: their comments may accept findings too."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a tool of the dialect makes of files all over the tree before their consumer sees them: kustomize of bases and overlays."""

    readings: tuple[Reading, ...] = ()
    """Each of a host or cluster."""
    taken: frozenset[str] = frozenset()
    """Paths that are nothing by themselves any more."""
    nested: tuple[Nested, ...] = ()
    """Files inside of those that are read by themselves."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a target needs besides the policy."""

    templates: Templating
    sources: Sources = field(default_factory=NoSources)
    fleet: Fleet = field(default_factory=lambda: Fleet(policies=()))
    """All policies, for a target that speaks of several hosts at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A format with `read` and / or `render`; on the command line `--target`."""

    name: str
    family: str = ""
    """The target that it belongs to beside its own name: `--target FAMILY` renders it too."""
    summary: str
    """One line for `oomconf render --help`."""
    scope: Literal["host", "cluster", "fleet"] = "host"
    """Whose policy `render` is given: each host's, the cluster's, or one that speaks of all, which is not narrowed to some hosts."""
    render: Callable[[Policy, Rendered], Rendering] | None = None
    wanted: Callable[[Policy], bool] | None = None
    """Whether a policy asks for it; one that has this is rendered only then, or if the call names it."""
    claims: Callable[[str], bool] | None = None
    """Whether a path is of this dialect."""
    read: Callable[[Sequence[Document], Sources], Reading] | None = None
    run: Callable[[Sequence[Ran]], Reading] | None = None
    """Reads the commands that files of other dialects run."""
    assemble: Callable[[Sequence[Document]], Assembly] | None = None
    """Asked before `read`, which gets the files that this leaves."""
    proven: str = ""
    """The consumer that the tests run its artefacts through, or 'by documentation'."""
