"""Files that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def name_not_read(entry: Entry, around: Context) -> Iterator[Problem]:
    """A drop-in whose name or folder keeps it from being read is passed over.

    systemd reads `*.conf` in `UNIT.d` and in `sysctl.d` (systemd.unit(5), sysctl.d(5)), procps too; neither says a word about the
    others, and `systemctl cat` does not show them. The folder carries the unit's whole name, `nginx.service.d`, or that of a type,
    `service.d`, and stands where units stand, in /etc/systemd/system. A spec cannot make this mistake: names are made by oomconf.

    ```ini bad etc/sysctl.d/90-memory
    vm.overcommit_memory = 2   ⟵
    ```

    ```ini bad etc/systemd/system/web.service.d/limits.cfg
    [Service]
    MemoryMax=2G   ⟵
    ```

    ```ini bad etc/systemd/system/web.service.d/limits.override
    [Service]
    MemoryMax=2G   ⟵
    ```

    ```ini bad etc/systemd/system/nginx.d/10-memory.conf
    [Service]
    MemoryMax=1G   ⟵
    ```

    ```ini bad etc/systemd/system/nginx.service.d.conf
    [Service]
    MemoryMax=1G   ⟵
    ```

    ```ini bad etc/systemd/nginx.service.d/10-memory.conf
    [Service]
    MemoryMax=1G   ⟵
    ```

    ```ini good etc/systemd/system/service.d/10-memory.conf
    [Service]
    MemoryMax=4G
    ```

    ```ini good systemd/nginx.service.d/10-memory.conf
    [Service]
    MemoryMax=1G
    ```

    ```ini good etc/systemd/oomd.conf.d/10-limits.conf
    [OOM]
    DefaultMemoryPressureDurationSec=20s
    ```

    ```sh bad setup.sh
    echo vm.overcommit_memory = 2 | sudo tee -a /etc/sysctl.d/memory   ⟵
    ```

    ```ini good etc/sysctl.d/90-memory.conf
    vm.overcommit_memory = 2
    vm.overcommit_ratio = 90
    ```
    """
    if entry.kind == "name":
        yield Problem(entry.at, f"{entry.key} {entry.fault}", entry.hint, object=entry.object)
