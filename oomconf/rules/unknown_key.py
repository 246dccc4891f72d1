"""Keys that their consumer does not know."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule
from oomconf.rules._edits import suggested


@rule(on=Entry, severity=Severity.ERROR)
def unknown_key(entry: Entry, around: Context) -> Iterator[Problem]:
    """A misspelt key sets nothing.

    systemd warns about a key that it does not know and starts the service without it; quadlet makes no service at all; `systemd-run`
    and `systemctl set-property` fail; the API server drops it or refuses the object, as validation is set. Only what is close to a
    key of memory is reported: `MemroyMax=`, `memory_max=`, `limit:` for `limits:`.
    A spec cannot make this mistake: `check` refuses unknown keys.

    ```ini bad etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemroyMax=2G   ⟵
    ```

    ```ini good etc/systemd/system/web.service
    [Service]
    ExecStart=/usr/bin/web
    MemoryMax=2G
    ```

    ```yaml bad pod.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec:
      containers:
        - name: web
          image: registry.example/web
          resources:
            limit: {memory: 512Mi}   ⟵
        - name: log
          image: registry.example/log
          resource: {limits: {memory: 64Mi}}   ⟵
    ```

    ```ini good etc/systemd/system/test.service
    [Unit]
    SuccessAction=exit
    SuccessActionExitStatus=123

    [Service]
    ExecStart=/usr/bin/test
    ```

    ```yaml good charts/db/values.yaml
    volumeClaimTemplate:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 30Gi}}
    persistence:
      resources: {requests: {storage: 8Gi}}
    ```

    ```ini bad etc/containers/systemd/web.container
    [Container]
    Image=registry.example/web
    OomScoreAdjust=-500   ⟵

    [Service]
    MemroyMax=2G   ⟵
    ```

    ```sh bad setup.sh
    cat > /etc/docker/daemon.json <<EOF
    {"oom-score-adjust": -500}   ⟵
    EOF
    ```

    ```sh bad setup.sh
    cat > /srv/app/compose.yaml <<EOF
    services:
      web:
        image: registry.example/web
        memory: 512m   ⟵
    EOF
    ```

    ```ini bad etc/systemd/system.conf
    [Manager]
    DefaultMemoryMax=2G   ⟵
    ```

    ```json bad etc/docker/daemon.json
    {
      "oom-score-adjust": -500   ⟵
    }
    ```
    """
    if entry.fault and entry.kind == "key":
        message = entry.fault if entry.dialect == "systemd" else f"'{entry.key[:60]}' {entry.fault}"
        yield Problem(entry.at, message, entry.hint or "remove it", object=entry.object, fix=suggested(entry, entry.key))
