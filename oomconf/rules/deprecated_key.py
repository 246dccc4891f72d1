"""Keys of cgroup v1 and of earlier versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.finding import Edit
from oomconf.location import Location
from oomconf.rule import Context, Problem, Severity, rule

_GOING: Final = "MemoryLimit"
_WHY: Final = "MemoryLimit= is cgroup v1's key: systemd 258 and newer pass over it"


@rule(on=Entry, severity=Severity.WARNING)
def deprecated_key(entry: Entry, around: Context) -> Iterator[Problem]:
    """A key of cgroup v1, or of an earlier systemd, is passed over by a newer one, and the limit with it.

    MemoryLimit= is cgroup v1's; systemd up to 257 translates it where no other Memory*= is said, 258 and newer drop it
    (NEWS of systemd 258). OOMAdjust=, MemorySoftLimit= and the *Percent= keys are gone for long. cgroup v1's own words are
    oom_kill_disable, mem_swappiness, memory.limit_in_bytes and the like. A spec cannot make this mistake: it has no words for them.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryLimit=2G   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    ```

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    OOMAdjust=-10   ⟵
    ```

    ```sh bad join.sh
    echo $$ > /sys/fs/cgroup/memory/web/tasks   ⟵
    ```

    ```sh good mark.sh
    net_cls="$(grep ^cgroup /proc/self/mounts | grep net_cls | awk '{ print $2 }')"
    echo $$ > "${net_cls}/web/tasks"
    ```

    ```sh bad run.sh
    systemd-run --scope -p MemoryLimit=1G /usr/bin/batch   ⟵
    systemctl set-property batch.service MemoryLimit=1G   ⟵
    ```

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: 512m
        mem_swappiness: 0   ⟵
    ```
    """
    if entry.kind == "gone" and entry.fault:
        yield Problem(entry.at, entry.fault, entry.hint, object=entry.object)
    elif entry.key == _GOING and entry.dialect == "script" and not entry.fault:
        yield Problem(entry.at, _WHY, "write MemoryMax= instead", object=entry.object)
    elif entry.key == _GOING and entry.dialect in ("systemd", "quadlet") and not entry.fault:
        at = entry.at
        key = Location(at.path, at.line, at.column - len(_GOING) - 1, at.line, at.column - 1)
        # in its place MemoryMax= would be a new limit where another Memory*= has the say; those of a quadlet, and of other files
        # of a unit, are not compared
        alone = not entry.hint.startswith("remove") and entry.dialect != "quadlet" and ".d/" not in at.path
        fix = (Edit(key, "MemoryMax", _GOING),) if alone else ()
        yield Problem(at, _WHY, entry.hint or "write MemoryMax= instead", object=entry.object, fix=fix)
