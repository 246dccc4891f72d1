"""The kubelet: a KubeletConfiguration drop-in, both ways (kubelet.config.k8s.io/v1beta1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from oomconf.dialect import Dialect, Document, Entry, Reading, Rendered, Sources
from oomconf.dialects._common import header
from oomconf.dialects._entries import unparsed
from oomconf.dialects._kubelet_pairs import pairs
from oomconf.dialects._templates import is_templated
from oomconf.dialects._yaml import Mapping, Node, Scalar, compose
from oomconf.ledger import Artifact, Book, Rendering
from oomconf.location import Location
from oomconf.policy import Kubelet, Origin, Policy, Setting
from oomconf.quantity import Percent, SizeError, systemd
from oomconf.quantity import kubernetes as grammar

PATH: Final = "root/etc/kubernetes/kubelet.conf.d/60-oomconf.conf"
_WHOLE: Final = re.compile(r"(?:^|/)(?:kubelet/config|kubelet[-_]?conf(?:ig)?)\.(?:ya?ml|json)$")
"""Files that a kubelet is started with; anything else may be put over one that says more."""
_PATCH: Final = re.compile(r"(?:^|/)(?:patch(?:es)?/|kubeletconfiguration)[^/]*$")
"""Patches of kubeadm, by their folder or by the name that it wants."""
_MEMORY: Final = ("memory.available", "100Mi")
_OTHER_SIGNALS: Final = (
    ("nodefs.available", "10%"),
    ("nodefs.inodesFree", "5%"),
    ("imagefs.available", "15%"),
    ("imagefs.inodesFree", "5%"),
)
"""The kubelet's defaults: setting one signal drops the others (pkg/kubelet/apis/config/v1beta1/defaults.go)."""
_BESIDE: Final = frozenset(
    {"evictionSoft", "evictionSoftGracePeriod", "evictionMinimumReclaim", "evictionMaxPodGracePeriod", "mergeDefaultEvictionSettings"}
    | {"evictionPressureTransitionPeriod", "systemReserved", "kubeReserved", "systemReservedCgroup", "kubeReservedCgroup", "memorySwap"}
    | {
        "enforceNodeAllocatable",
        "memoryThrottlingFactor",
        "memoryReservationPolicy",
        "memoryManagerPolicy",
        "reservedMemory",
        "qosReserved",
    }
    | {"oomScoreAdj", "cgroupDriver", "cgroupRoot", "failCgroupV1", "protectKernelDefaults"}
)
_SIZES: Final = (("systemReserved", "system_reserved"), ("kubeReserved", "kube_reserved"))
_SINCE: Final = {"single_process_oom_kill": (1, 32, "singleProcessOOMKill")}
_BEHAVIORS: Final = ("", "NoSwap", "LimitedSwap")
_BOOLEANS: Final = (("failSwapOn", "fail_swap_on"), ("singleProcessOOMKill", "single_process_oom_kill"))


def render(policy: Policy, needs: Rendered) -> Rendering:
    """Write the said keys only; `version` is a fact, not a key."""
    plan = policy.kubelet
    if plan is None:
        return Rendering()
    book = Book("kubelet")
    lines: list[str] = []
    for key, field in _SIZES:
        setting: Setting[Any] | None = getattr(plan, field)
        if setting is not None and setting.value is not None:
            book.exact(policy.object, "KubeletConfiguration", field, setting)
            lines += [f"{key}:", f"  memory: {grammar.format(setting.value)}"]
    lines += _eviction(policy, plan, book)
    for key, field in _BOOLEANS:
        flag: Setting[bool] | None = getattr(plan, field)
        if flag is not None:
            why = _too_old(plan, field)
            if why:
                book.impossible(policy.object, "KubeletConfiguration", field, flag, why)
            else:
                book.exact(policy.object, "KubeletConfiguration", field, flag)
                lines.append(f"{key}: {'true' if flag.value else 'false'}")
    if plan.swap_behavior is not None:
        book.exact(policy.object, "KubeletConfiguration", "swap_behavior", plan.swap_behavior)
        lines += ["memorySwap:", f"  swapBehavior: {plan.swap_behavior.value}"]
    if plan.max_pods is not None:
        book.exact(policy.object, "KubeletConfiguration", "max_pods", plan.max_pods)
        lines.append(f"maxPods: {plan.max_pods.value}")
    if not lines:
        return Rendering()
    text = needs.templates.render("kubelet/kubelet.conf.j2", header=header(policy.source, [policy.object]), lines=lines)
    return Rendering(artifacts=(Artifact(path=PATH, text=text, objects=(policy.object,)),), ledger=tuple(book.cells))


