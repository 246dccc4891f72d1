"""An audit as a file for node_exporter's textfile collector; the only report with a time, which its caller gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from oomconf import metrics
from oomconf.inforce import Audit, Use, has_metric
from oomconf.metrics import Metric

__all__ = ["render"]


def render(found: Audit, seconds: float) -> str:
    """Write the samples of an audit that ended `seconds` after the epoch."""
    drift: dict[tuple[str, ...], float] = {}
    pending: dict[tuple[str, ...], float] = {}
    for row in found.rows:
        if row.state != "not seen":
            key = (row.object, row.setting)
            drift[key] = max(drift.get(key, 0), float(row.state == "drift"))
            if row.setting in ("oom_score_adj", "slice"):
                pending[(row.object,)] = max(pending.get((row.object,), 0), float(row.state == "pending restart"))
    units = [*_units(found)]
    containers = _once((one.name, one) for one in found.users if one.kind == "container")
    samples: dict[Metric, Iterable[tuple[tuple[str, ...], float]]] = {
        metrics.TIMESTAMP: [((), seconds)],
        metrics.COMPLETE: [((), float(found.is_complete))],
        metrics.DRIFT: list(drift.items()),
        metrics.DRIFTED: [((), float(sum(drift.values())))],
        metrics.PENDING: list(pending.items()),
        metrics.UNIT_KILLS: [((name,), found.own_kills[one.path]) for name, one in units if one.path in found.own_kills],
        metrics.UNIT_WORKING_SET: [((name,), one.working_set) for name, one in units if one.working_set is not None],
        metrics.UNIT_LIMIT: [((name,), one.limit) for name, one in units if one.limit is not None],
        metrics.CONTAINER_KILLS: [((name,), one.kills) for name, one in containers if one.kills is not None],
    }
    return metrics.exposition(samples)


def _units(found: Audit) -> Iterator[tuple[str, Use]]:
    """Units and slices of the system's manager, and the groups that a script makes, by their labels; scopes come and go."""
    every = [one for one in (*found.users, *found.slices) if one.kind == "unit" and has_metric(one)]
    yield from _once([*((one.name, one) for one in every), *((found.leaves[one.path], one) for one in found.groups)])


def _once(rows: Iterable[tuple[str, Use]]) -> list[tuple[str, Use]]:
    """One row for each label, in its order."""
    return sorted(dict(reversed(list(rows))).items())
