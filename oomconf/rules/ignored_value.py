"""Values that their consumer refuses or passes over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Related, Severity, rule
from oomconf.rules._edits import suggested

_COMMENT: Final = re.compile(r".(?:#|\s;|\s//)")
_WITH_COMMENTS: Final = ("systemd", "quadlet", "sysctl")
"""Dialects in which a comment behind the value is the fault: comment-is-value says so."""


@rule(on=Entry, severity=Severity.ERROR)
def ignored_value(entry: Entry, around: Context) -> Iterator[Problem]:
    """A value that its consumer refuses or passes over protects nothing, and often nobody is told.

    systemd logs a warning, drops the line and starts the service without the limit; `systemd-analyze verify` exits 0. Compose
    drops a floating-point limit without a word. The kernel refuses a sysctl, and the boot goes on. The API server refuses the
    manifest, and takes `512m` for half a byte. The rule reads each value as its own consumer does: `2GB` is a size to Docker and none
    to systemd. Values that a template or a variable puts in are not judged, save in compose files for a
    variable's default and what `.env` says. A spec cannot make this mistake: `check` refuses such a
    value with its place.

    What a runtime or a server is told of its heap or cache is read as that program reads it, in environments and on command lines.
    Go dies of `GOMEMLIMIT=512M` and java of `-Xmx512mb`; .NET reads percentages as hexadecimal, and 0.75 is not 75 % to java.
    What does not arrive is named too: words behind `-jar a.jar`, a variable that no shell expands, words that systemd cuts off.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2GB   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    ```

    ```ini bad etc/systemd/system/web.service.d/limits.conf
    [Service]
    OOMScoreAdjust=-2000   ⟵
    OOMPolicy=never   ⟵
    ```

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: 1.5   ⟵
    ```

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        command: sh -c "echo -1000 > /proc/self/oom_score_adj && exec web"   ⟵
    ```

    ```yaml bad pod.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example/web
          lifecycle:
            postStart:
              exec:
                command: [sh, -c, "echo -1000 > /proc/1/oom_score_adj"]   ⟵
    ```

    ```yaml good compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: 1.5g
    ```

    ```yaml bad kubelet.yaml
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    kubeReserved: {memory: 512m}   ⟵
    enforceNodeAllocatable:
      - pods
      - system-reserved   ⟵
    memoryManagerPolicy: Static   ⟵
    oomScoreAdj: -1001   ⟵
    ```

    ```yaml good kubelet.yaml
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    kubeReserved: {memory: 512Mi}
    systemReservedCgroup: /system.slice
    enforceNodeAllocatable: [pods, system-reserved]
    memoryManagerPolicy: Static
    reservedMemory: [{numaNode: 0, limits: {memory: 612Mi}}]
    oomScoreAdj: -999
    ```

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        mem_limit: ${WEB_LIMIT:-512Mi}   ⟵
      api:
        image: registry.example/api
        mem_limit: ${API_LIMIT}   ⟵
    ```

    ```text with .env
    API_LIMIT=1Gi
    ```

    ```yaml bad deploy.yaml
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      template:
        spec:
          containers:
            - name: web
              image: registry.example/web
              resources:
                limits: {memory: 512m}   ⟵
    ```

    ```yaml good deploy.yaml
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      template:
        spec:
          containers:
            - name: web
              image: registry.example/web
              resources:
                limits: {memory: 1.2Gi}
    ```

    ```yaml good charts/web/values.yaml
    proxy:
      resources:
        requests: {memory: null}
        limits: {memory: null}
    ```

    ```yaml bad tasks/main.yml
    - name: memory
      lineinfile:
        path: /etc/sysctl.d/60-memory.conf
        line: "{{ item }}"
      loop:
        - vm.swappiness = 10
        - vm.overcommit_ratio   ⟵
    ```

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        environment:
          GOMEMLIMIT: 512M   ⟵
          JAVA_TOOL_OPTIONS: -XX:MaxRAMPercentage=0.75   ⟵
          DOTNET_GCHeapHardLimitPercent: "75"   ⟵
      cache:
        image: redis:7
        command: ["--maxmemory", "512MiB"]   ⟵
    ```

    ```yaml good compose.yaml
    services:
      web:
        image: registry.example/web
        environment:
          GOMEMLIMIT: 512MiB
          JAVA_TOOL_OPTIONS: -XX:MaxRAMPercentage=75
          DOTNET_GCHeapHardLimitPercent: "0x4B"
      cache:
        image: redis:7
        command: ["--maxmemory", "512mb"]
    ```

    ```yaml bad pod.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example/web
          env: [{name: NODE_OPTIONS, value: --max-old-space-size=1g}]   ⟵
    ```

    ```dockerfile bad Dockerfile
    FROM debian:12
    ENV GOMEMLIMIT=1G   ⟵
    CMD ["java", "-Xmx", "512m", "-jar", "a.jar"]   ⟵
    ```

    ```yaml bad compose.yaml
    services:
      web:
        image: registry.example/web
        environment:
          JAVA_TOOL_OPTIONS: -Xms4g -Xmx1g   ⟵
    ```

    ```dockerfile bad Dockerfile
    FROM php:8
    RUN echo "memory_limit = 512MB" > /usr/local/etc/php/conf.d/memory.ini   ⟵
    ```

    ```dockerfile good Dockerfile
    FROM php:8
    RUN echo "memory_limit = 512M" > /usr/local/etc/php/conf.d/memory.ini
    RUN echo "memory_limit=${PHP_LIMIT}" > "$PHP_INI_DIR/conf.d/memory.ini" && echo 'memory_limit=-1' > /etc/php/8.2/cli/php.ini
    ```

    ```dockerfile bad Dockerfile
    FROM debian:12
    ENTRYPOINT ["java", "$JAVA_OPTS", "-jar", "a.jar", "-Xmx512m"]   ⟵
    ```

    ```ini bad etc/systemd/system/app.service
    [Service]
    Environment=JAVA_OPTS=-Xms1g -Xmx3g   ⟵
    ExecStart=/usr/bin/java $JAVA_OPTS -jar /srv/a.jar
    ```

    ```sh bad start.sh
    export NODE_OPTIONS=--max-old-space-size=4g   ⟵
    GOMEMLIMIT=4G ./serve   ⟵
    docker run -e JAVA_TOOL_OPTIONS=-Xmx512mb registry.example/web   ⟵
    memcached -m 1g   ⟵
    ```

    ```sh good start.sh
    export NODE_OPTIONS=--max-old-space-size=$HEAP
    GOMEMLIMIT=4GiB ./serve
    echo java -Xmx512mb
    grep memcached -m 1g
    ```
    """
    if not entry.fault or entry.kind != "value" or not entry.key:
        return
    if entry.dialect in _WITH_COMMENTS and _COMMENT.search(entry.value):
        return
    if entry.section == "runtime":
        message = f"{entry.key}: {entry.fault}" if entry.key not in entry.fault else entry.fault
    elif entry.dialect == "systemd":
        message = entry.fault
    elif not entry.value:
        message = f"{entry.key} {entry.fault}"
    elif f"'{entry.value[:60]}'" in entry.fault:
        message = f"{entry.key}: {entry.fault}"
    else:
        message = f"{entry.key} '{entry.value[:60]}' {entry.fault}"
    remedy = entry.hint or "write a value that its consumer takes, or remove it"
    related = () if entry.source is None else (Related(entry.source, "its value is set here"),)
    yield Problem(
        entry.at, message, remedy, related, object=entry.object, fix=() if entry.section == "runtime" else suggested(entry, entry.value)
    )
