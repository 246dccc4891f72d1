"""Files that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.WARNING)
def name_not_read(entry: Entry, around: Context) -> Iterator[Problem]:
    """A file in a folder of drop-ins whose name does not end in .conf is passed over.

    systemd reads `*.conf` in `UNIT.d` and in `sysctl.d` (systemd.unit(5), sysctl.d(5)), procps too; neither says a word about the
    others, and `systemctl cat` does not show them. A spec cannot make this mistake: names are made by oomconf.

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
