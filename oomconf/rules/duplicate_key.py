"""Keys that stand twice."""

from __future__ import annotations

from collections.abc import Iterator

from oomconf.dialect import Entry
from oomconf.rule import Context, Problem, Severity, rule


@rule(on=Entry, severity=Severity.ERROR)
def duplicate_key(entry: Entry, around: Context) -> Iterator[Problem]:
    """A key that stands twice in one mapping is refused, or the earlier one is lost.

    compose refuses the file. kubectl turns YAML into JSON first, so the last one wins without a word; posted as it is, a strict API
    server refuses it. Mostly it is what a merge of two branches leaves behind. A spec cannot make this mistake: its own loader
    refuses a key that stands twice.

    ```yaml bad k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:

      containers:
        - name: api
          image: registry.example/api
          resources:
            limits:
              memory: 1Gi
              memory: 512Mi   ⟵
    ```

    ```yaml bad compose.yaml
    services:
      api:
        image: registry.example/api
        mem_limit: 1g
        mem_limit: 512m   ⟵
    ```

    ```yaml bad compose.yaml
    services:
      api: {image: registry.example/api, mem_limit: 1g}
      api: {image: registry.example/api, mem_limit: 512m}   ⟵
    ```

    ```yaml bad k8s/api.yaml
    apiVersion: v1
    kind: Pod
    metadata: {name: api}
    spec:

      containers:
        - name: api
          image: registry.example/api
          resources: {limits: {memory: 1Gi}}
          resources: {requests: {memory: 1Gi}}   ⟵
    ```

    ```yaml good compose.yaml
    services:
      api:
        image: registry.example/api
        mem_limit: 1g
    ```
    """
    if entry.kind == "twice":
        yield Problem(entry.at, f"'{entry.key[:60]}' {entry.fault}", entry.hint, object=entry.object)