def _eviction(policy: Policy, plan: Kubelet, book: Book) -> list[str]:
    if plan.eviction_hard is None and not plan.signals:
        return []
    rows = dict((_MEMORY, *_OTHER_SIGNALS))
    if plan.eviction_hard is not None:
        book.exact(policy.object, "KubeletConfiguration", "eviction_hard", plan.eviction_hard)
        rows[_MEMORY[0]] = _threshold(plan.eviction_hard)
    for name, setting in plan.signals.items():
        if setting.value is not None:
            book.exact(policy.object, "KubeletConfiguration", f"eviction_hard.{name}", setting)
            rows[name] = f'"{setting.value}"' if setting.value.replace(".", "").isdigit() else setting.value
    return ["evictionHard:", *(f"  {name}: {value}" for name, value in rows.items())]


def _threshold(setting: Setting[Any]) -> str:
    return f'"{setting.value}"' if isinstance(setting.value, Percent) else grammar.format(setting.value or 0)


def _too_old(plan: Kubelet, field: str) -> str:
    major, minor, key = _SINCE.get(field, (0, 0, ""))
    if plan.version is None or plan.version.value is None:
        return ""
    parts = [int(part) for part in plan.version.value.split("-", maxsplit=1)[0].split(".") if part.isdigit()]
    return f"the kubelet knows {key} since {major}.{minor}" if tuple(parts[:2]) < (major, minor) else ""


def claims(path: str) -> bool:
    """Drop-ins of a kubelet's config folder; other files are known by their kind, when manifests are read."""
    return "kubelet.conf.d/" in path and path.endswith(".conf")


def read(documents: Sequence[Document], sources: Sources) -> Reading:  # noqa: ARG001
    """Read KubeletConfiguration drop-ins in order of name; the later key wins."""
    fields: dict[str, Any] = {}
    entries: list[Entry] = []
    base: Location | None = None
    whole = False
    dropins: list[Mapping] = []
    others: list[Mapping] = []
    for document in sorted(documents, key=lambda document: document.path.rpartition("/")[2]):
        found, faults = compose(document.text, path=document.path)
        entries += unparsed("kubelet", document.path, faults)
        for one in found:
            if isinstance(one.root, Mapping) and _text(one.root.get("kind")) == "KubeletConfiguration":
                _take(one.root, fields, entries)
                base = base or one.root.at
                whole = whole or _WHOLE.search(document.path) is not None
                (dropins if _is_part(document.path) else others).append(one.root)
    entries += (entry for root in others for entry in pairs(root, dropins))
    if base is None:
        return Reading((), tuple(entries))
    return Reading((Policy(name="host", object="host", kubelet=Kubelet(at=base, whole=whole, **fields)),), tuple(entries))


def _take(root: Mapping, fields: dict[str, Any], entries: list[Entry]) -> None:
    ways: dict[str, tuple[tuple[str, ...], Any]] = {
        "system_reserved": (("systemReserved", "memory"), _read_size),
        "kube_reserved": (("kubeReserved", "memory"), _read_size),
        "eviction_hard": (("evictionHard", "memory.available"), _read_threshold),
        "fail_swap_on": (("failSwapOn",), _read_boolean),
        "single_process_oom_kill": (("singleProcessOOMKill",), _read_boolean),
        "swap_behavior": (("memorySwap", "swapBehavior"), _read_behavior),
        "max_pods": (("maxPods",), _read_number),
    }
    _dropped(root, entries)
    entries += _without_grace(root)
    for field, (way, parse) in ways.items():
        node: Node | None = root
        for key in way:
            node = node.get(key) if isinstance(node, Mapping) else None
        if isinstance(node, Scalar):
            try:
                value, fault, hint = None if is_templated(node.text) else parse(node.text), "", ""
            except SizeError as error:
                value, fault, hint = None, error.message, error.hint
            entries.append(Entry("kubelet", "KubeletConfiguration", "", ".".join(way), node.text, node.at, fault, hint))
            fields[field] = Setting(value, node.at, Origin.WRITTEN, node.text)
    said = root.get("evictionHard")
    for signal, node in said.items() if isinstance(said, Mapping) else ():
        if signal != _MEMORY[0] and isinstance(node, Scalar):
            fields["signals"] = {**fields.get("signals", {}), signal: Setting(node.text, node.at, Origin.WRITTEN, node.text)}
            entries.append(Entry("kubelet", "KubeletConfiguration", "", f"evictionHard.{signal}", node.text, node.at, kind="beside"))
    entries += _beside(root, {".".join(way) for way, _ in ways.values()})


