"""The steps of a scenario as they are told: what repeats is told once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from oomconf.simulation.nouns import Member, Step, StepKind

__all__ = ["Tale"]

_SHOWN: Final = 80
_SIGHT: Final = 400


@dataclass(slots=True)
class Tale:
    """What has happened so far."""

    told: list[Step] = field(default_factory=list)

    def say(
        self,
        kind: StepKind,
        text: str,
        member: Member | None = None,
        *,
        domain: str | None = None,
        grown: int = 0,
        ranking: tuple[tuple[str, str, int, int], ...] = (),
        certainty: Literal["always", "possible"] | None = None,
        others: tuple[str, ...] = (),
    ) -> None:
        """Add a step."""
        self.told.append(
            Step(
                kind=kind,
                text=text,
                member=None if member is None else member.name,
                domain=domain,
                grown=grown,
                ranking=ranking,
                certainty=certainty,
                others=others,
            )
        )

    @property
    def over(self) -> bool:
        """Whether nothing can follow."""
        return bool(self.told) and self.told[-1].kind in ("panic", "stuck", "calm")

    def deaths(self) -> tuple[str, ...]:
        """Services in the order in which something of them is killed."""
        return tuple(dict.fromkeys(step.member for step in self.told if step.kind in ("kill", "group_kill") and step.member is not None))

    def steps(self) -> tuple[Step, ...]:
        """Tell what repeats once: a service that loses one process after another, a cycle of kill and restart."""
        rounds: list[list[Step]] = [[]]
        for step in self.told:
            if step.kind == "oom" and rounds[-1]:
                rounds.append([])
            rounds[-1].append(step)
        out: list[Step] = []
        index = 0
        while index < len(rounds):
            width, times = _repeat(rounds, index)
            out += [step for one in rounds[index : index + width] for step in one]
            if times > 1:
                what = "this comes" if width == 1 else f"these {width} shortages come"
                more = "once more" if times - 1 == 1 else f"{times - 1} more times in a row"
                out.append(Step(kind="grow", text=f"{what} {more}"))
            index += width * times
        if len(out) > _SHOWN:
            last = out[-1]
            out = [*out[: _SHOWN - 1], Step(kind="grow", text=f"{len(out) - _SHOWN} steps more"), last]
        return tuple(out)


def _service(member: str | None) -> str | None:
    """Copies of a service, which die one after another, are alike."""
    return None if member is None else member.partition("#")[0]


def _repeat(rounds: Sequence[Sequence[Step]], index: int) -> tuple[int, int]:
    """How many rounds from here on repeat as a block, and how often the block comes."""
    keys = [
        tuple((step.kind, _service(step.member), step.domain, step.ranking[0][1] if step.ranking else None) for step in one)
        for one in rounds[index : index + _SIGHT]
    ]
    for width in (1, 2, 3):
        times = 1
        while keys[width * times : width * (times + 1)] == keys[:width] and len(keys[:width]) == width:
            times += 1
        if times > 1:
            return width, times
    return 1, 1
