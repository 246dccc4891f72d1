"""An event explained: why it happened, why this one, who was next, what to change."""

from __future__ import annotations

from collections.abc import Sequence

from oomconf.diagnosis.advice import advise
from oomconf.diagnosis.declared import declared, with_lines
from oomconf.diagnosis.memory import consumers, holdings, scope_bytes
from oomconf.diagnosis.nouns import Advice, Consumer, Counterfactual, Declared, Diagnosis, Holding
from oomconf.diagnosis.whatif import counterfactuals, next_victims
from oomconf.diagnosis.words import headline, why
from oomconf.oomlog.events import OomEvent
from oomconf.oomlog.ranking import rank
from oomconf.policy import Policy

__all__ = ["Advice", "Consumer", "Counterfactual", "Declared", "Diagnosis", "Holding", "explain", "with_lines"]


def explain(event: OomEvent, policies: Sequence[Policy] = ()) -> Diagnosis:
    """Explain an event of a log: ranking by the kernel's own formula, memory in words, and what to change, in the spec where it is given.

    Pure; sizes in bytes, weights in pages (mm/oom_kill.c: oom_badness). What the report does not tell is left out, not guessed.
    """
    ranking = rank(event)
    held = holdings(event, ranking.page_kb)
    eaters = consumers(ranking)
    scope = scope_bytes(event, ranking.page_kb)
    dead = frozenset(victim.pid for victim in event.victims if victim.pid is not None)
    next_up = next_victims(ranking, dead)
    otherwise = () if event.panic or event.group else counterfactuals(ranking)
    sparing = next((one for one in otherwise if one.pid == (event.victim.pid if event.victim is not None else None)), None)
    return Diagnosis(
        event=event,
        ranking=ranking,
        headline=headline(event),
        why=why(event, ranking, next_up, eaters),
        scope=scope,
        holdings=held,
        consumers=eaters,
        next=next_up,
        counterfactuals=otherwise,
        advice=advise(event, ranking, held, eaters, scope),
        declared=() if event.killer == "none" else declared(event, policies, sparing),
    )
