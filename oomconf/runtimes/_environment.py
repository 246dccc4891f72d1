"""The environment that gives a runtime its heap inside a memory limit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from oomconf.quantity import INFINITY, Percent, Size, SizeError, dotnet, golang, human, jvm
from oomconf.runtimes._heaps import GIB, MIB, SMALL_JVM, jvm_rounded, share, young_generation
from oomconf.runtimes._hint import Kind, is_unresolved
from oomconf.runtimes._variables import jvm_hints, node_hints
from oomconf.runtimes._words import quote_java, quote_node

__all__ = ["Environment", "Variable", "environment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable of the environment; `value` is bare, each dialect quotes it as its consumer needs."""

    name: str
    value: str
    separator: str | None = None
    """What parts the options of a variable that is a list, to which ours are appended; None for one plain value."""
    heap: Size | None = None
    """The bytes that it lets the heap have, floored to what the variable can say; None where it says nothing of a heap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What `environment` derives; with `faults` there are no variables."""

    variables: tuple[Variable, ...] = ()
    faults: tuple[str, ...] = ()
    """Why it cannot be derived."""
    notes: tuple[str, ...] = ()
    """What the reader should know of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    kind: Kind
    memory_max: Size | None
    heap: Size | Percent | None
    options: tuple[str, ...]
    version: int | None
    bytes: Size = field(default=Size(0))
    """The heap in bytes, once derived."""


_NAMES: Final[dict[Kind, str]] = {"jvm": "java", "go": "Go", "node": "node", "dotnet": ".NET", "python": "Python", "other": "it"}
_SMALLEST: Final[dict[Kind, int]] = {"jvm": 4 * MIB, "go": MIB, "node": 4 * MIB, "dotnet": 1}
_ARENAS: Final = 2
_CGROUP_V2_JDK: Final = 15
_PREFIXED_DOTNET: Final = 6
_FLAT_JVM: Final = 126 * MIB
_UNCOMPRESSED: Final = 32 * GIB - 4 * MIB

_LAUNCHER: Final = re.compile(
    r"-(cp|classpath|jar|server|client|d32|d64|m|p|h|help|\?|version|showversion|fullversion|-version|-show-version|-help|-module|"
    r"splash:.*|J.*|XshowSettings.*|[ms][xs][0-9].*|-class-path(=.*)?|"
    r"-(add-modules|add-opens|add-exports|add-reads|limit-modules|module-path|patch-module|upgrade-module-path))?",
    re.DOTALL,
)
_INITIAL: Final = re.compile(r"(-Xms|-XX:InitialHeapSize=|-XX:MinHeapSize=)(?P<value>.*)")


def environment(
    kind: Kind,
    *,
    memory_max: Size | None,
    heap: Size | Percent | None,
    options: tuple[str, ...] = (),
    version: int | None = None,
    arenas: int | None = None,
) -> Environment:
    """Derive the variables that give a runtime its heap inside `memory_max`, which is None (or INFINITY) where there is no limit.

    `heap` is bytes or a share of `memory_max`; None takes `share`, unless `options` set a heap themselves. `options` come first and ours
    last, so that ours counts; they are for jvm and node alone. `version` is the runtime's major one. `arenas` is MALLOC_ARENA_MAX
    (mallopt(3)), for python 2 if unsaid, for the others only if said. No heap is more than `memory_max`. Nothing is raised.
    """
    limit = None if memory_max is None or memory_max >= INFINITY else memory_max
    order = _Order(kind=kind, memory_max=limit, heap=heap, options=options, version=version)
    made = _python(order) if kind in ("python", "other") else _heaped(order)
    if arenas is None and kind == "python":
        arenas = _ARENAS
    if made.faults or arenas is None:
        return made
    if arenas < 1:
        return Environment(faults=(f"{arenas} is no number of arenas, which is at least 1",))
    return replace(made, variables=(*made.variables, Variable(name="MALLOC_ARENA_MAX", value=str(arenas))))


def _python(order: _Order) -> Environment:
    faults: list[str] = []
    if order.kind == "other":
        faults.append("no variable is known that sets its heap")
    elif order.heap is not None:
        faults.append("Python has no variable that bounds its heap")
    if order.options:
        faults.append(f"{_NAMES[order.kind]} takes no options from the environment")
    return Environment(faults=tuple(faults))


def _heaped(order: _Order) -> Environment:
    faults = _option_faults(order)
    if faults:
        return Environment(faults=faults)
    if order.heap is None and order.options and (order.memory_max is None or _own_heap(order)):
        return _options_alone(order)
    derived = _derive(order)
    if isinstance(derived, str):
        return Environment(faults=(derived,))
    return _MAKERS[order.kind](replace(order, bytes=derived))


def _derive(order: _Order) -> Size | str:
    limit, said = order.memory_max, order.heap
    if said is None and limit is not None:
        said = share(order.kind, limit)
    if said is None or isinstance(said, Percent):
        if limit is None:
            what = "the heap" if said is None else f"the heap of {said}"
            return f"{what} is a share of memory.max, which is not said or is infinity"
        heap = Size(0) if said is None else said.of(limit, 1)
    else:
        heap = said
    if heap >= INFINITY:
        return "a heap of infinity is no bound"
    if limit is not None and heap > limit:
        return f"the heap of {human(heap)} is more than memory.max of {human(limit)}"
    least = _SMALLEST[order.kind]
    return heap if heap >= least else f"the heap of {human(heap)} is less than the {human(least)} that {_NAMES[order.kind]} needs to start"


def _option_faults(order: _Order) -> tuple[str, ...]:
    if order.options and order.kind not in ("jvm", "node"):
        return (f"{_NAMES[order.kind]} takes no options from the environment",)
    variable = "JAVA_TOOL_OPTIONS" if order.kind == "jvm" else "NODE_OPTIONS"
    faults: list[str] = []
    for option in order.options:
        if "\0" in option:
            faults.append(f"the option {option!r} has a null byte, which no variable can hold")
        elif not option.startswith("-") or option == "-":
            faults.append(f"{option!r} in {variable} is no option, and {_NAMES[order.kind]} does not start")
        elif (order.kind == "jvm" and _LAUNCHER.fullmatch(option)) or (order.kind == "node" and _refused_by_node(option)):
            faults.append(f"'{option}' is refused in {variable}, and {_NAMES[order.kind]} does not start")
    if order.kind == "jvm":
        faults += [hint.fault for hint in jvm_hints(order.options) if hint.fault is not None and hint.percent is None]
    if order.kind == "node":
        faults += [hint.fault for hint in node_hints(order.options) if hint.fault is not None]
    return tuple(faults)


def _refused_by_node(option: str) -> bool:
    name = option.partition("=")[0].replace("_", "-")
    return name in ("--", "--max-heap-size", "-e", "--eval", "-p", "--print", "-c", "--check", "-i", "--interactive", "-v", "--version")


def _own_heap(order: _Order) -> bool:
    return bool(jvm_hints(order.options) if order.kind == "jvm" else node_hints(order.options))


def _options_alone(order: _Order) -> Environment:
    hints = jvm_hints(order.options) if order.kind == "jvm" else node_hints(order.options)
    heap = hints[0].heap if hints else None
    limit = order.memory_max
    if heap is not None and limit is not None and heap > limit:
        return Environment(faults=(f"'{hints[0].text}' is a heap of {human(heap)}, more than memory.max of {human(limit)}",))
    if hints and heap is None and hints[0].percent is not None and limit is not None:
        heap = hints[0].percent.of(limit, 1)
    note = f"the options set the heap themselves by '{hints[0].text}'" if hints else "no heap is derived, for there is no memory.max"
    variable = _listed(order, (), heap)
    return Environment(variables=(variable,), notes=(note,))


def _listed(order: _Order, ours: tuple[str, ...], heap: Size | None) -> Variable:
    name, quote = ("JAVA_TOOL_OPTIONS", quote_java) if order.kind == "jvm" else ("NODE_OPTIONS", quote_node)
    return Variable(name=name, value=" ".join(quote(word) for word in (*order.options, *ours)), separator=" ", heap=heap)


def _floored(order: _Order, heap: Size, notes: list[str]) -> None:
    if isinstance(order.heap, Size) and heap != order.heap:
        notes.append(f"the heap of {human(order.heap)} is said as {human(heap)}, in whole MiB")


def _jvm(order: _Order) -> Environment:
    notes: list[str] = []
    beaten = [hint for hint in jvm_hints(order.options) if hint.fault is None]
    notes += [f"'{hint.text}' among the options is beaten by the heap" for hint in beaten]
    sized = any(hint.percent is None and hint.min_percent is None for hint in beaten)
    if isinstance(order.heap, Size) or (why := _no_percentage(order, sized=sized)) is not None:
        # a derived heap is floored to the 2 MiB to which the JVM rounds up, so that it takes exactly what we say
        step = MIB if isinstance(order.heap, Size) else 2 * MIB
        heap = Size(order.bytes // step * step)
        _floored(order, heap, notes)
        if not isinstance(order.heap, Size):
            notes.append(f"-Xmx stands for the percentage: {why}")
        ours = f"-Xmx{jvm.format(heap)}"
    else:
        heap, ours = order.bytes, f"-XX:MaxRAMPercentage={_decimal(order)}"
        notes.append("percentages of the limit need a JVM that reads cgroup v2: 8u372, 11.0.16, 15 or later")
    for option in order.options:
        if (found := _INITIAL.fullmatch(option)) is not None and (initial := _jvm_size(found["value"])) is not None and initial > heap:
            return Environment(faults=(f"'{option}' is more than the heap of {human(heap)}",))
    if _UNCOMPRESSED < jvm_rounded(heap) <= 48 * GIB:
        notes.append(f"a heap of {human(heap)} is above 32G, where references double in size: 31G often holds as much")
    return Environment(variables=(_listed(order, (ours,), heap),), notes=tuple(notes))


def _no_percentage(order: _Order, *, sized: bool) -> str | None:
    if order.memory_max is not None and order.memory_max < SMALL_JVM:
        return f"below {human(SMALL_JVM)} of memory.max the JVM ignores MaxRAMPercentage"
    if order.bytes < _FLAT_JVM:
        return f"by a percentage the JVM takes no less than {human(_FLAT_JVM)}"
    if sized:
        return "a size among the options would beat MaxRAMPercentage"
    if order.version is not None and order.version < _CGROUP_V2_JDK:
        return f"not every JDK {order.version} reads the limit of cgroup v2"
    return None


def _decimal(order: _Order) -> str:
    percent = order.heap if isinstance(order.heap, Percent) else None
    if percent is None and order.memory_max is not None:
        percent = share(order.kind, order.memory_max)
    whole, rest = divmod(0 if percent is None else percent.permyriad, 100)
    # always with a decimal point: the option is a double
    return f"{whole}.{rest:02d}".removesuffix("0")


def _jvm_size(text: str) -> Size | None:
    try:
        return None if is_unresolved(text) else jvm.parse(text)
    except SizeError:
        return None


def _go(order: _Order) -> Environment:
    notes: list[str] = []
    heap = Size(order.bytes // MIB * MIB)
    _floored(order, heap, notes)
    return Environment(variables=(Variable(name="GOMEMLIMIT", value=golang.format(heap), heap=heap),), notes=tuple(notes))


def _node(order: _Order) -> Environment:
    notes = [f"'{hint.text}' among the options is beaten by the heap" for hint in node_hints(order.options)]
    heap = Size(order.bytes // MIB * MIB)
    _floored(order, heap, notes)
    young = young_generation(order.version)
    if order.memory_max is not None and heap + young > order.memory_max:
        both = f"V8 adds up to {human(young)} of young generation to the heap of {human(heap)}"
        notes.append(f"{both}, together more than memory.max of {human(order.memory_max)}")
    return Environment(variables=(_listed(order, (f"--max-old-space-size={heap // MIB}",), heap),), notes=tuple(notes))


def _dotnet(order: _Order) -> Environment:
    # the COMPlus_ prefix is read by every .NET, DOTNET_ from 6 on
    prefix = "COMPlus" if order.version is not None and order.version < _PREFIXED_DOTNET else "DOTNET"
    heap = order.bytes
    return Environment(variables=(Variable(name=f"{prefix}_GCHeapHardLimit", value=dotnet.format(heap), heap=heap),))


_MAKERS: Final = {"jvm": _jvm, "go": _go, "node": _node, "dotnet": _dotnet}
