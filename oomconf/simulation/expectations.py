"""What a spec expects of a shortage, held against every size and every split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from oomconf.policy import Setting
from oomconf.quantity import roughly
from oomconf.simulation.decide import Board, domains, outlook
from oomconf.simulation.nouns import Expectation, Machine, Question, Share, Witness

__all__ = ["expectations", "told"]

_NOTHING: Final = 1 << 20
_SHOWN: Final = 6


def expectations(machine: Machine, first: Sequence[Setting[str]], never: Sequence[Setting[str]]) -> tuple[Expectation, ...]:
    """Judge `expect.first` and `expect.never` of a spec for one machine, as far as their services run there.

    `first`: when the machine runs short, whatever fills it, the first to die is one of these. `never`: none of these dies of a shortage of
    the machine or of a slice while another service that can be killed lives; its own limit is apart, for there it dies alone.
    """
    return (*_first(machine, first), *_never(machine, never))


def _here(machine: Machine, names: Sequence[Setting[str]]) -> list[Setting[str]]:
    services = {member.service for member in machine.members}
    return [name for name in names if name.value in services]


def _first(machine: Machine, first: Sequence[Setting[str]]) -> Iterator[Expectation]:
    here = _here(machine, first)
    if not here:
        return
    allowed = {name.value for name in here}
    text = f"first: {', '.join(str(name.value) for name in here)}"
    found = outlook(machine, next(domains(machine)), foreign=True)
    services = {member.name: member.service for member in machine.members}
    wrong = [verdict for verdict in found.verdicts if verdict.answer != "never" and services[verdict.member] not in allowed]
    if not wrong:
        yield Expectation(text=text, met=True, at=here[0].at, why="under every size within the limits and every split")
        return
    verdict = wrong[0]
    sizes = "" if verdict.witness is None else f", {told(verdict.witness)}"
    yield Expectation(text=text, met=False, at=here[0].at, why=f"{verdict.member} can be the first{sizes}")


def _never(machine: Machine, never: Sequence[Setting[str]]) -> Iterator[Expectation]:
    names = {name.value for name in never}
    for name in _here(machine, never):
        question = _worst(machine, str(name.value), names)
        met = question is None or not question.possible
        if question is None:
            why = "no other service can die of the same shortage"
        elif met:
            why = question.proof
        else:
            sizes = "" if question.witness is None else f", {told(question.witness)}"
            where = "the machine" if question.domain == machine.name else question.domain
            why = f"when {where} runs out, it can die while {question.other} lives{sizes}"
        yield Expectation(text=f"never: {name.value}", met=met, at=name.at, why=why)


def _worst(machine: Machine, service: str, never: set[str | None]) -> Question | None:
    """The first answer that says it can die, else the last that says it cannot."""
    last: Question | None = None
    for domain in domains(machine):
        board = Board(machine, domain)
        if board.most() < 0:
            continue
        others = [member for member in domain.members if member.service not in never and any(part.killable for part in member.parts)]
        for member in domain.members:
            if member.service != service or not others:
                continue
            last = board.dies_while_others_live(member, others)
            if last.possible:
                return last
    return last


def told(witness: Witness) -> str:
    """Say a witness in words: who holds what, the victim first."""
    shares = sorted(witness.shares, key=lambda share: (share.member != witness.victim, -share.size))
    shown = [share for share in shares if share.size >= _NOTHING or share.member == witness.victim][:_SHOWN]
    parts = [f"{share.member} {roughly(share.size)}{_process(share, witness)}" for share in shown]
    if witness.foreign >= _NOTHING:
        parts.append(f"{roughly(witness.foreign)} elsewhere")
    if witness.swapped >= _NOTHING:
        parts.append(f"{roughly(witness.swapped)} of it in swap")
    return f"with {', '.join(parts)}" + (", the rest next to nothing" if len(shown) < len(shares) else "")


def _process(share: Share, witness: Witness) -> str:
    """Name the process that weighs, where it is not all of its service."""
    victim = share.member == witness.victim
    if victim and len({name for name, _, _ in share.processes}) > 1:
        return f" (one {witness.part} of {roughly(share.largest)})"
    return f" (largest process {roughly(share.largest)})" if share.largest < share.size else ""
