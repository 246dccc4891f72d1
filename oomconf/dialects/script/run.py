"""Commands that units and containers run: what they write of scores and sysctls, though no script stands in a file of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from oomconf.dialect import Document, Entry, Ran, Reading
from oomconf.dialects._commands import Step, unwrapped
from oomconf.dialects._shell import Word
from oomconf.dialects.script.says import Said
from oomconf.policy import Kubelet, Policy

__all__ = ["run"]

_KERNELS: Final = re.compile(r"^/(?:proc|sys)/")
_SCORES: Final = ("oom_score_adj", "oom_adj")


def run(commands: Sequence[Ran]) -> Reading:
    """Read the commands of each unit or container for itself; containers they start and units they change are not looked at.

    The sysctls of a pod are its node's, on which a kubelet runs.
    """
    policies: list[Policy] = []
    entries: list[Entry] = []
    for one in commands:
        said = Said(Document(one.at.path, ""), name=one.object, timed=one.timed)
        words = [Word(text, at, known="$" not in text) for text, at in one.words]
        for step in unwrapped(Step(words)):
            said.take(step)
            entries += _arguments(step, one)
        entries += (_refused(entry, one) for entry in said.entries if entry.dialect == "script")
        if said.sysctls:
            policy = replace(said.end(), workloads=(), swaps=(), name=f"the {'node' if one.where == 'pod' else 'host'} of {one.object}")
            policies.append(replace(policy, scope="cluster", kubelet=Kubelet(at=one.at)) if one.where == "pod" else policy)
    return Reading(tuple(policies), tuple(entries))


def _arguments(step: Step, ran: Ran) -> Iterable[Entry]:
    """A `>` that no shell sees is an argument like any other."""
    for sign, target in zip(step.words, step.words[1:], strict=False):
        if not step.inner and sign.text in (">", ">>") and _KERNELS.match(target.text):
            yield Entry("script", ran.object, "argument", sign.text, target.text, sign.at)


def _refused(entry: Entry, ran: Ran) -> Entry:
    """A score that is below the one that a container starts with (fs/proc/base.c: __set_oom_adj())."""
    if entry.key not in _SCORES or entry.fault or ran.where == "unit":
        return entry
    if ran.floor is None or not re.fullmatch(r"-\d{1,4}", entry.value):
        return replace(entry, hint="say -900: among the last to be killed")
    if entry.key == "oom_score_adj" and int(entry.value) >= ran.floor:
        return entry
    fault = "is below what the container starts with: without CAP_SYS_RESOURCE the kernel refuses it (EACCES)"
    return replace(entry, fault=fault, hint="remove it; the kubelet sets it" if ran.where == "pod" else "say oom_score_adj of the service")
