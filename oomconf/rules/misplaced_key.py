"""Keys in a section, or in a kind of unit, where they mean nothing."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.ERROR)
def misplaced_key(entry: Entry, around: Context) -> Iterator[Problem]:
    """A limit in the wrong section, or in a unit of the wrong kind, is passed over.

    systemd reads MemoryMax= in [Service], [Slice], [Scope], [Socket], [Mount] and [Swap] (systemd.resource-control(5)),
    OOMScoreAdjust= in all of those but [Slice] and [Scope] (systemd.exec(5)); elsewhere, as in [Unit] or [Timer], the line is logged
    as unknown and dropped. A line before the first section header belongs to none; such lines are one finding. Sections named [X-...]
    are for other programs. A strict API server refuses a container with `memory` or `limits` outside of its `resources`; any other
    drops them. vm.* sysctls are of the whole machine: said for a container or a pod they keep it from starting.
    A spec cannot make this mistake: it has no sections.

    ```ini bad etc/systemd/system/web.service
    [Unit]
    Description=web
    MemoryMax=2G   ⟵

    [Service]
    ExecStart=/usr/bin/web
    ```

    ```ini bad etc/systemd/system/api.service.d/memory.conf
    MemoryHigh=1G   ⟵
    MemoryMax=2G
    OOMScoreAdjust=-500
    ```

    ```ini bad etc/systemd/system/backup.timer
    [Timer]
    OnCalendar=daily
    MemoryMax=2G   ⟵
    ```

    ```yaml bad pod.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:

      containers:
        - name: web
          image: registry.example/web
          memory: 512Mi   ⟵
    ```

    ```ini good etc/systemd/system/swapfile.swap
    [Swap]
    What=/swapfile
    MemoryMax=64M
    OOMScoreAdjust=-500

    [X-Backup]
    MemoryMax=2G
    ```

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    Restart=on-failure
    StartLimitIntervalSec=0   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Unit]
    StartLimitIntervalSec=0

    [Service]
    ExecStart=/usr/bin/web
    Restart=on-failure
    ```

    ```ini good etc/systemd/system/web.service
    [Unit]
    Description=web

    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    ```

    ```yaml bad compose.yaml
    services:
      cache:
        image: registry.example/cache:1
        sysctls:
          vm.overcommit_memory: 1   ⟵
    ```

    ```yaml bad pod.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: cache}
    spec:
      securityContext:
        sysctls:
          - {name: vm.overcommit_memory, value: "1"}   ⟵
          - {name: net.core.somaxconn, value: "1024"}
      containers: [{name: cache, image: registry.example/cache}]
    ```

    ```sh bad run.sh
    docker run --sysctl net.core.somaxconn=1024 --sysctl vm.overcommit_memory=1 registry.example/cache   ⟵
    ```

    ```ini bad etc/containers/systemd/cache.container
    [Container]
    Image=registry.example/cache
    Sysctl=net.core.somaxconn=1024 vm.overcommit_memory=1   ⟵
    ```

    ```yaml good compose.yaml
    services:
      cache:
        image: registry.example/cache:1
        sysctls: [net.core.somaxconn=1024]
    ```
    """
    if entry.fault and entry.kind == "place":
        yield Problem(entry.at, entry.fault, entry.hint or "move it to the section that it is of", object=entry.object)
