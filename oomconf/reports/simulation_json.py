"""A simulation as JSON, version 1; it only grows. Sizes are bytes, null is no limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from oomconf.quantity import INFINITY
from oomconf.simulation.nouns import Member, Outlook, Run, Simulation, Witness

__all__ = ["render"]


def render(found: Sequence[Simulation]) -> str:
    """Write the simulations of all hosts whole."""
    return json.dumps({"version": 1, "hosts": [_host(one) for one in found]}, indent=2, ensure_ascii=True) + "\n"


def _host(found: Simulation) -> dict[str, Any]:
    machine = found.machine
    return {
        "name": machine.name,
        "memory": machine.memory,
        "memory_total": machine.memory_total,
        "swap": machine.swap,
        "total_pages": machine.total_pages,
        "kernel": None if machine.kernel is None else str(machine.kernel),
        "assumptions": list(machine.assumptions),
        "services": [_member(member) for member in machine.members],
        "standing": [
            {"service": one.member, "process": one.process, "oom_score_adj": one.oom_score_adj, "bytes": one.size, "badness": one.badness}
            for one in found.standing
        ],
        "outlooks": [_outlook(outlook) for outlook in found.outlooks],
        "scenarios": [_run(run) for run in found.runs],
        "expectations": [
            {"text": one.text, "met": one.met, "why": one.why, "path": one.at.path or None, "line": one.at.line or None}
            for one in found.expectations
        ],
    }


def _limit(size: int) -> int | None:
    return None if size >= INFINITY else size


def _member(member: Member) -> dict[str, Any]:
    return {
        "name": member.name,
        "service": member.service,
        "use": member.use,
        "high": _limit(member.high),
        "max": _limit(member.max),
        "swap_max": _limit(member.swap_max),
        "groups": list(member.groups),
        "oom_policy": member.oom_policy,
        "restart": member.restart,
        "kept_by": None if member.keeper in ("none", "unknown") else member.keeper,
        "protected": member.protected,
        "processes": [
            {"name": part.name, "oom_score_adj": part.oom_score_adj, "count": part.count, "size": part.size} for part in member.parts
        ],
    }


def _outlook(outlook: Outlook) -> dict[str, Any]:
    return {
        "domain": outlook.domain.name,
        "kind": outlook.domain.kind,
        "memory": outlook.domain.memory,
        "swap": outlook.domain.swap,
        "reachable": outlook.reachable,
        "anything_may_fill_it": outlook.foreign,
        "why": outlook.why or None,
        "first": [
            {"service": one.member, "answer": one.answer, "why": one.why or None, "witness": _witness(one.witness)}
            for one in outlook.verdicts
        ],
        "protection": [
            {
                "protected": one.protected,
                "other": one.other,
                "can_die_first": one.possible,
                "witness": _witness(one.witness),
                "proof": one.proof or None,
            }
            for one in outlook.questions
        ],
    }


def _witness(witness: Witness | None) -> dict[str, Any] | None:
    if witness is None:
        return None
    return {
        "victim": witness.victim,
        "process": witness.part,
        "badness": witness.badness,
        "sizes": [
            {
                "service": share.member,
                "bytes": share.size,
                "largest_process": share.largest,
                "processes": [{"name": name, "count": count, "bytes": size} for name, count, size in share.processes],
            }
            for share in witness.shares
        ],
        "elsewhere": witness.foreign,
        "swapped": witness.swapped,
        "swap_elsewhere": witness.foreign_swap,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "scenario": run.scenario,
        "text": run.text,
        "deaths": list(run.deaths),
        "steps": [
            {
                "kind": step.kind,
                "text": step.text,
                "service": step.member,
                "domain": step.domain,
                "grown": step.grown,
                "certainty": step.certainty,
                "others": list(step.others),
                "ranking": [
                    {"service": service, "process": process, "bytes": size, "badness": badness}
                    for service, process, size, badness in step.ranking
                ],
            }
            for step in run.steps
        ],
    }
