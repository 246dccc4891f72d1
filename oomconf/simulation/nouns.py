"""A machine under pressure, as the OOM killer sees it: bytes, and the scores of every process that may run there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from oomconf.kernel.badness import ADJ_NEVER
from oomconf.kernel.version import KernelVersion
from oomconf.location import NOWHERE, Location
from oomconf.quantity import INFINITY

_SIGNED: Final = KernelVersion(5, 9)

WHOEVER_ASKS: Final = (
    "vm.oom_kill_allocating_task is set: when the machine runs out, whoever asks for memory dies, whatever the scores, be it for a page of "
    "its program; if that one is at -1000, the kernel chooses as it does without"
)

OomPolicy = Literal["continue", "stop", "kill"]
Keeper = Literal["systemd", "docker", "podman", "kubelet", "none", "unknown"]
"""Who starts a service, and sees that it is gone; a capture does not tell."""
StepKind = Literal["grow", "throttle", "swap", "oom", "kill", "group_kill", "stop", "restart", "panic", "stuck", "calm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Processes of one kind in a service: `count` of them, or any number where nobody says."""

    name: str
    oom_score_adj: int
    count: int | None = None
    size: int | None = None
    """Bytes of each, where they are said."""
    immune: bool = False
    """Never killed whatever its score: the machine's init."""

    @property
    def killable(self) -> bool:
        return self.oom_score_adj != ADJ_NEVER and not self.immune


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A service, container or pod container that runs there: what holds it, and what follows a kill."""

    name: str
    at: Location = field(default=NOWHERE, compare=False)
    parts: tuple[Part, ...]
    use: int = 0
    """Bytes that it holds when nothing is wrong."""
    use_why: str = ""
    high: int = INFINITY
    max: int = INFINITY
    limit: int | None = None
    """memory.max as the kernel has it, where `max` counts shared pages as often as processes map them."""
    swap_max: int = INFINITY
    low: int = 0
    groups: tuple[str, ...] = ()
    """The limited groups that hold it, the nearest first."""
    oom_policy: OomPolicy = "continue"
    restart: str = "no"
    keeper: Keeper = "systemd"
    protected: bool = False

    @property
    def service(self) -> str:
        """The service of which this is a copy: `api-pods` of `api-pods#2`."""
        return self.name.partition("#")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A slice, or the cgroup above all pods: its limits hold the sum of what is below."""

    name: str
    high: int = INFINITY
    max: int = INFINITY
    limit: int | None = None
    """As that of a member."""
    swap_max: int = INFINITY
    oom_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One host, ready to run out of memory; sizes in bytes."""

    name: str
    memory: int
    """What services can fill: MemTotal less what is reserved for the rest."""
    memory_total: int
    swap: int
    """What services can fill of it."""
    swap_total: int | None = None
    """All of it, where that is more: it counts in the weight of oom_score_adj."""
    members: tuple[Member, ...]
    groups: Mapping[str, Group] = field(default_factory=dict)
    page_size: int = 4096
    kernel: KernelVersion | None = None
    panic_on_oom: int = 0
    allocating_task: bool = False
    swappiness: int = 60
    assumptions: tuple[str, ...] = ()

    @property
    def total_pages(self) -> int:
        """What a thousandth of is one point of oom_score_adj, when the whole machine runs short."""
        return self.memory_total // self.page_size + self.all_swap // self.page_size

    @property
    def least_badness(self) -> int | None:
        """What badness never goes below, in pages: 1 before Linux 5.9, where all that is below is alike; None from then on."""
        return 1 if self.kernel is not None and self.kernel < _SIGNED else None

    def weight(self, pages: int, adj: int, point: int) -> int:
        """Weigh a process in pages, a point of oom_score_adj being `point` pages (mm/oom_kill.c: oom_badness)."""
        weight = pages + adj * point
        return weight if self.least_badness is None else max(self.least_badness, weight)

    @property
    def all_swap(self) -> int:
        """SwapTotal."""
        return self.swap if self.swap_total is None else self.swap_total

    def swap_of(self, limited: Member | Group) -> int:
        """Give the swap that a service or group may use: none where a limit is met by killing alone, as it is when vm.swappiness is 0.

        A shortage of the whole machine swaps even then (mm/vmscan.c: get_scan_count); what is limited is played as if it did not.
        """
        return 0 if self.swappiness == 0 and limited.max < INFINITY else limited.swap_max


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Where memory can run out as one: the machine, a group at its limit, a service at its own."""

    name: str
    kind: Literal["global", "group", "own"]
    memory: int
    swap: int
    total_pages: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a service holds in a witness: bytes, and its largest process."""

    member: str
    size: int
    largest: int
    processes: tuple[tuple[str, int, int], ...] = ()
    """How it is split: part, how many, bytes of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Sizes with which it happens: every service at what it holds, the victim's process in front."""

    victim: str
    part: str
    badness: int
    shares: tuple[Share, ...]
    foreign: int = 0
    """Bytes of memory that no service of the spec holds."""
    swapped: int = 0
    """Bytes of all these that are in swap."""
    foreign_swap: int = 0
    """Bytes of swap that none of the services in question holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a service is the first to die in a domain, over all sizes within the limits and all splits."""

    member: str
    answer: Literal["always", "possible", "never"]
    witness: Witness | None = None
    why: str = ""
    """Why it never is."""
    protected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether a protected service can die while one with less protection lives."""

    protected: str
    other: str
    domain: str
    possible: bool
    witness: Witness | None = None
    proof: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What can happen in one domain."""

    domain: Domain
    reachable: bool
    """Whether services can fill it within their limits."""
    why: str = ""
    """Why it cannot run out."""
    foreign: bool = False
    """Whether memory that no service holds was let fill any part of it."""
    verdicts: tuple[Verdict, ...] = ()
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happens, after `grown` bytes of growth."""

    kind: StepKind
    text: str
    member: str | None = None
    domain: str | None = None
    grown: int = 0
    ranking: tuple[tuple[str, str, int, int], ...] = ()
    """At a kill: service, process, bytes held, badness in bytes; the first was killed."""
    certainty: Literal["always", "possible"] | None = None
    """Whether it is this one however services are split."""
    others: tuple[str, ...] = ()
    """Who else it could be under another split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A scenario, played to its end."""

    scenario: str
    text: str
    steps: tuple[Step, ...]
    deaths: tuple[str, ...] = ()
    """Services in the order in which something of them is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the spec expects, and whether it holds."""

    text: str
    met: bool
    at: Location = NOWHERE
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A process as it stands: bytes that it holds, and its badness in bytes; None is never asked."""

    member: str
    process: str
    oom_score_adj: int
    size: int
    badness: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """One host: what can happen at all, and what happens in each scenario."""

    machine: Machine
    standing: tuple[Standing, ...] = ()
    """Of a captured host: its processes in the order in which the machine's own killer would choose them now."""
    outlooks: tuple[Outlook, ...]
    runs: tuple[Run, ...]
    expectations: tuple[Expectation, ...] = ()