def _beside(root: Mapping, said: set[str]) -> Iterator[Entry]:
    """Give the keys about memory that the policy has no word for."""
    for key, at in root.keys_at.items():
        node = root.get(key)
        if key not in _BESIDE or node is None or key in said:
            continue
        rows = [(key, node, at.at)]
        if isinstance(node, Mapping):
            rows = [(f"{key}.{inner}", value, node.keys_at[inner].at) for inner, value in node.items()]
        for name, value, place in rows:
            if name not in said:
                text, where = (value.text, value.at) if isinstance(value, Scalar) else ("", place)
                yield Entry("kubelet", "KubeletConfiguration", "", name, text, where, kind="beside")


def _dropped(root: Mapping, entries: list[Entry]) -> None:
    """Note an evictionHard that leaves memory without a threshold."""
    said = root.get("evictionHard")
    if not isinstance(said, Mapping) or not said or _text(root.get("mergeDefaultEvictionSettings")) == "true":
        return
    at = root.keys_at["evictionHard"].at
    bare = [name for name, _ in (_MEMORY, *_OTHER_SIGNALS) if name not in said]
    if bare:
        entries.append(Entry("kubelet", "KubeletConfiguration", "bare", "evictionHard", ", ".join(bare), at, kind="beside"))
    if "memory.available" not in said:
        entries.append(Entry("kubelet", "KubeletConfiguration", "defaults", "evictionHard", "memory.available", at))


def _is_part(path: str) -> bool:
    """Whether a file is put over another, which may say what this one lacks."""
    return claims(path) or _PATCH.search(path) is not None


def _without_grace(root: Mapping) -> Iterator[Entry]:
    """Note soft thresholds without a grace period (pkg/kubelet/eviction/helpers.go); a drop-in may leave it to others."""
    soft, grace = root.get("evictionSoft"), root.get("evictionSoftGracePeriod")
    if not isinstance(soft, Mapping) or _is_part(root.path):
        return
    for signal, at in soft.keys_at.items():
        if not isinstance(grace, Mapping) or signal not in grace:
            fault = "has no grace period: the kubelet does not start"
            hint = f"say {signal} under evictionSoftGracePeriod too"
            yield Entry("kubelet", "KubeletConfiguration", "", "evictionSoft", signal, at.at, fault, hint)


def _read_behavior(text: str) -> str:
    if text == "UnlimitedSwap":
        raise SizeError(f"'{text}' was removed: the kubelet does not start", "write LimitedSwap or NoSwap")
    if text not in _BEHAVIORS:
        raise SizeError(f"'{text[:40]}' is neither NoSwap nor LimitedSwap: the kubelet does not start", "write NoSwap or LimitedSwap")
    return text


def _read_size(text: str) -> Any:  # noqa: ANN401
    if grammar.quantity(text).fractional:
        raise SizeError(f"'{text[:40]}' is a fraction of a byte: m is a thousandth", "say Mi")
    return grammar.parse(text)


def _read_threshold(text: str) -> Any:  # noqa: ANN401
    return systemd.parse_permyriad(text) if text.endswith("%") else grammar.parse(text)


def _read_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise SizeError(f"'{text[:40]}' is neither true nor false")
    return text == "true"


def _read_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:  # noqa: PLR2004
        raise SizeError(f"'{text[:40]}' is no number")
    return int(text)


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""


DIALECT: Final = Dialect(
    name="kubelet",
    family="kubernetes",
    summary="etc/kubernetes/kubelet.conf.d/60-oomconf.conf: reservations, eviction and swap of a node",
    render=render,
    claims=claims,
    read=read,
    proven="by documentation",
)
