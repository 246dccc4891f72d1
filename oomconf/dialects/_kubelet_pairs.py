"""What a kubelet's configuration says of one key without another that it needs (pkg/kubelet/apis/config/validation)."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as AnySequence
from typing import Final

from oomconf.dialect import Entry
from oomconf.dialects._templates import is_filled_in
from oomconf.dialects._yaml import Mapping, Scalar, Sequence
from oomconf.quantity import SizeError, docker

__all__ = ["pairs"]

_REFUSED: Final = "the kubelet does not start"
_CGROUPS: Final = {"system-reserved": "systemReservedCgroup", "kube-reserved": "kubeReservedCgroup"}
_SCORES: Final = range(-1000, 1001)


def pairs(root: Mapping, others: AnySequence[Mapping]) -> Iterator[Entry]:
    """Note what keeps the kubelet from starting; `others` are the drop-ins that may say the rest."""
    said = {key for one in (root, *others) for key in one}
    enforced = root.get("enforceNodeAllocatable")
    for one in enforced if isinstance(enforced, Sequence) else ():
        needed = _CGROUPS.get(one.text, "") if isinstance(one, Scalar) else ""
        if isinstance(one, Scalar) and needed and needed not in said:
            fault = f"needs {needed}: without it {_REFUSED}"
            yield _entry("enforceNodeAllocatable", one, fault, f"name the cgroup in {needed}, or enforce pods alone")
    manager = root.get("memoryManagerPolicy")
    if isinstance(manager, Scalar) and manager.text == "Static" and "reservedMemory" not in said:
        hint = "list under reservedMemory, by NUMA node, what kubeReserved, systemReserved and evictionHard keep back together"
        yield _entry("memoryManagerPolicy", manager, f"needs reservedMemory: without it {_REFUSED}", hint)
    score = root.get("oomScoreAdj")
    if isinstance(score, Scalar) and not _is_score(score.text):
        yield _entry(
            "oomScoreAdj", score, f"is not a number from -1000 to 1000: {_REFUSED}", "leave it out: -999 is the kubelet's own choice"
        )


def _is_score(text: str) -> bool:
    try:
        return docker.parse_int(text) in _SCORES
    except SizeError:
        return is_filled_in(text)


def _entry(key: str, node: Scalar, fault: str, hint: str) -> Entry:
    return Entry("kubelet", "KubeletConfiguration", "", key, node.text, node.at, fault, hint)
