"""A diagnosis as JSON, version 1; it only grows. What the text does not give is null."""

from __future__ import annotations

import json
from typing import Any

from oomconf.diagnosis import Diagnosis
from oomconf.oomlog.events import Victim
from oomconf.oomlog.ranking import Ranked

__all__ = ["HEAD", "TAIL", "render"]

HEAD = '{"version": 1, "events": ['
TAIL = "]}\n"


def render(found: Diagnosis) -> str:
    """Write one event; the events of a log stand between HEAD and TAIL, with commas."""
    return json.dumps(_event(found), ensure_ascii=True)


def _event(found: Diagnosis) -> dict[str, Any]:
    event, ranking = found.event, found.ranking
    memcg, trigger = event.memcg, event.trigger
    known = event.header
    return {
        "path": event.path,
        "line": event.line,
        "at": event.at,
        "host": event.host,
        "killer": event.killer,
        "actor": event.actor,
        "kind": event.kind,
        "constraint": event.constraint,
        "outcome": event.outcome,
        "panic": event.panic,
        "kernel": event.kernel_text,
        "trigger": {
            "pid": trigger.pid,
            "name": trigger.name,
            "kind": trigger.kind if known else None,
            "order": trigger.order,
            "gfp_mask": trigger.gfp,
            "oom_score_adj": trigger.oom_score_adj,
        },
        "allocating_task": event.allocating_task,
        "group": event.group,
        "memcg": None if memcg is None else memcg.path,
        "task_memcg": event.task_memcg,
        "limit_kb": None if memcg is None else memcg.limit_kb,
        "usage_kb": None if memcg is None else memcg.usage_kb,
        "swap_limit_kb": None if memcg is None else memcg.swap_limit_kb,
        "victims": [_victim(victim) for victim in event.victims],
        "selected": _selected(event.selected),
        "page_kb": event.page_kb,
        "total_pages": ranking.total_pages,
        "ranking": [_ranked(row) for row in ranking.rows],
        "predicted": None if ranking.predicted is None else {"pid": ranking.predicted.task.tgid, "name": ranking.predicted.task.name},
        "next": [{"pid": row.task.tgid, "name": row.task.name, "points": row.points} for row in found.next],
        "memory": {
            "scope_bytes": found.scope,
            "swap_total_kb": None if event.machine is None else event.machine.swap_total_kb,
            "swap_free_kb": None if event.machine is None else event.machine.swap_free_kb,
            "holdings": [{"name": one.name, "bytes": one.size, "note": one.note} for one in found.holdings],
            "consumers": [
                {"name": one.name, "count": one.count, "bytes": one.size, "largest": one.largest} for one in found.consumers[:20]
            ],
        },
        "headline": found.headline,
        "why": list(found.why),
        "counterfactuals": [
            {
                "name": one.name, "pid": one.pid, "was": one.was, "oom_score_adj": one.oom_score_adj,
                "instead": {"pid": one.instead_pid, "name": one.instead},
            }
            for one in found.counterfactuals
        ],
        "advice": [{"id": one.id, "text": one.text, "command": one.command or None} for one in found.advice],
        "declared": [
            {
                "service": one.service, "path": one.at.path, "line": one.at.line, "column": one.at.column,
                "key": one.key, "value": one.value, "wanted": one.wanted, "source": one.line, "wanted_source": one.wanted_line,
            }
            for one in found.declared
        ],
        "evidence": list(event.evidence),
        "against": list(event.against),
        "doubts": list(ranking.doubts),
    }  # fmt: skip


def _selected(victim: Victim | None) -> dict[str, Any] | None:
    return None if victim is None else {"pid": victim.pid, "name": victim.name, "score": victim.score}


def _victim(victim: Victim) -> dict[str, Any]:
    return {
        "pid": victim.pid,
        "name": victim.name,
        "uid": victim.uid,
        "total_vm_kb": victim.total_vm_kb,
        "anon_rss_kb": victim.anon_rss_kb,
        "file_rss_kb": victim.file_rss_kb,
        "shmem_rss_kb": victim.shmem_rss_kb,
        "pgtables_kb": victim.pgtables_kb,
        "oom_score_adj": victim.oom_score_adj,
        "score": victim.score,
        "unit": victim.owner.unit,
        "container": victim.owner.container,
        "pod": victim.owner.pod,
    }


def _ranked(row: Ranked) -> dict[str, Any]:
    return {
        "pid": row.task.tgid,
        "name": row.task.name,
        "points": row.points,
        "oom_score_adj": row.task.oom_score_adj,
        "pages": row.pages,
        "uid": row.task.uid,
    }
