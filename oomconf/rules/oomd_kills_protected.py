"""Protected services in reach of systemd-oomd."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.placement import QuadletUnit, SystemdUnit
from oomconf.policy import Group, Origin, Setting, Workload, size_of
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._scores import heeded, protected

_FIRST_PREFERENCE = 248


@rule(on=Workload, severity=Severity.WARNING)
def oomd_kills_protected(workload: Workload, around: Context) -> Iterator[Problem]:
    """systemd-oomd reads no score: a protected service dies by it like any other.

    Under a slice with ManagedOOMSwap=kill or ManagedOOMMemoryPressure=kill it kills whole cgroups, the largest user of swap or the
    one that is reclaimed most, before the kernel ever chooses (src/oom/oomd-util.c; oom_score_adj is not looked at). What it
    does heed is ManagedOOMPreference= of the service itself: `omit` never, `avoid` last; since systemd 248, and not on containers
    of an engine. A spec says it by itself for critical and high where the host's systemd is said. Memory that is promised (min, low)
    is reclaimed last, so such a service is not reported under pressure alone.

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 2G, systemd: 247}}
    slices: {work.slice: {managed_oom: {swap: kill}}}
    services:
      api:
        slice: work.slice
        protect: critical   ⟵
        systemd: {unit: api.service}
    ```

    ```yaml good oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 2G, systemd: 252}}
    slices: {work.slice: {managed_oom: {swap: kill}}}
    services:
      api:
        slice: work.slice
        protect: critical
        systemd: {unit: api.service}
    ```

    ```yaml bad oomconf.yaml
    version: 1
    hosts: {web: {ram: 8G, swap: 2G, systemd: 252, docker: {cgroup_driver: systemd}}}
    slices: {work.slice: {managed_oom: {memory_pressure: kill}}}
    services:
      api:
        slice: work.slice
        protect: critical   ⟵
        docker: {name: api, image: registry.example/api}
    ```

    ```ini bad etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Slice=work.slice
    OOMScoreAdjust=-900   ⟵
    ```

    ```ini with etc/systemd/system/work.slice
    [Slice]
    ManagedOOMMemoryPressure=kill
    ```

    ```ini good etc/systemd/system/api.service
    [Service]
    ExecStart=/usr/bin/api
    Slice=work.slice
    OOMScoreAdjust=-900
    ManagedOOMPreference=avoid
    ```

    ```ini with etc/systemd/system/work.slice
    [Slice]
    ManagedOOMMemoryPressure=kill
    ```
    """
    adj = protected(workload)
    if adj is None or not heeded(workload, around.facts):
        return
    watched = _watched(workload, around)
    if watched is None:
        return
    missing = _missing(workload, around)
    if missing is None:
        return
    group, setting, what = watched
    why, remedy = missing
    yield Problem(
        adj.at,
        f"systemd-oomd kills under {group.name} by {what}, whatever the score: {adj.value} does not hold it off {workload.name}; {why}",
        remedy,
        (Related(setting.at, f"{group.name} is given to systemd-oomd here"),),
    )


def _watched(workload: Workload, around: Context) -> tuple[Group, Setting[str], str] | None:
    promised = (size_of(workload.memory_low) or 0) + (size_of(workload.memory_min) or 0) > 0
    above = [group for group in around.ancestors(None if workload.slice is None else workload.slice.value) if not group.user]
    if "-.slice" in around.groups and isinstance(workload.placement, SystemdUnit | QuadletUnit):
        above.append(around.groups["-.slice"])
    for group in above:
        for setting, what in ((group.managed_oom_swap, "use of swap"), (group.managed_oom_memory_pressure, "memory pressure")):
            if setting is None or setting.value != "kill":
                continue
            if setting is group.managed_oom_swap and around.swap_total == 0:
                continue
            if setting is group.managed_oom_memory_pressure and promised:
                continue
            return group, setting, what
    return None


def _missing(workload: Workload, around: Context) -> tuple[str, str] | None:
    """Why systemd-oomd is not told to spare it, and the remedy; None if it is."""
    preference, version = workload.managed_oom_preference, around.facts.systemd
    if not isinstance(workload.placement, SystemdUnit | QuadletUnit):
        remedy = "put it into a slice that systemd-oomd does not watch, or one that it watches for pressure alone and promise it memory"
        return "a container takes no ManagedOOMPreference=", remedy
    if preference is None or preference.value not in ("avoid", "omit"):
        return "it has no ManagedOOMPreference=", "add managed_oom_preference (ManagedOOMPreference=): avoid, or omit"
    if version is not None and version.value is not None and version.value < _FIRST_PREFERENCE:
        remedy = "put it into a slice that systemd-oomd does not watch"
        return f"systemd {version.value} has no ManagedOOMPreference= (since {_FIRST_PREFERENCE})", remedy
    if version is None and preference.origin is Origin.DERIVED:
        remedy = "say 'systemd:' on the host, and protect says ManagedOOMPreference= too; or say managed_oom_preference yourself"
        return "the host's systemd is not known, so ManagedOOMPreference= is not written", remedy
    return None
