"""Drop-ins of one folder that say different things."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.policy import GROUP_FIELDS, WORKLOAD_FIELDS, Group, Policy, Setting, Workload
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._beaten import undone

_FIELDS = tuple(dict.fromkeys((*WORKLOAD_FIELDS, *GROUP_FIELDS)))


@rule(on=Policy, severity=Severity.WARNING)
def dropins_disagree(policy: Policy, around: Context) -> Iterator[Problem]:
    """Two drop-ins of one folder set the same key of a unit, and the later name wins.

    Drop-ins are read in order of their names across all folders (systemd.unit(5)), so `99-tuning.conf` undoes `50-limits.conf`. One
    in /etc over one of the vendor's is meant to win; two of one folder that differ are mostly two people who did not know of each
    other. A spec cannot make this mistake: it says each value once.

    ```ini bad etc/systemd/system/web.service.d/99-tuning.conf
    [Service]
    MemoryMax=16G   ⟵
    ```

    ```ini with etc/systemd/system/web.service.d/50-limits.conf
    [Service]
    MemoryMax=2G
    ```

    ```ini good etc/systemd/system/web.service.d/override.conf
    [Service]
    MemoryMax=4G
    ```

    ```ini with usr/lib/systemd/system/web.service.d/50-limits.conf
    [Service]
    MemoryMax=2G
    ```
    """
    things: tuple[Workload | Group, ...] = (*policy.workloads, *policy.groups)
    for thing in things:
        for name in _FIELDS:
            setting: Setting[object] | None = getattr(thing, name, None)
            other = None if setting is None or ".d/" not in setting.at.path else undone(setting)
            if setting is not None and other is not None:
                yield Problem(
                    setting.at,
                    f"{thing.name}: {setting.text or 'nothing'} here undoes the {other.text} of {other.at.path.rpartition('/')[2]}",
                    "say it in one of them",
                    (Related(other.at, "undone by the later file"),),
                    thing.object,
                )
