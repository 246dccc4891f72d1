"""Heaps read back from environment variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from oomconf.quantity import INFINITY, Percent, Size, SizeError, dotnet, golang, jvm
from oomconf.runtimes._heaps import MIB
from oomconf.runtimes._hint import JVM_VARIABLES, PRODUCT_VARIABLES, SCRIPT_VARIABLES, Hint, is_unresolved
from oomconf.runtimes._words import JAVA, NODE, split

__all__ = ["KNOWN", "direct_hints", "jvm_hints", "node_hints", "read_environment"]

_JVM_SIZE: Final = re.compile(r"(?P<flag>-Xmx|-XX:MaxHeapSize=|-mx)(?P<value>.*)", re.DOTALL)
_JVM_SHARE: Final = re.compile(r"-XX:(?P<flag>MaxRAMPercentage|MinRAMPercentage|MaxRAMFraction)=(?P<value>.*)", re.DOTALL)
_JVM_DOUBLE: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,20})?")
_JVM_INITIAL: Final = re.compile(r"(-Xms|(?P<flag>-XX:InitialHeapSize=))(?P<value>.*)", re.DOTALL)
_JVM_DIRECT: Final = re.compile(r"-XX:MaxDirectMemorySize=(?P<value>.*)", re.DOTALL)
_IMAGE: Final = re.compile(r"(?:docker\.io/)?(?:library/)?(?P<name>[^:@]+)(?::[^/@]*)?(?:@.*)?", re.DOTALL)
_NODE_FLAG: Final = re.compile(r"--max[-_]old[-_]space[-_]size(?P<share>[-_]percentage)?(=(?P<value>.*))?", re.DOTALL)
_SMALLEST_JVM: Final = 2 * MIB
_WHOLE_PERCENT: Final = 100


def read_environment(variables: Mapping[str, str], *, image: str = "") -> tuple[Hint, ...]:
    """Read what variables of the environment say of heaps, in a fixed order: java, its start scripts one by one, Go, Node.js, .NET, glibc.

    Of several words or variables for one runtime that which counts is given, and each that it refuses, ignores or misreads; together
    with a command line see `effective`. `image` is what may read variables of its own. What says nothing of a heap is no hint.
    Nothing is raised.
    """
    found = _java_variables({name: variables[name] for name in JVM_VARIABLES if name in variables})
    for name in SCRIPT_VARIABLES:
        found += _java_variables({name: variables[name]}) if name in variables else []
    found += _product_variables(variables, image)
    dotnets: list[Hint] = []
    for name, reader in _READERS.items():
        if name in variables:
            read = reader(name, variables[name])
            (dotnets if name in _DOTNET else found).extend(read)
    # bytes beat percent, and DOTNET_ beats COMPlus_, which is the order of _DOTNET
    counts = next((hint for hint in dotnets if hint.fault is None), None)
    return (*found, *(hint for hint in dotnets if hint is counts or hint.fault is not None))


def direct_hints(words: Sequence[str]) -> list[Hint]:
    """Read the bound of java's direct buffers, the last that is said, which stand beside the heap."""
    said = next((found for word in reversed(words) if (found := _JVM_DIRECT.fullmatch(word)) is not None), None)
    if said is None or is_unresolved(said["value"]):
        return []
    knob, text = "-XX:MaxDirectMemorySize", said[0]
    try:
        size = jvm.parse(said["value"])
    except SizeError as refused:
        return [Hint(kind="other", knob=knob, text=text, fault=refused.message, remedy=refused.hint)]
    # 0 is the default, as much as the heap
    return [Hint(kind="other", knob=knob, text=text, heap=size)] if size else []


def _product_variables(variables: Mapping[str, str], image: str) -> list[Hint]:
    named = _IMAGE.fullmatch(image)
    hints: list[Hint] = []
    for name, product in PRODUCT_VARIABLES.items():
        text = variables.get(name, "")
        if text and named is not None and named["name"] == product:
            hints.append(_jvm_size(text, name, text))
        elif name == "SOLR_HEAP" and re.fullmatch("[0-9]{1,9}[kmgKMG]", text):
            # images of others read a bare number as MiB
            hints.append(_jvm_size(text, name, text))
    return hints


def jvm_hints(words: Sequence[str], *, launcher: bool = False) -> list[Hint]:
    """Read java's options: the heap that counts (the last size, else the percentages), then each that ends java at its start.

    Each hint's knob is its flag. `launcher` also takes `-mx`, which only the java command knows.
    """
    return _jvm_hints([(word, "") for word in words], launcher=launcher)


