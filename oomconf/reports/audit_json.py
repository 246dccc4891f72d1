"""An audit as JSON, version 1; it only grows. Sizes in bytes, `infinity` for no limit, null for what is not known."""

from __future__ import annotations

import json
from typing import Any

from oomconf.inforce import Audit, Candidate, Kill, Row, Use
from oomconf.quantity import INFINITY

__all__ = ["render"]


def render(found: Audit) -> str:
    """Write one audit."""
    return json.dumps(_audit(found), indent=2, ensure_ascii=True) + "\n"


def _audit(found: Audit) -> dict[str, Any]:
    memory, killer = found.memory, found.killer
    return {
        "version": 1,
        "host": found.host,
        "spec_host": found.spec_host,
        "kernel": found.release or None,
        "systemd": found.systemd,
        "init": found.init or None,
        "cgroup_version": found.cgroup_version,
        "complete": found.is_complete,
        "not_seen": list(found.unseen),
        "killer": {
            "kills": [_kill(kill) for kill in killer.kills],
            "counter": killer.counter,
            "told": killer.told,
            "log_seen": killer.log_seen,
            "by_group": [{"name": name, "kills": count} for name, count in killer.by_group],
        },
        "memory": {
            "total": memory.total,
            "available": memory.available,
            "free": memory.free,
            "cache": memory.cache,
            "swap_total": memory.swap_total,
            "swap_free": memory.swap_free,
            "commit_limit": memory.commit_limit,
            "committed": memory.committed,
            "overcommit_memory": memory.overcommit,
            "pressure": dict(sorted(memory.pressure.items())),
        },
        "users": [_use(one) for one in found.users],
        "slices": [_use(one) for one in found.slices],
        "next": [_candidate(one) for one in found.order],
        "limits": [_row(row) for row in found.rows],
        "notes": [{"id": note.id, "object": note.object, "text": note.text} for note in found.notes],
        "summary": {
            state: sum(1 for row in found.rows if row.state == state)
            for state in ("as said", "drift", "pending restart", "not running", "not seen")
        }
        | {"not_looked_at": len(found.blind), "not_audited": len(found.unsayable)},
    }


def _kill(kill: Kill) -> dict[str, Any]:
    return {
        "line": kill.line, "at": kill.at, "text": kill.text, "killer": kill.killer, "kind": kill.kind, "outcome": kill.outcome,
        "victim": kill.victim, "pid": kill.pid, "unit": kill.unit, "container": kill.container, "limit": kill.limit,
    }  # fmt: skip


def _use(one: Use) -> dict[str, Any]:
    return {
        "name": one.name, "kind": one.kind, "cgroup": one.path or None, "current": one.current, "working_set": one.working_set,
        "peak": one.peak, "limit": one.limit, "declared_limit": one.declared, "swap": one.swap, "oom_kills": one.kills,
        "processes": one.processes, "held": one.held,
    }  # fmt: skip


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "pid": one.pid, "name": one.name, "of": one.of, "uid": one.uid, "oom_score_adj": one.oom_score_adj, "held": one.size,
        "badness": one.badness, "exempt": one.exempt or None, "from": one.giver or None,
    }  # fmt: skip


def _row(row: Row) -> dict[str, Any]:
    return {
        "object": row.object, "thing": row.thing, "setting": row.setting, "state": row.state, "expected": _value(row.expected),
        "found": _value(row.found), "manager": _value(row.manager), "path": row.at.path or None, "line": row.at.line or None,
        "source": row.source or None, "why": row.why or None, "blind": row.blind,
    }  # fmt: skip


def _value(value: int | str | None) -> int | str | None:
    if isinstance(value, int):
        return "infinity" if value >= INFINITY else int(value)
    return value