def _jvm_hints(words: Sequence[tuple[str, str]], *, launcher: bool = False) -> list[Hint]:
    # words with the variable that each stands in, the strongest last
    faults: list[Hint] = []
    size: Hint | None = None
    shares: dict[str, Hint] = {}
    initial: tuple[str, str] | None = None
    for word, knob in words:
        if (first := _JVM_INITIAL.fullmatch(word)) is not None:
            # in a variable the long form raises the maximum instead (measured on JDK 17)
            initial = (word, first["value"]) if first["flag"] is None else None
        found = _JVM_SIZE.match(word)
        if found is not None and (launcher or found["flag"] != "-mx"):
            hint = _jvm_size(word, knob or found["flag"].rstrip("="), found["value"])
            size, faults = (hint, faults) if hint.fault is None else (size, [*faults, hint])
        elif (share := _JVM_SHARE.match(word)) is not None:
            hint = _jvm_share(word, knob or f"-XX:{share['flag']}", share["flag"], share["value"])
            if hint.fault is not None and hint.percent is None:
                faults.append(hint)
            else:
                shares[share["flag"]] = hint
    if initial is not None and size is not None and size.heap is not None and _is_more(initial[1], size.heap):
        fault = f"'{initial[0]}' is more than '{size.text}', and java does not start"
        faults.append(Hint(kind="jvm", knob=size.knob, text=initial[0], fault=fault))
    return [*(() if (counts := size or _jvm_shares(shares)) is None else (counts,)), *faults]


def _is_more(text: str, heap: Size) -> bool:
    try:
        return jvm.parse(text) > heap
    except SizeError:
        return False


def _jvm_size(word: str, knob: str, value: str) -> Hint:
    if is_unresolved(value):
        return Hint(kind="jvm", knob=knob, text=word)
    if not value:
        return Hint(kind="jvm", knob=knob, text=word, fault=f"'{word}' has no size joined to it, and java does not start")
    try:
        heap = jvm.parse(value)
    except SizeError as refused:
        return Hint(kind="jvm", knob=knob, text=word, fault=refused.message, remedy=refused.hint)
    if heap < _SMALLEST_JVM:
        said = f"'{word}' is a heap of {int(heap)} bytes, less than the 2 MiB without which java does not start"
        return Hint(kind="jvm", knob=knob, text=word, fault=said)
    return Hint(kind="jvm", knob=knob, text=word, heap=heap)


def _jvm_share(word: str, knob: str, flag: str, value: str) -> Hint:
    if is_unresolved(value):
        return Hint(kind="jvm", knob=knob, text=word)
    if flag == "MaxRAMFraction":
        if re.fullmatch("[0-9]{1,9}", value) is None or int(value) == 0:
            return Hint(kind="jvm", knob=knob, text=word, fault=f"'{word}' is no whole number from 1, and java does not start")
        return Hint(kind="jvm", knob=knob, text=word, percent=Percent(10_000 // int(value)))
    whole, _, part = value.partition(".")
    if _JVM_DOUBLE.fullmatch(value) is None:
        return Hint(kind="jvm", knob=knob, text=word, fault=f"'{word}' is no plain number of percent, and java does not start")
    if int(whole) > 100 or (int(whole) == 100 and part.strip("0")):  # noqa: PLR2004
        return Hint(kind="jvm", knob=knob, text=word, fault=f"'{word}' is more than 100 percent, and java does not start")
    percent = Percent(int(whole) * 100 + int((part + "00")[:2]))
    if flag == "MinRAMPercentage":
        return Hint(kind="jvm", knob=knob, text=word, min_percent=percent)
    misread = f"'{word}' is {percent} of memory, not {percent.permyriad}%" if 0 < percent.permyriad < _WHOLE_PERCENT else None
    return Hint(kind="jvm", knob=knob, text=word, percent=percent, fault=misread)


def _jvm_shares(shares: Mapping[str, Hint]) -> Hint | None:
    # arguments.cpp: a fraction counts only where no percentage is said
    most = shares.get("MaxRAMPercentage", shares.get("MaxRAMFraction"))
    least = shares.get("MinRAMPercentage")
    if most is None or least is None:
        return least if most is None else most
    return Hint(kind="jvm", knob=most.knob, text=most.text, percent=most.percent, min_percent=least.min_percent, fault=most.fault)


def node_hints(words: Sequence[str], knob: str = "") -> list[Hint]:
    """Read Node.js's flags: the last size and the last percentage, then each that is refused or ignored; without a knob the flag is it."""
    counts: dict[bool, Hint] = {}
    faults: list[Hint] = []
    for word in words:
        found = _NODE_FLAG.fullmatch(word)
        if found is None:
            continue
        flag = word.partition("=")[0]
        hint = _node_hint(word, knob or flag.replace("_", "-"), found["value"], share=found["share"] is not None)
        if hint.fault is None:
            counts[found["share"] is not None] = hint
        else:
            faults.append(hint)
    return [*(counts[share] for share in (False, True) if share in counts), *faults]


def _node_hint(word: str, knob: str, value: str | None, *, share: bool) -> Hint:
    def refused(why: str) -> Hint:
        return Hint(kind="node", knob=knob, text=word, fault=f"'{word}' {why}")

    if value is None:
        return refused("has no '=' and value, and node does not start")
    if is_unresolved(value):
        return Hint(kind="node", knob=knob, text=word)
    if share:
        if _JVM_DOUBLE.fullmatch(value) is None or not 0 < float(value) <= 100:  # noqa: PLR2004
            return refused("is no percentage above 0 and up to 100, and node does not start")
        whole, _, part = value.partition(".")
        return Hint(kind="node", knob=knob, text=word, percent=Percent(int(whole) * 100 + int((part + "00")[:2])))
    if value == "" or re.fullmatch(r"\+?0{1,20}", value):
        return refused("is ignored by V8, which takes its default")
    if re.fullmatch(r"\+?[0-9]{1,20}", value) is None:
        return refused("is no whole number of MiB, and node does not start")
    return Hint(kind="node", knob=knob, text=word, heap=Size(min(int(value) * MIB, INFINITY)))


def _java_variables(variables: Mapping[str, str]) -> list[Hint]:
    words: list[tuple[str, str]] = []
    broken: list[Hint] = []
    for name in reversed(list(variables)):
        cut, fault = split(variables[name], JAVA)
        words += [(word, name) for word in cut]
        # what a start script makes of quotes is its own affair
        if fault is not None and name in JVM_VARIABLES and not is_unresolved(variables[name]):
            broken.append(Hint(kind="jvm", knob=name, text=variables[name], fault=f"{name} {fault}, and java does not start"))
    return [*_jvm_hints(words), *direct_hints([word for word, _ in words]), *broken]


def _node_variable(name: str, text: str) -> list[Hint]:
    words, fault = split(text, NODE)
    if fault is not None and not is_unresolved(text):
        return [*node_hints(words, name), Hint(kind="node", knob=name, text=text, fault=f"{name} {fault}, and node does not start")]
    return node_hints(words, name)


def _go_variable(name: str, text: str) -> list[Hint]:
    if is_unresolved(text):
        return [Hint(kind="go", knob=name, text=text)]
    try:
        heap = golang.parse(text)
    except SizeError as refused:
        return [Hint(kind="go", knob=name, text=text, fault=refused.message, remedy=refused.hint)]
    return [Hint(kind="go", knob=name, text=text, heap=heap)] if heap < INFINITY else []


def _dotnet_variable(name: str, text: str) -> list[Hint]:
    if is_unresolved(text):
        return [Hint(kind="dotnet", knob=name, text=text)]
    try:
        if name.endswith("Percent"):
            percent = dotnet.parse_percent(text)
            return [Hint(kind="dotnet", knob=name, text=text, percent=Percent(percent * 100))] if percent else []
        heap = dotnet.parse(text)
    except SizeError as refused:
        return [Hint(kind="dotnet", knob=name, text=text, fault=refused.message, remedy=refused.hint)]
    return [Hint(kind="dotnet", knob=name, text=text, heap=heap)] if heap else []


def _arenas_variable(name: str, text: str) -> list[Hint]:
    if is_unresolved(text):
        return [Hint(kind="python", knob=name, text=text)]
    if re.fullmatch("[0-9]{1,9}", text) is None:
        return [Hint(kind="python", knob=name, text=text, fault=f"'{text}' is no whole number, and glibc ignores it")]
    return [Hint(kind="python", knob=name, text=text, arenas=int(text))]


_DOTNET: Final = tuple(f"{prefix}_GCHeapHardLimit{what}" for what in ("", "Percent") for prefix in ("DOTNET", "COMPlus"))
_READERS: Final[dict[str, Callable[[str, str], list[Hint]]]] = {
    "GOMEMLIMIT": _go_variable,
    "NODE_OPTIONS": _node_variable,
    **dict.fromkeys(_DOTNET, _dotnet_variable),
    # glibc's, whatever the language; a policy has it as its Python runtime
    "MALLOC_ARENA_MAX": _arenas_variable,
}
KNOWN: Final = frozenset((*JVM_VARIABLES, *SCRIPT_VARIABLES, *_READERS))
"""The variables that `read_environment` knows."""
